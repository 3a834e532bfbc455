"""Appending in a process of its own, to be killed. Kept free of pytest: each process imports it."""

from __future__ import annotations

import multiprocessing
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from nait_widgets import append


def run(path: str, more: str, started: str) -> None:
    """Append a store to another."""
    Path(started).touch()
    append(path, more)


def start(path: Path, more: Path, started: Path) -> ForkServerProcess:
    """Begin to append; the server has imported the slow packages once for all of them."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["growths", "nait_widgets.store", "nait_widgets.saving", "torch"])
    process = context.Process(target=run, args=(str(path), str(more), str(started)))
    process.start()
    return process
