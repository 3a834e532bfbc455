"""Some rows of a store as a store of their own."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np

from nait_widgets.errors import StoreError
from nait_widgets.store.arranging import KEPT, Arrangement, Piece
from nait_widgets.store.opening import open_store
from nait_widgets.store.places import local
from nait_widgets.store.remote import Url
from nait_widgets.store.store import ActivationStore

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

    import numpy.typing as npt

    from nait_widgets.selection import Selection
    from nait_widgets.store.arranging import Report


def subset(
    store: ActivationStore | str | os.PathLike[str] | Url,
    rows: Selection | str | Iterable[int] | Iterable[str],
    path: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    report: Report | None = None,
) -> ActivationStore:
    """Make a store of some rows of another, in the order that they have there.

    Its statistics are of these rows alone. Directions, scorers, scores, selections and fingerprints that are saved in
    the store stay there: what they say is of other rows.

    Args:
        store: A complete store or its path; a packed one, too.
        rows: A selection of the store, the name of one that is saved in it, row numbers, or sample ids.
        path: The store to write.
        overwrite: Replace a store that is there.
        report: Told at the end how many blocks were linked, and of how many.

    Returns:
        The new store.

    Raises:
        StoreError: The store is incomplete or damaged, there are no such rows, or one is named twice; or the path is
            taken.
        NaitError: The store can't be written there.
    """
    store = store if isinstance(store, ActivationStore) else open_store(store)
    store.require_complete()
    chosen = _chosen(store, rows)
    arrangement = Arrangement([Piece(store, chosen)], _provenance(store, chosen))
    return arrangement.write(local(path), overwrite=overwrite, report=report)


def _chosen(store: ActivationStore, rows: Selection | str | Iterable[int] | Iterable[str]) -> npt.NDArray[np.int64]:
    """The rows, ascending."""
    from nait_widgets.selection import Selection

    asked = store.selection(rows) if isinstance(rows, str) else rows
    if isinstance(asked, Selection) and not asked.store.is_same(store):
        raise StoreError(f"the selection is of {asked.store.path}, and not of {store.path}")
    named: list[Any] = list(asked.rows if isinstance(asked, Selection) else asked)
    if not named:
        raise StoreError(f"no row of {store.path} is named, and a store has at least one")
    by_id = all(isinstance(each, str) for each in named)
    numbers = store.ids.rows(named) if by_id else np.array(named)
    for unknown in (named[i] for i in np.flatnonzero(numbers < 0)) if by_id else ():
        store.index(unknown)  # says so
    if numbers.dtype.kind not in "iu":
        raise StoreError(f"rows are named by whole numbers or by sample ids, but these are {numbers.dtype}")
    chosen = np.sort(numbers).astype(np.int64)
    for row in (int(chosen[0]), int(chosen[-1])):
        if not 0 <= row < len(store):
            raise StoreError(f"there is no row {row:,} in {store.path}: they count from 0 to {len(store) - 1:,}")
    for row in chosen[1:][np.diff(chosen) == 0].tolist():
        raise StoreError(f"row {row:,} of {store.path} ({store.sample_id[row]}) is named twice; name it once")
    return chosen


def _provenance(store: ActivationStore, chosen: npt.NDArray[np.int64]) -> dict[str, Any]:
    """The store's, but for the rows: which they are is told by a digest of the source's and of their ids."""
    own = store.provenance
    source = own["source"]
    digest = sha256("\n".join([source["sha256"], *map(str, store.sample_id[chosen])]).encode()).hexdigest()
    kept = {key: own[key] for key in KEPT if key in own}
    described = {key: source[key] for key in ("name", "format", "fields")}
    return {
        **kept,
        "source": {**described, "sha256": digest, "rows": len(chosen)},
        "subset_of": {**source, "rows": len(store)},
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
