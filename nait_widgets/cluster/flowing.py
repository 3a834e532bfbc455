"""Tasks on their way through a cluster: a few at a time, whoever dies meanwhile, and none left behind."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from nait_widgets.errors import NaitError, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from distributed import Client, Future

_GONE = "the cluster's scheduler no longer answers; see that it runs, then start again"
_MEMORY = "most often their memory is too small: give them more"


def require_workers(client: Client) -> None:
    """Raise unless a client can be waited for, and has workers.

    Raises:
        NaitError: It is none, works asynchronously, or its cluster has no workers.
    """
    from distributed import Client

    if not isinstance(client, Client):
        raise NaitError(f"client= is {client!r}, but must be a distributed client")
    if client.asynchronous:
        raise NaitError("an asynchronous client can't be waited for here; make one by Client(...), without `await`")
    if not threads(client):
        raise NaitError(f"the cluster at {address(client)} has no workers yet; start some, then try again")


def address(client: Client) -> str:
    """Where the client's scheduler listens."""
    where: str = client.scheduler.address
    return where


def threads(client: Client) -> dict[str, int]:
    """The threads of each worker that a cluster has now, by its address.

    Raises:
        NaitError: The client is closed, as it is when its cluster is.
    """
    if client.scheduler is None:
        raise NaitError(_GONE)
    found: dict[str, int] = client.ncores()
    return found


def flow(
    client: Client,
    submitted: Iterator[Future[Any]],
    room: Callable[[], int],
    *,
    ordered: bool,
    remedy: str = _MEMORY,
) -> Iterator[Any]:
    """The results of tasks that are submitted when there is room for them; what is left at any end is cancelled.

    Args:
        client: Of the cluster.
        submitted: Submits the next task when it is asked for it.
        room: How many tasks the cluster may have at once, asked again whenever one is done.
        ordered: Whether results come in the order of the tasks, or as each is done.
        remedy: What helps where workers die of a task.

    Raises:
        StoreError: Several workers in turn have died of one task.
        NaitError: The cluster went away; and what a task itself raises.
    """
    from distributed import wait

    running: list[Future[Any]] = []
    try:
        while True:
            with _told(remedy), client.as_current():
                while len(running) < room() and (future := next(submitted, None)) is not None:
                    running.append(future)
                if not running:
                    return
                first = running[0] if ordered else next(iter(wait(running, return_when="FIRST_COMPLETED").done))
                found = first.result()
            running.remove(first)
            yield found
    finally:
        if client.status == "running":  # a cluster that went away has nothing left to cancel
            client.cancel(running)


def result(future: Future[Any], remedy: str = _MEMORY) -> Any:
    """The result of one task; raises as `flow` does."""
    with _told(remedy):
        return future.result()


@contextmanager
def _told(remedy: str) -> Iterator[None]:
    from distributed import CancelledError, KilledWorker
    from distributed.comm import CommClosedError

    try:
        yield
    except KilledWorker as error:
        last = error.last_worker.address
        raise StoreError(f"the workers die of one part of this work, {last} was the last; {remedy}") from error
    except CancelledError as error:
        raise NaitError(f"the cluster gave this work up ({error}); see that it runs, then start again") from error
    except CommClosedError as error:
        raise NaitError(_GONE) from error
