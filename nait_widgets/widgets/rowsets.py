"""How the lasso, the pins and the exclusions travel between page and kernel: sets of rows as bits, or as lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Rows = npt.NDArray[np.int64]


def pack(sets: Sequence[Rows], n: int) -> bytes:
    """Bitsets of n rows one after the other, the lowest bit first; nothing at all where every set is empty."""
    if not any(len(rows) for rows in sets):
        return b""
    masks = np.zeros((len(sets), n), np.bool_)
    for mask, rows in zip(masks, sets, strict=True):
        mask[rows] = True
    return np.packbits(masks, axis=1, bitorder="little").tobytes()


def unpack(data: bytes, count: int, n: int) -> list[Rows]:
    """The sets that `pack` packed, each ascending.

    Raises:
        ValueError: The bytes are not of so many sets of n rows.
    """
    if not data:
        return [np.empty(0, np.int64)] * count
    bits = np.frombuffer(data, np.uint8).reshape(count, -(-n // 8))
    return [np.flatnonzero(mask) for mask in np.unpackbits(bits, axis=1, count=n, bitorder="little")]


def listed(sets: Sequence[Rows]) -> bytes:
    """How many rows each set has, then all rows, as little-endian 32-bit integers; nothing where every set is empty.

    For pools so large that a bit a row would be much, and of which people pick few rows by hand.
    """
    if not any(len(rows) for rows in sets):
        return b""
    return np.concatenate([[len(rows) for rows in sets], *map(np.sort, sets)]).astype("<i4").tobytes()


def unlisted(data: bytes, count: int) -> list[Rows]:
    """The sets that `listed` wrote, each ascending."""
    if not data:
        return [np.empty(0, np.int64)] * count
    numbers = np.frombuffer(data, "<i4").astype(np.int64)
    return np.split(numbers[count:], np.cumsum(numbers[:count])[:-1])
