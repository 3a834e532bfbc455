"""The kernel's half of the Curator: what it answers, keeps and restores."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from asking import Page

from nait_widgets import Curator, Direction, Recipe, open_store, score, select
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


def test_directions_of_a_part_of_the_scores_keep_their_names(copy: ActivationStore, scores: xr.Dataset) -> None:
    curator = Curator(copy, scores.sel(direction=["robust sums", "sums"]))
    for asked in ({"fraction": 0.1}, {"k": 20, "merge": "round-robin"}):
        chosen = curator.select(**asked)
        curator._keeper.flush()
        assert curator._keeper.path.name == "copy.robust-sums+sums.recipe.json"
        assert Recipe.load(curator._keeper.path).repeat().ids == chosen.ids
        names: dict[str, Any] = {}
        exec(curator.code, names)
        assert names["chosen"].ids == chosen.ids


def test_directions_of_like_names_have_files_of_their_own(
    copy: ActivationStore, direction: Direction, robust: Direction
) -> None:
    both = [direction.named("c++"), robust.named("c**")]
    curator = Curator(copy, score(copy, both))
    chosen = curator.select(k=20)
    curator._keeper.flush()
    assert Recipe.load(curator._keeper.path).repeat().ids == chosen.ids
    one = Curator(copy, score(copy, both[:1]), recipe=curator._keeper.path)
    assert "goes by others: c++, c**" in one._greeting


def test_a_recipe_needs_no_label_columns_but_the_stores(copy: ActivationStore, scores: xr.Dataset) -> None:
    scores["topic"] = "sample", np.array(["a", "b"])[np.arange(len(copy)) % 2]
    ids = copy.sample_id[:401].tolist()
    curator = Curator(copy, scores)
    wish = {"k": 12, "filters": {"ids": ids, "text": "o", "labels": {"topic": ["a"], "status": ["ok"]}}}
    chosen = curator.select(**wish)
    assert curator.asked["filters"]["labels"] == {"topic": ("a",), "status": ("ok",)}
    curator._keeper.flush()
    recipe = Recipe.load(curator._keeper.path)
    assert recipe.wish["filters"]["labels"] == {"status": ["ok"]}
    assert recipe.wish["filters"]["ids"] == ids[::2]
    assert recipe.repeat().ids == chosen.ids
    again = Curator(copy, scores.drop_vars("topic"))
    assert "Restored" in again._greeting
    assert chosen_ids(again) == chosen.ids


@pytest.mark.parametrize(
    "change",
    [
        {"wish": "abc"},
        {"wish": [1]},
        {"wish": {"fraction": 0.1, "filters": None}},
        {"wish": {"fraction": 0.1, "filters": {"tokens": 5}}},
        {"wish": {"fraction": 0.1, "filters": {"labels": {"gone": ["x"]}}}},
        {"wish": {"fraction": 0.1, "filters": {"labels": {"status": None}}}},
        {"wish": {"fraction": 0.1, "weights": {"gone": 1}}},
        {"wish": {"fraction": 0.1, "weights": [1]}},
        {"wish": {"fraction": 0.1, "pinned": ["nobody"]}},
        {"wish": {"fraction": "many"}},
        {"wish": {"k": 100000}},
        {"wish": {"merge": []}},
        {"store": {}},
        {"store": None},
        {"directions": [{}]},
        {"directions": {"name": 1}},
        {"directions": []},
        {"result": 3},
        {"more": 1},
    ],
    ids=str,
)
def test_a_recipe_that_does_not_fit_is_left_alone(
    copy: ActivationStore, scores: xr.Dataset, change: dict[str, Any]
) -> None:
    first = Curator(copy, scores)
    first._keeper.flush()
    path = first._keeper.path
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    before = path.read_bytes()
    curator = Curator(copy, scores)
    curator.select(k=5)
    curator._keeper.flush()
    assert path.read_bytes() == before
    assert "copy.sums+robust-sums-2.recipe.json" in curator._greeting
    assert Recipe.load(path.with_name("copy.sums+robust-sums-2.recipe.json")).result["rows"] == len(chosen_ids(curator))


def test_numbers_of_numpy_are_kept(page: Page) -> None:
    chosen = page.curator.select(
        k=np.int64(20), weights={"sums": np.float32(0.5)}, filters={"tokens": (np.int64(10), None)}
    )
    page.curator._keeper.flush()
    assert Recipe.load(page.curator._keeper.path).repeat().ids == chosen.ids
    assert json.loads(json.dumps(page.curator.asked))["k"] == 20
    assert not [content for content, _ in page.sent if "tell" in content]


def test_whatever_fails_while_saving_is_told(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    keeper = page.curator._keeper
    keeper.flush()
    monkeypatch.setattr(keeper, "_files", {})
    page.curator.select(k=3)
    keeper.flush()
    assert page.sent[-1][0]["body"] == "What you choose is not being saved: KeyError: 'sums'"


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
    assert set(page.ask("export", **export)["answer"]["exists"]) == {str(file) for file in tmp_path.glob("subset*")}
    assert len(target.read_text().splitlines()) == len(chosen)
    page.ask("export", **export, replace=True)
    assert len(target.read_text().splitlines()) == len(more) > len(chosen)


def test_what_lies_beside_an_export_is_not_replaced_unasked_either(page: Page, tmp_path: Path) -> None:
    card = tmp_path / "notes.card.md"
    card.write_text("my own")
    asked = {"path": str(tmp_path / "notes.jsonl"), "columns": [], "order": "rank"}
    assert page.ask("export", **asked)["answer"] == {"exists": [str(card)]}
    assert card.read_text() == "my own"
    error = page.ask("export", path=" ", columns=[], order="rank", replace=True)["error"]
    assert error["sentence"] == "'' names no file to export to: give one such as subset.jsonl"


def test_an_export_leaves_alone_what_the_widget_keeps(page: Page) -> None:
    keeper = page.curator._keeper
    path = page.ask("columns")["answer"]["export"]
    assert Path(path).name == "copy.sums+robust-sums.rows.jsonl"
    exported = page.curator.select(k=35)
    assert "files" in page.ask("export", path=path, columns=[], order="rank")["answer"]
    page.curator.select(fraction=0.3)
    keeper.flush()
    assert Recipe.load(path.replace(".jsonl", ".recipe.json")).repeat().ids == exported.ids
    for taken in (keeper.path.with_name("copy.sums+robust-sums.jsonl"), keeper.path):
        before = keeper.path.read_bytes()
        error = page.ask("export", path=str(taken), columns=[], order="rank", replace=True)["error"]
        assert "is where this Curator keeps its state: choose another name" in error["sentence"]
        assert keeper.path.read_bytes() == before


def test_what_is_exported_is_what_was_chosen_when_it_was_asked_for(page: Page, tmp_path: Path) -> None:
    asked = page.curator.select(k=5)
    at_work = threading.Event()
    page.curator._worker.submit(at_work.wait)
    body = {"path": str(tmp_path / "rows.jsonl"), "columns": [], "order": "rank"}
    page.curator._asked(None, {"id": "x", "ask": "export", "body": body}, [])
    page.curator.select(k=50)
    at_work.set()
    page.curator._worker.submit(lambda: None).result()
    assert [json.loads(line)["id"] for line in (tmp_path / "rows.jsonl").read_text().splitlines()] == asked.ids


def test_what_the_kernel_refuses_is_told_to_the_page(page: Page) -> None:
    before = chosen_ids(page.curator)
    for refused in (
        {"fraction": 0.1, "filters": {"tokens": [40.5, None]}},
        {"fraction": 0.1, "filters": {"tokens": [None, 1e21]}},
        {"fraction": 0.1, "end": "random", "seed": 2**32},
        {"fraction": 0.1, "filters": {"labels": {"gone": ["x"]}}},
    ):
        page.sent.clear()
        page.curator.asked = refused
        content, _ = page.sent[-1]
        assert content["tell"] == "trouble"
        assert content["body"].startswith("`curator.selection` stays as it was before: ")
        assert chosen_ids(page.curator) == before
    page.curator.asked = {"k": 5}
    assert chosen_ids(page.curator) != before


def test_errors_are_told_in_one_sentence(page: Page) -> None:
    error = page.ask("map", method="magic")["error"]
    assert error["sentence"] == "there is no map by 'magic'; choose among pca, umap, tsne"
    assert "Traceback" in error["trace"]
    assert "unknown question" in page.ask("nothing")["error"]["sentence"]
    error = page.ask("export", path="/nowhere/x.jsonl", columns=[], order="rank")["error"]
    assert "there is no folder /nowhere" in error["sentence"]


def test_a_store_is_the_same_by_whatever_path(
    copy: ActivationStore, scores: xr.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(copy.path.parent)
    curator = Curator(open_store(copy.path.name), scores)
    assert chosen_ids(curator) == select(scores, fraction=0.1).ids
    monkeypatch.undo()  # what is saved from now on goes beside the store all the same
    curator._keeper.flush()
    assert curator._keeper.path.parent == copy.path.parent
    assert curator._keeper.path.exists()


def test_scores_of_another_store_are_refused(pool: ActivationStore, scores: xr.Dataset) -> None:
    with pytest.raises(SelectionError, match="these scores are not of"):
        Curator(pool, scores)


def test_a_question_that_overtakes_its_state_is_asked_again(page: Page) -> None:
    assert page.ask("code", step=1)["answer"] == {"late": True}
    page.curator.set_state({"asked": {"k": 5}, "step": 1})
    assert "k=5" in page.ask("code", step=1)["answer"]
