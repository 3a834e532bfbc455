"""Reads the chunks of an activation array at the speed of the disk.

zarr-python reads a sharded array several times slower than the file can be read. The format of a shard is public
(chunk bytes, then an index of offsets and lengths with its CRC-32C), so a local, uncompressed array is read here
directly, each checksum verified; anything else goes through zarr-python behind the same interface.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Protocol

import google_crc32c
import numpy as np

from nait_widgets.errors import StoreError
from nait_widgets.store.files import Files, files_of
from nait_widgets.store.records import InShard, by_block

if TYPE_CHECKING:
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

    def __enter__(self) -> Shard: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class RawShard:
    """A shard read directly, from a file of its own or from inside an archive."""

    def __init__(self, files: Files, key: str, row_chunks: int, n_layers: int) -> None:
        self._files, self._key, self._shape = files, key, (row_chunks, n_layers, 2)

    def __enter__(self) -> RawShard:
        try:
            if (place := self._files.place(self._key)) is None:
                raise FileNotFoundError
            self._file = os.open(place.file, os.O_RDONLY)
        except FileNotFoundError as error:
            raise StoreError(f"shard {self._files.path / self._key} is missing; capture its rows again") from error
        self._offset, self._length = place.offset, place.length
        self._index = self._read_index()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._file)

    def read(self, row_chunk: int, layer: int, scratch: Scratch) -> npt.NDArray[np.float32]:
        """One chunk as float32 (chunk rows, neuron), its checksum verified."""
        if (offset := int(self._index[row_chunk, layer, 0])) == _MISSING:
            scratch.float32.fill(np.nan)
            return scratch.float32
        if int(self._index[row_chunk, layer, 1]) != len(scratch.raw):
            raise self._damaged(f"chunk ({row_chunk}, {layer}) has an impossible length")
        inside = offset + len(scratch.raw) <= self._length
        if not inside or os.preadv(self._file, [scratch.raw], self._offset + offset) != len(scratch.raw):
            raise self._damaged("it ends before its chunks do")
        if google_crc32c.value(scratch.bytes[:-4]) != int.from_bytes(scratch.raw[-4:], "little"):
            raise self._damaged(f"the checksum of chunk ({row_chunk}, {layer}) doesn't match its bytes")
        return scratch.widen()

    def _read_index(self) -> npt.NDArray[np.uint64]:
        length = 8 * int(np.prod(self._shape))
        tail = os.pread(self._file, length + 4, self._offset + max(0, self._length - length - 4))
        if len(tail) != length + 4 or google_crc32c.value(tail[:-4]) != int.from_bytes(tail[-4:], "little"):
            os.close(self._file)
            raise self._damaged("the checksum of its index doesn't match")
        return np.frombuffer(tail[:-4], "<u8").reshape(self._shape)

    def _damaged(self, what: str) -> StoreError:
        shard = self._files.path / self._key
        return StoreError(f"shard {shard} is damaged: {what}; run `nait verify` and capture its rows again")


class ZarrShard:
    """A block of an array that only zarr-python can read: compressed, remote, or unsharded."""

    def __init__(self, array: zarr.Array[Any], first_row: int) -> None:
        self._array, self._first_row = array, first_row

    def __enter__(self) -> ZarrShard:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

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
        self._opened: dict[int, InShard] = {}

    @property
    def direct(self) -> bool:
        """Whether the shards are read without zarr-python."""
        return self._files is not None

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
        key = "/".join([self.name, "c", str(block), *["0"] * (self._array.ndim - 1)])
        assert self._files is not None
        return InShard(self._files, key, self._block_rows // self._chunk_rows, self._n_layers)

    def shard(self, block: int) -> Shard:
        """A block, to be opened with `with`."""
        if self._files is None:
            return ZarrShard(self._array, block * self._block_rows)
        key = "/".join([self._array.path, "c", str(block), *["0"] * (self._array.ndim - 1)])
        return RawShard(self._files, key, self._block_rows // self._chunk_rows, self._n_layers)


def _raw_files(array: zarr.Array[Any], block_rows: int, chunk_rows: int) -> Files | None:
    """The local files of an array whose shards can be read directly, else None."""
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
