"""A Zarr store whose values are read by ranges of bytes, in threads beside zarr-python's own."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from typing import TYPE_CHECKING, TypeVar

from zarr.abc.store import OffsetByteRequest, RangeByteRequest, Store, SuffixByteRequest

from nait_widgets.store.remote import pool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from zarr.abc.store import ByteRequest
    from zarr.core.buffer import Buffer, BufferPrototype

T = TypeVar("T")


class RangedStore(Store):
    """What is the same of all that is read so."""

    @abstractmethod
    def read(self, key: str, start: int, stop: int | None) -> bytes | None:
        """A range of a key's bytes; None where there is no such key.

        Args:
            key: Of the value.
            start: Where the range begins; a negative one counts from the end.
            stop: Where it ends; None for the end.
        """

    async def get(self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None) -> Buffer | None:
        """The bytes of a key, or some of them."""
        start, stop = _range(byte_range)
        data = await aside(lambda: self.read(key, start, stop))
        return None if data is None else prototype.buffer.from_bytes(data)

    async def get_partial_values(
        self, prototype: BufferPrototype, key_ranges: Iterable[tuple[str, ByteRequest | None]]
    ) -> list[Buffer | None]:
        """Some bytes of several keys."""
        return list(await asyncio.gather(*(self.get(key, prototype, wanted) for key, wanted in key_ranges)))


async def aside(work: Callable[[], T]) -> T:
    """Do something that waits in another thread."""
    return await asyncio.get_running_loop().run_in_executor(pool, work)


def _range(wanted: ByteRequest | None) -> tuple[int, int | None]:
    match wanted:
        case None:
            return 0, None
        case RangeByteRequest(start, end):
            return start, end
        case OffsetByteRequest(offset):
            return offset, None
        case SuffixByteRequest(suffix):
            return -suffix, None
