"""Which rows are chosen: the arithmetic, defined once.

`js/` computes the same selection in the browser; the golden vectors in `tests/golden/` hold both sides to it.
Everywhere: NaN is never chosen, and ties go to the row that comes first.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from nait_widgets.methods.baselines import STRATA, length_tenths

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    Scores = npt.NDArray[np.floating]
    Rows = npt.NDArray[np.int64]
    Order = npt.NDArray[np.integer]
    Lengths = npt.NDArray[np.integer]


STRETCH = 16_384  # turns that are taken, and rows that are looked at, at a time


def size(fraction: float, n_valid: int) -> int:
    """Rows in a fraction: max(1, floor(fraction·n_valid + 0.5)), and 0 where nothing is valid."""
    return min(n_valid, max(1, int(np.floor(fraction * n_valid + 0.5))))


def top(scores: Scores, k: int | None = None) -> Rows:
    """The rows of the k highest scores, best first; all valid ones where k is None.

    Args:
        scores: (sample,).
        k: How many; fewer are returned where fewer are valid.
    """
    valid = np.flatnonzero(~np.isnan(scores))
    if k is not None and 0 < k < len(valid):  # sorting all of ten million takes seconds, parting them a tenth of one
        lowest = np.partition(scores[valid], len(valid) - k)[len(valid) - k]
        valid = valid[scores[valid] >= lowest]
    return valid[_descending(scores[valid])][:k]


def above(scores: Scores, threshold: float) -> Rows:
    """The rows that score at least the threshold, best first."""
    return top(np.where(scores >= threshold, scores, np.nan))


def share(count: int, of_heaviest: float) -> int:
    """How many rows a direction takes of its own under `union` where the heaviest takes `count`: in proportion."""
    return max(1, int(np.floor(count * of_heaviest + 0.5))) if count else 0


def union(chosen: Sequence[Order], n: int) -> Rows:
    """Rows that any direction chose, by their best rank; ties by row.

    Args:
        chosen: Each direction's rows, best first.
        n: Rows in all.
    """
    best = np.full(n, np.iinfo(np.int64).max)
    for rows in chosen:
        best[rows] = np.minimum(best[rows], np.arange(len(rows)))
    taken = np.flatnonzero(best < np.iinfo(np.int64).max)
    return taken[np.argsort(best[taken], kind="stable")]


def round_robin(orders: Sequence[Order], weights: Sequence[float], k: int) -> Rows:
    """K rows by turns: each direction takes its best row that isn't taken yet.

    The turn is whose share is furthest behind: the least (rows taken + 1) / weight, ties to the first direction; with
    equal weights one after the other.
    """
    left = bytearray(b"\1") * max((1 + int(order.max(initial=-1)) for order in orders), default=0)
    queues = [_waiting(order, left) for order in orders]
    going, turns = list(range(len(orders))), np.zeros(len(orders), np.int64)
    taken = np.empty(min(k, sum(map(len, orders))), np.int64)
    n = 0
    while n < len(taken) and going:
        whose = _turns(turns, weights, going, min(STRETCH, len(taken) - n))
        rows = []
        for turn in whose.tolist():
            for row in queues[turn]:
                if left[row]:
                    left[row] = 0
                    rows.append(row)
                    break
            else:
                going.remove(turn)  # the others' turns are other ones from here on
                break
        taken[n : n + len(rows)] = rows
        turns += np.bincount(whose[: len(rows)], minlength=len(turns))
        n += len(rows)
    return taken[:n]


def _turns(turns: Rows, weights: Sequence[float], going: list[int], n: int) -> Rows:
    """Whose the next turns are, after so many of each, as long as all of those that are going have rows."""
    with np.errstate(over="ignore"):  # shares by the least of weights are infinite, as Python has them
        shares = (turns[going, None] + np.arange(1, n + 1)) / np.array(weights)[going, None]
    return np.array(going)[np.argsort(shares, axis=None, kind="stable")[:n] // n]


def _waiting(order: Order, left: bytearray) -> Iterator[int]:
    """The rows of an order that are left, as Python has numbers, which are many times larger: a stretch at a time."""
    is_left = np.frombuffer(left, np.bool_)
    stretches = (order[start : start + STRETCH] for start in range(0, len(order), STRETCH))
    return chain.from_iterable(rows[is_left[rows]].tolist() for rows in stretches)


def z_scores(scores: Scores) -> npt.NDArray[np.float64]:
    """Each column standardised over its valid rows; a column without spread is 0: (sample, direction).

    Sums run in row order, as a loop does: both languages then round alike, to the last bit.
    """
    valid = ~np.isnan(scores)
    n = np.maximum(1, valid.sum(axis=0))
    centred = scores - _sum(np.where(valid, scores, 0)) / n
    std = np.sqrt(_sum(np.where(valid, np.square(centred), 0)) / n)
    z: npt.NDArray[np.float64] = centred / np.where(std > 0, std, np.inf)
    return z


def weighted_mean(z: Scores, weights: Sequence[float]) -> npt.NDArray[np.float64]:
    """Mean over the directions, summed in their order: (sample,)."""
    total = np.zeros(len(z))
    for column, weight in enumerate(weights):
        total += weight * z[:, column]
    return total / sum(weights)


def length_residual(scores: Scores, lengths: Lengths) -> npt.NDArray[np.float64]:
    """Scores without what the rank of the length explains by a straight line: (sample,).

    s' = s - slope·(r - m), with r the length's rank from 1 among the n rows of finite score, ties at their mean rank,
    m = (n + 1)/2, s̄ the mean score, and slope = Σ(r - m)(s - s̄) / Σ(r - m)². Sums run in row order. Infinite scores
    stay as they are, and where the slope isn't finite, as among rows of one length, all do.

    Args:
        scores: (sample,).
        lengths: Tokens of each, (sample,).
    """
    fitted = np.flatnonzero(np.isfinite(scores))
    n = len(fitted)
    _, kind, counts = np.unique(lengths[fitted], return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[kind] - (n + 1) / 2
    residual = np.array(scores, np.float64)
    with np.errstate(all="ignore"):
        centred = residual[fitted] - _sum(residual[fitted]) / n
        slope = _sum(ranks * centred) / _sum(ranks * ranks)
        if np.isfinite(slope):
            residual[fitted] -= slope * ranks
    return residual


def length_strata(scores: Scores, lengths: Lengths) -> npt.NDArray[np.float64]:
    """Each row's place among those of about its length, near 1 for the highest and near 0 for the lowest: (sample,).

    Of the m rows of one of the strata of `length_tenths`, the one at position q, from 0, highest first, gets
    1 - (q + ½)/m.

    Args:
        scores: (sample,).
        lengths: Tokens of each, (sample,).
    """
    tenth = length_tenths(lengths, ~np.isnan(scores))
    places = np.full(len(scores), np.nan)
    order = top(scores)
    for each in range(STRATA):
        own = order[tenth[order] == each]
        places[own] = 1 - (np.arange(len(own)) + 0.5) / len(own)
    return places


def uniform(seed: int, n: int) -> npt.NDArray[np.float64]:
    """A number in [0, 1) for each row, the same in every language (the integer hash `lowbias32` of C. Wellons)."""
    key = _hashed(np.array([seed], np.uint32))
    return _hashed(np.arange(n, dtype=np.uint32) ^ key) / 2.0**32


def _hashed(x: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        x = np.multiply(x ^ np.right_shift(x, shift), factor, dtype=np.uint32)
    return np.bitwise_xor(x, np.right_shift(x, 16), dtype=np.uint32)


def _descending(numbers: Scores) -> Rows:
    """The places of some numbers, the highest first, ties in order: what a stable sort gives in half its time."""
    order = np.argsort(-numbers)  # with the processor's own instructions, which keep no order among ties
    ordered = numbers[order]
    tied = np.flatnonzero(ordered[1:] == ordered[:-1])
    if len(tied) > len(numbers) // 8:
        return np.argsort(-numbers, kind="stable")
    if len(tied):
        places = np.union1d(tied, tied + 1)
        order[places] = order[places][np.lexsort((order[places], -ordered[places]))]
    return order


def _sum(values: Scores) -> npt.NDArray[np.float64]:
    return np.cumsum(values, axis=0)[-1] if len(values) else np.zeros(values.shape[1:])
