"""What a wish amounts to at every stop of its slider: all that a page needs of a pool that is too large for it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from nait_widgets.selection import arithmetic

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from nait_widgets.selection import Wish
    from nait_widgets.selection.queues import Queue, Scores

    Codes = npt.NDArray[np.uint8]

SLIDER = 1000  # stops of the slider, as `Amount` in `js/views/amount.ts` has them
BINS = 96  # of the histogram, as in `js/core/bins.ts`
NO_BIN = 255
_FINE = 100  # stops between the ends and the slider's nearest to them, where a histogram's cut is dragged, too
_MOST = 2048  # thresholds
_AT_ONCE = 1 << 20  # rows


@dataclass(frozen=True, slots=True)
class Stops:
    """Totals of what is chosen at each stop, the smallest choice first; each array is (stop, …).

    Attributes:
        amounts: The number of rows asked for, or the threshold: (stop,).
        by_score: Rows chosen by their scores: (stop,).
        rows: The same and the pinned ones: (stop,).
        tokens: Of all these rows: (stop,).
        bins: How many of them lie in each bin of the histogram: (stop, bin).
        labels: How many of them have each value of a label column, none at last: (stop, value).
        taken: How many rows are taken of each queue: (stop, queue).
        cuts: The score of the last of them: (stop, queue); NaN where there is none, or no score decides.
    """

    amounts: npt.NDArray[np.float64]
    by_score: npt.NDArray[np.uint32]
    rows: npt.NDArray[np.uint32]
    tokens: npt.NDArray[np.float64]
    bins: npt.NDArray[np.uint32]
    labels: npt.NDArray[np.uint32]
    taken: npt.NDArray[np.uint32]
    cuts: npt.NDArray[np.float64]

    @property
    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        """All of them, by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True, slots=True)
class Bins:
    """Equal bins over the range of some scores.

    Attributes:
        low, high: The range.
        of: Each row's bin, `NO_BIN` where it has no score: (sample,).
    """

    low: float
    high: float
    of: Codes

    @classmethod
    def over(cls, column: Scores) -> Bins:
        """The bins of a column, as `js/core/bins.ts` has them."""
        known = column[np.logical_not(np.isnan(column))]
        low = float(known.min()) if len(known) and np.isfinite(known.min()) else 0.0
        high = float(known.max()) if len(known) else low
        high = high if np.isfinite(high) and high > low else low + 1
        of = np.full(len(column), NO_BIN, np.uint8)
        for part in _parts(len(column)):
            place = np.clip(np.floor((column[part] - low) * (BINS / (high - low))), 0, BINS - 1)
            of[part] = np.where(np.isnan(place), NO_BIN, place)
        return cls(low, high, of)

    def count(self, which: npt.NDArray[np.bool_] | None = None) -> npt.NDArray[np.uint32]:
        """How many rows lie in each bin, of all or of those that a mask lets through: (bin,)."""
        return counted(self.of if which is None else self.of[which])[:BINS]


def counted(codes: Codes) -> npt.NDArray[np.uint32]:
    """How often each code occurs: (256,)."""
    counts = np.zeros(256, np.uint32)
    for part in _parts(len(codes)):
        counts += np.bincount(codes[part], minlength=256).astype(np.uint32)
    return counts


