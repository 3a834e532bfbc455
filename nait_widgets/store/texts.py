"""Reads the texts that a store keeps of its samples."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from nait_widgets.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from nait_widgets.store.store import ActivationStore


def originals(store: ActivationStore, rows: Sequence[int] | npt.NDArray[np.int64]) -> Iterator[dict[str, Any]]:
    """The source's rows, unchanged; see `ActivationStore.originals`."""
    for value in texts(store, "original", rows):
        yield json.loads(value)


def texts(store: ActivationStore, name: str, rows: Sequence[int] | npt.NDArray[np.int64]) -> Iterator[str]:
    """The prompt, response or original (JSON) of some samples, in the order asked for.

    Raises:
        StoreError: The store was captured without text.
    """
    if not store.layout.text:
        raise StoreError(f"{store.path} was captured without text")
    array, rows = store.array(f"text/{name}"), np.asarray(rows, np.int64)
    unit = _rows_at_once(rows, array.chunks[0], store.layout.block_rows)
    start, values = -1, np.empty(0, object)
    for row in rows.tolist():
        if row // unit * unit != start:
            start = row // unit * unit
            values = np.asarray(array[start : start + unit])
        yield str(values[row - start])


def _rows_at_once(rows: npt.NDArray[np.int64], chunk: int, block: int) -> int:
    """Whether some rows of a sharded array are cheaper by the chunk or by the block, which costs about four chunks."""
    by_chunk, by_block = (1 + np.count_nonzero(np.diff(rows // unit)) for unit in (chunk, block))
    return block if 4 * by_block <= by_chunk else chunk
