"""The overlap widget: which neurons and which rows several sets share."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np
import traitlets

from nait_widgets.errors import SelectionError
from nait_widgets.explaining import core, neuron_column, overlap, row_intersections, transfer
from nait_widgets.explaining.overlap import rows_of
from nait_widgets.methods import Direction
from nait_widgets.scoring import score
from nait_widgets.selection import Filters, Selection, arithmetic, select
from nait_widgets.selection.selection import scored_values
from nait_widgets.widgets.base import Answer, Widget, answers

if TYPE_CHECKING:
    import numpy.typing as npt
    import xarray as xr

    from nait_widgets.explaining.overlap import Members
    from nait_widgets.scored import Scored
    from nait_widgets.store import ActivationStore
    from nait_widgets.widgets.base import Report

    Rows = npt.NDArray[np.int64]

MOST_SETS = 12  # with more, neither 66 pairs nor the combinations can be told apart
SHARED = 20
BINS = 64
SAMPLES = 10
TEXT = 600  # characters of a prompt that are sent: more than a line of a list shows
SPREAD = (10, 90)  # percentiles that stand for the spread of a set's values


class Sample(TypedDict):
    """A sample in a list: its neuron's value where it is listed for one, and the sets that it is in."""

    id: str
    text: str
    sets: list[str]
    value: float | None


