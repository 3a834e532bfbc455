"""A wish as a page has it: small JSON, and apart from that the sets of rows that a hand has made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nait_widgets.selection import Wish
from nait_widgets.selection.filtering import positions
from nait_widgets.widgets import rowsets

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nait_widgets.store import ActivationStore


def told(wish: Wish, store: ActivationStore, *, whole: bool) -> tuple[dict[str, Any], bytes]:
    """What a page is told of a wish: the JSON, in which `lasso` stands for ids that it filters by; and the sets.

    Args:
        wish: What is asked for.
        store: Whose rows the ids name.
        whole: Whether the page holds all of these rows: then a set is a bit a row, else a list.
    """
    sets = [positions(store, ids) for ids in (wish.filters.ids or (), wish.pinned, wish.excluded)]
    asked = {name: value for name, value in wish.as_json().items() if name not in ("pinned", "excluded")}
    if wish.filters.ids is not None:
        filters = {name: value for name, value in asked["filters"].items() if name != "ids"}
        asked["filters"] = {**filters, "lasso": True}
    return asked, rowsets.pack(sets, len(store)) if whole else rowsets.listed(sets)


def heard(asked: Mapping[str, Any], row_sets: bytes, store: ActivationStore, *, whole: bool) -> Wish:
    """The wish that a page asks for; see `told`.

    Raises:
        SelectionError: It asks for nothing that can be had.
    """
    sets = rowsets.unpack(row_sets, 3, len(store)) if whole else rowsets.unlisted(row_sets, 3)
    lasso, pinned, excluded = (tuple(store.sample_id[rows].tolist()) for rows in sets)
    filters = dict(asked.get("filters", {}))
    if filters.pop("lasso", False):
        filters["ids"] = lasso
    return Wish.from_json({**asked, "filters": filters, "pinned": pinned, "excluded": excluded})
