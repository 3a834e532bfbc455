"""Blocks that two stores share: the same files under other names.

A shard is never changed once it is written, only replaced, so that stores may share one: on a file system with hard
links, a block that is linked costs no time and no room.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nait_widgets.errors import StoreError

if TYPE_CHECKING:
    import zarr

    from nait_widgets.store.files import Place
    from nait_widgets.store.objects import Span
    from nait_widgets.store.store import ActivationStore

_NO_LINKS = {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}


class Keys:
    """The keys of the blocks of a store that is made, which are those of every store that is alike."""

    def __init__(self, made: ActivationStore) -> None:
        self._made = made
        self._rest = {name: "/0" * (made.array(name).ndim - 1) for name in made.block_arrays}

    def of(self, store: ActivationStore) -> list[str]:
        """The arrays that a store has as well."""
        return [name for name in store.block_arrays if name in self._rest]

    def alike(self, store: ActivationStore) -> bool:
        """Whether the shards of a store have the form of those that are made; an older version wrote some otherwise."""
        return all(_form(store.array(name)) == _form(self._made.array(name)) for name in self.of(store))

    def key(self, name: str, block: int) -> str:
        """The key of a block's shard or chunk."""
        return f"{name}/c/{block}{self._rest[name]}"

    def require_files(self, store: ActivationStore) -> None:
        """Raise where a file is missing, which Zarr would read as one of nothing but fill values."""
        for name in self.of(store):
            for block in range(store.layout.n_blocks):
                if store.files.place(self.key(name, block)) is None:
                    raise StoreError(f"shard {store.path / self.key(name, block)} is missing")


def _form(array: zarr.Array[Any]) -> dict[str, Any]:
    return {key: value for key, value in array.metadata.to_dict().items() if key not in ("shape", "attributes")}


def link(place: Place | Span | None, target: Path) -> None:
    """Give a file another name; copy it where the file system can't, or where it lies in an archive or at a URL."""
    assert place is not None
    target.parent.mkdir(parents=True, exist_ok=True)
    if place.offset == 0 and isinstance(place.file, Path):
        try:
            os.link(place.file, target)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
        else:
            return
    with target.open("xb") as out:
        for piece in place.pieces():
            out.write(piece)
