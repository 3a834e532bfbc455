"""Stores behind each other: as a new store, or the second at the end of the first."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nait_widgets.errors import StoreError
from nait_widgets.store.arranging import KEPT, Arrangement, Piece
from nait_widgets.store.identity import OF_ACTIVATIONS, differences
from nait_widgets.store.ids import Ids
from nait_widgets.store.opening import open_store
from nait_widgets.store.parts import KINDS, read_parts
from nait_widgets.store.places import local
from nait_widgets.store.remote import Url
from nait_widgets.store.store import ActivationStore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nait_widgets.store.arranging import Report
    from nait_widgets.store.parts import Kind

_OWN = ("n_samples", "block_rows", "components")  # what each store may have its own of
_OF_ROWS: tuple[Kind, ...] = ("selections", "scores")
_OF_MODEL: tuple[Kind, ...] = ("directions", "scorers")


def join(
    stores: Sequence[ActivationStore | str | os.PathLike[str] | Url],
    path: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    report: Report | None = None,
) -> ActivationStore:
    """Make one store of several, their rows in the order given.

    Where every store but the last fills its blocks (its rows are a multiple of 1,024, or of the `block_rows` that it
    was captured with), the blocks are linked and nothing but metadata is written; the stores then share their files on
    disk, and each may be deleted by itself. Where a store ends inside a block, the rows from there on are written
    anew. The new store is the one that a capture of all rows would have given, statistics included.

    Directions, scorers, scores, selections and fingerprints that are saved in the stores stay there: what they say is
    of other rows. The fingerprints that were captured beside scores go along where all are of one basis, as they are
    where the stores are parts of one source (`rows`) and one machine, or one store has lent it (`fingerprint`).

    Args:
        stores: Complete stores of one model, template and site, or their paths; packed ones, too.
        path: The store to write.
        overwrite: Replace a store that is there.
        report: Told at the end how many blocks were linked, and of how many.

    Returns:
        The new store.

    Raises:
        StoreError: A store is incomplete or damaged, two differ in what their activations are of, a sample id occurs
            in two, or the path is taken.
        NaitError: The store can't be written there.
    """
    return _joined([_opened(store) for store in stores]).write(local(path), overwrite=overwrite, report=report)


def append(
    store: ActivationStore | str | os.PathLike[str] | Url,
    more: ActivationStore | str | os.PathLike[str] | Url,
    *,
    report: Report | None = None,
) -> ActivationStore:
    """Put the rows of a store at the end of another.

    Of the store, only a last block that isn't full is written anew. The longer store takes the place of the old one
    in one step at the end: until then, and when this is stopped, the old one is there as it was. Objects that were
    opened before go on seeing the old rows only, so go on with the one that is returned.

    Directions and scorers that are saved in the store are kept. Scores and selections name rows, and would no longer
    be of all, so a store that holds any is refused. A fingerprint is left out, for it is made anew in a moment
    (`make_fingerprint`).

    Args:
        store: The store that grows, a complete one in a folder, or its path.
        more: A complete store of the same model, template and site, or its path; it stays as it is.
        report: Told at the end how many blocks were linked, and of how many.

    Returns:
        The longer store.

    Raises:
        StoreError: As `join`; or the store is packed, or holds scores or selections.
        NaitError: The store can't be written.
    """
    store, more = _opened(store), _opened(more)
    folder = local(store.path)
    store.require_writable()
    _require_only_what_grows(store, folder)
    carried = [group for kind in _OF_MODEL if (group := folder / kind).is_dir()]
    _joined([store, more]).write(folder.resolve(), overwrite=True, carried=carried, report=report)
    return open_store(store.path)


def _opened(store: ActivationStore | str | os.PathLike[str] | Url) -> ActivationStore:
    return store if isinstance(store, ActivationStore) else open_store(store)


def _joined(stores: list[ActivationStore]) -> Arrangement:
    if not stores:
        raise StoreError("there is nothing to join: name the stores")
    for store in stores:
        store.require_complete()
    for other in stores[1:]:
        _require_alike(stores[0], other)
    _require_other_ids(stores)
    return Arrangement([Piece(store, np.arange(len(store))) for store in stores], _provenance(stores))


def _require_alike(one: ActivationStore, other: ActivationStore) -> None:
    about = [(store.provenance, store.layout) for store in (one, other)]
    for what, first, second in differences(about[0], about[1], OF_ACTIVATIONS, but=_OWN):
        raise StoreError(
            f"{one.path} and {other.path} can't be joined: they differ in {what} ({first} and {second}); "
            "capture one of them again as the other was"
        )


def _require_other_ids(stores: list[ActivationStore]) -> None:
    every = Ids(np.concatenate([store.sample_id for store in stores]))
    ends = np.cumsum([len(store) for store in stores])
    for row in every.repeated[:1].tolist():
        sample_id = str(every.ids[row])
        first, second = (stores[np.searchsorted(ends, at, "right")] for at in (every.rows([sample_id])[0], row))
        raise StoreError(
            f"sample {sample_id!r} is in {first.path} and in {second.path} too; leave it out of one of them with "
            "`nait subset`"
        )


def _require_only_what_grows(store: ActivationStore, folder: Path) -> None:
    """Raise where a store holds anything that says something of each row, and would say nothing of more."""
    for kind in _OF_ROWS:
        for name in read_parts(store, kind):
            raise StoreError(
                f"{kind} {name!r} of {store.path} are of its rows as they are: delete them first "
                f'(`store.delete("{kind}", {name!r})`), or write another store with `nait join`'
            )
    own = {name.split("/")[0] for name in store.block_arrays} | {*store.constant_arrays, *KINDS}
    there = {group.name for group in folder.iterdir() if (group / "zarr.json").is_file()}
    for name in sorted(there - own):
        raise StoreError(
            f"{store.path} holds {name!r}, which somebody has added and nait can't lengthen: take it out first, or "
            "write another store with `nait join`"
        )


def _provenance(stores: list[ActivationStore]) -> dict[str, Any]:
    """The first store's, but for where the rows are from: a list of all, each a capture or a subset of one."""
    first = stores[0].provenance
    parts: list[dict[str, Any]] = []
    for store in stores:
        own = {"source": store.provenance["source"], "rows": len(store), "created": store.provenance["created"]}
        parts += store.provenance.get("parts", [own])
    source = {
        "name": " + ".join(dict.fromkeys(part["source"]["name"] for part in parts)),
        "format": first["source"]["format"],
        "fields": first["source"]["fields"],
        "sha256": sha256("\n".join(part["source"]["sha256"] for part in parts).encode()).hexdigest(),
        "rows": sum(part["rows"] for part in parts),
    }
    kept = {key: first[key] for key in KEPT if key in first}
    return {**kept, "source": source, "parts": parts, "created": datetime.now(UTC).isoformat(timespec="seconds")}
