"""Ten million rows in a store that keeps scores only: opened, scored, selected, exported, each in a fresh process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import nait_widgets as nait
from benchmarks.inputs import directions_for
from benchmarks.memory import resident
from benchmarks.report import Cell, Report, Target
from nait_widgets.fingerprints import COMPONENTS, Basis
from nait_widgets.store import ActivationStore, Block, Layout, Status, StoreWriter, open_store
from nait_widgets.store.layout import SCORES_BLOCK_ROWS, SKETCH_COMPONENTS
from nait_widgets.store.projections import label

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]

ROWS = 10_000_000
TOPICS = 12
_LAYERS, _NEURONS = 4, 64
_DIRECTIONS = ("math", "code")
_GB = 1e9


def make_store(path: Path, rows: int) -> ActivationStore:
    """A store of synthetic rows with text, as `capture(scores_only=…)` leaves it: 2 directions × 4 layers × 64 neurons.

    Activations are of rank 24, with noise. Each row has one of 12 topics, which its text names and which a direction
    and the sketch tell apart a little.

    Args:
        path: Of the store.
        rows: How many.
    """
    named = {"name": "random", "digest": "0" * 64, "weights_hash": "0" * 64, "sha256": "0" * 64}
    about = {"dtype": "float32", "architecture": "none"}
    provenance: dict[str, Any] = {
        "model": {**named, **about},
        "template": {**named, "max_length": 2048},
        "source": {**named, "format": "random", "fields": {}, "rows": rows},
        "capture": {"device": "none"},
        "created": "2026-01-01T00:00:00+00:00",
    }
    layout = Layout(rows, "resid_post", tuple(range(_LAYERS)), _NEURONS, ("mean",), block_rows=SCORES_BLOCK_ROWS)
    random = directions_for(layout, provenance, len(_DIRECTIONS))
    origin = {"used": 0, "source": {"name": "random"}}
    directions = [
        replace(direction, name=name, samples=origin) for direction, name in zip(random, _DIRECTIONS, strict=True)
    ]
    labels = tuple(label(each.name, each.digest) for each in directions)
    layout = replace(layout, directions=labels, components=COMPONENTS[-1])
    made = _Made(np.stack([each.vectors for each in directions]), np.random.default_rng(0))
    basis = Basis.fit(made.activations(made.topics(4096)), COMPONENTS[-1:])
    writer = StoreWriter.create(path, layout, provenance, directions, basis)
    for index in range(layout.n_blocks):
        writer.write(_block(layout, index, made, basis))
    return writer.finish(lambda _: None)


class _Made:
    """What synthetic rows are made of: directions' vectors, and random numbers."""

    def __init__(self, vectors: Floats, rng: np.random.Generator) -> None:
        self.vectors, self.rng = vectors, rng
        self.centres = rng.standard_normal((TOPICS, SKETCH_COMPONENTS), np.float32)
        self._mixing = rng.standard_normal((24, _LAYERS * _NEURONS), np.float32) / np.float32(24**0.5)

    def topics(self, n: int) -> npt.NDArray[np.int64]:
        return np.minimum(TOPICS, self.rng.geometric(0.3, n)) - 1

    def activations(self, topics: npt.NDArray[np.int64]) -> Floats:
        """(row, layer, neuron); the first direction tells the topics apart."""
        n, rng = len(topics), self.rng
        values = rng.standard_normal((n, len(self._mixing)), np.float32) @ self._mixing
        values += 0.3 * rng.standard_normal(values.shape, np.float32)
        found: Floats = values.reshape(n, _LAYERS, _NEURONS)
        found += (0.2 * topics).astype(np.float32)[:, None, None] * self.vectors[0]
        return found


