"""Which rows a wish chooses by their scores; the Curator's page computes the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nait_widgets.selection import arithmetic
from nait_widgets.selection.latest import Latest
from nait_widgets.selection.queues import Queue, ranks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from nait_widgets.selection.wish import Adjust, Wish

    Mask = npt.NDArray[np.bool_]
    Rows = npt.NDArray[np.integer]
    Scores = npt.NDArray[np.float64]


class Choice(NamedTuple):
    """Rows chosen by their scores.

    Attributes:
        rows: Best first: (k,).
        scores: What each was chosen by (its score, its highest or merged z-score), adjusted as was asked: (k,).
        parts: Each direction's part in it: under `mean-z` and `max` its z-score; else its rank from 1, and 0 where it
            had no part: (k, direction).
    """

    rows: npt.NDArray[np.int64]
    scores: Scores
    parts: Scores


def adjusted(values: Scores, lengths: Rows, how: Adjust) -> Scores:
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
    values: Scores,
    lengths: Rows,
    names: Sequence[str],
    wish: Wish,
    candidates: Mask | None = None,
    pinned: Rows | None = None,
) -> Choice:
    """Choose once, see `Chooser`."""
    return Chooser(values, lengths, names).choose(wish, candidates, pinned)


class Chooser:
    """Chooses among the rows of one pool; what was sorted for one wish serves the next.

    Args:
        values: Scores (sample, direction); a row that may not be selected is NaN throughout.
        lengths: Tokens of each sample, for a wish that adjusts scores by them: (sample,).
        names: Of the directions.

    Attributes:
        scored: Which rows have a score: (sample,).
    """

    def __init__(self, values: Scores, lengths: Rows, names: Sequence[str]) -> None:
        self._values, self._lengths, self._names = values, lengths, names
        self.scored: Mask = np.logical_not(np.isnan(values).all(axis=1))
        self._latest = Latest()

    def choose(self, wish: Wish, candidates: Mask | None = None, pinned: Rows | None = None) -> Choice:
        """Choose rows by their scores alone; the ids and filters of the wish are the caller's business.

        Args:
            wish: What is asked for.
            candidates: Rows that may be chosen, (sample,); all where None. Those left out still count in z-scores.
            pinned: Rows that are chosen at any rate.
        """
        n, n_directions = self._values.shape
        valid = self.scored if candidates is None else self.scored & candidates
        n_valid = int(np.count_nonzero(valid))
        count = wish.k if wish.fraction is None else arithmetic.size(wish.fraction, n_valid)
        queues = self.queues(wish, valid, count)
        own = [queue.rows[: queue.taken(wish, n_valid)] for queue in queues]
        rows = own[0].astype(np.int64) if len(own) == 1 else arithmetic.union(own, n)
        parts = np.zeros((len(rows), n_directions))
        active = self.active(wish)
        if self.is_merged(wish):
            parts[:, active] = self._standard(wish)[rows]
        elif wish.end != "random":
            turns = len(active) > 1 and wish.merge == "round-robin"
            for i, order in zip(active, [q.rows for q in self._own(wish, valid)] if turns else own, strict=True):
                parts[:, i] = ranks(order, n)[rows]
        if pinned is not None:
            left = np.ones(n, np.bool_)
            left[rows] = False
            beyond = np.unique(pinned[left[pinned]])
            parts = np.concatenate([parts, np.zeros((len(beyond), n_directions))])
            rows = np.concatenate([rows, beyond])
        return Choice(rows, self.chosen_by(wish)[rows], parts)

    def queues(self, wish: Wish, valid: Mask, turns: int | None = None) -> list[Queue]:
        """What a wish takes its rows from: from several queues, the rows that any of them gives.

        Args:
            wish: What is asked for, whatever the amount.
            valid: The candidates that have a score: (sample,).
            turns: How many turns are enough; None for as many as there are rows.
        """
        if wish.end == "random":
            order = self._order("random", wish.seed, lambda: np.where(self.scored, self._uniform(wish.seed), np.nan))
            return [Queue(self._sifted(order, valid))]
        if self.is_merged(wish):
            column, sign = self.chosen_by(wish), _sign(wish)
            return [Queue(self._sifted(self.ordered(wish), valid), column, sign)]
        own = self._own(wish, valid)
        if len(own) > 1 and wish.merge == "round-robin":
            turns = int(np.count_nonzero(valid)) if turns is None else turns
            weights = [wish.weights_of(self._names)[i] for i in self.active(wish)]
            return [Queue(arithmetic.round_robin([queue.rows for queue in own], weights, turns))]
        return own

    def chosen_by(self, wish: Wish) -> Scores:
        """What rows are chosen by, or, where several directions choose, their highest z-score: (sample,)."""
        active = self.active(wish)
        if len(active) == 1:
            return self.column(active[0], wish.adjust)

        def merge() -> Scores:
            z, weights = self._standard(wish), wish.weights_of(self._names)
            shared = [weights[i] for i in active]
            if not self.is_merged(wish):
                return np.asarray(z.max(axis=1))
            return (
                arithmetic.weighted_mean(z, shared) if wish.merge == "mean-z" else np.asarray((z * shared).max(axis=1))
            )

        return self._latest.of("chosen by", self._merge_key(wish), merge)

    def ordered(self, wish: Wish) -> Rows:
        """Every row that has a number, candidate or not, by what rows are chosen by, best first."""
        active, sign = self.active(wish), _sign(wish)
        if len(active) == 1:
            return self._own_order(active[0], wish)
        return self._order("merged", (self._merge_key(wish), sign), lambda: sign * self.chosen_by(wish))

    def column(self, direction: int, adjust: Adjust) -> Scores:
        """One direction's scores, adjusted: (sample,)."""
        column = self._values[:, direction]
        if adjust == "none":
            return column
        return self._latest.of(
            f"adjusted {direction}", adjust, lambda: adjusted(column[:, None], self._lengths, adjust)[:, 0]
        )

    def active(self, wish: Wish) -> list[int]:
        """The directions that have a part in a wish."""
        return [i for i, weight in enumerate(wish.weights_of(self._names)) if weight > 0]

    def is_merged(self, wish: Wish) -> bool:
        """Whether rows are chosen by one score that several directions are merged into."""
        return wish.end != "random" and wish.merge in ("mean-z", "max") and len(self.active(wish)) > 1

    def _own(self, wish: Wish, valid: Mask) -> list[Queue]:
        """Each direction's own order."""
        sign, weights = _sign(wish), wish.weights_of(self._names)
        queues = []
        for i in self.active(wish):
            column = self.column(i, wish.adjust)
            rows = self._sifted(self._own_order(i, wish), valid)
            queues.append(Queue(rows, column, sign, weights[i] / max(weights), i))
        return queues

    def _own_order(self, direction: int, wish: Wish) -> Rows:
        sign = _sign(wish)
        key = (wish.adjust, sign)
        return self._order(f"own {direction}", key, lambda: sign * self.column(direction, wish.adjust))

    def _standard(self, wish: Wish) -> Scores:
        """The z-scores of the active directions: (sample, active)."""
        active = self.active(wish)
        columns = [self.column(i, wish.adjust) for i in active]
        return self._latest.of("standard", (wish.adjust, active), lambda: arithmetic.z_scores(np.column_stack(columns)))

    def _merge_key(self, wish: Wish) -> tuple[object, ...]:
        """What merged scores depend on."""
        kind = wish.merge if self.is_merged(wish) else "best"
        weights = wish.weights_of(self._names)
        return wish.adjust, kind, [weight if kind != "best" else weight > 0 for weight in weights]

    def _uniform(self, seed: int) -> Scores:
        return arithmetic.uniform(seed, len(self._values))

    def _order(self, name: str, key: object, column: Callable[[], Scores]) -> Rows:
        """The rows that have a number, highest first."""
        return self._latest.of(f"order {name}", key, lambda: arithmetic.top(column()).astype(np.int32))

    def _sifted(self, order: Rows, valid: Mask) -> Rows:
        """The candidates of an order."""
        return order if np.array_equal(valid, self.scored) else order[valid[order]]


def _sign(wish: Wish) -> float:
    return -1.0 if wish.end == "bottom" else 1.0
