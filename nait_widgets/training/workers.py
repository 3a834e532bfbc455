"""Runs in several processes, each with its own copy of the base."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING, Any

from nait_widgets.errors import NaitError
from nait_widgets.training.runs import Job, Material, Run, run

if TYPE_CHECKING:
    from nait_widgets.models import CausalLM

_state: dict[str, Any] = {}  # of a worker process


def run_in_processes(
    jobs: Sequence[Job], workers: int, source: str, loading: dict[str, Any], material: Material
) -> Iterator[Run]:
    """Do jobs in several processes, each of which loads the base itself; gives the runs as they are done.

    A caller that leaves early, by an error or an interrupt, ends the processes at once.

    Raises:
        NaitError: A process ended without a result.
    """
    import torch

    before = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(
        min(workers, len(jobs)),
        multiprocessing.get_context("spawn"),
        _begin,
        (source, loading, material, max(1, torch.get_num_threads() // workers)),
    )
    try:
        for future in as_completed([pool.submit(_work, job) for job in jobs]):
            yield future.result()
    except BrokenProcessPool as error:
        raise NaitError(
            f"one of {workers} worker processes ended without a result: use fewer workers if memory ran out, and call "
            "from under `if __name__ == '__main__':` in a script; what was done is kept"
        ) from error
    except BaseException:
        for child in set(multiprocessing.active_children()) - before:
            child.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _begin(source: str, loading: dict[str, Any], material: Material, threads: int) -> None:
    import torch

    from nait_widgets.models import load_model

    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C reaches all processes; this one has nothing to tell
    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(threads)
    _quiet()
    lm: CausalLM = load_model(source, **loading)
    _state.update(lm=lm, material=material)


def _work(job: Job) -> Run:
    return run(_state["lm"], _state["material"], job)


def _end_with_parent() -> None:
    """A pool's process would wait for work for ever after its parent was killed."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _quiet() -> None:
    """Loading bars of every process would write over the one bar that counts."""
    from transformers.utils import logging as transformers_logging

    logging: Any = transformers_logging  # it has no type annotations
    logging.disable_progress_bar()
