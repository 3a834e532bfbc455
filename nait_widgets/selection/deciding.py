"""Which rows are the k highest, where scores are only known to lie within bounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Mask = npt.NDArray[np.bool_]


@dataclass(slots=True)
class Known:
    """What is known of every row's score.

    Attributes:
        told: What it is told to be: (row,).
        error: How far it can be off: (row,).
    """

    told: Floats
    error: Floats

    def undecided(self, k: int) -> Mask:
        """Rows that neither are among the k highest for certain, nor for certain are not: (row,).

        Where there are none, the k highest of what is told are those of the scores.
        """
        lower, upper = self.told - self.error, self.told + self.error
        undecided: Mask = (lower <= _nth(upper, k + 1)) & (upper >= _nth(lower, k))
        return undecided

    def at_the_cut(self, k: int) -> Mask:
        """Rows that nothing but reading can decide, while the cut stays where it is told to be so far: (row,)."""
        cut = (_nth(self.told, k) + _nth(self.told, k + 1)) / 2
        at_the_cut: Mask = np.abs(self.told - cut) <= self.error
        return at_the_cut

    def to_read(self, k: int, readable: Mask) -> npt.NDArray[np.int64]:
        """Rows of which more is to be read next, ascending; none where the k highest are certain.

        Args:
            k: How many.
            readable: Of which rows there is more to read: (row,).
        """
        undecided = self.undecided(k) & readable
        now = undecided & self.at_the_cut(k)
        return np.flatnonzero(now if now.any() else undecided)


def _nth(values: Floats, n: int) -> float:
    """The n-th highest; below all where there are fewer."""
    return float(np.partition(values, -n)[-n]) if n <= len(values) else -np.inf
