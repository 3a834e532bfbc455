"""Rows of a set that nearly repeat another row of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nait_widgets.guarding.index import BATCH, LOWEST, Index, band_count, band_keys, jaccard, require_threshold
from nait_widgets.guarding.reports import SHOWN, Finding, Match, NearDuplicates, Part
from nait_widgets.guarding.texts import identity, looked_at, reader, require_part
from nait_widgets.guarding.words import SHINGLE, Words, cut
from nait_widgets.progress import progress

if TYPE_CHECKING:
    import numpy.typing as npt

    from nait_widgets.guarding.texts import Read
    from nait_widgets.guarding.words import Hashes
    from nait_widgets.selection import Selection
    from nait_widgets.store import ActivationStore

    Rows = npt.NDArray[np.int64]


def near_duplicates(
    rows_of: ActivationStore | Selection, *, compare: Part = "sample", threshold: float = 0.8
) -> NearDuplicates:
    """Find the rows that nearly repeat one that comes before them.

    Rows are gone through in their order, a selection's best first: one whose Jaccard similarity of 3-word shingles with
    a row that stays is at least the threshold is reported, the others stay. So of each cluster the first stays, every
    reported row resembles one that does, and no two that stay resemble each other, but for pairs that MinHash misses
    (at the threshold one in 10,000) and crowds (see `Index`). What is reported is exact.

    Args:
        rows_of: A store with text, or a selection of it. Quarantined rows are left out.
        compare: Which text: `sample` (prompt and response: the same question with another answer is no repetition),
            `prompt`, or `response`.
        threshold: Least similarity, from 0.5 to 1.

    Returns:
        For each row that repeats another the one that it resembles most of those that stay; `report.ids` may be left
        out of a selection.

    Raises:
        StoreError: The store has no text, or is incomplete.
        NaitError: No store or selection, or an option out of range.
    """
    require_part(compare)
    require_threshold("threshold", threshold, LOWEST)
    store, rows = looked_at(rows_of)
    read = reader(store, compare)
    repeats, of, similarity = repetitions(read, rows, threshold)
    name = "earlier rows"
    both = np.union1d(repeats, of)
    shown = {row: cut(text, SHOWN) for row, text in zip(both.tolist(), read(both), strict=True)}
    matches = tuple(
        Match(
            str(store.sample_id[row]),
            name,
            str(store.sample_id[other]),
            "jaccard",
            value,
            shown[row],
            shown[other],
        )
        for row, other, value in zip(repeats.tolist(), of.tolist(), similarity.tolist(), strict=True)
    )
    finding = Finding(name, str(store.path), len(rows), 0, len(np.unique(of)), len(matches))
    options = {"compare": compare, "threshold": threshold, "shingle": SHINGLE}
    return NearDuplicates(identity(store, rows), options, (finding,), matches)


def repetitions(read: Read, rows: Rows, threshold: float) -> tuple[Rows, Rows, npt.NDArray[np.float64]]:
    """The rows that repeat an earlier one, in the order given, that one, and how alike they are.

    Args:
        read: The texts of some rows, which it is asked for in rising order, some at a time, and again for those that
            may repeat another.
        rows: What is compared, in the order in which the first stays.
        threshold: Least Jaccard similarity of shingles.
    """
    suspects, keys = _suspects(read, rows, threshold)
    index = Index()
    stays: dict[int, Hashes] = {}
    found: list[tuple[int, int, float]] = []
    for row, own, row_keys in zip(suspects.tolist(), _in_order(read, suspects), keys, strict=True):
        alike = [(jaccard(own, stays[other]), other) for other in index.candidates(row_keys)]
        # Of equals the first, which is the one that shares most bands.
        similarity, other = max(alike, key=lambda pair: pair[0], default=(0.0, -1))
        if similarity >= threshold:
            found.append((row, other, similarity))
        else:
            stays[row] = own
            index.add(row, row_keys)
    repeats, of, values = zip(*found, strict=True) if found else ((), (), ())
    return np.array(repeats, np.int64), np.array(of, np.int64), np.array(values, np.float64)


def _suspects(read: Read, rows: Rows, threshold: float) -> tuple[Rows, list[Hashes]]:
    """The rows that share a band with another, and of each those bands."""
    order = np.argsort(rows, kind="stable")
    keys = np.empty((len(rows), band_count(threshold)), np.uint64)
    filled = np.zeros(len(rows), np.bool_)
    with progress(len(rows), "comparing", "rows") as bar:
        for start in range(0, len(rows), BATCH):
            places = order[start : start + BATCH]
            sets = _shingles(read, rows[places])
            keys[places] = band_keys(sets, threshold)
            filled[places] = [len(own) > 0 for own in sets]
            bar.update(len(places))
    common = np.zeros(keys.shape, np.bool_)
    for band in range(keys.shape[1]):
        _, kind, counts = np.unique(keys[filled, band], return_inverse=True, return_counts=True)
        common[filled, band] = counts[kind] > 1
    suspect = np.flatnonzero(common.any(axis=1))
    return rows[suspect], [keys[row][common[row]] for row in suspect]


def _in_order(read: Read, rows: Rows) -> list[Hashes]:
    """The shingles of some rows, in their order."""
    order = np.argsort(rows, kind="stable")
    sets = _shingles(read, rows[order])
    return [sets[place] for place in np.argsort(order, kind="stable")]


def _shingles(read: Read, rows: Rows) -> list[Hashes]:
    return Words.of(read(rows)).grams(SHINGLE, short=True)
