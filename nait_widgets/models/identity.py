"""Who a model is, told by its weights and its tokenizer rather than by where they lie."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

_ELEMENTS = 4_096


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """What provenance needs to know of a model.

    Attributes:
        name: The hub id as the user named it, or the name (not the path) of a local folder.
        revision: The commit of the hub repository; None for a local folder or a model built in memory.
        architecture: The model's class.
        weights_hash: See `weights_hash`.
        tokenizer_hash: See `tokenizer_hash`.
        dtype: The floating-point type that the model computes in, such as `float32`.
        attention: The attention implementation, such as `sdpa`.
        quantization: The quantisation method, such as `gptq`; None where the weights are plain.
    """

    name: str
    revision: str | None
    architecture: str
    weights_hash: str
    tokenizer_hash: str
    dtype: str
    attention: str
    quantization: str | None

    def as_dict(self) -> dict[str, str | None]:
        """The fields as a dictionary that JSON can hold."""
        return asdict(self)


def identify(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, *, name: str, revision: str | None
) -> ModelIdentity:
    """Describe a model in memory together with its tokenizer."""
    return ModelIdentity(
        name=name,
        revision=revision,
        architecture=type(model).__name__,
        weights_hash=weights_hash(model),
        tokenizer_hash=tokenizer_hash(tokenizer),
        dtype=str(model.dtype).removeprefix("torch."),
        attention=str(model.config._attn_implementation),
        quantization=quantization(model),
    )


def quantization(model: PreTrainedModel) -> str | None:
    """The quantisation method that the model's config names, or None."""
    config: Any = getattr(model.config, "quantization_config", None)
    if config is None:
        return None
    method = config["quant_method"] if isinstance(config, dict) else config.quant_method
    return str(getattr(method, "value", method))


@torch.inference_mode()
def weights_hash(model: nn.Module) -> str:
    """A cheap hash of the parameters in memory, the same in whichever of float32 and bfloat16 they were loaded.

    It covers, for each parameter in the order of its name (a tied one once), the name, the shape and up to 4,096
    evenly strided elements: floating-point ones rounded to bfloat16, quantised integers as they are. So two loadings
    of one bfloat16 checkpoint agree, and models trained apart differ; a change of a few single weights may go unseen.

    Returns:
        A sha256 as 64 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for name, parameter in sorted(model.named_parameters(), key=lambda item: item[0]):
        stride = max(1, -(-parameter.numel() // _ELEMENTS))
        elements = parameter.detach().reshape(-1)[::stride]
        if elements.is_floating_point():
            elements = elements.to(torch.bfloat16)
        digest.update(f"{name}{tuple(parameter.shape)}".encode())
        digest.update(elements.contiguous().view(torch.uint8).cpu().numpy().tobytes())
    return digest.hexdigest()


def tokenizer_hash(tokenizer: PreTrainedTokenizerBase) -> str:
    """A hash of the tokenizer's own serialisation, without its chat template.

    The padding and truncation settings are left out: every call of a tokenizer may change them.

    Returns:
        A sha256 as 64 hexadecimal digits.
    """
    if tokenizer.is_fast:
        content = json.loads(tokenizer.backend_tokenizer.to_str())
        content["padding"] = content["truncation"] = None
    else:
        content = {"class": type(tokenizer).__name__, "vocabulary": tokenizer.get_vocab()}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
