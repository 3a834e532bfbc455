"""The objects of a store at a URL as zarr-python reads and writes them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from zarr.abc.store import OffsetByteRequest, RangeByteRequest, Store, SuffixByteRequest

from nait_widgets.errors import StoreError
from nait_widgets.store.remote import pool

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Sequence

    from zarr.abc.store import ByteRequest
    from zarr.core.buffer import Buffer, BufferPrototype

    from nait_widgets.store.objects import Objects

T = TypeVar("T")


class ObjectStore(Store):
    """The objects below a URL by their keys; each is put whole or not at all.

    Args:
        objects: The objects.
        read_only: Whether they stay as they are.
    """

    supports_writes = True
    supports_deletes = True
    supports_listing = True

    def __init__(self, objects: Objects, *, read_only: bool) -> None:
        super().__init__(read_only=read_only)
        self.objects = objects

    def with_read_only(self, read_only: bool = False) -> ObjectStore:
        """The same objects, to be written or not."""
        return ObjectStore(self.objects, read_only=read_only)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ObjectStore) and other.objects.path == self.objects.path

    def __str__(self) -> str:
        return str(self.objects.path)

    async def get(self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None) -> Buffer | None:
        """The bytes of a key, or some of them."""
        data = await _aside(lambda: self._read(key, byte_range))
        return None if data is None else prototype.buffer.from_bytes(data)

    async def get_partial_values(
        self, prototype: BufferPrototype, key_ranges: Iterable[tuple[str, ByteRequest | None]]
    ) -> list[Buffer | None]:
        """Some bytes of several keys."""
        return list(await asyncio.gather(*(self.get(key, prototype, wanted) for key, wanted in key_ranges)))

    async def exists(self, key: str) -> bool:
        """Whether there is such a key."""
        return await _aside((self.objects.path / key).exists)

    async def set(self, key: str, value: Buffer) -> None:
        """Put an object, in place of one that is."""
        self._check_writable()
        await _aside(lambda: (self.objects.path / key).write(value.to_bytes()))

    async def delete(self, key: str) -> None:
        """Delete an object, if it is there."""
        self._check_writable()
        await _aside(lambda: (self.objects.path / key).unlink(missing_ok=True))

    async def list(self) -> AsyncIterator[str]:
        """Every key."""
        for key in await self._keys(""):
            yield key

    async def list_prefix(self, prefix: str) -> AsyncIterator[str]:
        """Every key in a folder."""
        for key in await self._keys(prefix):
            yield key

    async def list_dir(self, prefix: str) -> AsyncIterator[str]:
        """What lies right below a folder."""
        folder = self.objects.path / prefix.rstrip("/") if prefix.rstrip("/") else self.objects.path
        for name in sorted(await _aside(folder.names)):
            yield name

    async def _keys(self, prefix: str) -> Sequence[str]:
        folder = f"{prefix.rstrip('/')}/" if prefix.rstrip("/") else ""
        below = (self.objects.path / folder.rstrip("/")).below if folder else self.objects.path.below
        return [f"{folder}{key}" for key in await _aside(below)]

    def _read(self, key: str, wanted: ByteRequest | None) -> bytes | None:
        try:
            match wanted:
                case None:
                    return self.objects.read(key)
                case RangeByteRequest(start, end):
                    return self.objects.read(key, start, end)
                case OffsetByteRequest(offset):
                    return self.objects.read(key, offset)
                case SuffixByteRequest(suffix):
                    return self.objects.read(key, -suffix)
        except FileNotFoundError as error:
            # Zarr would read nothing but fill values there.
            if self.objects.complete and "/c/" in key:
                raise StoreError(
                    f"{self.objects.path / key} is no longer there, though the store was complete: somebody has "
                    "deleted or moved a part of it"
                ) from error
            return None


async def _aside(work: Callable[[], T]) -> T:
    """Do something that waits in another thread."""
    return await asyncio.get_running_loop().run_in_executor(pool, work)