class Overlap(Widget):
    """Which neurons sets share layer by layer, which rows they share, and how one's rows score under another.

    Args:
        store: The store that the samples are in.
        sets: Name to a selection, a direction, ids or rows; from 2 to 12.
        scores: What `score` returned, for the transfer matrix and for the export of the core; None to score by the
            sets' own directions.
        k: How many neurons a layer stand for a set; None for 5 % of them, at least 10.

    Attributes:
        at_least: In how many sets a row of the core is, as the page has it.

    Raises:
        SelectionError: Too few or too many sets, an empty one, a k out of range, or scores of another store.
        StoreError: An id or row that the store doesn't have, or an incomplete store.
        DirectionError: A direction of another model, site, template or layers.
    """

    at_least = traitlets.Int(2).tag(sync=True)

    def __init__(
        self,
        store: ActivationStore,
        sets: Mapping[str, Members],
        *,
        scores: xr.Dataset | None = None,
        k: int | None = None,
    ) -> None:
        if not isinstance(sets, Mapping):
            raise SelectionError("the sets have no names: give a mapping such as {'math': chosen, 'code': others}")
        if len(sets) > MOST_SETS:
            raise SelectionError(f"{len(sets)} sets given; the widget shows at most {MOST_SETS}, so leave some out")
        if scores is not None and not scored_values(scores)[0].is_same(store):
            raise SelectionError(f"the scores are not of {store.path}: pass what `score` returned for that store")
        self._store, self._sets, self._given_scores = store, dict(sets), scores
        self._overlap = overlap(store, sets, k)
        self._rows = {name: rows_of(store, name, own) for name, own in sets.items() if not isinstance(own, Direction)}
        super().__init__(kind="overlap", at_least=max(1, min(2, len(self._rows))))

    @property
    def jaccard(self) -> xr.DataArray:
        """The share of the top neurons of either set that both have: (pair, layer) from 0 to 1."""
        import xarray as xr

        result = self._overlap
        pairs = [f"{result.names[a]} & {result.names[b]}" for a, b in result.pairs]
        return xr.DataArray(result.jaccard, {"pair": pairs, "layer": list(result.layers)}, name="jaccard")

    def core(self, at_least: int | None = None) -> list[str]:
        """The ids of the rows that at least so many sets have, in the order of the store.

        Args:
            at_least: How many sets; None for what the page shows.

        Raises:
            SelectionError: `at_least` is below 1 or above the number of sets with rows.
        """
        return [str(i) for i in self._store.sample_id[self._core(at_least)]]

    @answers("overlap")
    def _answer_overlap(self, _body: dict[str, Any]) -> Answer:
        result = self._overlap
        k, n_neurons = result.tops.shape[2], result.profiles.shape[2]
        body = {
            "names": result.names,
            "layers": result.layers,
            "pairs": result.pairs,
            "k": k,
            # Of two independent sets of k the one has k²/n of the other's, out of 2k − k²/n.
            "chance": k / (2 * n_neurons - k),
        }
        return Answer(body, {"jaccard": result.jaccard.astype(np.float32)})

    @answers("shared")
    def _answer_shared(self, body: dict[str, Any]) -> Answer:
        """Shared neurons, those of one pair first; how strong each is in the sets that have it, NaN in the others."""
        layer, pair, result = int(body["layer"]), set(body["pair"]), self._overlap
        of_layer = result.shared(layer, result.profiles.shape[2])
        found = sorted(of_layer, key=lambda each: not pair <= set(each.sets))[:SHARED]
        neurons = [each.neuron for each in found]
        profiles = result.profiles[:, result.layers.index(layer)]
        highest = profiles.max(axis=1, keepdims=True)
        strength = (profiles / np.where(highest > 0, highest, 1))[:, neurons].T
        for own, each in zip(strength, found, strict=True):
            own[[name not in each.sets for name in result.names]] = np.nan
        both = sum(pair <= set(each.sets) for each in of_layer)
        return Answer({"neurons": neurons, "both": both}, {"strength": strength.astype(np.float32)})

    @answers("neuron")
    def _answer_neuron(self, body: dict[str, Any]) -> Answer:
        """One neuron over the pool, in each set, and the samples that fire it most."""
        layer, neuron = int(body["layer"]), int(body["neuron"])
        pool = self._store.layout.pools[0]
        column = neuron_column(self._store, pool, layer, [neuron])[:, 0].astype(np.float64)
        of_pool = column[self._store.selectable]
        counts, edges = np.histogram(of_pool, BINS)
        strongest = arithmetic.top(np.abs(column), SAMPLES)  # by size, as the store ranks the neurons of a sample
        answer = {
            "layer": layer,
            "neuron": neuron,
            "pool": pool,
            "spreads": [_spread("pool", of_pool), *(_spread(n, column[rows]) for n, rows in self._rows.items())],
            "weights": [
                {"name": name, "weight": float(own.vectors[own.layers.index(layer), neuron])}
                for name, own in self._sets.items()
                if isinstance(own, Direction) and layer in own.layers
            ],
            "samples": self._samples(strongest, column[strongest]),
        }
        return Answer(answer, {"edges": edges, "counts": counts.astype(np.float64)})

    @answers("rows")
    def _answer_rows(self, _body: dict[str, Any]) -> Answer:
        """The sizes of the sets that have rows, and every exclusive intersection; None for fewer than two sets."""
        if len(self._rows) < 2:
            return Answer(None)
        names = list(self._rows)
        intersections = [
            {"members": [names.index(name) for name in each.members], "count": len(each.rows)}
            for each in row_intersections(self._rows)
        ]
        sizes = [{"name": name, "size": len(rows)} for name, rows in self._rows.items()]
        return Answer({"sets": sizes, "intersections": intersections, "scored": self._has_scores})

    @answers("samples")
    def _answer_samples(self, body: dict[str, Any]) -> Answer:
        """The first samples that are in exactly these sets."""
        members = tuple(body["members"])
        rows = next((each.rows for each in row_intersections(self._rows) if each.members == members), np.empty(0, int))
        return Answer(self._samples(rows[:SAMPLES]))

    @answers("core")
    def _answer_core(self, body: dict[str, Any]) -> Answer:
        rows = self._core(int(body["at_least"]))
        share = len(rows) / max(1, int(np.count_nonzero(self._store.selectable)))
        return Answer({"count": len(rows), "tokens": int(self._store.n_tokens[rows].sum()), "share": share})

    @answers("export_core", in_background=True)
    def _export_core(self, body: dict[str, Any], report: Report) -> Answer:
        given, at_least = str(body["path"]).strip(), int(body["at_least"])
        if not given:
            raise SelectionError("there is no path to write the core to: give one such as core.jsonl")
        path = Path(given).expanduser()
        if path.exists():
            raise SelectionError(f"{path} is there already: name another file, or delete that one first")
        rows = self._core(at_least)
        if not len(rows):
            raise SelectionError(f"no row is in at least {at_least} sets: ask for fewer")
        files = self._selection(rows).export(path, report=report)
        return Answer({"rows": len(rows), "files": [str(file) for file in files]})

    @answers("transfer", in_background=True)
    def _answer_transfer(self, _body: dict[str, Any], _report: Report) -> Answer:
        """Mean z-score of each set's rows under each direction; None where there are no rows or no direction."""
        if not self._rows or not self._has_scores:
            return Answer(None)
        matrix = transfer(self._scores, {name: self._selection(rows) for name, rows in self._rows.items()})
        _, _, columns = scored_values(self._scores)
        return Answer({"rows": list(self._rows), "columns": columns}, {"z": matrix.astype(np.float32)})

    def _core(self, at_least: int | None) -> Rows:
        return core(self._rows, self.at_least if at_least is None else at_least)

    def _selection(self, rows: Rows) -> Selection:
        """Some rows as a selection, with what they score."""
        if not self._has_scores:
            raise SelectionError(
                "these rows have no scores to be exported with, since no set has a direction: "
                "give some by Overlap(…, scores=nait.score(store, directions))"
            )
        ids = tuple(str(i) for i in self._store.sample_id[rows])
        return select(self._scores, fraction=1.0, merge="max", filters=Filters(ids=ids))

    @property
    def _has_scores(self) -> bool:
        return self._given_scores is not None or bool(self._scored_by)

    @cached_property
    def _scores(self) -> xr.Dataset:
        return score(self._store, self._scored_by) if self._given_scores is None else self._given_scores

    @cached_property
    def _scored_by(self) -> list[Scored]:
        """Every direction and scorer of the sets once, by the name of its set where that has no other."""
        found: dict[str, Scored] = {}
        for name, own in self._sets.items():
            if isinstance(own, Direction):
                found.setdefault(own.digest, own.named(name))
            elif isinstance(own, Selection) and own.store.is_same(self._store):
                for scored in own.directions:
                    title = name if len(own.directions) == 1 else f"{name}: {scored.name}"
                    found.setdefault(scored.digest, scored.named(title))
        return list(found.values())

    def _samples(self, rows: Rows, values: npt.NDArray[np.float64] | None = None) -> list[Sample]:
        texts = self._store.text("prompt", rows) if self._store.layout.text else iter([""] * len(rows))
        return [
            {
                "id": str(self._store.sample_id[row]),
                "text": text[:TEXT],
                "sets": [name for name, own in self._rows.items() if row in own],
                "value": None if values is None else float(values[i]),
            }
            for i, (row, text) in enumerate(zip(rows, texts, strict=True))
        ]


def _spread(name: str, values: npt.NDArray[np.float64]) -> dict[str, Any]:
    low, high = np.percentile(values, SPREAD)
    return {"name": name, "rows": len(values), "mean": float(values.mean()), "low": float(low), "high": float(high)}
