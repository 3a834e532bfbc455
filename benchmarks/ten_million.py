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
    """A store of synthetic rows with text, as `capture(scores_only=…)` leaves it: 2 directions × 4 layers.

    Each row has one of 12 topics, which its text names and which a direction and the sketch tell apart a little.

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
    layout = replace(layout, directions=tuple(label(each.name, each.digest) for each in directions))
    writer = StoreWriter.create(path, layout, provenance, directions)
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((TOPICS, SKETCH_COMPONENTS), np.float32)
    for index in range(layout.n_blocks):
        writer.write(_block(layout, index, centres, rng))
    return writer.finish(lambda _: None)


def _block(layout: Layout, index: int, centres: Floats, rng: np.random.Generator) -> Block:
    rows = layout.rows(index)
    n = rows.stop - rows.start
    topics = np.minimum(TOPICS, rng.geometric(0.3, n)) - 1
    projection = rng.standard_normal((n, len(layout.directions), _LAYERS), np.float32)
    projection[:, 0] += 0.2 * topics[:, None]
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
        "sketch": (centres[topics] + rng.standard_normal((n, SKETCH_COMPONENTS), np.float32)).astype(np.float16),
    }
    originals = [
        f'{{"id": "{i}", "instruction": "{prompt}", "output": "{response}", "topic": "topic {topic}"}}'
        for i, prompt, response, topic in zip(ids, prompts, responses, named, strict=True)
    ]
    statistics = np.zeros((2, len(layout.pools), _LAYERS, _NEURONS), np.float32)
    statistics[1] = 1
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
        f"{rows:,} synthetic rows with text in a store of scores only, 2 directions × {_LAYERS} layers, "
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

    def saved() -> None:
        store = open_store(path)
        store.save_scores(nait.score(store), "both")

    return {
        "make": lambda: make_store(path, rows),
        "open": lambda: open_store(path).info(),
        "score": lambda: nait.score(open_store(path)),
        "select": lambda: selected(),
        "length": lambda: selected(adjust="length-residual"),
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
