"""A causal language model, ready to be read."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

from nait_widgets.errors import ModelError

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

    from nait_widgets.models.identity import ModelIdentity

# The largest relative difference that two forwards of the same tokens may show, alone and in a batch: kernels choose
# another order of summation for another shape, and every layer adds its rounding.
_TOLERANCES = {torch.float64: 1e-6, torch.float32: 1e-3, torch.float16: 2e-2, torch.bfloat16: 5e-2}


@dataclass(frozen=True, eq=False)
class CausalLM:
    """A causal language model with its tokenizer and its identity; `load_model` makes one.

    Attributes:
        model: The model with its head, in evaluation mode.
        tokenizer: Its tokenizer.
        identity: What provenance needs.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    identity: ModelIdentity

    @property
    def config(self) -> PretrainedConfig:
        """The configuration of the text part."""
        return self.model.config.get_text_config()

    @property
    def head(self) -> nn.Module:
        """The module that maps hidden states to logits.

        Raises:
            ModelError: The model has none.
        """
        model: Any = self.model
        head = model.get_output_embeddings()
        if not isinstance(head, nn.Module):
            raise ModelError(
                f"{self.identity.architecture} has no language-model head: load it with its head (AutoModelForCausalLM)"
            )
        return head

    @property
    def backbone(self) -> nn.Module:
        """The module that maps token ids to the last hidden state (B, T, H) and skips the head.

        Raises:
            ModelError: The model has no such part.
        """
        head, model = self.head, cast("Any", self.model)
        embedding = model.get_input_embeddings()
        for part in (model.get_decoder(), model.base_model, *model.children()):
            modules = set(part.modules())
            if embedding in modules and head not in modules:
                return cast("nn.Module", part)
        raise ModelError(
            f"{self.identity.architecture} has no part that skips the language-model head: use another model"
        )

    @property
    def embedding(self) -> Tensor:
        """The matrix of token embeddings, (vocabulary, H)."""
        model: Any = self.model
        weight: Tensor = model.get_input_embeddings().weight
        return weight

    @property
    def device(self) -> torch.device:
        """Where token ids go in."""
        return self.embedding.device

    @property
    def n_layers(self) -> int:
        """The number of decoder blocks."""
        return int(self.config.num_hidden_layers)

    @property
    def hidden_size(self) -> int:
        """Width of the last hidden state, as a small forward gives it: a configuration may tell an inner one."""
        return self.last_hidden(self.ordinary_ids(2)[None]).shape[-1]

    @property
    def max_length(self) -> int | None:
        """The context length in tokens, or None where the configuration names none."""
        length = getattr(self.config, "max_position_embeddings", None)
        return None if length is None else int(length)

    @property
    def tolerance(self) -> float:
        """The largest relative difference that this model's rounding explains: it depends on the dtype alone."""
        return _TOLERANCES.get(self.model.dtype, _TOLERANCES[torch.bfloat16])

    @torch.inference_mode()
    def last_hidden(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        """Run the backbone, without a cache.

        Args:
            input_ids: (B, T), on `device`.
            attention_mask: (B, T), 1 at tokens and 0 at padding; None for none.

        Returns:
            The last hidden state, (B, T, H).
        """
        output = self.backbone(input_ids=input_ids, attention_mask=attention_mask, use_cache=False)
        hidden: Tensor = output[0]
        return hidden

    def ordinary_ids(self, n: int) -> Tensor:
        """Some n different ordinary tokens, spread over the vocabulary: the input of every check, (n,).

        Raises:
            ModelError: The vocabulary is too small for a check.
        """
        size = min(len(self.tokenizer), len(self.embedding))
        special = set(self.tokenizer.all_special_ids)
        ordinary = [i for i in range(size) if i not in special]
        if len(ordinary) < n:
            raise ModelError(
                f"the tokenizer of {self.identity.name} has {len(ordinary)} ordinary tokens: is it this model's own?"
            )
        return torch.tensor(ordinary[:: len(ordinary) // n][:n], device=self.device)


def relative_difference(a: Tensor, b: Tensor) -> float:
    """The largest |a - b| / |b| of the vectors along the last axis, in float32; inf where it is not a number.

    A vector smaller than their median is held against the median, since small sums of large terms round badly.
    """
    a, b = a.float(), b.float()
    scale = torch.linalg.vector_norm(b, dim=-1)
    scale = scale.clamp_min(scale.median()).clamp_min(torch.finfo(torch.float32).tiny)
    largest = float((torch.linalg.vector_norm(a - b, dim=-1) / scale).max())
    return float("inf") if math.isnan(largest) else largest


def check_causal(lm: CausalLM) -> None:
    """Check that a token changes nothing before it.

    Raises:
        ModelError: It does, as in an encoder.
    """
    ids = lm.ordinary_ids(8)
    other = ids.clone()
    other[-1] = ids[0]
    first, second = (lm.last_hidden(row[None])[0, :-1] for row in (ids, other))
    if (difference := relative_difference(second, first)) > lm.tolerance:
        raise ModelError(
            f"{lm.identity.architecture} is not a causal language model: its last token changes earlier positions "
            f"(by {difference:.2g}), so load a decoder"
        )
