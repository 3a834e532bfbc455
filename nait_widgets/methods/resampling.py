"""The in-domain samples drawn again: which of them each refit sees, so that a direction can tell how stable it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

Kind = Literal["half", "bootstrap", "first"]

SPLITS = 4  # each gives two halves
BOOTSTRAPS = 8
SIZES = (16, 64, 256, 1024)  # of the learning curve
FEWEST = 2  # samples that a direction can be fitted to


class Resample(NamedTuple):
    """One drawing of the in-domain samples.

    Attributes:
        kind: `half`, one of two disjoint halves; `bootstrap`, as many as there are, with replacement; `first`, the
            first so many of one random order, so that larger ones contain the smaller.
        draw: Which split or bootstrap, from 0; the two halves of a split share it.
        rows: Samples drawn.
    """

    kind: Kind
    draw: int
    rows: int


def resample(n: int, seed: int = 0) -> tuple[tuple[Resample, ...], npt.NDArray[np.float64]]:
    """Draw n samples again, the same way every time.

    Args:
        n: In-domain samples.
        seed: Of the random numbers.

    Returns:
        The drawings, and what share each sample has in each: (drawing, sample). Kinds for which there are too few
        samples are left out.
    """
    rng = np.random.default_rng(seed)
    drawn: list[tuple[Resample, npt.NDArray[np.int64]]] = []
    half = n // 2
    for split in range(SPLITS if half >= FEWEST else 0):
        order = rng.permutation(n)
        drawn += [(Resample("half", split, half), rows) for rows in (order[:half], order[half : 2 * half])]
    drawn += [(Resample("bootstrap", draw, n), rng.integers(n, size=n)) for draw in range(BOOTSTRAPS)]
    order = rng.permutation(n)
    drawn += [(Resample("first", draw, size), order[:size]) for draw, size in enumerate(SIZES) if size < n]
    shares = np.stack([np.bincount(rows, minlength=n) / len(rows) for _, rows in drawn])
    return tuple(which for which, _ in drawn), shares
