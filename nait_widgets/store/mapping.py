"""Who runs the pieces of a scan: threads of this process, or whoever else is given."""

from __future__ import annotations

import os
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

T = TypeVar("T")
WAITING = 8  # threads that read over a network, where they wait more than they work


class Mapper(Protocol):
    """Who runs work on the pieces of a scan."""

    def map(self, work: Callable[[int], T], pieces: Sequence[int], together: int = 1) -> Iterator[T]:
        """`work(piece)` for every piece, in parallel; results come in the order of the pieces.

        Args:
            work: May run in another process, so that what it finds must be what it returns.
            pieces: Row chunks, or layers.
            together: How many of them are at most worth one message.
        """

    def __str__(self) -> str:
        """Who it is, for people."""


@dataclass(frozen=True, slots=True)
class Threads:
    """Threads of this process.

    Attributes:
        workers: How many; None for one a processor, at most 8.
    """

    workers: int | None = None

    def map(self, work: Callable[[int], T], pieces: Sequence[int], together: int = 1) -> Iterator[T]:  # noqa: ARG002
        """Run in threads, never more than two pieces a thread in flight."""
        workers = self._workers
        with one_thread_each(), ThreadPoolExecutor(workers) as executor:
            futures = deque(executor.submit(work, piece) for piece in pieces[: 2 * workers])
            for piece in pieces[2 * workers :]:
                yield futures.popleft().result()
                futures.append(executor.submit(work, piece))
            while futures:
                yield futures.popleft().result()

    def __str__(self) -> str:
        return f"{self._workers} thread{'s' if self._workers > 1 else ''} of this process"

    @property
    def _workers(self) -> int:
        return self.workers or min(8, available_cpus())


def available_cpus() -> int:
    """The processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Limit:
    """Holds BLAS and torch to one thread each, as long as anybody wants it: both are counted for the whole process."""

    def __init__(self) -> None:
        self._lock, self._holders, self._undo = threading.Lock(), 0, ExitStack()

    def acquire(self) -> None:
        with self._lock:
            if not self._holders:
                self._set()
            self._holders += 1

    def release(self) -> None:
        with self._lock:
            self._holders -= 1
            if not self._holders:
                self._undo.close()

    def _set(self) -> None:
        import torch
        from threadpoolctl import threadpool_limits

        self._undo.callback(torch.set_num_threads, torch.get_num_threads())
        self._undo.enter_context(threadpool_limits(1, "blas"))
        torch.set_num_threads(1)


_limit = _Limit()


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Keep BLAS and torch to one thread each while any caller is inside: the parallelism is over chunks."""
    _limit.acquire()
    try:
        yield
    finally:
        _limit.release()
