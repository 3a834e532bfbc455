"""Which rows are chosen: the arithmetic, defined once.

`js/` computes the same selection in the browser; the golden vectors in `tests/golden/` hold both sides to it.
Everywhere: NaN is never chosen, and ties go to the row that comes first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Scores = npt.NDArray[np.floating]
    Rows = npt.NDArray[np.int64]


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
    order = valid[np.argsort(-scores[valid], kind="stable")]
    return order[:k]


def above(scores: Scores, threshold: float) -> Rows:
    """The rows that score at least the threshold, best first."""
    order = top(scores)
    return order[scores[order] >= threshold]


def union(chosen: list[Rows]) -> Rows:
    """Rows that any direction chose, by their best rank; ties by row.

    Args:
        chosen: Each direction's rows, best first.
    """
    best: dict[int, int] = {}
    for rows in chosen:
        for rank, row in enumerate(rows.tolist()):
            best[row] = min(rank, best.get(row, rank))
    return np.array(sorted(best, key=lambda row: (best[row], row)), np.int64)


def round_robin(orders: list[Rows], k: int) -> Rows:
    """K rows by turns: each direction in order takes its best row that isn't taken yet."""
    queues = [iter(order.tolist()) for order in orders]
    taken: dict[int, None] = {}
    while len(taken) < k and queues:
        for queue in list(queues):
            row = next((row for row in queue if row not in taken), None)
            if row is None:
                queues.remove(queue)
            elif len(taken) < k:
                taken[row] = None
    return np.array(list(taken), np.int64)


def z_scores(scores: Scores) -> npt.NDArray[np.float64]:
    """Each column standardised over its valid rows; a column without spread is 0: (sample, direction)."""
    valid = ~np.isnan(scores)
    n = np.maximum(1, valid.sum(axis=0))
    centred = scores - np.where(valid, scores, 0).sum(axis=0) / n
    std = np.sqrt(np.where(valid, np.square(centred), 0).sum(axis=0) / n)
    z: npt.NDArray[np.float64] = centred / np.where(std > 0, std, np.inf)
    return z
