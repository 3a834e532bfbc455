"""How what is new appears at its place: whole, or not at all.

A folder is filled beside its place and moved there. At a URL nothing can be moved, but an object is put whole, so the
one that makes the others count is put last. While a store is created, overwritten or deleted there, a mark lies in it,
by which what somebody has left half-done is told from what was never a store.
"""

from __future__ import annotations

import shutil
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nait_widgets.errors import StoreError
from nait_widgets.store.remote import TRIAL, Url, pool

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import zarr

ROOT = "zarr.json"
MARK = "nait-unfinished"


@contextmanager
def created(path: Path | Url) -> Iterator[zarr.Group]:
    """Give an empty group to be filled, which is there at the end.

    Args:
        path: Where nothing is; at a URL, whatever of a store is there is deleted.

    Raises:
        StoreError: There are other things at the URL than a store.
    """
    import zarr
    from zarr.storage import MemoryStore

    if isinstance(path, Url):
        held: dict[str, Any] = {}
        yield zarr.open_group(MemoryStore(held), mode="w", zarr_format=3)
        require_replaceable(path)
        (path / MARK).write(b"This store is being created or deleted.\n")
        delete(path, (key for key in path.below() if key not in (ROOT, MARK)), first=[ROOT])
        put(path, {key: buffer.to_bytes() for key, buffer in held.items()}, last=[ROOT])
        (path / MARK).unlink(missing_ok=True)
        return
    building = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.partial")
    try:
        yield zarr.open_group(building, mode="w", zarr_format=3)
        building.rename(path)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def require_replaceable(url: Url) -> None:
    """Raise where something else than a store is at a URL, for all of it would be deleted.

    Raises:
        StoreError: There is.
    """
    if (url / ROOT).exists():
        return
    there = [key for key in url.below() if not key.startswith(TRIAL)]
    if there and MARK not in there:
        raise StoreError(f"{url} holds other things ({min(there)}…), and only a store is replaced; name another place")


def put(url: Url, objects: dict[str, bytes], *, last: Iterable[str]) -> None:
    """Put objects below a URL; those that make the others count come last, one after the other."""
    last = list(last)
    list(pool.map(lambda key: (url / key).write(objects[key]), objects.keys() - last))
    for key in last:
        (url / key).write(objects[key])


def delete(url: Url, keys: Iterable[str], *, first: Iterable[str] = ()) -> None:
    """Delete objects below a URL; those that make the others count go first."""
    for key in first:
        (url / key).unlink(missing_ok=True)
    list(pool.map(lambda key: (url / key).unlink(missing_ok=True), list(keys)))
