"""Greedy choices that cover points, and what they guarantee; no store, no scores.

Points are unit vectors, so that distances are chords: d(x, y)² = 2 − 2 cos(x, y), at most 2.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Any

import numpy as np

from nait_widgets.progress import progress

if TYPE_CHECKING:
    import numpy.typing as npt
    from tqdm.auto import tqdm

    Points = npt.NDArray[np.float32]
    Places = npt.NDArray[np.int64]

BLOCK = 2**23  # similarities that are held at a time
AT_ONCE = 32  # gains that are computed anew together


def k_center(points: Points, k: int, given: Places) -> Places:
    """K points such that none is far from all of them: least max_i min_{j in S} d(i, j), about.

    Farthest first (Gonzalez 1985): each next one is the point that is farthest from those taken. Where none is given,
    the first point begins. The farthest point is then at most twice as far as under the best choice that contains the
    given ones (for those that are given with the first taken), and nothing better than twice is possible in polynomial
    time unless P = NP. Ties go to the point that comes first. Takes k passes over the points.

    Args:
        points: Unit vectors, (n, component).
        k: How many to take besides the given ones, at most n less those.
        given: Points that are taken already.

    Returns:
        The points taken, in the order of taking.
    """
    far = np.full(len(points), np.inf, np.float32)
    for point in given.tolist():
        _nearer(far, points, point)
    taken: list[int] = []
    with progress(k, "covering", "rows") as bar:
        for _ in range(k):
            point = int(np.argmax(far))
            _nearer(far, points, point)
            taken.append(point)
            bar.update()
    return np.array(taken, np.int64)


def facility_location(points: Points, k: int, given: Places) -> Places:
    """K points that stand for all of them: most f(S) = Σ_i max_{j in S} s(i, j), about, with s = 1 − d²/4.

    Each next one adds most to f. That is monotone and submodular, so the greedy choice reaches at least 1 − 1/e of the
    best (Nemhauser, Wolsey and Fisher 1978). A point's gain only falls, so one whose old gain is below another's new
    one needs no second look (Minoux 1978). Ties go to the point that comes first. Similarities are computed when they
    are needed, n² of them once, then n for each look; they are never all held.

    Args:
        points: Unit vectors, (n, component).
        k: How many to take besides the given ones, at most n less those.
        given: Points that are taken already.

    Returns:
        The points taken, in the order of taking.
    """
    best = np.zeros(len(points), np.float32)
    for point in given.tolist():
        _serve(best, points, point)
    left = np.ones(len(points), np.bool_)
    left[given] = False
    waiting = np.flatnonzero(left)
    with progress(len(waiting), "comparing", "rows") as bar:
        queue = list(zip((-_gains(points, waiting, best, bar)).tolist(), waiting.tolist(), strict=True))
    heapq.heapify(queue)
    looked = np.zeros(len(points), np.int64)  # how many were taken when the gain was computed
    taken: list[int] = []
    with progress(k, "covering", "rows") as bar:
        while len(taken) < k:
            _, point = queue[0]
            if looked[point] == len(taken):
                heapq.heappop(queue)
                taken.append(point)
                _serve(best, points, point)
                bar.update()
            else:
                # Some at once: a product of matrices is faster than as many of a matrix and a vector.
                again = [heapq.heappop(queue)[1] for _ in range(min(AT_ONCE, len(queue)))]
                looked[again] = len(taken)
                for item in zip((-_gains(points, np.array(again), best)).tolist(), again, strict=True):
                    heapq.heappush(queue, item)
    return np.array(taken, np.int64)


def apart(points: Points, threshold: float) -> Places:
    """The points that no earlier one of them resembles: each whose cosine with all that stay is below a threshold.

    Args:
        points: Unit vectors, (n, component).
        threshold: Of the cosine.
    """
    stay = np.empty(0, np.int64)
    step = max(1, BLOCK // max(1, len(points)))
    for start in range(0, len(points), step):
        block = points[start : start + step]
        alone = np.flatnonzero(_most(block, points[stay]) < threshold)
        own = block[alone] @ block[alone].T >= threshold
        kept: list[int] = []
        for place in range(len(alone)):
            if not own[place, kept].any():
                kept.append(place)
        stay = np.concatenate([stay, start + alone[kept]])
    return stay


def _nearer(far: npt.NDArray[np.float32], points: Points, point: int) -> None:
    """Take a point: what remains of each point's distance to the nearest one taken."""
    np.minimum(far, 1 - points @ points[point], out=far)
    far[point] = -1.0  # behind those that coincide with it


def _serve(best: npt.NDArray[np.float32], points: Points, point: int) -> None:
    """Take a point: how similar each point is to the one taken that is most so."""
    np.maximum(best, (1 + points @ points[point]) / 2, out=best)


def _gains(
    points: Points, some: Places, best: npt.NDArray[np.float32], bar: tqdm[Any] | None = None
) -> npt.NDArray[np.float64]:
    """What each of some points would add to f; a bar is moved by each."""
    gains = np.empty(len(some))
    step = max(1, BLOCK // len(points))
    for start in range(0, len(some), step):
        similarities = (1 + points[some[start : start + step]] @ points.T) / 2
        gains[start : start + step] = np.maximum(similarities - best, 0).sum(axis=1, dtype=np.float64)
        if bar is not None:
            bar.update(len(similarities))
    return gains


def _most(block: Points, others: Points) -> npt.NDArray[np.float32]:
    """The highest cosine of each point with some others; −∞ where there are none."""
    return np.asarray((block @ others.T).max(axis=1, initial=-np.inf), np.float32)
