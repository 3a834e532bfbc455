"""The in-domain samples drawn again, and split in two: how stable is a direction, and are they of one kind?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

Kind = Literal["half", "bootstrap", "first"]

SPLITS = 4  # each gives two halves
BOOTSTRAPS = 8
SIZES = (16, 64, 256, 1024)  # of the learning curve
FEWEST = 2  # samples that a direction can be fitted to
MOST_LOOKED_AT = 1024  # samples whose differences, and whose own scores, are looked at one by one


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


def looked_at(n: int, seed: int = 0) -> npt.NDArray[np.int64]:
    """Which of n samples are looked at one by one, ascending: all, or `MOST_LOOKED_AT` at random."""
    if n <= MOST_LOOKED_AT:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).permutation(n)[:MOST_LOOKED_AT])


def two_groups(layers: Iterable[npt.NDArray[np.floating]]) -> npt.NDArray[np.bool_]:
    """Split samples where they differ most: by the sign of their first principal component over all layers at once.

    Random halves of a mixture of two domains agree with each other, each being the same mixture; these halves don't.

    Args:
        layers: Of each layer the samples' activations, (sample, neuron); every layer's variance counts the same.

    Returns:
        Which samples are in the first group, the larger one: (sample,). All are where no sample differs.
    """
    alike: npt.NDArray[np.float64] = np.zeros(1)
    for layer in layers:
        centred = np.asarray(layer, np.float64) - np.mean(layer, axis=0, dtype=np.float64)
        products = centred @ centred.T
        variance = np.trace(products)
        alike = alike + products / (variance if variance > 0 else 1)
    first = np.linalg.eigh(alike)[1][:, -1] > 0
    return first if 2 * np.count_nonzero(first) >= len(first) else ~first
