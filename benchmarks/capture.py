"""Capture against the bare forward, and against what people do today."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from benchmarks.forwards import Tokens, all_hidden_states, bare
from benchmarks.inputs import SHARED, Corpus, Shape, corpus, load_tokenizer, random_llama
from benchmarks.report import Cell, Report, Target
from benchmarks.timing import Timings, Way, alternate
from nait_widgets.capturing import capture
from nait_widgets.models import CausalLM, load_model
from nait_widgets.records import read_records
from nait_widgets.store import ActivationStore

if TYPE_CHECKING:
    from collections.abc import Iterator

CAPTURE, BARE, RENDERING = "nait.capture", "bare backbone forward, same batches", "rendering alone"
PADDED, SINGLE = "hidden states, padded batches of 16", "hidden states, one sample at a time"
_RANDOM_ROWS, _TRAINED_ROWS, _SLOW_ROWS = 1024, 8192, 128
_ROUNDS, _SLOW_ROUNDS = 3, 2


def run(workspace: Path, size: float) -> Iterator[Report]:
    """Measure on a random Llama of 34 M parameters, and on the shared trained one where it is at hand."""
    source = corpus()
    tokenizer = load_tokenizer(source.tokenizer)
    shape = Shape(hidden=512, layers=8, heads=8, mlp=1408, vocabulary=len(tokenizer), context=2048)
    random = load_model(random_llama(shape), tokenizer=tokenizer)
    yield _measure("capture-random", random, source, int(_RANDOM_ROWS * size), workspace)
    if (SHARED / "model").exists():
        trained = load_model(SHARED / "model", device="cpu")
        yield _measure("capture-trained", trained, source, int(_TRAINED_ROWS * size), workspace)


def ways(lm: CausalLM, tokens: Tokens, ours: Way, *, padded_rows: int, single_rows: int) -> list[Way]:
    """Capture, and what it is measured against on the same rows.

    Args:
        lm: The model.
        tokens: The rows.
        ours: The capture.
        padded_rows: How many of the first rows are run in padded batches.
        single_rows: How many of them are run one at a time.
    """
    n, slow_rounds = len(tokens.samples), min(ours.rounds, _SLOW_ROUNDS)
    padded, single = tokens.samples[:padded_rows], tokens.samples[:single_rows]
    return [
        ours,
        Way(BARE, lambda: bare(lm, tokens.batches), n, ours.rounds),
        Way(PADDED, lambda: all_hidden_states(lm, padded, batch=16), len(padded), slow_rounds),
        Way(SINGLE, lambda: all_hidden_states(lm, single, batch=1), len(single), slow_rounds),
        Way(RENDERING, tokens.render, n, slow_rounds),
    ]


def table(timings: Timings, measured: list[Way], tokens: Tokens) -> list[dict[str, Cell]]:
    """A row a way."""
    each = tokens.count / len(tokens.samples)
    return [
        {
            "way": way.name,
            "rows": float(way.rows),
            "seconds": timings.seconds(way.name),
            "rows/s": timings.rate(way.name),
            "tokens/s": timings.rate(way.name) * each,
            "speed, bare forward = 1": timings.ratio(way.name, BARE),
        }
        for way in measured
    ]


def targets(timings: Timings) -> list[Target]:
    """What the design asks of capture."""
    return [
        Target("capture / bare forward", 0.95, timings.ratio(CAPTURE, BARE).median),
        Target("capture / padded batches of 16", 2, timings.ratio(CAPTURE, PADDED).median),
    ]


def check_same_means(store: ActivationStore, means: torch.Tensor) -> None:
    """Hold the means that `all_hidden_states` gives against the store's: a comparison of speed needs the same result.

    The last layer is left out, which transformers gives after the final norm.
    """
    rows = np.flatnonzero(store.selectable)[: len(means)]
    ours, theirs = store.pool("mean").take(rows)[:, :-1], means.float().numpy()[:, :-1]
    difference = np.linalg.norm(ours - theirs, axis=-1) / np.linalg.norm(theirs, axis=-1)
    limit = 1e-2 if store.provenance["model"]["dtype"] == "float32" else 1e-1
    assert difference.max() < limit, f"the ways differ by {difference.max():.2g}"


def _measure(name: str, lm: CausalLM, source: Corpus, n_rows: int, workspace: Path) -> Report:
    path, rows = workspace / f"{name}.zarr", source.sample(n_rows)

    def clear() -> None:
        shutil.rmtree(path, ignore_errors=True)

    store = capture(lm, rows, path)
    tokens = Tokens(read_records(rows), lm, store)
    check_same_means(store, all_hidden_states(lm, tokens.samples[:32], batch=16))
    ours = Way(CAPTURE, lambda: capture(lm, rows, path), len(tokens.samples), _ROUNDS, clear)
    measured = ways(lm, tokens, ours, padded_rows=_SLOW_ROWS, single_rows=_SLOW_ROWS)
    timings = alternate(measured)
    setting = (
        f"{len(rows):,} rows spread over {source.name} ({tokens.count:,} tokens, {len(tokens.batches)} batches with "
        f"{tokens.padding:.1%} padding); {lm.identity.architecture} of "
        f"{sum(p.numel() for p in lm.model.parameters()) / 1e6:.1f} M parameters, {store.layout.n_neurons} × "
        f"{lm.n_layers}, {lm.identity.dtype}, {lm.identity.attention}, {torch.get_num_threads()} threads; pools "
        f"{', '.join(store.layout.pools)}. Capture is timed whole (reading, rendering, checks, pooling, top neurons, "
        "sketch, statistics, writing), the others from ready tokens."
    )
    return Report(name, setting, table(timings, measured, tokens), targets(timings))
