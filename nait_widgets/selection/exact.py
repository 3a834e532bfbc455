"""The rows that a scan of all activations would choose, found by reading few of them.

The fingerprint tells every row's score with a bound on its error. Rows that the bound leaves undecided are read
further: the next stage of the fingerprint, then single layers of the activations, those that may hide most first. A row
that is read whole has the scan's products to the last bit, for they are made as there, in a chunk in which the row has
its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nait_widgets.errors import SelectionError
from nait_widgets.fingerprints import Telling, View, fingerprint
from nait_widgets.scoring.projection import Projection
from nait_widgets.scoring.run import as_dataset, check, score
from nait_widgets.selection import arithmetic
from nait_widgets.selection.deciding import Known
from nait_widgets.selection.selection import Selection, candidates_of, select_by
from nait_widgets.selection.wish import Filters, Wish
from nait_widgets.store.mapping import one_thread_each
from nait_widgets.store.records import by_block

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from nait_widgets.methods import Direction
    from nait_widgets.selection.wish import End
    from nait_widgets.store import ActivationStore

    Floats = npt.NDArray[np.float64]
    Rows = npt.NDArray[np.int64]

_SOME = 512  # rows that are decided among themselves first, to see what all would take
_SUM = 2.0**-40  # what a sum of layers in float64 may differ by, in another order


class Read(NamedTuple):
    """What a selection has read.

    Attributes:
        n_bytes: Of fingerprint and activations.
        share: Of the bytes that a scan of the activations reads.
        scanned: Whether it went over to the scan, since the fingerprint saved too little.
    """

    n_bytes: int
    share: float
    scanned: bool


def select_from_fingerprint(
    store: ActivationStore,
    direction: Direction,
    *,
    fraction: float | None = None,
    k: int | None = None,
    end: End = "top",
    filters: Filters | Mapping[str, Any] | None = None,
    pinned: Sequence[str] = (),
    excluded: Sequence[str] = (),
    note: str = "",
    at_most: float = 0.5,
) -> Selection:
    """Choose the rows that score highest, the same as `select(score(store, direction), ...)`, reading a part.

    The ids are those of the scan, always. Scores, and with them the order of the chosen rows, are those that the
    fingerprint tells, for a row that is certain to be chosen isn't read (`made_from["score_error"]` bounds them).
    Of a store at a URL the scan is read, since a request costs more than the bytes that it would save.
    In memory are some 70 bytes a sample and 4 more for each layer, and 25 more a layer of those that are read further.

    Args:
        store: A complete store that has a fingerprint of the direction's pool and activations.
        direction: Of the same model, site and template; not one that scores by a cosine.
        fraction: Share of the rows that may be selected, see `select`; or else
        k: number of rows.
        end: `top` or `bottom` of the scores.
        filters: Which rows the choice is made among, see `select`.
        pinned: Ids that are chosen whatever they score.
        excluded: Ids that are never chosen.
        note: Where such ids come from, for the card.
        at_most: Share of a scan's bytes that it may read; where more would be needed, it goes over to the scan.

    Returns:
        The selection; its `read` says what it has read.

    Raises:
        StoreError: The store is incomplete or damaged, or has no such fingerprint.
        DirectionError: The direction doesn't belong to the store, or scores by a cosine.
        SelectionError: As `select`.
    """
    if filters is None or isinstance(filters, Mapping):
        filters = Wish.from_json({"fraction": 1.0, "filters": filters or {}}).filters
    ids: dict[str, Any] = {"pinned": pinned, "excluded": excluded}
    wish = Wish(fraction, k, end=end, filters=filters, **ids, note=note)
    if wish.end == "random":
        raise SelectionError("random rows need no scores: use `select`")
    check(store, [direction])
    reading = _Reading(store, direction)
    unknown = np.where(store.selectable, 0, np.nan)[:, None]
    about = as_dataset(store, [direction], unknown, *reading.centre)
    candidates, _ = candidates_of(about, wish)
    count = wish.k if wish.fraction is None else arithmetic.size(wish.fraction, int(np.count_nonzero(candidates)))
    assert count is not None
    with one_thread_each():  # as in a scan: several threads add up in another order
        decided = reading.decide(candidates, count, at_most, bottom=wish.end == "bottom")
    whole = len(store) * reading.row_bytes
    if not decided:
        n_bytes = reading.n_bytes + whole
        return replace(select_by(score(store, direction), wish), read=Read(n_bytes, n_bytes / whole, scanned=True))
    errors = reading.error[:, None] + reading.common
    scores = as_dataset(store, [direction], reading.told[:, None], *reading.centre, errors)
    return replace(select_by(scores, wish), read=Read(reading.n_bytes, reading.n_bytes / whole, scanned=False))


class _Reading:
    """What is known of every row, and what was read for it.

    Attributes:
        told: The scores as far as is known: (sample,); NaN for rows that may not be selected.
        error: How far they can be off: (sample,).
        n_bytes: Read so far.
    """

    def __init__(self, store: ActivationStore, direction: Direction) -> None:
        self._fingerprint = fingerprint(store, direction.score.pool)
        self._view = View.of(self._fingerprint, direction)
        self._rows = np.flatnonzero(store.selectable)
        self._telling = Telling(self._view, store.n_tokens[self._rows])
        self._pool = store.pool(direction.score.pool)
        # The scan centres by a mean that it may have to make a pass for; it is the same for all rows.
        self._projection = Projection.of(store, [direction.scored_by(center="none")])
        self._stages, n = len(self._view.basis.components), len(self._rows)
        self._widths = [self._pool.row_bytes(layer) for layer in range(len(self._view.factor))]
        self._layers, used = len(self._widths), np.abs(self._view.weights).any(axis=1)
        self._unread = np.broadcast_to(used, (n, self._layers)).copy()
        self._sums = np.zeros((n, self._layers), np.uint32)
        self._products = np.zeros((n, self._layers))
        self._depth = np.zeros(n, np.int64)  # levels that are read of each row
        layers = np.full(np.count_nonzero(used), max(self._widths))
        layers[:1] += 4 * (self._layers + 1)
        self._costs = np.array([*self._view.basis.n_bytes, *layers])  # of each level, at most
        self.told, self.error = np.full((2, len(store)), np.nan)
        self.n_bytes = self._fingerprint.n_bytes(direction.score)

    @property
    def row_bytes(self) -> int:
        """Bytes of a row that a scan reads."""
        return sum(self._widths)

    @property
    def common(self) -> float:
        """By how much all scores can be off alike, which decides nothing."""
        return self._view.common

    @property
    def centre(self) -> tuple[Floats, Floats]:
        """What each layer's projection was centred and divided by, as scores have it: (direction, layer) each."""
        return self._view.mean[None], self._view.scale[None]

    def decide(self, candidates: npt.NDArray[np.bool_], k: int, at_most: float, *, bottom: bool) -> bool:
        """Read until it is certain which of the candidates are the k highest, or lowest.

        Args:
            candidates: (sample,).
            k: How many.
            at_most: Share of a scan's bytes that may be read.
            bottom: Whether the lowest are wanted.

        Returns:
            Whether it is certain; else the scan must say.
        """
        if not (self._fingerprint.direct and np.isfinite(self._view.uncertain).all()):
            return False
        among, sign = np.flatnonzero(candidates[self._rows]), -1.0 if bottom else 1.0
        most, before = at_most * self.row_bytes * len(candidates), self.n_bytes
        # Some rows among themselves need about the share of reading that all need, and what is read of them counts.
        some = among[:: max(1, len(among) // _SOME)]
        if not self._settle(some, max(1, round(k * len(some) / max(1, len(among)))), sign, most):
            return False
        if before + (self.n_bytes - before) * len(among) / max(1, len(some)) > most:
            return False
        self._read_on(np.flatnonzero(self._depth == 0))  # also those that are no candidates: scores are told of all
        if not self._settle(among, k, sign, most):
            return False
        # What is left lies closer together than spreads and sums are known. It may be one and the same, as of twins:
        # then the first rows are chosen, here as in a scan.
        left = among[self._known(among, sign).undecided(k)]
        return bool((self._products[left] == self._products[left[:1]]).all())

    def _settle(self, among: Rows, k: int, sign: float, most: float) -> bool:
        """Read until no more of some rows is to be read; False where that would take more bytes in all."""
        now = among[self._depth[among] == 0]
        while True:
            if self.n_bytes + self._costs[self._depth[now]].sum() > most:
                return False
            self._read_on(now)
            readable = self._depth[among] < len(self._costs)
            now = among[self._known(among, sign).to_read(k, readable)]
            if not len(now):
                return True

    def _known(self, among: Rows, sign: float) -> Known:
        own = self._rows[among]
        return Known(sign * self.told[own], self.error[own])

    def _read_on(self, rows: Rows) -> None:
        """Read what comes next of some rows, by their positions."""
        for depth in np.unique(self._depth[rows]):
            self._read(int(depth), rows[self._depth[rows] == depth])
        self._depth[rows] += 1

    def _read(self, depth: int, rows: Rows) -> None:
        """Read what comes next of some rows, by their positions, that all have been read so far."""
        telling = self._telling
        if depth < self._stages:
            telling.learn(depth, rows, self._fingerprint.told(depth, self._rows[rows]))
            self.n_bytes += len(rows) * self._view.basis.n_bytes[depth]
        else:
            if depth == self._stages:
                self._sums[rows] = self._fingerprint.layer_checksums(self._rows[rows])
                self.n_bytes += len(rows) * 4 * (self._layers + 1)
            layers = np.where(self._unread[rows], telling.doubts[rows], -1).argmax(axis=1)
            for layer in np.unique(layers):
                self._read_layer(int(layer), rows[layers == layer])
        own = self._rows[rows]
        self.told[own], self.error[own] = telling.scores(rows), telling.errors(rows)
        if depth == len(self._costs) - 1:  # nothing is left to read
            terms = self._products[rows] * self._view.factor
            self.told[own] = terms.sum(axis=1) - self._view.shift
            about = np.abs(terms - self._view.mean * self._view.factor)
            self.error[own] = about @ (self._view.uncertain + _SUM)

    def _read_layer(self, layer: int, rows: Rows) -> None:
        own = self._rows[rows]
        values = self._pool.single(own, layer, self._sums[rows, layer])
        self._telling.read(layer, rows, values)
        values = self._pool.derive(values, own, layer)
        for chunk, within in by_block(own, self._pool.layout.chunk_rows):
            place = self._pool.rows(chunk)
            as_scanned = np.zeros((place.stop - place.start, values.shape[1]), np.float32)
            here = np.searchsorted(own, place.start + within)
            as_scanned[within] = values[here]
            self._products[rows[here], layer] = (as_scanned @ self._projection.weights[layer])[within, 0]
        self._unread[rows, layer] = False
        self.n_bytes += len(rows) * self._widths[layer]
