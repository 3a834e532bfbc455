"""Which rows pass the filters."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from nait_widgets.errors import SelectionError
from nait_widgets.selection.labels import STATUS, Labels, label_columns
from nait_widgets.selection.wish import Filters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import numpy.typing as npt
    import xarray as xr

    from nait_widgets.store import ActivationStore

    Mask = npt.NDArray[np.bool_]


class RowFilter:
    """Filters rows of one pool; what was read from the store for one filter serves the next.

    Args:
        scores: What `score` returned.
    """

    def __init__(self, scores: xr.Dataset) -> None:
        self._scores = scores
        self._store: ActivationStore = scores.attrs["store"]
        self._searched: tuple[str, Mask] | None = None
        self._lasting: tuple[Filters, Filters] | None = None

    @cached_property
    def labels(self) -> dict[str, Labels]:
        """The label columns."""
        return label_columns(self._scores)

    def passing(self, filters: Filters) -> Mask:
        """Which samples pass: (sample,).

        Raises:
            SelectionError: A label column, a value of one or an id that isn't there.
            StoreError: Text is looked for in a store without text.
        """
        store = self._store
        mask = np.ones(len(store), np.bool_)
        fewest, most = filters.tokens
        if fewest is not None:
            mask &= store.n_tokens >= fewest
        if most is not None:
            mask &= store.n_tokens <= most
        if filters.ids is not None:
            inside = np.zeros(len(store), np.bool_)
            inside[positions(store, filters.ids)] = True
            mask &= inside
        for name, values in filters.labels.items():
            labels = self._column(name)
            if unknown := [value for value in values if value not in labels.names]:
                raise SelectionError(f"no row has {unknown[0]!r} as its {name}; there are {', '.join(labels.names)}")
            mask &= np.isin(labels.codes, [i for i, value in enumerate(labels.names) if value in values])
        if filters.text:
            mask &= self.containing(filters.text)
        return mask

    def as_ids(self, filters: Filters) -> Filters:
        """Filters that let the same rows through and tell nothing of their text: by ids where they went by it.

        Raises:
            SelectionError: A label column or an id that isn't there.
        """
        telling = {name for name in filters.labels if self._column(name).of_source}
        return replace(self._named(filters, telling, filters.text), text="")

    def lasting(self, filters: Filters) -> Filters:
        """Filters that let the same rows through where the store alone is at hand: ids for columns of the scores.

        Raises:
            SelectionError: A label column or an id that isn't there.
        """
        known = self._lasting
        if known is None or known[0] != filters:
            own = {name for name in filters.labels if name != STATUS and not self._column(name).of_source}
            known = self._lasting = filters, self._named(filters, own, "")
        return known[1]

    def _named(self, filters: Filters, columns: set[str], text: str) -> Filters:
        """Filters that name the samples that some label columns and a text let through, instead of those columns."""
        if not columns and not text:
            return filters
        found = self.passing(Filters(text, labels={n: filters.labels[n] for n in columns}, ids=filters.ids))
        others = {name: values for name, values in filters.labels.items() if name not in columns}
        return replace(filters, labels=others, ids=tuple(map(str, self._store.sample_id[found])))

    def containing(self, text: str, report: Callable[[int, int], None] | None = None) -> Mask:
        """Which samples have a text in their prompt or response, whatever the case: (sample,).

        Args:
            text: What to look for, as it stands: no pattern.
            report: Called with samples done and in all, once a block.
        """
        searched = self._searched  # read once: the page's searches run in another thread
        if searched is None or searched[0] != text:
            searched = self._searched = text, self._search(fold(text), report)
        return searched[1]

    def _column(self, name: str) -> Labels:
        if name not in self.labels:
            raise SelectionError(f"there is no label column {name!r}; there are {', '.join(self.labels)}")
        return self.labels[name]

    def _search(self, needle: str, report: Callable[[int, int], None] | None) -> Mask:
        store = self._store
        found = np.zeros(len(store), np.bool_)
        for block in range(store.layout.n_blocks):
            rows = store.layout.rows(block)
            numbers = range(rows.start, rows.stop)
            pairs = zip(store.text("prompt", numbers), store.text("response", numbers), strict=True)
            found[rows] = [needle in fold(prompt) or needle in fold(response) for prompt, response in pairs]
            if report is not None:
                report(rows.stop, len(store))
        return found


def fold(text: str) -> str:
    """A text as a search compares it, whatever the case.

    As `str.casefold` has it, but that a dotless i is an i. Defined by upper and lower case, which every language has:
    `fold` in `js/core/folding.ts` gives the same for every character of Unicode 14.
    """
    if text.isascii():
        return text.lower()
    # Upper case first, for it alone spells out `ß` and ligatures; then two letters that it leaves in two forms.
    return text.upper().lower().replace("ς", "σ").replace("ß", "ss")


def positions(store: ActivationStore, ids: Iterable[str]) -> npt.NDArray[np.int64]:
    """The rows of some ids, in their order.

    Raises:
        SelectionError: The store has no such id.
    """
    ids = list(ids)
    if not ids:
        return np.empty(0, np.int64)
    rows = store.ids.rows(ids)
    if absent := [i for i, row in zip(ids, rows.tolist(), strict=True) if row < 0]:
        raise SelectionError(f"{store.path} has no sample {absent[0]!r} ({len(absent):,} of {len(ids):,} ids unknown)")
    return rows
