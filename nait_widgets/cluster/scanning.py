"""A scan by the workers of a cluster: each opens the store itself, and reads it as one process would."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from nait_widgets.cluster.flowing import address, flow, require_workers, threads
from nait_widgets.cluster.memory import keep_freed_memory
from nait_widgets.store.mapping import one_thread_each

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from distributed import Client, Future

T = TypeVar("T")
_AHEAD = 2  # tasks a thread has: one that runs, and one that waits for it
_LEAST = 4  # tasks a thread should get, so that the last to end don't leave the others idle for long


@dataclass(frozen=True, slots=True)
class Workers:
    """The workers of a cluster as a store's readers: `store.on(Workers(client))`.

    A worker holds, for each of its threads, a chunk as it is stored and as float32 (6 bytes × 256 rows × neurons) and
    the results of one task; and once, what the work goes by, such as the directions' weights.

    Attributes:
        client: Of the cluster.

    Raises:
        NaitError: It has no workers, or can't be waited for.
    """

    client: Client

    def __post_init__(self) -> None:
        require_workers(self.client)

    def map(self, work: Callable[[int], T], pieces: Sequence[int], together: int = 1) -> Iterator[T]:
        """Run on the workers, each piece in one thread; a lost worker's pieces are done by others."""
        size = max(1, min(together, len(pieces) // (_LEAST * self._threads())))
        errand = self._sent(work)
        tasks = (
            self.client.submit(_run, errand, list(pieces[start : start + size]), pure=False)
            for start in range(0, len(pieces), size)
        )
        for found in flow(self.client, tasks, lambda: _AHEAD * self._threads(), ordered=True):
            yield from found

    def __str__(self) -> str:
        n = len(threads(self.client))
        return f"{n} worker{'s' if n > 1 else ''} of {address(self.client)}"

    def _threads(self) -> int:
        return max(1, sum(threads(self.client).values()))

    def _sent(self, work: Callable[[int], Any]) -> Future[_Errand]:
        """The work as a task's result, once a worker; the scheduler can make it again where all that had it died."""
        import cloudpickle
        import dask

        payload = cloudpickle.dumps(work)
        with dask.config.set({"distributed.admin.large-graph-warning-threshold": len(payload) + (1 << 20)}):
            return self.client.submit(_Errand, payload, pure=False)


class _Errand:
    """Work as it was sent; unpacked in each process once, where it is first run, so that its errors are that task's."""

    def __init__(self, payload: bytes) -> None:
        self._payload = payload
        self._lock = threading.Lock()
        self._work: Callable[[int], Any] | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return _Errand, (self._payload,)

    @property
    def work(self) -> Callable[[int], Any]:
        import cloudpickle

        with self._lock:
            if self._work is None:
                keep_freed_memory()
                self._work = cloudpickle.loads(self._payload)
            return self._work


def _run(errand: _Errand, pieces: list[int]) -> list[Any]:
    work = errand.work
    with one_thread_each():
        return [work(piece) for piece in pieces]
