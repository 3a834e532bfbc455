"""Captures in processes of their own, to be killed. Kept free of pytest: each process imports it."""

from __future__ import annotations

import multiprocessing
import signal
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import numpy as np
import torch
import zarr
from tiny import tiny_model

from nait_widgets import Direction, capture
from nait_widgets.errors import NaitError

OPTIONS: dict[str, Any] = {
    "pools": ["mean", "last"],
    "template": "plain",
    "block_rows": 256,
    "deterministic": True,
    "batch_tokens": 2048,
}


def run(rows: str, path: str, report: str, scores_only: str | None = None) -> None:
    """Capture a file into a store, and write how it ended."""
    own = {**OPTIONS, "pools": None, "block_rows": 128} if scores_only else OPTIONS
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore Ctrl-C
    try:
        directions = [Direction.load(scores_only)] if scores_only else ()
        capture(tiny_model("llama"), rows, path, extras="all", scores_only=directions, **own)
        message = "complete"
    except NaitError as error:
        message = f"{type(error).__name__}: {error}"
    Path(report).write_text(message)


def start(rows: Path, path: Path, report: Path, scores_only: Path | None = None) -> ForkServerProcess:
    """Begin a capture, or one of scores alone by the direction in a file.

    The server has imported the slow packages once for all of them.
    """
    context = multiprocessing.get_context("forkserver")
    slow = ("nait_widgets.capturing", "transformers.models.llama.modeling_llama", "torch._inductor.config")
    context.set_forkserver_preload(["captures", *slow])
    process = context.Process(target=run, args=(str(rows), str(path), str(report), scores_only and str(scores_only)))
    process.start()
    return process


def assert_same(actual: Path, expected: Path) -> None:
    """Every array of two stores holds the same bytes."""
    groups: list[Any] = [zarr.open_group(path, mode="r") for path in (actual, expected)]
    names = [sorted(name for name, node in g.members(max_depth=None) if isinstance(node, zarr.Array)) for g in groups]
    assert names[0] == names[1]
    for name in names[0]:
        a, b = (np.asarray(group[name][...]) for group in groups)
        assert a.dtype == b.dtype
        assert a.tolist() == b.tolist() if a.dtype.kind == "T" else a.tobytes() == b.tobytes(), name
