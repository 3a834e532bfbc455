"""An archive as zarr-python reads it.

zarr's own ZipStore reads an entry from its beginning to have some bytes of it, and all threads wait for one file;
here every key is a range of the archive, so a chunk of a shard costs as much as in a folder.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nait_widgets.store.manifest import MANIFEST
from nait_widgets.store.ranged import RangedStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from zarr.core.buffer import Buffer

    from nait_widgets.store.archive import Archive


class PackedStore(RangedStore):
    """The files of an archive without compression, read only.

    Args:
        archive: Whose entries are the keys; its manifest is no part of the store.
    """

    supports_writes = False
    supports_deletes = False
    supports_listing = True

    def __init__(self, archive: Archive) -> None:
        super().__init__(read_only=True)
        self.archive = archive
        self._keys = [name for name in archive.entries if name != MANIFEST]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PackedStore) and other.archive.path == self.archive.path

    def __str__(self) -> str:
        return f"zip://{self.archive.path}"

    def read(self, key: str, start: int, stop: int | None) -> bytes | None:
        """A range of an entry's bytes."""
        place = self.archive.place(key)
        if place is None:
            return None
        return place.read(start + place.length if start < 0 else start, place.length if stop is None else stop)

    async def exists(self, key: str) -> bool:
        """Whether there is such a key."""
        return key in self.archive.entries

    async def set(self, key: str, value: Buffer) -> None:  # noqa: ARG002 - never to be had
        """Refused: an archive is read only."""
        self._check_writable()

    async def delete(self, key: str) -> None:  # noqa: ARG002 - never to be had
        """Refused: an archive is read only."""
        self._check_writable()

    async def list(self) -> AsyncIterator[str]:
        """Every key."""
        for key in self._keys:
            yield key

    async def list_prefix(self, prefix: str) -> AsyncIterator[str]:
        """Every key in a folder, like LocalStore: zarr asks for `layer` and can't do with `layer_mean`."""
        for key in self._below(prefix):
            yield key

    async def list_dir(self, prefix: str) -> AsyncIterator[str]:
        """What lies right below a folder."""
        start = len(_folder(prefix))
        for name in dict.fromkeys(key[start:].split("/")[0] for key in self._below(prefix)):
            yield name

    def _below(self, prefix: str) -> Iterator[str]:
        folder = _folder(prefix)
        return (key for key in self._keys if key.startswith(folder))


def _folder(prefix: str) -> str:
    return f"{prefix.rstrip('/')}/" if prefix.rstrip("/") else ""
