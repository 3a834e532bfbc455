"""Capture against the bare forward, and against what people do today."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from benchmarks.forwards import Tokens, all_hidden_states, bare
from benchmarks.inputs import SHARED, Shape, corpus, load_tokenizer, random_llama
from benchmarks.report import Cell, Report, Target
from benchmarks.timing import Timings, Way, alternate
from nait_widgets.capturing import capture
from nait_widgets.models import CausalLM, load_model
from nait_widgets.records import Records, read_records
from nait_widgets.store import ActivationStore

if TYPE_CHECKING:
    from collections.abc import Iterator

CAPTURE, BARE, RENDERING = "nait.capture", "bare backbone forward, same batches", "rendering alone"
PADDED, SINGLE = "hidden states, padded batches of 16", "hidden states, one sample at a time"
_ROWS, _ROUNDS, _SLOW_ROUNDS = 1024, 5, 2


def run(workspace: Path, size: float) -> Iterator[Report]:
    """Measure on a random Llama of 30 M parameters, and on the shared trained one where it is at hand."""
    source = corpus()
    tokenizer = load_tokenizer(source.tokenizer)
    shape = Shape(hidden=512, layers=8, heads=8, mlp=1408, vocabulary=len(tokenizer), context=2048)
    random = load_model(random_llama(shape), tokenizer=tokenizer)
    yield _measure("capture-random", random, read_records(source.sample(int(_ROWS * size))), source.name, workspace)
    if (SHARED / "model").exists():
        trained = load_model(SHARED / "model", device="cpu")
        # More rows than one window of the capture holds: rendering and writing then run beside the model.
        rows = source.sample(int(8 * _ROWS * size))
        yield _measure("capture-trained", trained, read_records(rows), source.name, workspace)


def ways(lm: CausalLM, tokens: Tokens, capture_once: Way, *, rounds: int, slow_rows: int) -> list[Way]:
    """Capture and what it is measured against, over the same rows.

    Args:
        lm: The model.
        tokens: The rows.
        capture_once: The capture.
        rounds: Of capture and the bare forward; the slow ways take two.
        slow_rows: Rows that the slow ways do.
    """
    n, some = len(tokens.samples), tokens.samples[:slow_rows]
    return [
        capture_once,
        Way(BARE, lambda: bare(lm, tokens.batches), n, rounds),
        Way(PADDED, lambda: all_hidden_states(lm, some, batch=16), len(some), min(rounds, _SLOW_ROUNDS)),
        Way(SINGLE, lambda: all_hidden_states(lm, some, batch=1), len(some), min(rounds, _SLOW_ROUNDS)),
    ]


def table(timings: Timings, measured: list[Way], tokens: Tokens) -> list[dict[str, Cell]]:
    """A row a way."""
    each = tokens.count / len(tokens.samples)
    return [
        {
            "way": way.name,
            "rows": f"{way.rows:,}",
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


def _measure(name: str, lm: CausalLM, records: Records, rows_of: str, workspace: Path) -> Report:
    path = workspace / f"{name}.zarr"

    def run_capture() -> ActivationStore:
        return capture(lm, records, path)

    def clear() -> None:
        shutil.rmtree(path, ignore_errors=True)

    store = run_capture()
    tokens = Tokens(records, lm, store)
    check_same_means(store, all_hidden_states(lm, tokens.samples[:32], batch=16))
    n = len(tokens.samples)
    measured = ways(lm, tokens, Way(CAPTURE, run_capture, n, _ROUNDS, clear), rounds=_ROUNDS, slow_rows=n // 2)
    measured.append(Way(RENDERING, tokens.render, n, _SLOW_ROUNDS))
    timings = alternate(measured)
    clear()
    parameters = sum(p.numel() for p in lm.model.parameters())
    setting = (
        f"{n:,} rows spread over {rows_of}, {tokens.count:,} tokens; {type(lm.model).__name__} of "
        f"{parameters / 1e6:.1f} M parameters, {store.layout.n_neurons} × {len(store.layout.layers)}, "
        f"{lm.identity.dtype}, {lm.identity.attention}, {torch.get_num_threads()} threads; "
        f"{len(tokens.batches)} batches with {tokens.padding:.1%} padding; pools {', '.join(store.layout.pools)}. "
        "Capture is timed whole (rendering, pooling, top neurons, sketch, writing, checks), the others from ready "
        "tokens. Medians; ratios by round, lowest and highest in brackets."
    )
    return Report(name, setting, table(timings, measured, tokens), targets(timings))
