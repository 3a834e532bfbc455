"""What the figures of several seeds can tell about two subsets, or about three."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

CONFIDENCE = 0.95
MOST_FLIPS = 20  # seeds: a million sign patterns


@dataclass(frozen=True, slots=True)
class Paired:
    """The differences first − second of values that belong together, one pair a seed.

    Attributes:
        n: Number of pairs.
        mean: Of the differences.
        low: Lower end of the mean's 95 % interval, by Student's t; NaN for one pair.
        high: Upper end.
        p_t: Two-sided p of the paired t-test; NaN for one pair.
        p_flip: Two-sided p of the sign-flip permutation test, exact; NaN for more than 20 pairs.
        below: Pairs whose first value is the lower one.
        above: Pairs whose first value is the higher one.
    """

    n: int
    mean: float
    low: float
    high: float
    p_t: float
    p_flip: float
    below: int
    above: int


def paired(first: Sequence[float], second: Sequence[float]) -> Paired:
    """Compare two subsets by their values at the same seeds.

    The t-test takes the differences as normal. The permutation test takes them only as symmetric about zero where
    nothing differs: each could as well have had the other sign, and p is the share of all 2ⁿ patterns of signs whose
    sum is as far from zero as the one that was seen. It can't be below `smallest_p(n)`.
    """
    d = np.asarray(first, np.float64) - np.asarray(second, np.float64)
    n, mean = len(d), float(d.mean())
    low = high = p_t = math.nan
    if n > 1:
        error = float(d.std(ddof=1)) / math.sqrt(n)
        reach = t_quantile(CONFIDENCE, n - 1) * error
        low, high = mean - reach, mean + reach
        p_t = t_two_sided(mean / error, n - 1) if error else float(mean == 0)
    return Paired(n, mean, low, high, p_t, sign_flip(d), int(np.count_nonzero(d < 0)), int(np.count_nonzero(d > 0)))


def smallest_p(n: int) -> float:
    """The least two-sided p that n pairs can give in the permutation test: all differences of one sign."""
    return min(1.0, 2.0 ** (1 - n))


def sign_flip(differences: Floats) -> float:
    """Two-sided p of the exact sign-flip test; NaN for more than 20 differences."""
    n = len(differences)
    if n > MOST_FLIPS:
        return math.nan
    sums = np.zeros(1)
    for d in differences:
        sums = np.concatenate([sums + d, sums - d])
    size = np.abs(differences).sum()
    # Sums of the same numbers in another order differ in their last digits.
    return float(np.mean(np.abs(sums) >= abs(differences.sum()) - 1e-9 * size))


@dataclass(frozen=True, slots=True)
class Ordered:
    """Whether some subsets stand in an order, seed by seed.

    No p comes with it: where a subset is the same rows at every seed, seeds aren't independent draws of an order.

    Attributes:
        names: Of the subsets, best first.
        means: Whether their means stand in it.
        seeds: Seeds at which all of them do.
        n: Seeds in all.
    """

    names: tuple[str, ...]
    means: bool
    seeds: int
    n: int


def ordered(names: Sequence[str], values: Sequence[Sequence[float]]) -> Ordered:
    """Whether values rise from each subset to the next.

    Args:
        names: Of the subsets, lowest value first.
        values: Of each, one a seed: (subset, seed).
    """
    table = np.asarray(values, np.float64)
    seeds = int((np.diff(table, axis=0) > 0).all(axis=0).sum())
    rising = all(a < b for a, b in pairwise(table.mean(axis=1).tolist()))
    return Ordered(tuple(names), rising, seeds, table.shape[1])


def t_two_sided(t: float, freedom: int) -> float:
    """P(|T| ≥ |t|) of Student's distribution with f whole degrees of freedom, by its finite series.

    With θ = atan(t/√f), P(|T| < t) is (2/π)·(θ + sin θ·(cos θ + 2/3 cos³θ + …)) for odd f and
    sin θ·(1 + 1/2 cos²θ + 1·3/(2·4) cos⁴θ + …) for even f, each up to cos^(f−2) (Abramowitz and Stegun 26.7.3-4).
    Exact to about 1e-15, so smaller p come out as 0.
    """
    theta = math.atan(abs(t) / math.sqrt(freedom))
    odd = freedom % 2
    term = math.cos(theta) if odd else 1.0
    total = term if freedom > 1 else 0.0
    for power in range(2 + odd, freedom - 1, 2):
        term *= math.cos(theta) ** 2 * (power - 1) / power
        total += term
    inside = 2 / math.pi * (theta + math.sin(theta) * total) if odd else math.sin(theta) * total
    return max(0.0, 1 - inside)


def t_quantile(confidence: float, freedom: int) -> float:
    """The t with P(|T| < t) = confidence, by halving."""
    low, high = 0.0, 1.0
    while t_two_sided(high, freedom) > 1 - confidence:
        high *= 2
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if t_two_sided(middle, freedom) > 1 - confidence else (low, middle)
    return high
