"""Reads the chunks of an activation array at the speed of the disk.

zarr-python reads a sharded array several times slower than the file can be read. The format of a shard is public
(chunk bytes, then an index of offsets and lengths with its CRC-32C), so an uncompressed array is read here
directly, from a disk or a URL, each checksum verified; anything else goes through zarr-python behind the same
interface.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Protocol

import google_crc32c
import numpy as np

from nait_widgets.errors import StoreError
from nait_widgets.store.files import Files, Opener, files_of
from nait_widgets.store.records import InShard, by_block
from nait_widgets.store.remote import Url

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

    import numpy.typing as npt
    import zarr

    from nait_widgets.store.records import Bytes

_MISSING = 2**64 - 1  # the offset that a shard's index gives a chunk that was never written
_RAW_CODECS = ["bytes", "crc32c"]


class Scratch:
    """The buffers of one reading thread: a chunk as stored, and as float32 (rows, neuron)."""

    def __init__(self, chunk_rows: int, n_neurons: int, dtype: np.dtype[Any]) -> None:
        self.n_bytes = chunk_rows * n_neurons * dtype.itemsize
        self.raw = bytearray(self.n_bytes + 4)
        self.bytes = np.frombuffer(self.raw, np.uint8)
        self.stored = np.frombuffer(self.raw, dtype, chunk_rows * n_neurons).reshape(chunk_rows, n_neurons)
        self.float32 = np.empty((chunk_rows, n_neurons), np.float32)

    def widen(self) -> npt.NDArray[np.float32]:
        """The stored chunk as float32."""
        import torch  # NumPy converts float16 some 14 times slower (1.5 against 21 GB/s on one core)

        torch.from_numpy(self.float32).copy_(torch.from_numpy(self.stored))
        return self.float32


class Shard(Protocol):
    """The samples of one block, opened for reading."""

    def read(self, row_chunk: int, layer: int, scratch: Scratch) -> npt.NDArray[np.float32]:
        """One chunk as float32 (chunk rows, neuron), valid until the scratch is used again."""

    def expect(self, chunks: Iterable[tuple[int, int]]) -> None:
        """Say which chunks, (row chunk, layer) each, will be read, and in which order."""

    def __enter__(self) -> Shard: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class RawShard:
    """A shard read directly: from a file of its own, from inside an archive, or from a URL.

    Args:
        opener: Opens it.
        key: Its key.
        place: What to call it.
        shape: Row chunks and layers.
        chunk_bytes: Of one chunk, checksum included.
        whole: Whether all of it will be read in this pass.
    """

    def __init__(
        self, opener: Opener, key: str, place: str, shape: tuple[int, int], chunk_bytes: int, *, whole: bool
    ) -> None:
        self._opener, self._key, self._called, self._shape = opener, key, place, (*shape, 2)
        self._chunk_bytes = chunk_bytes
        self._whole = shape[0] * shape[1] * chunk_bytes if whole else None

    def __enter__(self) -> RawShard:
        try:
            self._bytes = self._opener.open(self._key, self._whole)
            self._index = self._read_index()
        except FileNotFoundError as error:
            raise StoreError(f"shard {self._called} is missing; capture its rows again") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bytes.close()

    def expect(self, chunks: Iterable[tuple[int, int]]) -> None:
        """Say which chunks, (row chunk, layer) each, will be read, and in which order."""
        starts = [int(self._index[row_chunk, layer, 0]) for row_chunk, layer in chunks]
        self._bytes.expect([(start, start + self._chunk_bytes) for start in starts if start != _MISSING])

    def read(self, row_chunk: int, layer: int, scratch: Scratch) -> npt.NDArray[np.float32]:
        """One chunk as float32 (chunk rows, neuron), its checksum verified."""
        if (offset := int(self._index[row_chunk, layer, 0])) == _MISSING:
            scratch.float32.fill(np.nan)
            return scratch.float32
        if int(self._index[row_chunk, layer, 1]) != len(scratch.raw):
            raise self._damaged(f"chunk ({row_chunk}, {layer}) has an impossible length")
        if self._bytes.read_into(scratch.raw, offset) != len(scratch.raw):
            raise self._damaged("it ends before its chunks do")
        if google_crc32c.value(scratch.bytes[:-4]) != int.from_bytes(scratch.raw[-4:], "little"):
            raise self._damaged(f"the checksum of chunk ({row_chunk}, {layer}) doesn't match its bytes")
        return scratch.widen()

    def _read_index(self) -> npt.NDArray[np.uint64]:
        length = 8 * int(np.prod(self._shape))
        tail = self._bytes.tail(length + 4)
        if len(tail) != length + 4 or google_crc32c.value(tail[:-4]) != int.from_bytes(tail[-4:], "little"):
            self._bytes.close()
            raise self._damaged("the checksum of its index doesn't match")
        return np.frombuffer(tail[:-4], "<u8").reshape(self._shape)

    def _damaged(self, what: str) -> StoreError:
        return StoreError(f"shard {self._called} is damaged: {what}; run `nait verify` and capture its rows again")


class ZarrShard:
    """A block of an array that only zarr-python can read: compressed, or unsharded."""

    def __init__(self, array: zarr.Array[Any], first_row: int) -> None:
        self._array, self._first_row = array, first_row

    def __enter__(self) -> ZarrShard:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def expect(self, chunks: Iterable[tuple[int, int]]) -> None:
        """Nothing: zarr-python asks for what it needs."""

    def read(self, row_chunk: int, layer: int, scratch: Scratch) -> npt.NDArray[np.float32]:
        """One chunk as float32 (chunk rows, neuron)."""
        start = self._first_row + row_chunk * len(scratch.float32)
        rows = slice(start, start + len(scratch.float32))
        try:
            values = np.asarray(self._array[rows, layer] if self._array.ndim == 3 else self._array[rows])
        except ValueError as error:
            raise StoreError(f"array {self._array.name} can't be decoded at row {start}: {error}") from error
        scratch.float32[: len(values)] = values
        return scratch.float32


class ShardedArray:
    """An activation array, (sample, layer, neuron) or of one layer (sample, neuron), as a sequence of shards."""

    def __init__(self, array: zarr.Array[Any], block_rows: int, chunk_rows: int) -> None:
        self._array, self._block_rows, self._chunk_rows = array, block_rows, chunk_rows
        self._n_layers = array.shape[1] if array.ndim == 3 else 1
        self._files = _raw_files(array, block_rows, chunk_rows)
        self._opener = None if self._files is None else self._files.opener()
        self._opened: dict[int, InShard] = {}

    @property
    def direct(self) -> bool:
        """Whether the shards are read without zarr-python."""
        return self._files is not None

    @property
    def remote(self) -> bool:
        """Whether the shards come over a network, where several threads wait better than one."""
        return self._files is not None and isinstance(self._files.path, Url)

    def scratch(self) -> Scratch:
        """Buffers for one thread."""
        return Scratch(self._chunk_rows, self._array.shape[-1], self._array.dtype)

    @property
    def name(self) -> str:
        """What it is called in its store."""
        return str(self._array.path)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of its values."""
        return np.dtype(self._array.dtype)

    def single(self, rows: npt.NDArray[np.int64], layer: int) -> Bytes:
        """The bytes of single samples of a layer, ascending, which nothing here checks: (row, byte).

        Only where shards are read directly, from files.

        Raises:
            StoreError: A shard is missing or damaged.
        """
        width = self._array.shape[-1] * self.dtype.itemsize
        found = [np.empty((0, width), np.uint8)]
        for block, own in by_block(rows, self._block_rows):
            if block not in self._opened:  # an index is read once, be single samples wanted again and again
                self._opened[block] = self._in_shard(block)
            found.append(self._opened[block].read(own, layer, self._chunk_rows, width))
        return np.concatenate(found)

    def _in_shard(self, block: int) -> InShard:
        assert self._files is not None
        return InShard(self._files, self._key(block), self._block_rows // self._chunk_rows, self._n_layers)

    def _key(self, block: int) -> str:
        return "/".join([self.name, "c", str(block), *["0"] * (self._array.ndim - 1)])

    def shard(self, block: int, *, whole: bool = False) -> Shard:
        """A block, to be opened with `with`; `whole` where all of it will be read in this pass."""
        if self._files is None or self._opener is None:
            return ZarrShard(self._array, block * self._block_rows)
        key = self._key(block)
        shape = (self._block_rows // self._chunk_rows, self._n_layers)
        chunk_bytes = self._chunk_rows * self._array.shape[-1] * self._array.dtype.itemsize + 4
        return RawShard(self._opener, key, str(self._files.path / key), shape, chunk_bytes, whole=whole)


def _raw_files(array: zarr.Array[Any], block_rows: int, chunk_rows: int) -> Files | None:
    """The files of an array whose shards can be read directly, else None."""
    metadata = array.metadata.to_dict()
    if not hasattr(os, "preadv"):
        return None
    codecs: Any = metadata["codecs"]
    if [codec["name"] for codec in codecs] != ["sharding_indexed"]:
        return None
    sharding = codecs[0]["configuration"]
    grid: Any = metadata["chunk_grid"]
    expected_shard = (block_rows, *array.shape[1:])
    expected_chunk = (chunk_rows, *([1] if array.ndim == 3 else []), array.shape[-1])
    raw = (
        [codec["name"] for codec in sharding["codecs"]] == _RAW_CODECS
        and [codec["name"] for codec in sharding["index_codecs"]] == _RAW_CODECS
        and all(c["configuration"]["endian"] == "little" for c in (sharding["codecs"][0], sharding["index_codecs"][0]))
        and str(getattr(sharding["index_location"], "value", sharding["index_location"])) == "end"
        and tuple(sharding["chunk_shape"]) == expected_chunk
        and tuple(grid["configuration"]["chunk_shape"]) == expected_shard
    )
    return files_of(array.store_path.store) if raw else None
