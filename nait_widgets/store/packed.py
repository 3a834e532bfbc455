"""An archive as zarr-python reads it.

zarr's own ZipStore reads an entry from its beginning to have some bytes of it, and all threads wait for one file;
here every key is a range of the archive, so a chunk of a shard costs as much as in a folder.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from zarr.abc.store import OffsetByteRequest, RangeByteRequest, Store, SuffixByteRequest

from nait_widgets.store.manifest import MANIFEST

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator

    from zarr.abc.store import ByteRequest
    from zarr.core.buffer import Buffer, BufferPrototype

    from nait_widgets.store.archive import Archive


class PackedStore(Store):
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

    async def get(self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None) -> Buffer | None:
        """The bytes of a key, or some of them."""
        data = await asyncio.to_thread(self._read, key, byte_range)
        return None if data is None else prototype.buffer.from_bytes(data)

    async def get_partial_values(
        self, prototype: BufferPrototype, key_ranges: Iterable[tuple[str, ByteRequest | None]]
    ) -> list[Buffer | None]:
        """Some bytes of several keys."""
        return list(await asyncio.gather(*(self.get(key, prototype, wanted) for key, wanted in key_ranges)))

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

    def _read(self, key: str, wanted: ByteRequest | None) -> bytes | None:
        place = self.archive.place(key)
        if place is None:
            return None
        match wanted:
            case None:
                return place.read(0, place.length)
            case RangeByteRequest(start, end):
                return place.read(start, end)
            case OffsetByteRequest(offset):
                return place.read(offset, place.length)
            case SuffixByteRequest(suffix):
                return place.read(place.length - suffix, place.length)


def _folder(prefix: str) -> str:
    return f"{prefix.rstrip('/')}/" if prefix.rstrip("/") else ""
