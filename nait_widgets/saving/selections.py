"""Selections in a store: what was asked for, of which scores, and the rows that came out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nait_widgets.errors import SelectionError, StoreError
from nait_widgets.saving.kept import FORMATS, goes_by, now, part, parts, require_own
from nait_widgets.saving.score_sets import read
from nait_widgets.scored import entry
from nait_widgets.selection.selection import select_by
from nait_widgets.selection.wish import Wish
from nait_widgets.store.parts import Column, write_part

if TYPE_CHECKING:
    from nait_widgets.saving.kept import Named
    from nait_widgets.selection import Selection
    from nait_widgets.store import ActivationStore
    from nait_widgets.store.parts import Part


def save_selection(store: ActivationStore, selection: Selection, name: str) -> None:
    """Save a selection; see `ActivationStore.save_selection`."""
    require_own(store, selection.store, "this selection is")
    attributes = {
        "format": FORMATS["selections"][0],
        "name": name,
        "scores": _made_from(store, selection).key,
        "directions": [entry(scored) for scored in selection.directions],
        "wish": selection.wish.as_json(),
        "result": {"rows": len(selection), "ids_sha256": selection.ids_digest},
        "created": now(),
    }
    write_part(store, "selections", attributes, {"row": Column(selection.rows.astype(np.int32), ("rank",))})


def selection(store: ActivationStore, name: str) -> Selection:
    """A saved selection; see `ActivationStore.selection`."""
    saved = part(store, "selections", name).attributes
    named = [(each["name"], each["digest"]) for each in saved["directions"]]
    made_from = next((p for p in parts(store, "scores").values() if p.key == saved["scores"]), None)
    if made_from is None or not goes_by(made_from) >= set(named):
        raise StoreError(f"the scores that selection {name!r} was made from are not in {store.path}")
    again = _select(store, made_from, named, Wish.from_json(saved["wish"]))
    if again.ids_digest != saved["result"]["ids_sha256"]:
        raise StoreError(
            f"selection {name!r} of {store.path} gives {len(again):,} rows that are not the "
            f"{saved['result']['rows']:,} of its time"
        )
    return again


def _made_from(store: ActivationStore, selection: Selection) -> Part:
    """The saved scores that give a selection."""
    named = [(scored.name, scored.digest) for scored in selection.directions]
    for scores in parts(store, "scores").values():
        if set(named) <= goes_by(scores):
            try:
                again = _select(store, scores, named, selection.wish)
            except SelectionError:  # they lack the label column of a filter
                continue
            if again.ids_digest == selection.ids_digest:
                return scores
    raise StoreError(
        f"no scores that are saved in {store.path} give this selection: save its own first "
        "(`store.save_scores(scores, name)`, `nait score --save`)"
    )


def _select(store: ActivationStore, scores: Part, scored: list[Named], wish: Wish) -> Selection:
    return select_by(read(store, scores).sel(direction=[name for name, _ in scored]), wish)
