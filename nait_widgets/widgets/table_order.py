"""The order of the table's rows, where the page can't hold one; where it can, `js/core/ordering.ts` has the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nait_widgets.errors import SelectionError
from nait_widgets.selection import arithmetic
from nait_widgets.selection.queues import ranks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt

    Order = npt.NDArray[np.int32]

PINNED, EXCLUDED = 1, 2  # by hand: excluded rows come before pinned ones


class Ranked(NamedTuple):
    """Rows by their rank.

    Attributes:
        rows: All of them; those without a rank come last, in the source's order: (sample,).
        ranks: Each row's rank from 1, and 0 for one that can't be chosen: (sample,).
    """

    rows: Order
    ranks: Order


def ranked(sequence: npt.NDArray[np.integer], whole: Callable[[], npt.NDArray[np.integer]], n: int) -> Ranked:
    """Rank every row: those that are chosen first as they are chosen, the others by what rows are chosen by.

    Args:
        sequence: The rows that a wish takes or would take, best first.
        whole: Gives every row that has a number, best first; not asked where the sequence has all rows.
        n: Rows in all.
    """
    left = np.ones(n, np.bool_)
    left[sequence] = False
    behind: npt.NDArray[np.integer] = np.empty(0, np.int32)
    if left.any():
        behind = whole()
        behind = behind[left[behind]]
        left[behind] = False
    rows = np.concatenate([sequence, behind, np.flatnonzero(left)]).astype(np.int32)
    return Ranked(rows, ranks(rows[: len(sequence) + len(behind)], n))


def by_number(numbers: npt.NDArray[np.integer | np.float64], descending: bool) -> Order:
    """Rows by a number, ties and rows without one in the order of the source: (sample,)."""
    if np.issubdtype(numbers.dtype, np.integer):
        whole = numbers.astype(np.int64)
        return by_whole_number(-whole if descending else whole)
    keys = np.asarray(numbers, np.float64)
    rows = arithmetic.top(keys if descending else -keys)
    return np.concatenate([rows, np.flatnonzero(np.isnan(keys))]).astype(np.int32)


def by_whole_number(numbers: npt.NDArray[np.integer]) -> Order:
    """Rows by a number of 32 bits, the lowest first, ties in the order of the source: (sample,)."""
    keys = (numbers.astype(np.int64) << 32) + np.arange(len(numbers))  # sorting numbers is fast, sorting places is not
    keys.sort()
    return (keys & 0xFFFFFFFF).astype(np.int32)


def sort(
    key: str,
    descending: bool,
    *,
    by_rank: Ranked,
    numbers: Mapping[str, Callable[[], npt.NDArray[np.integer | np.float64]]],
    shown: npt.NDArray[np.bool_],
) -> Order:
    """All rows in the order of a table: those that the filters leave, then the others: (sample,).

    Args:
        key: `rank`, `id` (the source's order) or a name in `numbers`.
        descending: The largest first; for ranks and ids, the last.
        by_rank: The rows by their rank.
        numbers: What else can be sorted by, each gives (sample,).
        shown: Which rows the filters leave: (sample,).

    Raises:
        SelectionError: Nothing of that name can be sorted by.
    """
    if key in ("rank", "id"):
        rows = by_rank.rows if key == "rank" else np.arange(len(shown), dtype=np.int32)
        rows = rows[::-1] if descending else rows
    elif key in numbers:
        rows = by_number(numbers[key](), descending)
    else:
        raise SelectionError(f"rows can't be sorted by {key!r}; there are rank, id, {', '.join(numbers)}")
    if shown.all():
        return rows
    inside = shown[rows]
    return np.concatenate([rows[inside], rows[~inside]])
