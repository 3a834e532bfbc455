"""What `nait.plan` says of captures, against the captures."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import torch

from benchmarks.inputs import SHARED, corpus
from benchmarks.report import Cell, Report, Target
from nait_widgets import capture, demo, plan, read_records
from nait_widgets.planning import Plan
from nait_widgets.store import ActivationStore

_ROWS, _ROUNDS, _WITHIN = 4000, 2, 0.2


def run(workspace: Path, size: float) -> Iterator[Report]:
    """Measure on the demo, and on the shared model with and without extras where it is at hand."""
    table: list[dict[str, Cell]] = []
    targets: list[Target] = []
    for name, model, rows, options in _captures(size):
        row = _measure(model, rows, workspace / "planned.zarr", options)
        table.append({"capture": name, **row})
        for what in ("tokens", "MB", "seconds"):
            off = abs(float(str(row[f"{what}, planned / true"])) - 1)
            targets.append(Target(f"{name}: {what} off by", _WITHIN, off, at_most=True))
    setting = (
        f"Each capture whole, its model loaded from its folder, and before each the plan of it, `probe_seconds` 10; "
        f"{_ROUNDS} rounds, medians. {torch.get_num_threads()} thread(s)."
    )
    yield Report("planning", setting, table, targets)


def _captures(size: float) -> Iterator[tuple[str, Path, list[Mapping[str, Any]], dict[str, Any]]]:
    rows = [record.original for record in read_records(demo.POOL)]
    yield "the demo's model and pool", demo.MODEL, rows[: int(len(rows) * size)], {}
    if (SHARED / "model").exists():
        source = corpus()
        rows = source.sample(int(_ROWS * size))
        yield f"the shared model, {len(rows):,} rows of {source.name}", SHARED / "model", rows, {}
        yield "the same with all extras", SHARED / "model", rows, {"extras": "all"}


def _measure(model: Path, rows: list[Mapping[str, Any]], path: Path, options: dict[str, Any]) -> dict[str, Cell]:
    capture(model, rows[:64], path, **options)  # imports what a first capture imports
    plans: list[Plan] = []
    taken: list[float] = []
    for _ in range(_ROUNDS):
        shutil.rmtree(path)
        plans.append(plan(model, rows, path, **options))
        begun = perf_counter()
        store = capture(model, rows, path, **options)
        taken.append(perf_counter() - begun)
    true = {"tokens": _tokens(store), "MB": store.info()["bytes"] / 1e6, "seconds": median(taken)}
    said = {
        "tokens": plans[0].tokens,
        "MB": median(each.store_bytes for each in plans) / 1e6,
        "seconds": median(each.seconds for each in plans),
    }
    shutil.rmtree(path)
    cells: dict[str, Cell] = {"rows": float(len(rows))}
    for what, value in true.items():
        cells |= {what: float(value), f"{what}, planned / true": f"{said[what] / value:.3f}"}
    return cells | {"batches tried": float(median(each.tried for each in plans))}


def _tokens(store: ActivationStore) -> int:
    """What went through the model, as the store tells it; the extra `ifd` runs responses alone, each behind its BOS."""
    runnable = store.selectable
    tokens = int(store.n_tokens[runnable].sum())
    if "ifd" in store.layout.extras:
        tokens += int(store.n_response_tokens[runnable].sum()) + int(runnable.sum())
    return tokens