def _block(layout: Layout, index: int, made: _Made, basis: Basis) -> Block:
    rows, rng, centres = layout.rows(index), made.rng, made.centres
    n = rows.stop - rows.start
    topics = made.topics(n)
    activations = made.activations(topics)
    projection = np.einsum("nld,kld->nkl", activations, made.vectors, optimize=True)
    tokens = rng.lognormal(4.6, 0.6, n).astype(np.int32) + 5  # as long as Alpaca's rows
    ids = [f"row-{i:08d}" for i in range(rows.start, rows.stop)]
    named = topics.tolist()
    prompts = [f"Say a word about topic {topic}, for {i}." for topic, i in zip(named, ids, strict=True)]
    responses = [f"The word {i % 9973} suits topic {topic}." for topic, i in zip(named, range(n), strict=True)]
    status = np.full(n, Status.OK, np.uint8)
    status[::1000] = Status.TRUNCATED
    columns = {
        "sample_id": np.array(ids, object),
        "n_tokens": tokens,
        "n_response_tokens": tokens // 2,
        **dict.fromkeys(("first_token_id", "last_token_id"), np.zeros(n, np.int32)),
        "status": status,
        "projection": projection,
        layout.fingerprint: basis.encode(activations)["stage_0"],
        "sketch": (centres[topics] + rng.standard_normal((n, SKETCH_COMPONENTS), np.float32)).astype(np.float16),
    }
    originals = [
        f'{{"id": "{i}", "instruction": "{prompt}", "output": "{response}", "topic": "topic {topic}"}}'
        for i, prompt, response, topic in zip(ids, prompts, responses, named, strict=True)
    ]
    statistics = np.stack([activations.mean(axis=0), activations.std(axis=0)])[:, None]
    text = {"prompt": prompts, "response": responses, "original": originals}
    return Block(index, columns, {}, {}, text, statistics)


class Cost(NamedTuple):
    """What a piece of work took in a process of its own.

    Attributes:
        seconds: From its call to its end, imports not counted.
        peak: Resident bytes of the process at their highest, imports counted.
    """

    seconds: float
    peak: int


def run(workspace: Path, size: float) -> Iterator[Report]:
    """Make the store, then do each piece of work in a fresh process."""
    if not Path("/proc/self/clear_refs").exists():
        print("ten_million: skipped, since only Linux tells the peak of a process from a point on")
        return
    rows = max(1_000, int(ROWS * size))
    path = workspace / "ten-million.zarr"
    table: list[dict[str, Cell]] = []
    costs: dict[str, Cost] = {}
    for what, work in {"make it": "make", **{what: work for work, what in _WHAT.items()}}.items():
        costs[work] = cost = _in_own_process(work, path, rows)
        table.append({"work": what, "seconds": cost.seconds, "peak, GB": cost.peak / _GB})
    n_bytes = open_store(path).files.n_bytes
    assert n_bytes is not None  # only a bucket doesn't tell
    yield Report(
        "ten_million",
        f"{rows:,} synthetic rows with text in a store of scores and fingerprints, 2 directions × {_LAYERS} layers, "
        f"{n_bytes / _GB:.2f} GB ({n_bytes / rows:,.0f} bytes a row). Each line is a fresh process that opens the "
        "store; its peak counts the imports, and a line does what those above it need.",
        table,
        [
            Target("GB at the peak of select", 2.5, costs["select"].peak / _GB, at_most=True),
            Target("GB at the peak of export", 2.5, costs["export"].peak / _GB, at_most=True),
        ],
    )


_WHAT = {
    "open": "open it",
    "score": "score it",
    "select": "score, select 10 %",
    "length": "the same, adjusted for length",
    "approximate": "score it by another direction, from the fingerprints",
    "save": "score, save the scores with a map",
    "export": "score, select, export the 10 %",
    "verify": "verify it",
}


def _in_own_process(work: str, path: Path, rows: int) -> Cost:
    command = [sys.executable, "-m", "benchmarks.ten_million", work, str(path), str(rows)]
    print(f"  {work}", file=sys.stderr, flush=True)
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=Path(__file__).parents[1])
    return Cost(*json.loads(done.stdout))


def _work(what: str, path: Path, rows: int) -> Callable[[], object]:
    import xarray  # noqa: F401
    import zarr  # noqa: F401

    def selected(**options: Any) -> nait.Selection:
        return nait.select(nait.score(open_store(path)), fraction=0.1, merge="mean-z", **options)

    def approximate() -> None:
        store = open_store(path)
        nait.score(store, directions_for(store.layout, store.provenance, len(_DIRECTIONS) + 1)[-1], approximate=True)

    def saved() -> None:
        store = open_store(path)
        store.save_scores(nait.score(store), "both")

    return {
        "make": lambda: make_store(path, rows),
        "open": lambda: open_store(path).info(),
        "score": lambda: nait.score(open_store(path)),
        "select": lambda: selected(),
        "length": lambda: selected(adjust="length-residual"),
        "approximate": approximate,
        "save": saved,
        "export": lambda: selected().export(path.with_name("subset.jsonl")),
        "verify": lambda: open_store(path).verify(),
    }[what]


if __name__ == "__main__":
    os.environ["TQDM_DISABLE"] = "1"
    run_it = _work(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
    Path("/proc/self/clear_refs").write_text("5")  # the peak is counted from here
    begun = perf_counter()
    run_it()
    print(json.dumps([perf_counter() - begun, resident("VmHWM")]))
