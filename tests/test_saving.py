"""Directions, scores and selections in a store: had back bit for bit, kept together, and used by all the rest."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
import zarr
from conftest import make_rows
from test_store import flip

from nait_widgets import Curator, Direction, Filters, Inspector, Recipe, capture, explain, fit_direction, score, select
from nait_widgets.errors import DirectionError, SelectionError, StoreError
from nait_widgets.explaining.projection import project
from nait_widgets.models import CausalLM
from nait_widgets.plots.selection_report import selection_report
from nait_widgets.saving import keeps, scores_by
from nait_widgets.selection.labels import label_columns
from nait_widgets.store import ActivationStore, open_store


def same(one: Direction, two: Direction) -> bool:
    """Whether two directions are the same in every bit."""
    for name in Direction.__slots__:
        a, b = getattr(one, name), getattr(two, name)
        if not (a.dtype == b.dtype and a.tobytes() == b.tobytes() if isinstance(a, np.ndarray) else a == b):
            return False
    return True


def assert_identical(back: xr.Dataset, scores: xr.Dataset) -> None:
    """Two datasets hold the same bits, and say alike where they come from."""
    assert list(back.variables) == list(scores.variables)
    assert set(back.coords) == set(scores.coords)
    for name, variable in scores.variables.items():
        ours, theirs = back.variables[name].to_numpy(), variable.to_numpy()
        assert (back.variables[name].dims, ours.dtype) == (variable.dims, theirs.dtype), name
        assert ours.tolist() == theirs.tolist() if ours.dtype == object else ours.tobytes() == theirs.tobytes(), name
    assert back.attrs["store"].path == scores.attrs["store"].path
    assert all(same(*pair) for pair in zip(back.attrs["directions"], scores.attrs["directions"], strict=True))


@pytest.fixture
def scores(copy: ActivationStore, direction: Direction, robust: Direction) -> xr.Dataset:
    return score(copy, [direction, robust])


@pytest.fixture
def kept(copy: ActivationStore, scores: xr.Dataset) -> ActivationStore:
    """A store with two directions, scores `both`, and a selection `best` of them."""
    copy.save_scores(scores, "both")
    copy.save_selection(select(scores, k=20, merge="mean-z"), "best")
    return open_store(copy.path)


# -- directions


def test_a_direction_comes_back_bit_for_bit(copy: ActivationStore, direction: Direction, robust: Direction) -> None:
    combined = (direction + direction.named("x")).scored_by(layers=[0, 2])
    for made in (direction, robust, combined):
        copy.save_direction(made)
    store = open_store(copy.path)
    assert set(store.directions()) == {"sums", "robust sums", "sums + x"}
    for made in (direction, robust, combined):
        assert same(store.direction(made.name), made)
        assert keeps(store, made)
        assert not keeps(store, -made)
    store.save_direction(direction, "another name")
    assert same(store.direction("another name"), direction.named("another name"))
    with pytest.raises(StoreError, match=r"no 'nobody' among its directions \(another-name|no 'nobody' among"):
        store.direction("nobody")
    assert json.loads((copy.path / "directions/sums/zarr.json").read_text())["attributes"]["nait_direction"].keys() == {
        "format", "digest", "name", "site", "model", "template", "preset", "samples", "fit", "score", "layers",
        "resamples", "sha256",
    }  # fmt: skip


def test_directions_of_another_origin_are_refused(copy: ActivationStore, lm: CausalLM, in_domain_rows: Any) -> None:
    with pytest.raises(DirectionError, match="is of another site than store"):
        copy.save_direction(fit_direction(lm, in_domain_rows, name="f", template="plain", site="mlp_out"))
    assert copy.directions() == ()


def test_a_direction_that_was_tampered_with_is_refused(copy: ActivationStore, direction: Direction) -> None:
    copy.save_direction(direction)
    group: Any = zarr.open_group(copy.path / "directions" / "sums", mode="r+")
    header = dict(group.attrs["nait_direction"])
    for change, message in (
        ({"digest": "0" * 64}, "isn't the direction that its digest names"),
        ({"score": {**header["score"], "pool": "last"}}, "isn't the direction that its digest names"),
        ({"sha256": "0" * 64}, "its numbers are not those that were saved"),
        ({"resamples": []}, "its resamples are not those that were saved"),
        ({"format": "nait-direction-2"}, "is not of format nait-direction-1"),
    ):
        group.attrs["nait_direction"] = {**header, **change}
        with pytest.raises(StoreError, match=message):
            copy.direction("sums")
        assert any(message in problem for problem in copy.verify().problems)
    group.attrs["nait_direction"] = header
    group["vectors"][0, 0] += 1
    with pytest.raises(StoreError, match="its numbers are not those that were saved"):
        copy.direction("sums")


# -- scores


def test_scores_come_back_bit_for_bit(
    copy: ActivationStore, scores: xr.Dataset, direction: Direction, robust: Direction
) -> None:
    copy.save_scores(scores, "both")
    copy.save_scores(score(copy, direction), "one")
    store = open_store(copy.path)
    assert set(store.score_sets()) == {"both", "one"}
    assert_identical(store.scores("both"), scores)
    assert_identical(store.scores("one"), score(copy, direction))
    assert set(store.directions()) == {"sums", "robust sums"}
    assert np.isnan(store.scores("both")["score"].values).any(axis=1).sum() == (~store.selectable).sum() > 0
    assert store.verify().ok
    found = scores_by(store, [robust])
    assert found is not None
    np.testing.assert_array_equal(found["score"].values[:, 0], scores["score"].values[:, 1])
    assert scores_by(store, [-robust]) is None


def test_a_part_of_scores_is_saved_as_its_own_direction(copy: ActivationStore, scores: xr.Dataset) -> None:
    for part in (scores.sel(direction=["robust sums"]), scores.sel(direction="robust sums")):
        copy.save_scores(part, "part")
        back = copy.scores("part")
        assert [direction.name for direction in back.attrs["directions"]] == ["robust sums"]
        np.testing.assert_array_equal(back["score"].values[:, 0], scores["score"].values[:, 1])
        np.testing.assert_array_equal(back["layer_scale"].values[0], scores["layer_scale"].values[1])


def test_label_columns_come_back_as_they_were_added(copy: ActivationStore, scores: xr.Dataset) -> None:
    n = len(copy)
    added: dict[str, np.ndarray[Any, Any]] = {
        "topic": np.array(["even", "odd"])[np.arange(n) % 2],
        "some": np.array([None, "a", "é"], object)[np.arange(n) % 3],
        "cluster": (np.arange(n) % 7).astype(np.int16),
        "good": np.arange(n) % 5 == 0,
    }
    for name, values in added.items():
        scores[name] = "sample", values
    scores["length"] = "sample", np.linspace(0, 1, n)  # no label
    copy.save_scores(scores, "labelled")
    back = open_store(copy.path).scores("labelled")
    assert_identical(back, scores.drop_vars("length"))
    ours, theirs = label_columns(back), label_columns(scores)
    assert ours.keys() == theirs.keys() >= added.keys()
    for name, labels in theirs.items():
        assert ours[name].names == labels.names
        np.testing.assert_array_equal(ours[name].codes, labels.codes)
    wish: dict[str, Any] = {"k": 15, "filters": Filters(labels={"topic": ("odd",), "good": ("True",)})}
    assert select(back, **wish).ids == select(scores, **wish).ids


def test_a_viewer_finds_labels_map_and_copies(lm: CausalLM, direction: Direction, tmp_path: Path) -> None:
    rows = [{**row, "topic": "ab"[i % 2]} for i, row in enumerate(make_rows(60))]
    store = capture(lm, rows, tmp_path / "s.zarr", template="plain", monitor=False)
    scores = score(store, direction)
    scores["mine"] = "sample", np.arange(60) % 3
    store.save_scores(scores, "set")
    dataset = xr.open_zarr(store.path, group="scores/set", chunks=None)
    about = dataset.attrs["nait_scores"]
    assert (about["format"], about["name"], about["map"]) == ("nait-scores-1", "set", project(store).axes)
    assert about["directions"] == [{"name": "sums", "digest": direction.digest, "key": "sums"}]
    labels = {label["name"]: (position, label) for position, label in enumerate(about["labels"])}
    assert {name: label["of_source"] for name, (_, label) in labels.items()} == {
        "mine": False, "input": True, "topic": True,
    }  # fmt: skip
    position, topic = labels["topic"]
    assert topic == {"name": "topic", "values": ["a", "b"], "of_source": True}
    assert {name: dataset[name].dims for name in ("score", "label_code", "map", "row") if name in dataset} == {
        "score": ("sample", "direction"), "label_code": ("sample", "label"), "map": ("sample", "axis"),
    }  # fmt: skip
    np.testing.assert_array_equal(dataset["map"], project(store).xy)
    np.testing.assert_array_equal(dataset["label_code"][:, position], np.arange(60) % 2)
    for name in ("status", "n_tokens", "n_response_tokens", "sample_id"):
        assert dataset[name].values.tolist() == getattr(store, name).tolist()
    np.testing.assert_array_equal(dataset["score"].sel(direction="sums"), scores["score"][:, 0])
    assert dataset["score"].encoding["chunks"] == (60, 1)


def test_means_that_explanations_need_are_saved_where_the_store_has_none(
    lm: CausalLM, direction: Direction, robust: Direction, tmp_path: Path
) -> None:
    store = capture(lm, make_rows(60), tmp_path / "s.zarr", template="plain", pools=["mean"], monitor=False)
    assert robust.score.pool == "tail_mean"
    plain = direction.scored_by(pool="mean", similarity="dot", center="none")
    store.save_scores(score(store, [plain, robust]), "both")
    store.save_scores(score(store, [plain]), "plain")
    means = xr.open_zarr(store.path, group="scores/both", chunks=None)["neuron_mean"]
    np.testing.assert_array_equal(means[1], store.statistics("tail_mean").mean)
    assert not means[0].any()
    assert "neuron_mean" not in xr.open_zarr(store.path, group="scores/plain", chunks=None)


def test_samples_without_places_and_labels_have_neither(lm: CausalLM, direction: Direction, tmp_path: Path) -> None:
    store = capture(lm, make_rows(2), tmp_path / "s.zarr", template="plain", text=False, monitor=False)
    store.save_scores(score(store, direction), "two")
    dataset = xr.open_zarr(store.path, group="scores/two", chunks=None)
    assert dataset.attrs["nait_scores"]["map"] is None
    assert "map" not in dataset
    assert "label_code" not in dataset
    assert_identical(store.scores("two"), score(store, direction))


def test_scores_of_another_store_are_refused(copy: ActivationStore, pool: ActivationStore, scores: xr.Dataset) -> None:
    with pytest.raises(SelectionError, match=r"these scores are of .*, and can't be saved in"):
        pool.save_scores(scores, "x")
    with pytest.raises(SelectionError, match=r"this selection is of .*, and can't be saved in"):
        pool.save_selection(select(scores, k=3), "x")
    with pytest.raises(SelectionError, match="don't say where they come from"):
        copy.save_scores(scores.drop_attrs(), "x")


def test_what_goes_together_stays_together(kept: ActivationStore, direction: Direction, robust: Direction) -> None:
    """A direction or scores that others were made with can be neither replaced by another nor deleted."""
    with pytest.raises(StoreError, match=r"selections 'best' of .* go by the direction 'sums' that is saved there"):
        kept.save_direction(-direction, "sums")
    with pytest.raises(StoreError, match=r"go by the direction 'sums'"):
        kept.save_scores(score(kept, (-direction).named("sums")), "other")
    with pytest.raises(StoreError, match=r"selection 'best' was made from scores 'both'"):
        kept.save_scores(score(kept, direction), "both")
    with pytest.raises(StoreError, match=r"selection 'best' of .* was made from scores 'both': delete it first"):
        kept.delete("scores", "both")
    with pytest.raises(StoreError, match="go by the direction 'robust sums'"):
        kept.delete("directions", "robust sums")
    assert kept.verify().ok
    # The same again, with a label column more, is no loss to anybody; and what nobody goes by may be replaced.
    labelled = kept.scores("both")
    labelled["topic"] = "sample", np.arange(len(kept)) % 2
    kept.save_scores(labelled, "both")
    kept.save_direction(direction.named("sums"))
    kept.save_direction(-robust, "unused")
    kept.save_direction(robust, "unused")
    kept.delete("selections", "best")
    kept.save_scores(score(kept, (-direction).named("sums")), "both")  # nothing else went by that direction
    assert same(kept.direction("sums"), (-direction).named("sums"))
    kept.delete("scores", "both")
    for name in kept.directions():
        kept.delete("directions", name)
    assert not any(kept.info()["saved"].values())


def test_saved_scores_serve_like_new_ones(kept: ActivationStore, scores: xr.Dataset, tmp_path: Path) -> None:
    back = kept.scores("both")
    first = kept.sample_id[kept.selectable][0]
    for name in ("sums", "robust sums"):
        ours = explain(kept, first, kept.direction(name), back)
        theirs = explain(kept, first, next(d for d in scores.attrs["directions"] if d.name == name), scores)
        assert ours.contributions.tobytes() == theirs.contributions.tobytes()
    for wish in ({"fraction": 0.1}, {"k": 30, "merge": "round-robin"}, {"threshold": 0.5, "merge": "max"}):
        assert select(back, **wish).ids == select(scores, **wish).ids
    curator = Curator(kept, back)
    assert curator.select(k=9).ids == select(scores, k=9).ids
    assert Inspector(kept, scores=back).explanation.score == pytest.approx(np.nanmax(scores["score"].values[:, 0]))
    assert selection_report(back, select(back, k=9), tmp_path / "report.html").exists()


# -- selections


def test_a_selection_is_repeated_and_checked(kept: ActivationStore, scores: xr.Dataset) -> None:
    chosen, back = select(scores, k=20, merge="mean-z"), kept.selection("best")
    assert back.ids == chosen.ids
    assert back.wish == chosen.wish
    np.testing.assert_array_equal(back.scores, chosen.scores)
    dataset = xr.open_zarr(kept.path, group="selections/best", chunks=None)
    np.testing.assert_array_equal(dataset["row"], chosen.rows)
    about = dataset.attrs["nait_selection"]
    assert about["format"] == "nait-selection-1"
    assert about["wish"] == {"k": 20, "merge": "mean-z"}
    assert (about["scores"], about["result"]) == ("both", {"rows": 20, "ids_sha256": chosen.ids_digest})
    group: Any = zarr.open_group(kept.path, mode="r+", use_consolidated=False)
    values = group["scores/both/score"][...]
    group["scores/both/score"][...] = values[::-1]
    with pytest.raises(StoreError, match=r"selection 'best' of .* gives 20 rows that are not the 20 of its time"):
        kept.selection("best")
    group["scores/both/score"][...] = values
    group["selections/best/row"][:2] = [1, 2]
    assert any("doesn't hold the rows that its digest is of" in problem for problem in kept.verify().problems)
    shutil.rmtree(kept.path / "scores" / "both")
    with pytest.raises(StoreError, match="the scores that selection 'best' was made from are not in"):
        kept.selection("best")


def test_a_selection_is_saved_with_scores_that_give_it(copy: ActivationStore, scores: xr.Dataset) -> None:
    labelled = scores.copy()
    labelled["topic"] = "sample", np.arange(len(copy)) % 2
    narrowed = select(labelled, k=9, filters={"labels": {"topic": ["1"]}, "tokens": (None, 50)})
    with pytest.raises(StoreError, match="no scores that are saved in"):
        copy.save_selection(narrowed, "x")
    copy.save_scores(scores, "a plain")
    with pytest.raises(StoreError, match="no scores that are saved in"):
        copy.save_selection(narrowed, "x")
    copy.save_scores(labelled, "b labelled")
    copy.save_selection(narrowed, "x")
    copy.save_selection(select(scores.sel(direction=["robust sums"]), k=3), "part")
    copy.save_selection(select(scores, threshold=1e9), "nothing")
    store = open_store(copy.path)
    assert set(store.selections()) == {"x", "part", "nothing"}
    assert store.selection("x").ids == narrowed.ids
    assert [direction.name for direction in store.selection("part").directions] == ["robust sums"]
    assert len(store.selection("nothing")) == 0
    assert store.verify().ok


# -- recipes


def test_a_recipe_takes_directions_from_the_store(kept: ActivationStore, scores: xr.Dataset, tmp_path: Path) -> None:
    chosen = select(scores, k=12)
    files = chosen.export(tmp_path / "rows.jsonl")
    assert [file.name for file in files] == ["rows.jsonl", "rows.recipe.json", "rows.card.md"]
    recipe = Recipe.load(files[1])
    assert [entry["path"] for entry in recipe.directions] == [None, None]
    assert recipe.repeat().ids == chosen.ids
    kept.delete("selections", "best")
    kept.delete("scores", "both")
    assert recipe.repeat().ids == chosen.ids  # scored again
    kept.save_direction(-kept.direction("sums"), "sums")
    with pytest.raises(SelectionError, match=r"direction 'sums' of .* is not the direction that the recipe was made"):
        recipe.repeat()
    kept.delete("directions", "sums")
    with pytest.raises(StoreError, match="no 'sums' among its directions"):
        recipe.repeat()


def test_one_direction_in_the_store_and_one_beside_it(
    copy: ActivationStore, scores: xr.Dataset, direction: Direction, tmp_path: Path
) -> None:
    copy.save_direction(direction)
    chosen = select(scores, k=12)
    files = chosen.export(tmp_path / "rows.jsonl")
    assert [file.name for file in files[3:]] == ["rows.robust-sums.direction"]
    assert Recipe.load(files[1]).repeat().ids == chosen.ids


def test_a_curator_keeps_no_files_of_saved_directions(kept: ActivationStore) -> None:
    curator = Curator(kept, kept.scores("both"))
    chosen = curator.select(k=9)
    curator._keeper.flush()
    assert sorted(path.name for path in kept.path.parent.iterdir()) == [
        "copy.sums+robust-sums.recipe.json",
        "copy.zarr",
    ]
    names: dict[str, Any] = {}
    exec(curator.code, names)
    assert names["chosen"].ids == chosen.ids
    assert "store.direction('sums')" in curator.code


# -- verification


def test_verify_checks_every_file_of_what_is_saved(kept: ActivationStore) -> None:
    assert kept.verify().ok
    files = [path for kind in ("directions", "scores", "selections") for path in (kept.path / kind).rglob("c/**/*")]
    files = [path for path in files if path.is_file()]
    assert len(files) > 15
    for path in files:
        before = path.read_bytes()
        flip(path, 0.5)
        damaged = open_store(kept.path).verify()
        assert len(damaged.problems) == 1, path
        assert str(path.relative_to(kept.path)).split("/c/")[0].rpartition("/")[0] in damaged.problems[0]
        path.write_bytes(before)
    (kept.path / "directions" / "sums" / "vectors" / "zarr.json").unlink()
    assert any("directions/sums" in problem for problem in open_store(kept.path).verify().problems)
    shutil.rmtree(kept.path / "directions" / "sums")
    assert any("no 'sums' among its directions" in problem for problem in open_store(kept.path).verify().problems)
