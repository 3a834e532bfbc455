"""Whether a cluster that is at hand is the better reader of a store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nait_widgets.cluster.flowing import address
from nait_widgets.cluster.scanning import Workers
from nait_widgets.paths import readable
from nait_widgets.store.elsewhere import identity, require_there

if TYPE_CHECKING:
    from distributed import Client

    from nait_widgets.store import ActivationStore


def offered(store: ActivationStore, memory: int | None = None) -> tuple[Workers | None, str]:
    """The workers of the client that is current here where they are to read a store, else None; and why.

    They are where the store is remote, or its activations are larger than this machine's memory, in which a second
    pass over a local store would find them again; and where all of them find it.

    Args:
        store: What is to be read.
        memory: Of this machine, in bytes; None to ask it.
    """
    if (client := _current()) is None:
        return None, "no cluster is at hand"
    if (why := _reason(store, memory or _memory())) is None:
        return None, "the store is local and fits its memory"
    if (trouble := _trouble(client, store)) is not None:
        return None, f"{why}, but of the cluster at {address(client)} {trouble}"
    return Workers(client), why


def _current() -> Client | None:
    """The client that is current in this process, if it can be used."""
    from distributed import Client

    try:
        client = Client.current()
    except ValueError:
        return None
    return client if client.status == "running" and not client.asynchronous and client.ncores() else None


def _reason(store: ActivationStore, memory: int) -> str | None:
    """Why a cluster should read a store, if it should."""
    if store.remote:
        return "the store is remote"
    held = len(store) * store.layout.bytes_per_row
    return f"{readable(held)} of activations, {readable(memory)} of memory here" if held > memory else None


def _memory() -> int:
    import psutil  # distributed needs it

    memory: int = psutil.virtual_memory().total
    return memory


def _trouble(client: Client, store: ActivationStore) -> str | None:
    """Which worker can't read the store and what it says, if one can't."""
    replies = client.run(require_there, store.place, identity(store), on_error="return")
    for worker, error in replies.items():
        if error is not None and not isinstance(error, OSError):  # a worker that dies meanwhile is no reason
            return f"{worker} can't take it: {error}"
    return None
