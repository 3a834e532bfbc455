"""What selections and scores are measured by."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nait_widgets.selection import arithmetic
from nait_widgets.training.statistics import paired

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    Rows = npt.NDArray[np.int64]
    Mask = npt.NDArray[np.bool_]
    Floats = npt.NDArray[np.float64]

    from nait_widgets.training.statistics import Paired

NAMED = 5  # scorers in a sentence; more are counted


def top(scores: Floats, fraction: float) -> Rows:
    """The rows of the highest scores, best first; of those that have one."""
    return arithmetic.top(scores, arithmetic.size(fraction, int(np.count_nonzero(~np.isnan(scores)))))


def auc(above: Floats, below: Floats) -> float:
    """Chance that one of `above` scores higher than one of `below`, ties by halves."""
    above, below = above[~np.isnan(above)], np.sort(below[~np.isnan(below)])
    wins = np.searchsorted(below, above, "left") + np.searchsorted(below, above, "right")
    return float(wins.mean() / (2 * len(below)))


def jaccard(a: Rows, b: Rows) -> float:
    """Rows in both of those in either."""
    shared = len(np.intersect1d(a, b, assume_unique=True))
    return shared / (len(a) + len(b) - shared)


def kept(rows: Rows, mask: Mask) -> float:
    """Share of the masked rows that are among the chosen."""
    return float(mask[rows].sum() / mask.sum())


def chance(mask: Mask, valid: Mask, fraction: float) -> tuple[float, float]:
    """What a random selection keeps of the masked rows: the mean, and its standard deviation (hypergeometric)."""
    n, marked = int(valid.sum()), int((mask & valid).sum())
    share = arithmetic.size(fraction, n) / n
    return share, float(np.sqrt(share * (1 - share) / marked * (n - marked) / (n - 1)))


def side(pair: Paired) -> int:
    """Where a difference's 95 % interval lies: 1 above zero, −1 below, 0 where it holds zero or there is none."""
    return int(pair.low > 0) - int(pair.high < 0)


def told_apart(own: Sequence[float], others: Mapping[str, Sequence[float]]) -> dict[int, list[str]]:
    """Others by where they lie against one's own values, paired: below it under −1, above under 1, else under 0.

    Args:
        own: Values, one a capability or a world.
        others: Those of others, in the same order.
    """
    found: dict[int, list[str]] = {-1: [], 0: [], 1: []}
    for name, values in others.items():
        found[side(paired(values, own))].append(name)
    return found


def some(names: Sequence[str]) -> str:
    """Some scorers by their names, many by their number."""
    if len(names) <= NAMED:
        return ", ".join(f"*{name}*" for name in names)
    return f"*random* and {len(names) - 1} others" if "random" in names else f"{len(names)} others"
