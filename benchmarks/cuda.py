"""Capture of a LLaMA-2-7b-shaped model with random weights on a CUDA device, over the lengths of Alpaca's rows."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from benchmarks.capture import CAPTURE, RENDERING, check_same_means, table, targets, ways
from benchmarks.forwards import Tokens, all_hidden_states
from benchmarks.inputs import Shape, random_llama
from benchmarks.lengths import ALPACA_ROWS, sample_lengths
from benchmarks.report import Cell, Report
from benchmarks.timing import Way, alternate
from nait_widgets.capturing import capture
from nait_widgets.models import load_model
from nait_widgets.records import read_records
from nait_widgets.store import ActivationStore

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# Dense bf16 without sparsity, FLOP/s, of the parts that the names stand for (datasheets).
_PEAKS = {
    "H200": 989e12,
    "H100 PCIe": 756e12,
    "H100": 989e12,
    "A100": 312e12,
    "A800": 312e12,
    "L40S": 362e12,
    "RTX 4090": 165e12,
}


_LLAMA_2_7B = Shape(hidden=4096, layers=32, heads=32, mlp=11008, vocabulary=32_000, context=4096)
_SPECIAL = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}


@dataclass(frozen=True, slots=True)
class Setting:
    """What is run.

    Attributes:
        shape: Of the model.
        dtype: Of the model.
        rows: That capture and the bare forward do; the rest of the 52,002 is extrapolated.
        padded_rows, single_rows: That the slow ways do.
        rounds: Of capture and the bare forward.
    """

    shape: Shape = _LLAMA_2_7B
    dtype: str = "bfloat16"
    rows: int = 16_384
    padded_rows: int = 1024
    single_rows: int = 256
    rounds: int = 2


def run(workspace: Path, size: float) -> Iterator[Report]:
    """Measure where there is a CUDA device."""
    if not torch.cuda.is_available():
        print("cuda: skipped, since there is no CUDA device", file=sys.stderr)
        return
    default = Setting()
    yield measure(workspace, replace(default, rows=int(default.rows * size)), "cuda")


def measure(workspace: Path, setting: Setting, device: str) -> Report:
    """Measure on a device."""
    path, shape = workspace / "cuda.zarr", setting.shape
    start = perf_counter()
    model = random_llama(shape, device=device, dtype=setting.dtype)
    lm = load_model(model, tokenizer=word_tokenizer(shape))
    print(f"  the model is there after {perf_counter() - start:.0f} s", file=sys.stderr, flush=True)
    rows = random_rows(sample_lengths(setting.rows, longest=shape.context), shape)

    def capture_of(some: Sequence[Mapping[str, str]]) -> ActivationStore:
        return capture(lm, some, path, template="plain")

    def clear() -> None:
        shutil.rmtree(path, ignore_errors=True)

    # A small capture first: kernels are chosen then, and it shows that all ways give the same means.
    few = rows[: setting.single_rows]
    store = capture_of(few)
    check_same_means(store, all_hidden_states(lm, Tokens(read_records(few), lm, store).samples[:32], batch=16))
    tokens = Tokens(read_records(rows), lm, store)
    ours = Way(CAPTURE, lambda: capture_of(rows), len(rows), setting.rounds, clear)
    measured = ways(lm, tokens, ours, padded_rows=setting.padded_rows, single_rows=setting.single_rows)
    timings = alternate(measured)
    flops, peak = flops_a_row(shape, [len(sample) for sample in tokens.samples]), _peak(device)
    with_card: list[dict[str, Cell]] = [
        {
            **row,
            "share of the card's peak": timings.rate(way.name) * flops / peak
            if peak and way.name != RENDERING
            else None,
            f"minutes for {ALPACA_ROWS:,} rows": ALPACA_ROWS / timings.rate(way.name) / 60,
        }
        for row, way in zip(table(timings, measured, tokens), measured, strict=True)
    ]
    ceiling = "unknown" if peak is None else f"{peak / 1e12:.0f} TFLOP/s"
    told = (
        f"{len(rows):,} rows of random words with the lengths of Alpaca's ({tokens.count:,} tokens, "
        f"{len(tokens.batches)} batches with {tokens.padding:.1%} padding); minutes are scaled from them. Llama with "
        f"random weights, {shape.hidden} × {shape.layers}, MLP {shape.mlp}, "
        f"{sum(p.numel() for p in model.parameters()) / 1e9:.2f} B parameters in {setting.dtype}, "
        f"{lm.identity.attention}; store of {len(rows) * store.layout.bytes_per_row / 1e9:.1f} GB with pools "
        f"{', '.join(store.layout.pools)}; {_device_memory(device)}. {flops / 1e12:.3g} TFLOP a row: 2 a parameter and "
        f"token, and causal attention, padding not counted; the card's peak: {ceiling}."
    )
    return Report("cuda", told, with_card, targets(timings))


def flops_a_row(shape: Shape, lengths: Sequence[int]) -> float:
    """Floating-point operations that the backbone must do for a row, on average."""
    parameters = shape.layers * (4 * shape.hidden**2 + 3 * shape.hidden * shape.mlp)
    n = np.array(lengths, np.float64)
    attention = 2 * shape.layers * shape.hidden * n**2  # scores and values, 2 each, of which causality needs half
    return float((2 * parameters * n + attention).mean())


def word_tokenizer(shape: Shape) -> PreTrainedTokenizerBase:
    """A tokenizer of one token a word: `w0`, `w1`…; `<s>` and `</s>` around a sample."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = [*_SPECIAL.values(), *(f"w{i}" for i in range(shape.vocabulary - len(_SPECIAL)))]
    backend = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token=_SPECIAL["unk_token"]))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    make: Any = PreTrainedTokenizerFast
    tokenizer: PreTrainedTokenizerBase = make(tokenizer_object=backend, model_max_length=shape.context, **_SPECIAL)
    return tokenizer


def random_rows(lengths: Sequence[int], shape: Shape) -> list[dict[str, str]]:
    """Rows of random words that `word_tokenizer` and the template `plain` turn into so many tokens."""
    rng = np.random.default_rng(0)
    rows = []
    for length in lengths:
        words = [
            f"w{i}" for i in rng.integers(shape.vocabulary - len(_SPECIAL), size=length - 2)
        ]  # <s> and </s> are added
        middle = len(words) // 2
        rows.append({"instruction": " ".join(words[:middle]), "output": " ".join(words[middle:])})
    return rows


def _peak(device: str) -> float | None:
    name = torch.cuda.get_device_name() if device == "cuda" else ""
    return next((peak for card, peak in _PEAKS.items() if all(word in name for word in card.split())), None)


def _device_memory(device: str) -> str:
    return f"{torch.cuda.max_memory_allocated() / 1e9:.0f} GB of device memory" if device == "cuda" else "no device"


if __name__ == "__main__":
    # Checks the script where there is no card.
    small = Setting(Shape(64, 4, 4, 128, 1000, 512), "float32", rows=256, padded_rows=64, single_rows=32)
    with tempfile.TemporaryDirectory() as folder:
        print(measure(Path(folder), small, "cpu").markdown())
