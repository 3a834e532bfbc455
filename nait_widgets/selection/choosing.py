"""Which rows a wish chooses by their scores; the Curator's page computes the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nait_widgets.selection import arithmetic

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from nait_widgets.selection.wish import Adjust, Wish

    Mask = npt.NDArray[np.bool_]


class Choice(NamedTuple):
    """Rows chosen by their scores.

    Attributes:
        rows: Best first: (k,).
        scores: What each was chosen by (its score, its highest or merged z-score), adjusted as was asked: (k,).
        parts: Each direction's part in it: under `mean-z` and `max` its z-score; else its rank from 1, and 0 where it
            had no part: (k, direction).
    """

    rows: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float64]
    parts: npt.NDArray[np.float64]


def adjusted(values: npt.NDArray[np.float64], lengths: npt.NDArray[np.integer], how: Adjust) -> npt.NDArray[np.float64]:
    """Scores as rows are chosen by them: (sample, direction).

    Args:
        values: Scores (sample, direction).
        lengths: Tokens of each sample: (sample,).
        how: See `Wish`.
    """
    if how == "none":
        return values
    adjust = arithmetic.length_residual if how == "length-residual" else arithmetic.length_strata
    return np.column_stack([adjust(column, lengths) for column in values.T])


def choose(
    values: npt.NDArray[np.float64],
    lengths: npt.NDArray[np.integer],
    names: Sequence[str],
    wish: Wish,
    candidates: Mask | None = None,
    pinned: npt.NDArray[np.int64] | None = None,
) -> Choice:
    """Choose rows by their scores alone; the ids and filters of the wish are the caller's business.

    Args:
        values: Scores (sample, direction); a row that may not be selected is NaN throughout.
        lengths: Tokens of each sample, for a wish that adjusts scores by them: (sample,).
        names: Of the directions.
        wish: What is asked for.
        candidates: Rows that may be chosen, (sample,); all where None. Those left out still count in z-scores.
        pinned: Rows that are chosen at any rate.
    """
    values = adjusted(values, lengths, wish.adjust)
    n, n_directions = values.shape
    weights = wish.weights_of(names)
    active = [i for i, weight in enumerate(weights) if weight > 0]
    scored = np.logical_not(np.isnan(values).all(axis=1))
    valid = scored if candidates is None else scored & candidates
    count = wish.k if wish.fraction is None else arithmetic.size(wish.fraction, int(np.count_nonzero(valid)))
    z = values[:, active] if len(active) == 1 else arithmetic.z_scores(values[:, active])
    z = np.where(scored[:, None], z, np.nan)
    sign = -1.0 if wish.end == "bottom" else 1.0
    shared = [weights[i] for i in active]
    parts = np.zeros((n, n_directions))

    def cut(column: npt.NDArray[np.float64], count: int | None) -> npt.NDArray[np.int64]:
        column = np.where(valid, sign * column, np.nan)
        if wish.threshold is None:
            return arithmetic.top(column, count)
        return arithmetic.above(column, sign * wish.threshold)

    merged = len(active) > 1 and wish.merge in ("mean-z", "max") and wish.end != "random"
    if merged and wish.merge == "mean-z":
        chosen_by = arithmetic.weighted_mean(z, shared)
    else:
        chosen_by = (z * shared if merged else z).max(axis=1)
    if wish.end == "random":
        rows = arithmetic.top(np.where(valid, arithmetic.uniform(wish.seed, n), np.nan), count)
    elif merged:
        rows = cut(chosen_by, count)
        parts[:, active] = np.where(valid[:, None], z, 0)
    elif len(active) > 1 and wish.merge == "round-robin":
        assert count is not None
        orders = [cut(values[:, i], None) for i in active]
        rows = arithmetic.round_robin(orders, shared, count)
        _rank(parts, active, orders)
    else:
        counts = [None] * len(active) if count is None else arithmetic.shares(count, shared)
        own = [cut(values[:, i], share) for i, share in zip(active, counts, strict=True)]
        rows = arithmetic.union(own, n)
        _rank(parts, active, own)
    if pinned is not None and len(pinned):
        beyond = np.setdiff1d(pinned, rows)
        parts[beyond] = 0
        rows = np.concatenate([rows, beyond])
    return Choice(rows, chosen_by[rows], parts[rows])


def _rank(parts: npt.NDArray[np.float64], active: list[int], orders: list[npt.NDArray[np.int64]]) -> None:
    """Write each direction's ranks of the rows in its order, from 1."""
    for i, order in zip(active, orders, strict=True):
        parts[order, i] = np.arange(1, len(order) + 1)
