"""Which rows several selections share, and how one's rows score under the directions of the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nait_widgets.errors import SelectionError
from nait_widgets.selection import arithmetic
from nait_widgets.selection.selection import scored_values

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt
    import xarray as xr

    from nait_widgets.selection import Selection

    Rows = npt.NDArray[np.int64]


class Intersection(NamedTuple):
    """Rows that are in exactly these sets.

    Attributes:
        members: The names of the sets, in the order given.
        rows: The rows, ascending.
    """

    members: tuple[str, ...]
    rows: Rows


def row_intersections(sets: Mapping[str, Rows]) -> list[Intersection]:
    """Every row once, by the sets that it is in: the bars of an UpSet plot, the largest first.

    Of the same size, those of fewer sets come first, then in the order given.

    Raises:
        SelectionError: There is no set.
    """
    rows, has = _membership(sets)
    codes, which, sizes = np.unique(has, axis=0, return_inverse=True, return_counts=True)
    which = which.ravel()  # NumPy 2.0 alone gives it a second axis
    names = np.array(list(sets), object)
    order = sorted(range(len(codes)), key=lambda i: (-sizes[i], codes[i].sum(), np.flatnonzero(codes[i]).tolist()))
    return [Intersection(tuple(names[codes[i]]), rows[which == i]) for i in order]


def core(sets: Mapping[str, Rows], at_least: int) -> Rows:
    """The rows that at least so many sets have, ascending.

    Raises:
        SelectionError: There is no set, or `at_least` is below 1 or above their number.
    """
    rows, has = _membership(sets)
    if not 1 <= at_least <= len(sets):
        raise SelectionError(f"at_least is {at_least}, but must be from 1 to {len(sets)}, the number of sets")
    shared: Rows = rows[has.sum(axis=1) >= at_least]
    return shared


def transfer(scores: xr.Dataset, selections: Mapping[str, Selection]) -> npt.NDArray[np.float64]:
    """How well each selection's rows score under each direction: the mean of their z-scores.

    Args:
        scores: What `score` returned, for any number of directions.
        selections: Name to a selection of the same store.

    Returns:
        (selection, direction); z-scores over the rows that may be selected, so 0 is the pool's own mean.

    Raises:
        SelectionError: A selection is empty or of another store.
    """
    store, values, _ = scored_values(scores)
    z = arithmetic.z_scores(values)
    for name, selection in selections.items():
        if not selection.store.is_same(store):
            raise SelectionError(f"selection {name!r} is of {selection.store.path}, but the scores are of {store.path}")
        if not len(selection):
            raise SelectionError(f"selection {name!r} is empty, so it has no mean score")
    return np.array([z[selection.rows].mean(axis=0) for selection in selections.values()])


def _membership(sets: Mapping[str, Rows]) -> tuple[Rows, npt.NDArray[np.bool_]]:
    """The rows of any set, ascending (row,), and which sets have each (row, set).

    Raises:
        SelectionError: There is no set.
    """
    if not sets:
        raise SelectionError("no set is given; give at least one")
    rows = np.unique(np.concatenate([np.asarray(own, np.int64) for own in sets.values()]))
    return rows, np.column_stack([np.isin(rows, own) for own in sets.values()])
