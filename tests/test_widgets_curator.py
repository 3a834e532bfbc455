"""The kernel's half of the Curator: what it answers, keeps and restores."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from nait_widgets import Curator, Direction, Recipe, score, select
from nait_widgets.errors import SelectionError
from nait_widgets.store import ActivationStore
from nait_widgets.widgets import rowsets

if TYPE_CHECKING:
    import xarray as xr


@pytest.fixture
def scores(copy: ActivationStore, direction: Direction, robust: Direction) -> xr.Dataset:
    return score(copy, [direction, robust], pool="mean")


@pytest.fixture
def curator(copy: ActivationStore, scores: xr.Dataset) -> Curator:
    return Curator(copy, scores)


def chosen_ids(curator: Curator) -> list[str]:
    assert curator.selection is not None
    return curator.selection.ids


class Page:
    """What the page would do with a widget: ask, and set what a control sets."""

    def __init__(self, curator: Curator, monkeypatch: pytest.MonkeyPatch) -> None:
        self.curator = curator
        self.sent: list[tuple[dict[str, Any], list[memoryview]]] = []
        monkeypatch.setattr(curator, "send", lambda content, buffers=None: self.sent.append((content, buffers or [])))

    def ask(self, question: str, **body: Any) -> dict[str, Any]:
        self.curator._asked(None, {"id": len(self.sent), "ask": question, "body": body}, [])
        self.curator._worker.submit(lambda: None).result()
        return self.sent[-1][0]

    def arrays(self) -> dict[str, np.ndarray[Any, Any]]:
        content, buffers = self.sent[-1]
        heads = content["arrays"]
        return {h["name"]: np.frombuffer(b, h["dtype"]) for h, b in zip(heads, buffers, strict=True)}


@pytest.fixture
def page(curator: Curator, monkeypatch: pytest.MonkeyPatch) -> Page:
    return Page(curator, monkeypatch)


def test_the_selection_follows_the_controls(curator: Curator, scores: xr.Dataset) -> None:
    assert chosen_ids(curator) == select(scores, fraction=0.1).ids
    seen: list[Any] = []
    curator.observe(lambda change: seen.append(change["new"]), "selection")
    curator.asked = {"k": 7, "merge": "mean-z"}
    assert chosen_ids(curator) == select(scores, k=7, merge="mean-z").ids
    assert [len(selection) for selection in seen] == [7]


def test_rows_by_hand_travel_as_bits(curator: Curator, scores: xr.Dataset, copy: ActivationStore) -> None:
    pinned, excluded = [int(select(scores, k=1, end="bottom").rows[0])], select(scores, k=2).rows
    lasso = np.arange(100, 400)
    with curator.hold_trait_notifications():
        curator.asked = {"k": 5, "filters": {"lasso": True}}
        curator.row_sets = rowsets.pack([lasso, np.array(pinned), np.sort(excluded)], len(copy))
    ids = copy.sample_id
    wanted = select(
        scores,
        k=5,
        filters={"ids": ids[lasso].tolist()},
        pinned=ids[pinned].tolist(),
        excluded=ids[excluded].tolist(),
    )
    assert chosen_ids(curator) == wanted.ids


def test_python_moves_the_controls(curator: Curator, copy: ActivationStore) -> None:
    ids = copy.sample_id[:50].tolist()
    chosen = curator.select(k=9, weights={"sums": 0.5}, filters={"ids": ids, "text": "o"}, excluded=[ids[0]])
    assert chosen_ids(curator) == chosen.ids
    assert curator.asked == {"k": 9, "weights": {"sums": 0.5}, "filters": {"text": "o", "lasso": True}}
    assert [rows.tolist() for rows in rowsets.unpack(curator.row_sets, 3, len(copy))] == [list(range(50)), [], [0]]
    before = curator.recipe
    curator.select(fraction=0.5)
    curator.recipe = before
    assert chosen_ids(curator) == chosen.ids
    with pytest.raises(SelectionError, match="at most 1"):
        curator.select(fraction=2.0)
    assert chosen_ids(curator) == chosen.ids


def test_a_new_kernel_finds_everything_again(curator: Curator, scores: xr.Dataset, copy: ActivationStore) -> None:
    chosen = curator.select(fraction=0.05, merge="max", filters={"tokens": [None, 40]}, pinned=[copy.sample_id[3]])
    curator._keeper.flush()
    again = Curator(copy, scores)
    assert again.recipe["wish"] == chosen.wish.as_json()
    assert chosen_ids(again) == chosen.ids
    assert "Restored from copy.sums+robust-sums.recipe.json" in again._greeting
    repeated = Recipe.load(copy.path.with_name("copy.sums+robust-sums.recipe.json")).repeat()
    assert repeated.ids == chosen.ids


def test_a_foreign_recipe_is_left_alone(copy: ActivationStore, scores: xr.Dataset) -> None:
    path = copy.path.with_name("copy.sums+robust-sums.recipe.json")
    path.write_text("{}")
    curator = Curator(copy, scores)
    curator._keeper.flush()
    assert path.read_text() == "{}"
    assert "is not a recipe" in curator._greeting
    assert "copy.sums+robust-sums-2.recipe.json" in curator._greeting
    assert path.with_name("copy.sums+robust-sums-2.recipe.json").exists()


def test_the_code_makes_the_same_selection(curator: Curator, copy: ActivationStore) -> None:
    for wish in ({"k": 9, "filters": {"text": "o"}}, {"k": 9, "filters": {"ids": copy.sample_id[:300].tolist()}}):
        chosen = curator.select(**wish)
        curator._keeper.flush()
        names: dict[str, Any] = {}
        exec(curator.code, names)
        assert names["chosen"].ids == chosen.ids
    assert "Recipe.load" in curator.code


def test_answers_are_what_the_store_holds(page: Page, copy: ActivationStore, scores: xr.Dataset) -> None:
    answer = page.ask("columns")["answer"]
    arrays = page.arrays()
    assert answer["directions"] == ["sums", "robust sums"]
    np.testing.assert_array_equal(arrays["score1"], scores["score"].values[:, 1])
    np.testing.assert_array_equal(arrays["n_tokens"], copy.n_tokens)
    np.testing.assert_array_equal(arrays["status"], copy.status)
    assert page.ask("search", text="STONE")["answer"] == np.unpackbits(page.arrays()["found"]).sum() > 0
    rows = page.ask("rows", rows=[5, 0])["answer"]
    assert [row["id"] for row in rows] == copy.sample_id[[5, 0]].tolist()
    assert rows[0]["prompt"] == next(copy.text("prompt", [5]))[:300]
    assert page.ask("sample", row=7)["answer"]["response"] == next(copy.text("response", [7]))
    labels = page.ask("labels")["answer"]
    assert labels[0]["name"] == "status"
    assert page.arrays()["codes0"].shape == (len(copy),)
    page.ask("map", method="pca")
    assert np.isnan(page.arrays()["x"]).tolist() == (~copy.selectable).tolist()
    assert 0 < page.ask("overlap")["answer"] <= 1


def test_export_writes_the_selection_and_replaces_only_when_told(page: Page, tmp_path: Path) -> None:
    target = tmp_path / "subset.jsonl"
    chosen = page.curator.select(k=12)
    export = {"path": str(target), "columns": ["score"], "order": "rank"}
    answer = page.ask("export", **export)["answer"]
    assert answer["rows"] == len(chosen)
    assert {Path(file["path"]).name: file["bytes"] for file in answer["files"]} == {
        file.name: file.stat().st_size for file in tmp_path.glob("subset*")
    }
    written = [json.loads(line) for line in target.read_text().splitlines()]
    np.testing.assert_allclose([row["nait_score"] for row in written], chosen.scores)
    more = page.curator.select(k=13)
    assert page.ask("export", **export)["answer"] == {"exists": str(target)}
    assert len(target.read_text().splitlines()) == len(chosen)
    page.ask("export", **export, replace=True)
    assert len(target.read_text().splitlines()) == len(more) > len(chosen)


def test_errors_are_told_in_one_sentence(page: Page) -> None:
    error = page.ask("map", method="magic")["error"]
    assert error["sentence"] == "there is no map by 'magic'; choose among pca, umap, tsne"
    assert "Traceback" in error["trace"]
    assert "unknown question" in page.ask("nothing")["error"]["sentence"]
    error = page.ask("export", path="/nowhere/x.jsonl", columns=[], order="rank")["error"]
    assert "there is no folder /nowhere" in error["sentence"]


def test_scores_of_another_store_are_refused(pool: ActivationStore, scores: xr.Dataset) -> None:
    with pytest.raises(SelectionError, match="these scores are not of"):
        Curator(pool, scores)
