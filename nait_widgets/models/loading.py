"""Loading a causal language model from the hub, a folder or memory."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import torch

from nait_widgets.errors import ModelError
from nait_widgets.models.causal_lm import CausalLM, check_causal
from nait_widgets.models.identity import identify, quantization

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

_DTYPES = {"float64": torch.float64, "float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
_WEIGHTS = ("*.safetensors", "*.bin", "*.gguf")
_TOKENIZERS = ("tokenizer*", "tekken*", "vocab*", "*.model", "*.tiktoken")
_T = TypeVar("_T")


def load_model(
    source: str | PathLike[str] | CausalLM | PreTrainedModel,
    *,
    tokenizer: str | PathLike[str] | PreTrainedTokenizerBase | None = None,
    dtype: str = "auto",
    device: str | None = None,
    attention: str | None = None,
    revision: str | None = None,
    trust_remote_code: bool = False,
) -> CausalLM:
    """Load a causal language model with its tokenizer, in evaluation mode and without gradients.

    Args:
        source: A folder as `save_pretrained` writes it, a hub id, or a loaded model. A loaded model is put into
            evaluation mode and keeps its dtype and device, so the options below don't apply to it.
        tokenizer: A tokenizer, or where to load one; None for the one beside the model. A loaded model needs it.
        dtype: `float64`, `float32`, `float16`, `bfloat16` or `auto`: the checkpoint's own, except that half precision
            becomes float32 on a CPU, where it is slow and less exact. Quantised models keep theirs under `auto`.
        device: Such as `cuda`, `cuda:1`, `mps` or `cpu`; None for the first of these that is there. Quantised models
            stay where their quantiser puts them.
        attention: An attention implementation that transformers knows; None for the model's default.
        revision: A branch, tag or commit of a hub repository.
        trust_remote_code: Whether Python code that comes with the model may run.

    Raises:
        ModelError: There is no such model or tokenizer, it can't be loaded as asked, or it is not a causal language
            model.
    """
    if isinstance(source, (str, PathLike)):
        lm = _load(
            fspath(source),
            tokenizer=tokenizer,
            dtype=dtype,
            device=device,
            attention=attention,
            revision=revision,
            trust_remote_code=trust_remote_code,
        )
    else:
        options = {"dtype": dtype != "auto", "device": device, "attention": attention, "revision": revision}
        if given := [name for name, value in options.items() if value]:
            raise ModelError(f"the model is already loaded, so {given[0]} can't apply: leave it out, or give a path")
        lm = _adopt(source, tokenizer)
    if lm.model.config.is_encoder_decoder:
        raise ModelError(
            f"{lm.identity.architecture} is an encoder-decoder, not a causal language model: load a decoder"
        )
    check_causal(lm)
    return lm


def _adopt(
    source: CausalLM | PreTrainedModel, tokenizer: str | PathLike[str] | PreTrainedTokenizerBase | None
) -> CausalLM:
    """Take a loaded model as it is."""
    from transformers import PreTrainedModel

    if isinstance(source, CausalLM):
        if tokenizer is None:
            return source
        source = source.model
    if not isinstance(source, PreTrainedModel):
        raise ModelError(f"a model is a path, a hub id or a transformers model, not {type(source).__name__}: give one")
    if tokenizer is None:
        raise ModelError(f"a loaded model ({type(source).__name__}) needs its tokenizer: pass tokenizer=...")
    if isinstance(tokenizer, (str, PathLike)):
        tokenizer = _load_tokenizer(fspath(tokenizer), revision=None, trust_remote_code=False)
    name = str(source.config._name_or_path or type(source).__name__)
    name = Path(name).name if Path(name).is_dir() else name
    return _finish(source, tokenizer, name=name, revision=None)


def _load(
    source: str,
    *,
    tokenizer: str | PathLike[str] | PreTrainedTokenizerBase | None,
    dtype: str,
    device: str | None,
    attention: str | None,
    revision: str | None,
    trust_remote_code: bool,
) -> CausalLM:
    from transformers import AutoModelForCausalLM

    target = _device(device)
    if dtype != "auto" and dtype not in _DTYPES:
        raise ModelError(f"there is no dtype {dtype!r}: choose auto, {', '.join(_DTYPES)}")
    local = _is_folder(source)
    if local and not any(any(Path(source).glob(pattern)) for pattern in _WEIGHTS):
        raise ModelError(f"{source} has no weights (*.safetensors): give the folder that save_pretrained wrote")
    if local and revision is not None:
        raise ModelError(f"{source} is a folder, which has no revision {revision!r}: leave revision out")
    if not local:
        revision = _attempt(source, lambda: _commit(source, revision))
    if tokenizer is None:  # before the model, since it is the faster to fail
        tokenizer = _load_tokenizer(source, revision=revision, trust_remote_code=trust_remote_code)
    elif isinstance(tokenizer, (str, PathLike)):
        tokenizer = _load_tokenizer(fspath(tokenizer), revision=None, trust_remote_code=trust_remote_code)
    options: dict[str, Any] = {} if attention is None else {"attn_implementation": attention}

    loaded: Any = _attempt(
        source,
        lambda: AutoModelForCausalLM.from_pretrained(
            source,
            dtype=_DTYPES.get(dtype, "auto"),
            revision=revision or "main",
            trust_remote_code=trust_remote_code,
            local_files_only=local,
            output_loading_info=True,
            **options,
        ),
    )
    model, report = loaded
    if missing := sorted(report["missing_keys"]):
        raise ModelError(
            f"{source} lacks {len(missing)} of the weights of {type(model).__name__}, such as {missing[0]}: give a "
            "complete checkpoint of a causal language model"
        )
    if quantization(model) is None:
        model = model.to(target)
        if dtype == "auto" and target.type == "cpu" and model.dtype in (torch.float16, torch.bfloat16):
            model = model.float()
    return _finish(model, tokenizer, name=Path(source).resolve().name if local else source, revision=revision)


def _finish(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, *, name: str, revision: str | None) -> CausalLM:
    torch.nn.Module.eval(model)
    model.requires_grad_(False)
    return CausalLM(model, tokenizer, identify(model, tokenizer, name=name, revision=revision))


def _load_tokenizer(source: str, *, revision: str | None, trust_remote_code: bool) -> PreTrainedTokenizerBase:
    from transformers import AutoTokenizer

    local = _is_folder(source)
    if local and not any(any(Path(source).glob(pattern)) for pattern in _TOKENIZERS):
        raise ModelError(f"{source} has no tokenizer (tokenizer.json): save one there, or pass tokenizer=...")
    tokenizer: PreTrainedTokenizerBase = _attempt(
        source,
        lambda: AutoTokenizer.from_pretrained(
            source, revision=revision or "main", trust_remote_code=trust_remote_code, local_files_only=local
        ),
    )
    return tokenizer


def _is_folder(source: str) -> bool:
    """Whether the source is a folder; if not, it must have the form of a hub id."""
    path = Path(source)
    if path.is_dir():
        if not any((path / name).is_file() for name in ("config.json", "tokenizer_config.json", "tokenizer.json")):
            raise ModelError(f"{source} holds no model (no config.json): give the folder that save_pretrained wrote")
        return True
    if path.exists():
        raise ModelError(f"{source} is a file: give the folder that holds it")
    if path.is_absolute() or source.startswith((".", "~")) or len(path.parts) not in (1, 2) or "\\" in source:
        raise ModelError(f"there is no folder {source}: check the path")
    return False


def _commit(source: str, revision: str | None) -> str:
    """The commit that a revision of a hub repository stands for."""
    from transformers.utils.hub import cached_file

    config = cached_file(source, "config.json", revision=revision or "main")
    assert config is not None  # it raises where there is none
    return Path(config).parent.name


def _device(device: str | None) -> torch.device:
    if device is None:
        return torch.device(
            "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
        )
    try:
        target = torch.device(device)
        torch.empty(0, device=target)
    except (RuntimeError, AssertionError) as error:  # torch asserts that it was built with CUDA
        raise ModelError(f"the device {device!r} can't be used here ({_first_line(error)}): try cpu") from error
    return target


def _attempt(source: str, load: Callable[[], _T]) -> _T:
    """Run one of transformers' loaders, and tell what went wrong in one sentence."""
    from safetensors import SafetensorError

    try:
        return load()
    except (OSError, ValueError, ImportError, RuntimeError, KeyError, SafetensorError) as error:
        if "trust_remote_code" in str(error):
            raise ModelError(
                f"{source} brings Python code of its own: pass trust_remote_code=True if you trust it"
            ) from error
        if "Unrecognized configuration class" in str(error):
            raise ModelError(f"{source} is not a causal language model: give a decoder") from error
        raise ModelError(f"{source} can't be loaded ({_first_line(error)}): check the name and the files") from error


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".: ")
