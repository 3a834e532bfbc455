"""A store as another process has it: a store is sent as its place, and opened there."""

from __future__ import annotations

import json
import socket
from dataclasses import asdict
from typing import TYPE_CHECKING

from nait_widgets.errors import NaitError, StoreError

if TYPE_CHECKING:
    from pathlib import Path

    from nait_widgets.store import ActivationStore


def identity(store: ActivationStore) -> str:
    """What no other store has: another machine may have one at the same path."""
    return json.dumps([asdict(store.layout), store.provenance, store.wide_layers], sort_keys=True)


def reopened(path: Path, expected: str) -> ActivationStore:
    """The store at a path, opened on this machine.

    Args:
        path: Absolute.
        expected: Its identity.

    Raises:
        StoreError: This machine can't read it, or has another store there.
    """
    from nait_widgets.store import open_store

    here = socket.gethostname()
    try:
        store = open_store(path)
    except (OSError, NaitError) as error:
        raise StoreError(
            f"{here} can't read {path} ({error}); a cluster reads a store where all its machines find it"
        ) from error
    if identity(store) != expected:
        raise StoreError(f"{here} has another store at {path}; a cluster reads a store where all its machines find it")
    return store


def require_there(path: Path, expected: str) -> None:
    """Raise unless this machine can read a store; see `reopened`."""
    reopened(path, expected)
