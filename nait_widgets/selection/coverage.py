"""Fewer of a selection's rows, chosen so that they cover the others: re-rankers for what scores alone don't see."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from nait_widgets.errors import SelectionError
from nait_widgets.selection import greedy
from nait_widgets.selection.filtering import positions
from nait_widgets.selection.selection import select_by
from nait_widgets.selection.wish import Filters

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from nait_widgets.selection.greedy import Places, Points
    from nait_widgets.selection.selection import Selection

Vectors = Literal["sketch", "embedding"]

MOST = 100_000  # rows of a facility location: that many squared similarities take minutes
LEAST_ALIKE = {"text": 0.8, "sketch": 0.98, "embedding": 0.98}


def k_center(selection: Selection, k: int, *, vectors: Vectors = "sketch") -> Selection:
    """K rows of a selection such that no other row of it is far from all of them.

    Farthest first, from the best row on (Gonzalez 1985): the largest distance that remains is at most twice the least
    possible. It reaches for the odd ones out, so look at what it takes. Distances are those of unit vectors about the
    selection's mean; see `greedy.k_center`.

    Takes a pass over the rows for each of the k, n·k·d in all for d components: 5,200 of 52,000 rows take 2 seconds on
    one core by the 64 of a sketch, and 2 minutes by embeddings of 4,096, which are held in memory (4·n·d bytes).

    Args:
        selection: What to choose from; its pinned rows stay, beyond the k, and cover what is near them.
        k: Number of rows.
        vectors: What tells rows apart: the stored `sketch` of their activations, or their `embedding`, the
            position-weighted mean of the last hidden state, where the capture kept that extra.

    Returns:
        A selection of the same scores, best first, that can be exported and repeated as any other.

    Raises:
        SelectionError: k is less than 1, or more than there are rows.
        StoreError: The store has no embeddings.
    """
    return _cover(selection, k, vectors, greedy.k_center, "k-center")


def facility_location(selection: Selection, k: int, *, vectors: Vectors = "sketch") -> Selection:
    """K rows of a selection that stand for all of it: each row has one among them that is as similar as may be.

    Greedy on f(S) = Σ_i max_{j in S} s(i, j), s = (1 + cos)/2, which reaches at least 1 − 1/e of the best; see
    `greedy.facility_location`. It prefers what is typical, and one of several that are alike. Cosines are those about
    the selection's mean.

    Args:
        selection: What to choose from, at most 100,000 rows; its pinned rows stay, beyond the k.
        k: Number of rows.
        vectors: What tells rows apart, see `k_center`.

    Returns:
        A selection of the same scores, best first, that can be exported and repeated as any other.

    Raises:
        SelectionError: k is less than 1, or more than there are rows; or there are too many rows.
        StoreError: The store has no embeddings.
    """
    if len(selection) > MOST:
        raise SelectionError(
            f"facility location compares all rows with each other, so it takes at most {MOST:,} and not "
            f"{len(selection):,}: select fewer first, or use k_center"
        )
    return _cover(selection, k, vectors, greedy.facility_location, "facility location")


def without_near_duplicates(
    selection: Selection, threshold: float | None = None, *, by: Literal["text", "sketch", "embedding"] = "text"
) -> Selection:
    """A selection without the rows that nearly repeat a better one of it; pinned rows stay.

    Args:
        selection: What to choose from.
        threshold: Least similarity: by `text` the Jaccard similarity of 3-word shingles (0.8, from 0.5 to 1), else the
            cosine about the selection's mean (0.98).
        by: `text` of prompt and response, see `near_duplicates`; or the `sketch` or `embedding`, see `k_center`, where
            the store has no text: rows that activate alike needn't read alike.

    Returns:
        A selection of the same scores, best first, that can be exported and repeated as any other.

    Raises:
        NaitError: A threshold out of range, or `by` is none of these.
        StoreError: The store has no text, or no embeddings.
    """
    if by not in LEAST_ALIKE:
        raise SelectionError(f"by is {by!r}, but must be one of {', '.join(LEAST_ALIKE)}")
    least = LEAST_ALIKE[by] if threshold is None else threshold
    pinned = np.isin(selection.rows, positions(selection.store, selection.wish.pinned))
    # Pinned rows stay, so they come first: what repeats them goes.
    order = np.concatenate([np.flatnonzero(pinned), np.flatnonzero(~pinned)])
    if by == "text":
        from nait_widgets.guarding.duplicates import repetitions
        from nait_widgets.guarding.index import LOWEST, require_threshold
        from nait_widgets.guarding.texts import looked_at, reader

        require_threshold("threshold", least, LOWEST)
        store, rows = looked_at(selection)
        repeats, _, _ = repetitions(reader(store, "sample"), rows[order], least)
        stay = ~np.isin(selection.rows, repeats)
    else:
        if not 0 < least <= 1:
            raise SelectionError(f"threshold is {least}, but must be above 0 and at most 1")
        stay = np.zeros(len(selection), np.bool_)
        stay[order[greedy.apart(_points(selection, by)[order], least)]] = True
    rows = selection.rows[stay | pinned]
    return _narrowed(selection, rows, f"near-duplicates by {by} left out from {least:g}")


def _cover(
    selection: Selection, k: int, vectors: Vectors, choose: Callable[[Points, int, Places], Places], name: str
) -> Selection:
    given = np.flatnonzero(np.isin(selection.rows, positions(selection.store, selection.wish.pinned)))
    free = len(selection) - len(given)
    if not 1 <= k <= free:
        beside = f" besides the {len(given):,} pinned" if len(given) else ""
        raise SelectionError(f"k is {k}, but must be from 1 to the {free:,} rows of the selection{beside}")
    taken = choose(_points(selection, vectors), k, given)
    rows = selection.rows[np.concatenate([given, taken])]
    return _narrowed(selection, rows, f"{name} by {vectors}")


def _points(selection: Selection, vectors: str) -> Points:
    """Unit vectors of the rows about their mean: (row, component); a row at the mean itself is 0."""
    if vectors not in get_args(Vectors):
        raise SelectionError(f"vectors is {vectors!r}, but must be one of {', '.join(get_args(Vectors))}")
    store = selection.store
    if vectors == "sketch":
        values = np.asarray(store.array("sketch")[...])[selection.rows].astype(np.float32)
    else:
        values = store.embedding("weighted")[selection.rows]
    values -= values.mean(axis=0, dtype=np.float64).astype(np.float32)
    norms = np.linalg.norm(values, axis=1, keepdims=True)
    return np.asarray(values / np.where(norms > 0, norms, 1), np.float32)


def _narrowed(selection: Selection, rows: npt.NDArray[np.int64], how: str) -> Selection:
    """A selection's rows that stay, chosen anew by the same scores among these alone."""
    store, wish = selection.store, selection.wish
    only_pinned = np.isin(selection.rows, positions(store, wish.pinned)) & ~selection.parts.any(axis=1)
    by_score = np.setdiff1d(rows, selection.rows[only_pinned])
    note = f"{how}: {len(rows):,} of {len(selection):,} rows"
    narrowed = replace(
        wish,
        fraction=1.0,
        k=None,
        threshold=None,
        # Under `union` a weight is a share of the rows, and here every direction takes all.
        weights={name: weight for name, weight in wish.weights.items() if wish.merge != "union" or not weight},
        filters=Filters(ids=tuple(map(str, store.sample_id[by_score]))),
        note=f"{wish.note}; {note}" if wish.note else note,
    )
    again = select_by(selection.made_from, narrowed)
    assert np.array_equal(np.sort(again.rows), np.sort(rows))
    return again
