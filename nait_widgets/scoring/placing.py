"""Who is to read a store: threads of this process, or the workers of a cluster."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Literal

from nait_widgets.errors import NaitError
from nait_widgets.store.mapping import Threads

if TYPE_CHECKING:
    from distributed import Client

    from nait_widgets.store import ActivationStore
    from nait_widgets.store.mapping import Mapper


def placed(
    store: ActivationStore, client: Client | Literal["local"] | None, workers: int | None
) -> tuple[ActivationStore, str]:
    """A store with who reads it, and that in words.

    Args:
        store: What is to be read.
        client: Whose workers are to read it, `"local"` for this process, or None to choose.
        workers: Threads of this process, where it is this process.

    Raises:
        NaitError: The client is none, or has no workers.
    """
    if store.scores_only:
        return store, "this process (the store keeps scores only)"
    if client is not None and client != "local":
        from nait_widgets.cluster import Workers

        if workers is not None:
            raise NaitError("workers= are threads of this process: leave it out where a client is given")
        return _by(store, Workers(client), "asked for")
    if client is None and store.mapper is not None:
        return _by(store, store.mapper, "asked for")
    there, why = None, "asked for" if client == "local" else "no cluster is at hand"
    if client is None and "distributed" in sys.modules:  # whoever has a client has imported it
        from nait_widgets.cluster import offered

        there, why = offered(store)
    return _by(store, there or Threads(workers or store.threads), why)


def _by(store: ActivationStore, mapper: Mapper, why: str) -> tuple[ActivationStore, str]:
    return store.on(mapper), f"{mapper} ({why})"
