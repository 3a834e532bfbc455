"""Orders in which rows are taken, and how many rows an amount takes of one."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nait_widgets.selection import arithmetic

if TYPE_CHECKING:
    import numpy.typing as npt

    from nait_widgets.selection.wish import Wish

    Rows = npt.NDArray[np.integer]
    Scores = npt.NDArray[np.float64]

NEVER = np.iinfo(np.int32).max  # from which amount on a row is chosen that never is


@dataclass(frozen=True, eq=False, slots=True)
class Queue:
    """Candidates in the order in which a wish takes them.

    Attributes:
        rows: Best first: (m,).
        column: What they stand in the order of, for every row: (sample,); None for turns and random rows.
        sign: -1 where the lowest come first.
        share: How much is taken of it, of what is asked for.
        direction: Whose own order it is; None where it isn't one direction's.
    """

    rows: Rows
    column: Scores | None = None
    sign: float = 1.0
    share: float = 1.0
    direction: int | None = None

    def taken(self, wish: Wish, valid: int) -> int:
        """How many of its rows a wish takes, where a fraction is of `valid` rows."""
        if wish.threshold is not None:
            return self.beyond(wish.threshold)
        count = wish.k if wish.fraction is None else arithmetic.size(wish.fraction, valid)
        assert count is not None
        return self.first(count)

    def first(self, count: int) -> int:
        """How many of its rows are taken where so many are asked for."""
        return min(len(self.rows), arithmetic.share(count, self.share))

    @property
    def entering(self) -> npt.NDArray[np.int32]:
        """The least number of rows to ask for so that each of its rows is taken: (m,)."""
        rank = np.arange(1, len(self.rows) + 1)
        if self.share == 1.0:
            return np.asarray(rank, np.int32)
        counts = np.maximum(1, np.ceil((rank - 0.5) / self.share))
        counts += np.floor(counts * self.share + 0.5) < rank  # what was rounded away
        counts -= (counts > 1) & (np.floor((counts - 1) * self.share + 0.5) >= rank)
        counts[:1] = 1  # at least one is taken, whatever its share
        return np.asarray(np.minimum(counts, NEVER - 1), np.int32)

    def beyond(self, threshold: float) -> int:
        """How many of its rows score at least a threshold, or where the lowest come first at most."""
        column, limit = self.column, self.sign * threshold
        assert column is not None
        return bisect_left(self.rows, True, key=lambda row: bool(self.sign * column[row] < limit))


def ranks(order: Rows, n: int) -> npt.NDArray[np.int32]:
    """Each row's place in an order, from 1, and 0 for one that isn't in it: (n,)."""
    places = np.zeros(n, np.int32)
    places[order] = np.arange(1, len(order) + 1, dtype=np.int32)
    return places
