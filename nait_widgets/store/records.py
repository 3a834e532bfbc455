"""Bytes of single samples: read from among many without their neighbours, each with a checksum of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import google_crc32c
import numpy as np

from nait_widgets.errors import StoreError
from nait_widgets.store.files import Place, files_of
from nait_widgets.store.objects import Span
from nait_widgets.store.remote import Url

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import FileIO

    import numpy.typing as npt
    import zarr

    from nait_widgets.store.files import Files

    Bytes = npt.NDArray[np.uint8]

CHECKSUM = 4  # bytes


def checksums(rows: Bytes) -> npt.NDArray[np.uint32]:
    """CRC-32C of each row: (row,), of (row, byte)."""
    return np.array([google_crc32c.value(row.tobytes()) for row in rows], np.uint32)


def sealed(records: npt.NDArray[np.void]) -> Bytes:
    """Records as bytes, with the checksum of all before it in their last field: (row, byte)."""
    rows = np.ascontiguousarray(records).view(np.uint8).reshape(len(records), records.dtype.itemsize)
    rows[:, -CHECKSUM:] = checksums(rows[:, :-CHECKSUM])[:, None].view(np.uint8)
    return rows


def broken(rows: Bytes) -> npt.NDArray[np.int64]:
    """Which sealed records aren't as they were written."""
    kept = np.ascontiguousarray(rows[:, -CHECKSUM:]).view(np.uint32)[:, 0]
    return np.flatnonzero(checksums(rows[:, :-CHECKSUM]) != kept)


def gather(file: FileIO, offsets: npt.NDArray[np.int64], width: int) -> Bytes:
    """Pieces of a file, neighbours in one read: (piece, byte).

    Args:
        file: Opened without a buffer.
        offsets: Where they begin, ascending: (piece,).
        width: Bytes of each.

    Raises:
        EOFError: The file ends before one of them does.
    """
    out = np.empty((len(offsets), width), np.uint8)
    breaks = np.flatnonzero(np.diff(offsets) != width) + 1
    flat = out.reshape(-1)
    for start, stop in zip([0, *breaks], [*breaks, len(offsets)], strict=True):
        file.seek(int(offsets[start]))
        piece: Any = flat[start * width : stop * width]
        if file.readinto(piece) != len(piece):
            raise EOFError
    return out


class InShard:
    """Single samples inside a shard of activations, in chunks of one layer that aren't compressed.

    Args:
        files: Of the store.
        key: Of the shard.
        row_chunks: Chunks along its samples.
        n_layers: Chunks along its layers.

    Raises:
        StoreError: The shard is missing or damaged.
    """

    def __init__(self, files: Files, key: str, row_chunks: int, n_layers: int) -> None:
        place = files.place(key)
        if not isinstance(place, Place):
            raise StoreError(f"shard {files.path / key} is missing; capture its rows again")
        n_bytes = 16 * row_chunks * n_layers + CHECKSUM  # an offset and a length of each chunk
        tail = place.read(place.length - n_bytes, place.length)
        self._shard, self._place = files.path / key, place
        if len(tail) != n_bytes or google_crc32c.value(tail[:-4]) != int.from_bytes(tail[-4:], "little"):
            raise self._damaged("the checksum of its index doesn't match")
        self._offsets = np.frombuffer(tail[:-4], "<i8").reshape(row_chunks, n_layers, 2)[..., 0]

    def read(self, rows: npt.NDArray[np.int64], layer: int, chunk_rows: int, width: int) -> Bytes:
        """The bytes of samples by their places in the shard, ascending, which nothing here checks: (row, byte).

        Args:
            rows: Which.
            layer: Position of the layer.
            chunk_rows: Samples a chunk.
            width: Bytes of one.

        Raises:
            StoreError: The shard ends before.
        """
        offsets = self._offsets[rows // chunk_rows, layer]
        if (offsets < 0).any() or (offsets + chunk_rows * width > self._place.length).any():
            raise self._damaged("it ends before its chunks do, or lacks some")
        with self._place.file.open("rb", buffering=0) as file:
            return gather(file, self._place.offset + offsets + rows % chunk_rows * width, width)

    def _damaged(self, what: str) -> StoreError:
        return StoreError(f"shard {self._shard} is damaged: {what}; run `nait verify` and capture its rows again")


class Records:
    """An array of sealed records, (sample, byte), of which single samples are read.

    Args:
        array: One that `layout.records` has created, or any other of its shape.
        place: Where it is, for messages.
    """

    def __init__(self, array: zarr.Array[Any], place: str) -> None:
        codecs: Any = array.metadata.to_dict()["codecs"]
        raw = [codec["name"] for codec in codecs] == ["bytes", "crc32c"]
        self._array, self._place = array, place
        self._files = files_of(array.store_path.store) if raw else None

    @property
    def direct(self) -> bool:
        """Whether a sample is read without its neighbours."""
        return self._files is not None and not isinstance(self._files.path, Url)

    @property
    def width(self) -> int:
        """Bytes of a sample."""
        return int(self._array.shape[1])

    def read(self, rows: npt.NDArray[np.int64]) -> Bytes:
        """The records of some samples, ascending, their seals checked: (row, byte).

        Raises:
            StoreError: One is missing or not as it was written.
        """
        try:
            found = np.asarray(self._array.oindex[rows]) if self._files is None else self._gathered(self._files, rows)
        except (ValueError, RuntimeError, OSError, EOFError) as error:
            raise self._damaged(f"it can't be read ({error or 'it ends too early'})") from error
        for row in rows[broken(found)[:1]].tolist():
            raise self._damaged(f"the checksum of row {row:,} doesn't match its bytes")
        return found

    def _gathered(self, files: Files, rows: npt.NDArray[np.int64]) -> Bytes:
        found, block_rows = [np.empty((0, self.width), np.uint8)], self._array.chunks[0]
        for block, own in by_block(rows, block_rows):
            place = files.place(f"{self._array.path}/c/{block}/0")
            if place is None:
                raise FileNotFoundError(f"block {block} is missing")
            if isinstance(place, Span):
                found.append(self._between(place, own))
                continue
            with place.file.open("rb", buffering=0) as file:
                found.append(gather(file, place.offset + own * self.width, self.width))
        return np.concatenate(found)

    def _between(self, span: Span, rows: npt.NDArray[np.int64]) -> Bytes:
        """Records of one block over a network, where a request costs more than the rows between them."""
        first, stop = int(rows[0]), int(rows[-1]) + 1
        data = span.read(first * self.width, stop * self.width)
        if len(data) != (stop - first) * self.width:
            raise EOFError
        return np.frombuffer(data, np.uint8).reshape(-1, self.width)[rows - first]

    def _damaged(self, what: str) -> StoreError:
        return StoreError(f"{self._place} is damaged: {what}; make the fingerprint again")


def by_block(rows: npt.NDArray[np.int64], block_rows: int) -> Iterator[tuple[int, npt.NDArray[np.int64]]]:
    """Some rows, ascending, block by block: which, and where in it they are."""
    block = rows // block_rows
    for own in np.split(rows, np.flatnonzero(np.diff(block)) + 1) if len(rows) else []:
        yield int(own[0] // block_rows), own % block_rows
