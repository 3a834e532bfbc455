"""Exact selection from scores that are only known to lie within bounds: what has to be read of which sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Mask = npt.NDArray[np.bool_]


@dataclass(slots=True)
class Known:
    """What is known of every sample's score.

    Attributes:
        lower, upper: Between what it lies: (sample,).
        told: What is made of that: (sample,).
    """

    lower: Floats
    upper: Floats
    told: Floats

    @classmethod
    def within(cls, told: Floats, bound: Floats) -> Known:
        """Of scores that are off by no more than a bound."""
        return cls(told - bound, told + bound, told.copy())

    def undecided(self, k: int) -> Mask:
        """Samples that neither are among the k highest for certain, nor for certain are not: (sample,)."""
        undecided: Mask = (self.lower <= _nth(self.upper, k + 1)) & (self.upper >= _nth(self.lower, k))
        return undecided

    def at_the_cut(self, k: int) -> Mask:
        """Samples that nothing but reading can decide while the cut stays where it is told so far: (sample,)."""
        cut = (_nth(self.told, k) + _nth(self.told, k + 1)) / 2
        at_the_cut: Mask = (self.lower <= cut) & (self.upper >= cut)
        return at_the_cut

    def highest(self, k: int) -> npt.NDArray[np.int64]:
        """The k highest, best first, as far as is told."""
        return np.argsort(-self.told, kind="stable")[:k]


def depths(levels: Sequence[tuple[Floats, Floats]], exact: Floats, k: int) -> npt.NDArray[np.int64]:
    """How deep each sample is read until it is certain which the k highest are.

    In rounds: each reads the next level of the undecided samples at the cut; where none of these is left, of all that
    are undecided.

    Args:
        levels: What the samples' scores are told to be, and how far off they can be, after each level, which for the
            first is read of all: (sample,) each.
        exact: The scores, which lie behind the last level: (sample,).
        k: How many.

    Returns:
        The last level that is read of each, `len(levels)` where it is the exact score: (sample,).
    """
    known, depth = Known.within(*levels[0]), np.zeros(len(exact), np.int64)
    while (undecided := known.undecided(k) & (depth < len(levels))).any():
        now = undecided & known.at_the_cut(k)
        now = now if now.any() else undecided
        depth[now] += 1
        for level in np.unique(depth[now]):
            rows = now & (depth == level)
            told, bound = levels[level] if level < len(levels) else (exact, np.zeros(len(exact)))
            known.told[rows] = told[rows]
            known.lower[rows], known.upper[rows] = (told - bound)[rows], (told + bound)[rows]
    right = Known.within(exact, np.zeros(len(exact))).highest(k)
    assert set(known.highest(k)) == set(right), "another selection"
    return depth


def _nth(values: Floats, n: int) -> float:
    """The n-th highest; below all where there are fewer."""
    return float(np.partition(values, -n)[-n]) if n <= len(values) else -np.inf
