"""Puts batches, which run in any order, back into blocks of rows in source order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nait_widgets.capturing.keeping import Activations, Kept, Scores
from nait_widgets.store import Block, Layout, Status
from nait_widgets.store.extras import extra_columns
from nait_widgets.store.layout import SKETCH_COMPONENTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nait_widgets.capturing.batches import Window
    from nait_widgets.capturing.forward import Pooled
    from nait_widgets.capturing.keeping import Target
    from nait_widgets.fingerprints import Basis
    from nait_widgets.records import Rendered

_DEFECTS = {"empty": Status.EMPTY, "undecodable": Status.UNDECODABLE, "too_long": Status.TOO_LONG}


class Assembly:
    """The host arrays of one window, filled batch by batch."""

    def __init__(
        self, window: Window, layout: Layout, scores_for: Sequence[Target] = (), basis: Basis | None = None
    ) -> None:
        """Empty arrays.

        Args:
            window: The rows.
            layout: The store's shape.
            scores_for: The directions of a layout without activations.
            basis: Of the fingerprints that are kept beside their scores.
        """
        n = len(window.records)
        self._window, self._layout = window, layout
        self._status = np.array([_status(sample) for sample in window.rendered], np.uint8)
        unfilled = np.flatnonzero([sample.defect is not None for sample in window.rendered])
        self._kept: Kept = Scores(n, layout, scores_for, basis) if scores_for else Activations(n, layout, unfilled)
        self._sketch = np.full((n, SKETCH_COMPONENTS), np.nan, np.float16)
        self._extra_columns = extra_columns(layout)
        self._extras = {
            name: np.full((n, *column.shape), column.fill, column.dtype) for name, column in self._extra_columns.items()
        }

    def fill(self, positions: Sequence[int], pooled: Pooled) -> None:
        """Take in a batch; rows that aren't finite are quarantined."""
        rows = np.array(positions)
        self._kept.fill(rows, pooled)
        self._sketch[rows] = pooled.sketch
        self.add(positions, pooled.extras)
        self._quarantine(rows[~pooled.finite])

    def add(self, positions: Sequence[int], extras: Mapping[str, np.ndarray[tuple[int, ...], np.dtype[Any]]]) -> None:
        """Take in extras of a batch; those that aren't finite are unknown."""
        for name, values in extras.items():
            self._extras[name][positions] = np.where(np.isfinite(values), values, self._extra_columns[name].fill)

    def blocks(self, wanted: Sequence[int]) -> Iterator[Block]:
        """The window's blocks, whole, of those that are wanted."""
        for index in self._window.blocks:
            if index not in wanted:
                continue
            rows = self._layout.rows(index)
            own = slice(rows.start - self._window.start, rows.stop - self._window.start)
            kept = self._kept.of(own)
            records, rendered = self._window.records[own], self._window.rendered[own]
            columns = {
                "sample_id": np.array([_storable(record.id) for record in records], object),
                "n_tokens": np.array([len(sample.input_ids) for sample in rendered], np.int32),
                "n_response_tokens": np.array([s.response[1] - s.response[0] for s in rendered], np.int32),
                "first_token_id": np.array([_token(sample, 0) for sample in rendered], np.int32),
                "last_token_id": np.array([_token(sample, -1) for sample in rendered], np.int32),
                "status": self._status[own],
                **kept.columns,
                "sketch": self._sketch[own],
                **{name: values[own] for name, values in self._extras.items()},
            }
            if self._layout.content_token:
                ids = [_token(sample, sample.response[1] - 1) for sample in rendered]
                columns["content_token_id"] = np.array(ids, np.int32)
            text: dict[str, list[str]] = {}
            if self._layout.text:
                text["prompt"] = [_storable(record.prompt) for record in records]
                text["response"] = [_storable(record.response) for record in records]
                text["original"] = [record.original_json() for record in records]
            yield Block(index, columns, kept.activations, kept.wide, text, kept.statistics)

    def _quarantine(self, rows: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> None:
        self._status[rows] = Status.NON_FINITE
        self._sketch[rows] = np.nan
        for name, values in self._extras.items():
            values[rows] = self._extra_columns[name].fill


def _status(sample: Rendered) -> Status:
    if sample.defect is not None:
        return _DEFECTS[sample.defect]
    return Status.TRUNCATED if sample.truncated else Status.OK


def _token(sample: Rendered, position: int) -> int:
    return int(sample.input_ids[position]) if len(sample.input_ids) else -1


def _storable(text: str) -> str:
    """Text that UTF-8 can hold: a lone surrogate becomes the replacement character."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
