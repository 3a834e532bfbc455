"""Scoring by the workers of a local cluster, against threads of one process: rate, overhead and memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np

from benchmarks.inputs import random_directions, random_store
from benchmarks.report import Cell, Report, Target
from benchmarks.scoring import STORE, shrunk
from nait_widgets.cluster import Workers, cluster
from nait_widgets.scoring import score
from nait_widgets.store import ActivationStore
from nait_widgets.store.mapping import Threads, available_cpus

_WORKERS, _ROUNDS = (1, 2, 4), 5


def run(workspace: Path, size: float) -> Iterator[Report]:
    """Measure on one warm store, 8 directions by dot product; the bits and the memory also by z-score."""
    store = random_store(workspace, *shrunk(STORE, size))
    directions, cpus = random_directions(store), available_cpus()
    expected = [score(store, directions, similarity=each).score.values for each in ("dot", "zscore")]
    alone = _seconds(partial(score, store.on(Threads(1)), directions))
    table = [_row("this process, 1 thread", store, alone, alone, 1)]
    threads = _seconds(partial(score, store.on(Threads(cpus)), directions))
    table.append(_row(f"this process, {cpus} threads", store, threads, alone, cpus))
    equal, most = True, 0.0
    for n in _WORKERS:
        with cluster(None, n) as client:
            assert client is not None
            there = store.on(Workers(client))
            score(there, directions[:1])  # imports what a worker needs
            client.run(_forget_peak)
            before = client.run(_resident, "VmRSS")
            seconds = _seconds(partial(score, there, directions))
            found = [score(there, directions, similarity=each).score.values for each in ("dot", "zscore")]
            peak = client.run(_resident, "VmHWM")
        equal = equal and all(map(np.array_equal, found, expected))
        most = max(most, *(peak[worker] - before[worker] for worker in peak))
        who = f"{n} worker{'s' if n > 1 else ''} of 1 thread"
        table.append(_row(who, store, seconds, alone, min(n, cpus)) | {"peak of a worker, MB": max(peak.values())})
    n_bytes = len(store) * store.layout.bytes_per_row
    yield Report(
        "cluster_scoring",
        f"{len(store):,} samples × {len(store.layout.layers)} layers × {store.layout.n_neurons:,} neurons in float16 "
        f"({n_bytes / 1e9:.2f} GB, page cache warm), {len(directions)} directions, preset paper; workers are processes "
        f"on {cpus} processors. Medians of {_ROUNDS}. *Overhead* is what the processors did besides what one thread "
        "does alone: processors × seconds − its seconds, a row; memory that they share counts as such, too.",
        table,
        [
            Target("scores, dot and z-score, with the bytes of one process's", 1, equal),
            Target("MB that a worker takes above its imports", 200, most, at_most=True),
        ],
    )


def _seconds(work: Callable[[], object]) -> float:
    """Median of some rounds, after one that isn't counted."""
    taken = []
    for _ in range(_ROUNDS + 1):
        begun = perf_counter()
        work()
        taken.append(perf_counter() - begun)
    return median(taken[1:])


def _row(who: str, store: ActivationStore, seconds: float, alone: float, processors: int) -> dict[str, Cell]:
    n_bytes = len(store) * store.layout.bytes_per_row
    return {
        "who": who,
        "s": seconds,
        "GB/s": n_bytes / seconds / 1e9,
        "× one thread": alone / seconds,
        "overhead, µs a row": 1e6 * (processors * seconds - alone) / len(store),
        "peak of a worker, MB": None,
    }


def _forget_peak() -> None:
    """The peak of this process is counted from here."""
    Path("/proc/self/clear_refs").write_text("5")


def _resident(field: str) -> float:
    """A field of this process's status, in megabytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) / 1e6 for line in lines if line.startswith(f"{field}:"))
