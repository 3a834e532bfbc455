"""A pool that is too large for a page: the kernel sums and sorts, and the page asks for what it shows."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from nait_widgets.selection.filtering import positions
from nait_widgets.selection.latest import Latest
from nait_widgets.selection.queues import NEVER
from nait_widgets.widgets import stops
from nait_widgets.widgets.base import Answer
from nait_widgets.widgets.table_order import EXCLUDED, PINNED, Ranked, by_whole_number, ranked, sort

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from nait_widgets.selection import Filters, Selection, Wish
    from nait_widgets.selection.choosing import Chooser
    from nait_widgets.selection.filtering import RowFilter
    from nait_widgets.selection.labels import Labels
    from nait_widgets.store import ActivationStore

    Mask = npt.NDArray[np.bool_]
    Rows = npt.NDArray[np.int64]


class Shape:
    """A selection apart from its amount: what stays while a slider moves.

    Args:
        selection: The selection.
        chooser: What chose it.
        shown: Which rows its filters leave: (sample,).
    """

    def __init__(self, selection: Selection, chooser: Chooser, shown: Mask) -> None:
        self.wish, self.shown = _shape(selection.wish), shown
        self._chooser = chooser
        self.valid = chooser.scored & selection.candidates
        self.n_valid = int(np.count_nonzero(self.valid))
        self.queues = chooser.queues(selection.wish, self.valid)
        self.by_hand = np.zeros(len(shown), np.uint8)
        for flag, ids in ((PINNED, selection.wish.pinned), (EXCLUDED, selection.wish.excluded)):
            self.by_hand[positions(selection.store, ids)] = flag

    @property
    def pinned(self) -> Rows:
        """Rows that are chosen at any rate."""
        return np.flatnonzero(self.by_hand == PINNED)

    @cached_property
    def entering(self) -> npt.NDArray[np.int32]:
        """The least number of rows to ask for so that a row is chosen, or `NEVER`: (sample,)."""
        least = np.full(len(self.shown), NEVER, np.int32)
        for queue in self.queues:
            least[queue.rows] = np.minimum(least[queue.rows], queue.entering)
        return least

    def nested(self, wish: Wish) -> bool:
        """Whether the rows of a smaller amount begin those of a larger one, in their order."""
        return len(self.queues) == 1 or (wish.threshold is None and len({queue.share for queue in self.queues}) == 1)

    def ranked(self, selection: Selection) -> Ranked:
        """Rows by their rank."""
        if len(self.queues) == 1:
            sequence: npt.NDArray[np.integer] = self.queues[0].rows
        elif self.nested(selection.wish):
            sequence = by_whole_number(self.entering)[: np.count_nonzero(self.entering < NEVER)]
        else:
            sequence = selection.rows[selection.parts.any(axis=1)]
        return ranked(sequence, lambda: self._chooser.ordered(self.wish), len(self.shown))


class Aggregates:
    """Answers what a page asks of one pool.

    Args:
        store: The pool.
        values: Scores (sample, direction).
        chooser: Of these scores.
        row_filter: Likewise.

    Attributes:
        labels: The label columns, once they are read, which may take a while.
    """

    def __init__(
        self, store: ActivationStore, values: npt.NDArray[np.float64], chooser: Chooser, row_filter: RowFilter
    ) -> None:
        self._store, self._values, self._chooser, self._filter = store, values, chooser, row_filter
        self.labels: dict[str, Labels] = {}
        self._latest = Latest()

    def opened(self) -> dict[str, Any]:
        """What a page is told of the pool at the start, instead of its columns."""
        tokens = self._store.n_tokens
        return {
            "rows": len(self._store),
            "scored": int(np.count_nonzero(self._chooser.scored)),
            "tokens": [int(tokens.min(initial=0)), int(tokens.max(initial=0))],
        }

    def sums(self, selection: Selection, direction: int | None, label: str | None) -> Answer:
        """What the wish amounts to at each stop, and all else that stays while a slider moves.

        Args:
            selection: What is chosen now; its own amount is one of the stops.
            direction: Whose scores the histogram is of; None for what rows are chosen by.
            label: The label column whose values are counted.
        """
        shape, wish = self._shape(selection), selection.wish
        bins = self._bins(wish, direction)
        labels = np.zeros(len(self._store), np.uint8) if label is None else self.labels[label].codes
        found = stops.stops(
            shape.queues,
            wish,
            stops.amounts(shape.queues, wish, shape.n_valid),
            pinned=shape.pinned,
            tokens=self._store.n_tokens,
            bins=bins.of,
            labels=labels,
        )
        body = {
            "valid": shape.n_valid,
            "shown": int(np.count_nonzero(shape.shown)),
            "low": bins.low,
            "high": bins.high,
            "queues": [queue.direction for queue in shape.queues],
        }
        counts = self._label_counts(wish.filters)
        arrays = {f"counts{i}": each for i, each in enumerate(counts)}
        return Answer(body, {**found.arrays, "all_bins": bins.count(), "shown_bins": bins.count(shape.shown), **arrays})

    def table(self, selection: Selection, body: dict[str, Any]) -> tuple[Rows, dict[str, npt.NDArray[Any]]]:
        """Some rows of the table, with the numbers that are shown of them.

        Args:
            selection: What is chosen now.
            body: `key` and `descending`, how the table is sorted; `label`, the column for that; and the `positions` or
                the numbers (`rows`) of those that are asked for.
        """
        shape, wish = self._shape(selection), selection.wish
        by_rank = self._ranked(selection, shape)
        order = self._order(selection, shape, by_rank, body)
        if "rows" in body:
            rows = np.array(body["rows"], np.int64)
            positions = np.array([np.flatnonzero(order == row)[0] for row in rows], np.int64)
        else:
            positions = np.array(body["positions"], np.int64)
            rows = order[positions].astype(np.int64)
        columns = range(self._values.shape[1])
        adjusted = [self._chooser.column(i, wish.adjust)[rows] for i in columns] if wish.adjust != "none" else []
        labels = [labels.codes[rows] for labels in self.labels.values()]
        return rows, {
            "rows": rows.astype(np.int32),
            "positions": positions.astype(np.int32),
            "rank": by_rank.ranks[rows],
            "score": self._chooser.chosen_by(wish)[rows],
            "entering": self._entering(shape, wish, rows),
            "shown": shape.shown[rows].astype(np.uint8),
            "tokens": self._store.n_tokens[rows],
            "status": self._store.status[rows],
            "scores": self._values[rows],
            "adjusted": np.array(adjusted, np.float64).T,
            "labels": np.array(labels, np.uint8).T,
        }

    def shown(self, selection: Selection) -> Rows:
        """The rows that the filters leave and that may be selected."""
        return np.flatnonzero(self._shape(selection).shown & self._store.selectable)

    def _shape(self, selection: Selection) -> Shape:
        def make() -> Shape:
            return Shape(selection, self._chooser, self._passing(selection.wish.filters))

        return self._latest.of("shape", _shape(selection.wish), make)

    def _passing(self, filters: Filters) -> Mask:
        return self._latest.of("passing", filters, lambda: self._filter.passing(filters))

    def _bins(self, wish: Wish, direction: int | None) -> stops.Bins:
        def make() -> stops.Bins:
            if direction is None:
                return stops.Bins.over(self._chooser.chosen_by(wish))
            return stops.Bins.over(self._chooser.column(direction, wish.adjust))

        merged = (wish.merge, wish.weights, wish.end == "random") if direction is None else None
        return self._latest.of("bins", (direction, wish.adjust, merged), make)

    def _label_counts(self, filters: Filters) -> list[npt.NDArray[np.uint32]]:
        """For each label column, how many rows have each of its values among those that the other filters leave."""

        def count(name: str, labels: Labels) -> npt.NDArray[np.uint32]:
            others = replace(filters, labels={n: v for n, v in filters.labels.items() if n != name})
            passing = self._passing(filters) if others == filters else self._filter.passing(others)
            codes = labels.codes if passing.all() else labels.codes[passing]
            return stops.counted(codes)[: len(labels.names)]

        return self._latest.of(
            "label counts", (filters, list(self.labels)), lambda: [count(*named) for named in self.labels.items()]
        )

    def _ranked(self, selection: Selection, shape: Shape) -> Ranked:
        return self._latest.of("ranked", _ranking(selection, shape), lambda: shape.ranked(selection))

    def _order(
        self, selection: Selection, shape: Shape, by_rank: Ranked, body: dict[str, Any]
    ) -> npt.NDArray[np.int32]:
        key, descending, label = str(body["key"]), bool(body["descending"]), body["label"]
        numbers: dict[str, Callable[[], npt.NDArray[Any]]] = {
            "score": lambda: self._chooser.chosen_by(shape.wish),
            "tokens": lambda: self._store.n_tokens,
            "hand": lambda: shape.by_hand,
            **({} if label is None else {"label": lambda: self.labels[label].codes}),
        }

        def make() -> npt.NDArray[np.int32]:
            return sort(key, descending, by_rank=by_rank, numbers=numbers, shown=shape.shown)

        return self._latest.of("order", (key, descending, label, _ranking(selection, shape)), make)

    def _entering(self, shape: Shape, wish: Wish, rows: Rows) -> npt.NDArray[np.float64]:
        """The amount from which on each of some rows is chosen; infinite or NaN for those that never are."""
        if wish.threshold is None:
            least = shape.entering[rows]
            return np.where(least < NEVER, least, np.inf)
        columns = [queue.column[rows] for queue in shape.queues if queue.column is not None]
        best: npt.NDArray[np.float64] = (np.fmin if wish.end == "bottom" else np.fmax).reduce(columns)
        return np.where(shape.valid[rows], best, np.nan)


def _shape(wish: Wish) -> Wish:
    """A wish as any other that differs in its amount alone."""
    return replace(wish, fraction=1.0, k=None, threshold=None)


def _ranking(selection: Selection, shape: Shape) -> Wish:
    """What ranks depend on: not on the amount, where a larger one only goes on."""
    return shape.wish if shape.nested(selection.wish) else selection.wish
