"""The main widget: choose rows live, see what they are, export them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets

from nait_widgets.errors import NaitError, SelectionError
from nait_widgets.explaining import TopNeurons
from nait_widgets.explaining.projection import project, projection_methods
from nait_widgets.scored import columns
from nait_widgets.selection import Recipe, Selection, Wish, select
from nait_widgets.selection.choosing import Chooser
from nait_widgets.selection.code import python_code
from nait_widgets.selection.export import Target
from nait_widgets.selection.filtering import RowFilter
from nait_widgets.selection.selection import scored_values, select_by
from nait_widgets.store import Status
from nait_widgets.store.places import folder_beside
from nait_widgets.widgets.aggregates import Aggregates
from nait_widgets.widgets.base import Answer, Widget, answers
from nait_widgets.widgets.keeping import Keeper
from nait_widgets.widgets.wishes import heard, told

if TYPE_CHECKING:
    import os

    import numpy.typing as npt
    import xarray as xr

    from nait_widgets.store import ActivationStore
    from nait_widgets.widgets.base import Report

PREVIEW = 300  # characters of a prompt or response in the table
WHOLE = 2_000_000  # rows of a pool that a page holds and chooses among by itself
AT_ONCE = 10_000  # rows of a larger one that can be pinned or excluded at once
DEFAULT = Wish(fraction=0.1)


class Curator(Widget):
    """Choose rows with sliders, filters, a lasso and by hand; look at them; export them.

    Everything that is chosen is kept in a recipe beside the store and restored from there.

    The page holds the scores of every row and chooses among them by itself. Of a pool with more rows than `limit` it
    holds sums and the rows in view instead, and asks the kernel for both; it then has no map.

    Args:
        store: A complete store.
        scores: What `score` returned for it.
        recipe: Where the recipe is kept; None for a name beside the store, made of the columns' names.
        limit: The most rows that the page is to hold.

    Attributes:
        selection: The exact current `Selection`; can be observed.
        current: Id of the sample that is looked at; can be set and observed.

    Raises:
        SelectionError: The scores are not of this store.
    """

    # What is asked, as JSON, but for the sets of rows; and these: the lasso's, the pinned and the excluded.
    asked = traitlets.Dict().tag(sync=True)
    row_sets = traitlets.Bytes().tag(sync=True, from_json=lambda value, _widget: bytes(value))
    # Counts what the page has asked: a question may overtake the state that it is about.
    step = traitlets.Int().tag(sync=True)
    current = traitlets.Unicode(None, allow_none=True).tag(sync=True)
    selection = traitlets.Instance(Selection, allow_none=True)

    def __init__(
        self,
        store: ActivationStore,
        scores: xr.Dataset,
        *,
        recipe: str | os.PathLike[str] | None = None,
        limit: int = WHOLE,
    ) -> None:
        scored, self._values, self._names = scored_values(scores)
        if not scored.is_same(store):
            raise SelectionError(f"these scores are not of {store.path}: score it with `nait.score`")
        self.store, self.scores = store, scores
        self._filter = RowFilter(scores)
        self._chooser = Chooser(self._values, store.n_tokens, self._names)
        large = len(store) > limit
        self._aggregates = Aggregates(store, self._values, self._chooser, self._filter) if large else None
        super().__init__(kind="curator")
        self._keeper = Keeper(store, columns(scores), recipe, lambda sentence: self.tell("trouble", Answer(sentence)))
        self._greeting = self._keeper.restore(self._set_wish)
        if self.selection is None:
            self._set_wish(DEFAULT)

    def __repr__(self) -> str:
        return f"<Curator: {self.selection!r}>"

    def select(self, **arguments: Any) -> Selection:
        """Choose as `nait.select` does, with the same arguments, and move the controls accordingly."""
        self._set_wish(select(self.scores, **arguments).wish)
        return self._current_selection()

    @property
    def recipe(self) -> dict[str, Any]:
        """The whole state as it is kept, readable; set it to a recipe, its JSON, a wish's JSON, or a file's path."""
        return self._keeper.recipe(self._current_selection()).as_json()

    @recipe.setter
    def recipe(self, value: Recipe | Mapping[str, Any] | str | os.PathLike[str]) -> None:
        if not isinstance(value, Recipe | Mapping):
            value = Recipe.load(value)
        wish = value.wish if isinstance(value, Recipe) else value.get("wish", value)
        self._set_wish(Wish.from_json(wish))

    @property
    def code(self) -> str:
        """Python code that makes the same selection."""
        return python_code(self._keeper.recipe(self._current_selection()), self._keeper.path)

    def _set_wish(self, wish: Wish) -> None:
        """Make a wish the current one; the page follows."""
        selection = self._select(wish)
        asked, row_sets = told(wish, self.store, whole=self._aggregates is None)
        self._chosen(selection)
        with self.hold_sync(), self.hold_trait_notifications():
            self.asked, self.row_sets = asked, row_sets

    @traitlets.observe("asked", "row_sets")
    def _asked_anew(self, _change: Any) -> None:
        """The page has moved a control."""
        try:
            wish = heard(self.asked, self.row_sets, self.store, whole=self._aggregates is None)
            if self.selection is not None and wish == self.selection.wish:
                return  # it is known already: both traits tell, and so does `_set_wish`
            self._chosen(self._select(wish))
        except NaitError as error:
            self.tell("trouble", Answer(f"`curator.selection` stays as it was before: {error}"))

    def _select(self, wish: Wish) -> Selection:
        return select_by(self.scores, wish, self._filter, self._chooser)

    def _chosen(self, selection: Selection) -> None:
        self.selection = selection
        self._keeper.keep(selection)

    def _current_selection(self) -> Selection:
        assert self.selection is not None
        return self.selection

    # -- the page's questions

    def _asked(self, widget: Any, message: dict[str, Any], buffers: Sequence[memoryview]) -> None:
        """Answer, unless the state that the question is about is still on its way: then the page asks again."""
        if "ask" in message and (message.get("body") or {}).get("step", 0) > self.step:
            self.send({"id": message["id"], "answer": {"late": True}, "arrays": []})
        else:
            super()._asked(widget, message, buffers)

    @answers("columns")
    def _columns(self, _body: dict[str, Any]) -> Answer:
        """Every number that the page computes with, or of a large pool what it begins with."""
        store, large = self.store, self._aggregates
        return Answer(
            {
                "directions": self._names,
                "statuses": {int(code): code.label for code in Status},
                "last_selectable": int(Status.TRUNCATED),
                "store": store.path.name,
                "about": f"{len(store):,} rows of {store.provenance['source']['name']} · {store.layout.site} of "
                f"{store.provenance['model']['name']}",
                "text": store.layout.text,
                "neurons": not store.scores_only,
                "maps": projection_methods() if large is None else [],
                "export": str(folder_beside(store.path) / f"{self._keeper.stem}.rows.jsonl"),
                "greeting": self._greeting,
                "large": large and large.opened(),
            },
            {}
            if large
            else {
                **{f"score{i}": np.ascontiguousarray(self._values[:, i]) for i in range(len(self._names))},
                "n_tokens": store.n_tokens,
                "status": store.status,
            },
        )

    @answers("labels", in_background=True)
    def _labels(self, _body: dict[str, Any], _report: Report) -> Answer:
        columns = self._filter.labels
        names = [{"name": name, "values": list(labels.names)} for name, labels in columns.items()]
        if self._aggregates is not None:
            self._aggregates.labels = columns
            return Answer(names)
        return Answer(names, {f"codes{i}": labels.codes for i, labels in enumerate(columns.values())})

    @answers("search", in_background=True)
    def _search(self, body: dict[str, Any], report: Report) -> Answer:
        found = self._filter.containing(str(body["text"]), report)
        whole = self._aggregates is None
        return Answer(int(found.sum()), {"found": np.packbits(found, bitorder="little")} if whole else {})

    @answers("sums")
    def _sums(self, body: dict[str, Any]) -> Answer:
        """Of a large pool: what is chosen at each stop of the slider."""
        return self._large.sums(self._current_selection(), body["direction"], body["label"])

    @answers("table")
    def _table(self, body: dict[str, Any]) -> Answer:
        """Of a large pool: what the table shows of some rows."""
        rows, numbers = self._large.table(self._current_selection(), body)
        return Answer({"texts": self._beginnings(rows)}, numbers)

    @answers("shown")
    def _shown(self, _body: dict[str, Any]) -> Answer:
        """Of a large pool: the rows that the filters leave, to be pinned or excluded."""
        rows = self._large.shown(self._current_selection())
        if len(rows) > AT_ONCE:
            raise SelectionError(
                f"{len(rows):,} rows are too many to pin or exclude at once: narrow them to {AT_ONCE:,}"
            )
        return Answer(None, {"rows": rows.astype(np.int32)})

    @property
    def _large(self) -> Aggregates:
        if self._aggregates is None:
            raise SelectionError("the page holds the whole of this pool, and asks for no sums: reload it")
        return self._aggregates

    @answers("map", in_background=True)
    def _map(self, body: dict[str, Any], _report: Report) -> Answer:
        xy, axes = project(self.store, str(body["method"]))
        return Answer(axes, {"x": np.ascontiguousarray(xy[:, 0]), "y": np.ascontiguousarray(xy[:, 1])})

    @answers("rows")
    def _rows(self, body: dict[str, Any]) -> Answer:
        """Ids and the beginnings of the texts of a page of the table."""
        return Answer(self._beginnings(np.array(body["rows"], np.int64)))

    def _beginnings(self, rows: npt.NDArray[np.int64]) -> list[dict[str, str]]:
        ids = self.store.sample_id[rows].tolist()
        if not self.store.layout.text:
            return [{"id": sample_id, "prompt": "", "response": ""} for sample_id in ids]
        texts = [[text[:PREVIEW] for text in self.store.text(name, rows)] for name in ("prompt", "response")]
        return [
            {"id": i, "prompt": prompt, "response": response} for i, prompt, response in zip(ids, *texts, strict=True)
        ]

    @answers("find")
    def _find(self, body: dict[str, Any]) -> Answer:
        """The row of an id."""
        return Answer(self.store.index(str(body["id"])))

    @answers("sample")
    def _sample(self, body: dict[str, Any]) -> Answer:
        """One sample's whole text."""
        rows = [int(body["row"])]
        if not self.store.layout.text:
            return Answer({"prompt": "", "response": ""})
        return Answer({name: next(self.store.text(name, rows)) for name in ("prompt", "response")})

    @cached_property
    def _top_neurons(self) -> TopNeurons:
        return TopNeurons(self.store)

    @answers("overlap", in_background=True, taking="selection")
    def _overlap(self, _body: dict[str, Any], _report: Report, selection: Selection) -> Answer:
        """How alike the chosen rows are, by the neurons that they activate."""
        overlap = self._top_neurons.mean_pairwise_overlap(selection.rows)
        return Answer(None if np.isnan(overlap) else overlap)

    @answers("code")
    def _code(self, _body: dict[str, Any]) -> Answer:
        self._keeper.flush()
        return Answer(self.code)

    @answers("export", in_background=True, taking="selection")
    def _export(self, body: dict[str, Any], report: Report, selection: Selection) -> Answer:
        """Write the chosen rows, unless something is there that may not be replaced."""
        given = str(body["path"]).strip()
        path = f"{Path(given).expanduser()}{'/' * given.endswith('/')}" if given else given  # the slash says: a folder
        targets = Target.of(path).files(selection)
        own = {file.resolve() for file in self._keeper.files}
        if taken := [file for file in targets if file.resolve() in own]:
            raise SelectionError(f"{taken[0]} is where this Curator keeps its state: choose another name")
        if not body.get("replace") and (there := [str(file) for file in targets if file.exists()]):
            return Answer({"exists": there})
        files = selection.export(path, columns=body["columns"], order=body["order"], report=report)
        return Answer({"rows": len(selection), "files": [{"path": str(file), "bytes": _size(file)} for file in files]})


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())
