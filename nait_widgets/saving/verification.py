"""Whether what is saved in a store is what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nait_widgets.errors import StoreError
from nait_widgets.fingerprints import Fingerprint
from nait_widgets.saving.kept import FORMATS, names, parts
from nait_widgets.saving.score_sets import BY_SAMPLE
from nait_widgets.saving.score_sets import read as read_scores
from nait_widgets.saving.scored import direction, scorer_or_absent
from nait_widgets.scorers.absent import Absent
from nait_widgets.selection.selection import digest_of_ids

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nait_widgets.store import ActivationStore
    from nait_widgets.store.parts import Kind, Part


def cautions(store: ActivationStore) -> Iterator[str]:
    """A sentence for every scorer whose package isn't installed: it is whole, but can't score anything."""
    for name in names(store, "scorers"):
        saved = scorer_or_absent(store, name)
        if isinstance(saved, Absent):
            yield f"{saved.advice}, to score by it; what is saved of it, and its scores, are whole"


def discrepancies(store: ActivationStore) -> Iterator[str]:
    """A sentence for everything saved that can be decoded, but isn't what was saved or lacks what it goes by."""
    for kind in FORMATS:
        try:
            for part in parts(store, kind).values():
                _check(store, kind, part)
        except StoreError as error:
            yield str(error)


def _check(store: ActivationStore, kind: Kind, part: Part) -> None:
    match kind:
        case "directions":
            direction(store, part.attributes["name"])
        case "scorers":
            scorer_or_absent(store, part.attributes["name"])
        case "scores":
            read_scores(store, part)
            optional = {"label_code": bool(part.attributes["labels"]), "map": part.attributes["map"] is not None}
            for name in (*BY_SAMPLE, *(name for name, there in optional.items() if there)):
                part.array(name)
            if not np.array_equal(part.array("sample_id"), store.sample_id):
                raise StoreError(f"{part.place} holds scores of other samples than the store's")
        case "fingerprints":
            Fingerprint(store, part).require_own()
        case "selections":
            rows = np.sort(part.array("row"))
            known = bool(np.isin(rows, np.arange(len(store))).all())
            if not known or digest_of_ids(store.sample_id[rows]) != part.attributes["result"]["ids_sha256"]:
                raise StoreError(f"{part.place} doesn't hold the rows that its digest is of")