def amounts(queues: Sequence[Queue], wish: Wish, valid: int) -> npt.NDArray[np.float64]:
    """Amounts from the smallest choice to the largest: where the slider stops, more near both ends, and the wish's own.

    Args:
        queues: What rows are taken from.
        wish: Whether it asks by a threshold decides what the amounts are.
        valid: How many rows a fraction is of.
    """
    if valid == 0:
        return np.zeros(0)
    counts = _counts(valid)
    if wish.threshold is None:
        own = wish.k if wish.fraction is None else arithmetic.size(wish.fraction, valid)
        return np.unique(np.append(counts, min(own or 0, valid))).astype(np.float64)
    cuts = [_scores(queue)[queue.rows[counts[counts <= len(queue.rows)] - 1]] for queue in queues]
    thresholds = np.unique(np.concatenate(cuts))
    thresholds = np.unique(np.append(thresholds[:: 1 + len(thresholds) // _MOST], wish.threshold))
    return thresholds if wish.end == "bottom" else thresholds[::-1]


def stops(
    queues: Sequence[Queue],
    wish: Wish,
    at: npt.NDArray[np.float64],
    *,
    pinned: npt.NDArray[np.int64],
    tokens: npt.NDArray[np.int32],
    bins: Codes,
    labels: Codes,
) -> Stops:
    """The totals at some amounts.

    A row is counted at the first stop that takes it, and sums over the stops do the rest; so all of them cost hardly
    more than one.

    Args:
        queues: What rows are taken from.
        wish: Whether it asks by a threshold, and at which end.
        at: The amounts, the smallest choice first: (stop,).
        pinned: Rows that are chosen at any rate.
        tokens: Of each row: (sample,).
        bins: Each row's bin: (sample,).
        labels: Each row's value of a label column: (sample,).
    """
    taken = np.array([[_taken(queue, wish, amount) for queue in queues] for amount in at.tolist()], np.uint32)
    taken = taken.reshape(len(at), len(queues))
    new = taken.astype(np.int64)
    new[1:] -= taken[:-1]
    first = np.full(len(tokens), len(at), np.uint16)
    for queue, more in zip(queues, new.T, strict=True):
        stop = np.repeat(np.arange(len(at), dtype=np.uint16), more)
        rows = queue.rows[: len(stop)]
        first[rows] = np.minimum(first[rows], stop)
    by_score = _totals(first, len(at))
    if len(at):
        first[pinned] = 0
    return Stops(
        at,
        by_score,
        _totals(first, len(at)),
        _sums(first, len(at), tokens),
        _totals(first, len(at), bins, BINS),
        _totals(first, len(at), labels, 1 + int(labels.max(initial=0))),
        taken,
        np.array([[_cut(queue, k) for queue, k in zip(queues, counts, strict=True)] for counts in taken.tolist()])
        .astype(np.float64)
        .reshape(taken.shape),
    )


def _counts(valid: int) -> npt.NDArray[np.int64]:
    slider = [arithmetic.size(stop / SLIDER, valid) for stop in range(1, SLIDER + 1)]
    fine = np.geomspace(1, max(1, valid / SLIDER), _FINE).astype(np.int64)
    return np.unique(np.concatenate([slider, fine, np.maximum(1, valid - fine)]))


def _taken(queue: Queue, wish: Wish, amount: float) -> int:
    return queue.beyond(amount) if wish.threshold is not None else queue.first(int(amount))


def _cut(queue: Queue, count: int) -> float:
    return np.nan if queue.column is None or count == 0 else float(queue.column[queue.rows[count - 1]])


def _scores(queue: Queue) -> Scores:
    assert queue.column is not None
    return queue.column


def _totals(
    first: npt.NDArray[np.uint16], n_stops: int, codes: Codes | None = None, n_codes: int = 1
) -> npt.NDArray[np.uint32]:
    """Rows chosen at each stop, of each code where there are some: (stop,) or (stop, code)."""
    counts = np.zeros((n_stops + 1) * n_codes, np.int64)
    for part in _parts(len(first)):
        cells = first[part].astype(np.int64)
        if codes is not None:
            inside = codes[part] < n_codes
            cells = cells[inside] * n_codes + codes[part][inside]
        counts += np.bincount(cells, minlength=len(counts))
    shape = (n_stops + 1,) if codes is None else (n_stops + 1, n_codes)
    return np.cumsum(counts.reshape(shape)[:n_stops], axis=0).astype(np.uint32)


def _sums(first: npt.NDArray[np.uint16], n_stops: int, values: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
    """The sum of a whole number over the rows chosen at each stop: (stop,)."""
    sums = np.zeros(n_stops + 1)
    for part in _parts(len(first)):
        sums += np.bincount(first[part], values[part], n_stops + 1)
    return np.cumsum(sums[:n_stops])


def _parts(n: int) -> Iterator[slice]:
    """Slices of so many rows that temporary arrays stay small."""
    return (slice(start, start + _AT_ONCE) for start in range(0, n, _AT_ONCE))
