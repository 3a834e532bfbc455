"""Rows by the ids of their samples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

_AT_ONCE = 1 << 16  # ids that are Python's strings at a time


class Ids:
    """The rows of ids, in 16 bytes a row, where a dictionary of ten million takes 150.

    Attributes:
        ids: Of all samples, in row order.
    """

    def __init__(self, ids: npt.NDArray[Any]) -> None:
        self.ids = ids
        parts = (ids[start : start + _AT_ONCE].tolist() for start in range(0, len(ids), _AT_ONCE))
        hashes = np.concatenate([_hashes(part) for part in parts]) if len(ids) else np.empty(0, np.int64)
        self._order = np.argsort(hashes, kind="stable")
        self._sorted = hashes[self._order]

    def rows(self, wanted: Sequence[str]) -> npt.NDArray[np.int64]:
        """The first row of each, −1 where no sample has that id: (id,)."""
        if not (len(wanted) and len(self.ids)):
            return np.full(len(wanted), -1)
        firsts = np.searchsorted(self._sorted, _hashes(wanted))
        rows = self._order[np.minimum(firsts, len(self._order) - 1)]
        for i in np.flatnonzero(self.ids[rows] != np.array(wanted, object)).tolist():
            rows[i] = self._find(wanted[i], int(firsts[i]))
        return rows

    def _find(self, wanted: str, first: int) -> int:
        """Among those of one hash, which two ids may share."""
        for row in self._order[first : np.searchsorted(self._sorted, hash(wanted), "right")].tolist():
            if self.ids[row] == wanted:
                return int(row)
        return -1

    @property
    def repeated(self) -> npt.NDArray[np.int64]:
        """Rows whose id an earlier row has too, ascending."""
        alike = np.flatnonzero(np.diff(self._sorted, append=self._sorted[-1:] + 1) == 0)
        suspects = np.unique(self._order[np.concatenate([alike, alike + 1])]) if len(alike) else alike
        return np.array([row for row in suspects.tolist() if self.rows([self.ids[row]])[0] < row], np.int64)


def _hashes(ids: Sequence[str]) -> npt.NDArray[np.int64]:
    return np.fromiter(map(hash, ids), np.int64, len(ids))
