"""Packs and unpacks in a process of its own, to be killed. Kept free of pytest: each process imports it."""

from __future__ import annotations

import multiprocessing
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from nait_widgets import open_store, unpack


def run(store: str, archive: str, folder: str) -> None:
    """Pack and unpack for as long as it lives."""
    while True:
        open_store(store).pack(archive, overwrite=True)
        unpack(archive, folder, overwrite=True)


def start(store: Path, archive: Path, folder: Path) -> ForkServerProcess:
    """Begin; the server has imported the slow packages once for all of them."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["packings", "nait_widgets.store", "zarr"])
    process = context.Process(target=run, args=(str(store), str(archive), str(folder)))
    process.start()
    return process
