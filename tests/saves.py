"""Saving in a process of its own, to be killed. Kept free of pytest: each process imports it."""

from __future__ import annotations

import multiprocessing
from itertools import cycle
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from nait_widgets import open_store, select


def run(path: str, started: str) -> None:
    """Save the scores `kept` and what goes with them again and again, each time otherwise than before."""
    store = open_store(path)
    scores, direction = store.scores("kept"), store.direction("sums")
    for k in cycle((3, 300)):
        part = scores.isel(direction=slice(0, 1)) if k == 3 else scores
        for name in store.selections():
            store.delete("selections", name)
        store.save_direction(direction * k, "other")
        store.save_scores(part, "again")
        store.save_selection(select(part, k=k), "some")
        Path(started).touch()


def start(path: Path, started: Path) -> ForkServerProcess:
    """Begin to save; the server has imported the slow packages once for all of them."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["saves", "nait_widgets.saving", "nait_widgets.scoring"])
    process = context.Process(target=run, args=(str(path), str(started)))
    process.start()
    return process
