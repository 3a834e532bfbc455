"""A capture by the workers of a local cluster, against the same by one process."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from time import perf_counter
from typing import Any

import numpy as np
import torch
import zarr

from benchmarks.inputs import SHARED, corpus
from benchmarks.report import Cell, Report, Target
from nait_widgets import capture
from nait_widgets.cluster import cluster
from nait_widgets.store import ActivationStore, Status, open_store
from nait_widgets.store.mapping import available_cpus

_ROWS, _WORKERS = 20_000, (2, 3, 4)
_KILLED_AT = (0, 0.2, 0.5)  # shares of the rows that are done


def run(workspace: Path, size: float) -> Iterator[Report]:
    """Measure with the shared model on real rows, where both are at hand."""
    if not (SHARED / "model").exists():
        return
    source, cpus = corpus(), available_cpus()
    rows = workspace / "rows.jsonl"
    rows.write_text("".join(json.dumps(row) + "\n" for row in source.sample(int(_ROWS * size))))
    _captured(rows, workspace / "warm.zarr", None, limit=256)  # imports what a first capture imports
    _, with_all = _captured(rows, workspace / "all.zarr", None)
    torch.set_num_threads(1)  # as the workers have, so that sums round alike
    alone, seconds = _captured(rows, workspace / "alone.zarr", None)
    n, equal = len(alone), True
    table: list[dict[str, Cell]] = [_row(f"this process, {cpus} threads", n, with_all, seconds, cpus)]
    table.append(_row("this process, 1 thread", n, seconds, seconds, 1))
    for workers in _WORKERS:
        with cluster(None, workers) as client:
            _captured(rows, workspace / "warm.zarr", client, limit=256)  # some of the workers load the model
            store, own = _captured(rows, workspace / "cluster.zarr", client)
        equal = equal and same_arrays(alone, store)
        table.append(_row(f"{workers} workers", n, own, seconds, min(workers, cpus)))
        shutil.rmtree(store.path)
    with cluster(None, 2) as client, _killing(client, workspace / "killed.zarr"):
        store, own = _captured(rows, workspace / "killed.zarr", client)
    equal = equal and same_arrays(alone, store)
    table.append(_row(f"2 workers, one killed {len(_KILLED_AT)} times", n, own, seconds, min(2, cpus)))
    setting = (
        f"{n:,} rows of {source.name}, the shared model, `resid_post`, default pools; workers are processes of one "
        f"thread each on {cpus} processors. Once each. *Overhead* is what the processors did besides what one thread "
        "does alone: processors × seconds − its seconds, a row; sharing caches and memory counts as such, too."
    )
    yield Report(
        "cluster", setting, table, [Target("stores whose every array has the bytes of one thread's", 1, equal)]
    )


def _captured(rows: Path, path: Path, client: Any, limit: int | None = None) -> tuple[ActivationStore, float]:
    part = None if limit is None else slice(0, limit)
    begun = perf_counter()
    store = capture(SHARED / "model", rows, path, client=client, rows=part, device="cpu", overwrite=True)
    return store, perf_counter() - begun


@contextmanager
def _killing(client: Any, path: Path) -> Iterator[None]:
    """Kill a worker, each time another, when these shares of the rows are in the store."""

    def kill() -> int:
        for turn, share in enumerate(_KILLED_AT):
            while not _reached(path, share):
                if stop.wait(0.2):
                    return turn
            pids = [nanny.pid for nanny in client.cluster.workers.values() if nanny.pid]
            os.kill(pids[turn % len(pids)], signal.SIGKILL)
        return len(_KILLED_AT)

    stop = Event()
    with ThreadPoolExecutor(1) as other:
        killed = other.submit(kill)
        try:
            yield
        finally:
            stop.set()
    assert killed.result() == len(_KILLED_AT), f"only {killed.result()} workers were killed"


def _reached(path: Path, share: float) -> bool:
    """Whether a capture has begun and so much of it is done."""
    if not path.exists():
        return False
    store = open_store(path)
    return bool((store.status != Status.PENDING).mean() >= share)


def _row(who: str, rows: int, seconds: float, alone: float, processors: int) -> dict[str, Cell]:
    overhead = 1000 * (processors * seconds - alone) / rows
    return {
        "who": who,
        "s": seconds,
        "rows/s": rows / seconds,
        "× one thread": alone / seconds,
        "overhead, ms a row": overhead,
    }


def same_arrays(one: ActivationStore, other: ActivationStore) -> bool:
    """Whether every array has the same values, bit for bit."""
    groups: list[Any] = [zarr.open_group(store.path, mode="r") for store in (one, other)]
    names = [{name for name, node in group.members(max_depth=None) if isinstance(node, zarr.Array)} for group in groups]
    return names[0] == names[1] and all(_equal(*(np.asarray(g[name][...]) for g in groups)) for name in names[0])


def _equal(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> bool:
    if one.dtype.kind in "TO":
        return bool((one == other).all())
    return one.tobytes() == other.tobytes()
