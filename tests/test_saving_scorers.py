"""Scorers beside directions: one dataset of scores that is selected by, exported, repeated, saved and shown alike."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import xarray as xr
import zarr
from conftest import Row, make_rows
from test_cli import nait as nait_command
from test_scorers_others import install

import nait_widgets as nait
from nait_widgets import Curator, Direction, DirectionHealth, Inspector, Overlap, Recipe, Scorer, capture, score, select
from nait_widgets.errors import DirectionError, ScorerError, SelectionError, StoreError
from nait_widgets.explaining import health, token_contributions
from nait_widgets.models import CausalLM
from nait_widgets.plots.selection_report import selection_report
from nait_widgets.saving import keeps
from nait_widgets.selection.card import card
from nait_widgets.store import ActivationStore, open_store, unpack

NAMES = ["sums", "length", "near sums"]
OPTIONS: dict[str, Any] = {"template": "plain", "extras": ["embedding"], "monitor": False}


@pytest.fixture(scope="module")
def targets(lm: CausalLM, in_domain_rows: list[Row], tmp_path_factory: pytest.TempPathFactory) -> ActivationStore:
    """40 samples of what is wanted."""
    path = tmp_path_factory.mktemp("targets") / "targets.zarr"
    return capture(lm, in_domain_rows, path, **OPTIONS)


@pytest.fixture(scope="module")
def candidates(lm: CausalLM, pool_rows: list[Row], tmp_path_factory: pytest.TempPathFactory) -> ActivationStore:
    return capture(lm, pool_rows[:120], tmp_path_factory.mktemp("candidates") / "copy.zarr", **OPTIONS)


@pytest.fixture(scope="module")
def lean(lm: CausalLM, tmp_path_factory: pytest.TempPathFactory) -> ActivationStore:
    """A store without extras."""
    return capture(lm, make_rows(5), tmp_path_factory.mktemp("lean") / "s.zarr", **(OPTIONS | {"extras": ()}))


@pytest.fixture
def near(targets: ActivationStore) -> Scorer:
    return nait.scorer("knn", targets, name="near sums", k=3)


@pytest.fixture
def store(candidates: ActivationStore, tmp_path: Path) -> ActivationStore:
    """A copy of the candidates to save in."""
    return open_store(shutil.copytree(candidates.path, tmp_path / "copy.zarr"))


@pytest.fixture
def scores(store: ActivationStore, direction: Direction, near: Scorer) -> xr.Dataset:
    return score(store, [direction, "length", near])


def alike(one: xr.Dataset, two: xr.Dataset) -> None:
    """Two datasets hold the same bits and go by the same."""
    xr.testing.assert_identical(one.drop_attrs(), two.drop_attrs())
    assert [(s.name, s.digest, type(s)) for s in one.attrs["directions"]] == [
        (s.name, s.digest, type(s)) for s in two.attrs["directions"]
    ]


# -- scores


def test_scorers_are_columns_like_any_other(
    store: ActivationStore, scores: xr.Dataset, direction: Direction, near: Scorer
) -> None:
    assert scores["direction"].values.tolist() == NAMES
    np.testing.assert_array_equal(scores["score"][:, 0], score(store, direction)["score"][:, 0])
    np.testing.assert_array_equal(scores["score"][:, 1], np.where(store.selectable, store.n_response_tokens, np.nan))
    np.testing.assert_array_equal(scores["score"][:, 2], near.score(store))
    for name in ("layer_mean", "layer_scale"):
        assert np.isnan(scores[name].values).tolist() == [[False] * 3, [True] * 3, [True] * 3]
    # A scorer has no layers that could be chosen; a direction takes its options wherever it stands.
    again = score(store, ["length", direction], layers=[0])
    np.testing.assert_array_equal(again["score"][:, 1], score(store, direction, layers=[0])["score"][:, 0])
    assert score(store, "length")["direction"].values.tolist() == ["length"]


def test_what_cannot_be_scored_by_is_refused(lean: ActivationStore, direction: Direction, near: Scorer) -> None:
    refused: list[tuple[Any, dict[str, Any], type[Exception], str]] = [
        (["length", direction.named("length")], {}, DirectionError, "two columns are named 'length'"),
        ("knn", {}, ScorerError, "scorer 'knn' needs targets"),
        ("wisdom", {}, ScorerError, "there is no scorer 'wisdom'; there are random"),
        ("length", {"similarity": "cosine"}, DirectionError, "similarity can only be said of directions"),
        ("length", {"preset": "robust"}, DirectionError, "a preset can only be said of directions"),
        (
            "ifd",
            {},
            ScorerError,
            "scorer 'ifd' needs loss, ifd, which .* lacks; capture it again with `--extras loss,ifd`",
        ),
        ([direction, near], {}, ScorerError, "scorer 'knn' needs embedding, which .* lacks"),
    ]
    for by, options, error, message in refused:
        with pytest.raises(error, match=message):
            score(lean, by, **options)


@dataclass(frozen=True, eq=False)
class Picky(Scorer):
    """Scores every other sample."""

    kind: ClassVar[str] = "picky"

    def compute(self, store: ActivationStore) -> Any:
        return np.where(np.arange(len(store)) % 2, store.n_tokens, np.nan)


def test_a_row_that_a_scorer_cannot_tell_of_is_not_chosen_by_it(store: ActivationStore, direction: Direction) -> None:
    scores = score(store, [direction, Picky()])
    for wish in ({"k": 20, "merge": "mean-z"}, {"k": 20, "merge": "max"}, {"k": 20, "weights": {"sums": 0.0}}):
        chosen = select(scores, **wish)  # type: ignore[arg-type]
        assert len(chosen) == 20
        assert (chosen.rows % 2 == 1).all()
    assert (select(scores, k=20).rows % 2 == 0).any()  # under a union the direction still takes its own
    assert (select(scores, k=20, end="bottom", weights={"sums": 0.0}).rows % 2 == 1).all()
    inspector = Inspector(store, scores=scores, sample_id=str(store.sample_id[0]))
    assert asked(inspector, "sample", id=inspector.sample_id, direction="picky")["score"] is None


# -- recipes and exports


def test_from_scores_to_rows_and_back(scores: xr.Dataset, targets: ActivationStore, tmp_path: Path) -> None:
    chosen = select(scores, k=30, merge="mean-z")
    files = chosen.export(tmp_path / "x.jsonl", columns=["reason"])
    ends = ["x.jsonl", "x.recipe.json", "x.card.md", "x.sums.direction", "x.length.scorer", "x.near-sums.scorer"]
    assert [file.name for file in files] == ends
    recipe = Recipe.load(files[1])
    assert [entry.get("kind") for entry in recipe.directions] == [None, "scorer", "scorer"]
    assert recipe.repeat().ids == chosen.ids
    row = json.loads(files[0].read_text().splitlines()[0])
    assert [part.rsplit(" z ", 1)[0] for part in row["nait_reason"].split(", ")] == NAMES

    told = files[2].read_text("utf-8")
    neurons = "chosen by the neurons that they activate (NAIT, arXiv 2603.13201), the scorer length and the scorer near"
    assert neurons in told
    assert "| length | length | of `response` | none |" in told
    assert "| near sums | knn | " in told
    assert "k `3`" in told
    assert f"| 40 rows of `{targets.provenance['source']['name']}` |" in told

    nait.scorer("length", name="length", of="sample").save(tmp_path / "x.length.scorer")
    with pytest.raises(SelectionError, match=r"x.length.scorer is not the scorer that the recipe was made with"):
        recipe.repeat()
    (tmp_path / "x.length.scorer").unlink()
    with pytest.raises(ScorerError, match="there is no scorer file at"):
        recipe.repeat()


def test_a_part_by_scorers_alone(scores: xr.Dataset, tmp_path: Path) -> None:
    chosen = select(scores.sel(direction=["length"]), fraction=0.1)
    files = chosen.export(tmp_path / "x.jsonl")
    assert [file.name for file in files[3:]] == ["x.length.scorer"]
    assert Recipe.load(files[1]).repeat().ids == chosen.ids
    assert set(chosen.reasons) >= {"length #1"}
    told = card(chosen, "x")
    assert "chosen by the scorer length." in told
    assert "## Directions" not in told
    # A scorer and a direction may be called alike; each has a file of its own.
    assert select(scores.sel(direction="near sums"), k=3).directions[0].name == "near sums"


def test_the_report_says_of_a_scorer_what_applies(scores: xr.Dataset, tmp_path: Path) -> None:
    page = selection_report(scores, select(scores, k=30), tmp_path / "report.html").read_text("utf-8")
    assert "under sums, the scorer length and the scorer near sums" in page
    assert "Scored by length, of response; such a score has no parts by layer." in page
    assert "Fitted to 40 rows of" in page
    assert page.count("What each layer adds to the score of the first row below.") == 1


# -- in the store


def test_scores_come_back_with_their_scorers(store: ActivationStore, scores: xr.Dataset, near: Scorer) -> None:
    store.save_scores(scores, "all")
    again = open_store(store.path)
    assert (again.directions(), again.scorers(), again.score_sets()) == (("sums",), ("length", "near sums"), ("all",))
    alike(again.scores("all"), scores)
    assert again.scorer("near sums").digest == near.digest
    assert keeps(again, near)
    assert not keeps(again, near.named("other"))
    assert again.info()["saved"] == {
        "directions": ["sums"], "scorers": ["length", "near sums"], "scores": ["all"], "selections": [],
        "fingerprints": [],
    }  # fmt: skip
    about = xr.open_zarr(store.path, group="scores/all", chunks=None).attrs["nait_scores"]["directions"]
    assert [(entry["name"], entry["key"], entry.get("kind")) for entry in about] == [
        ("sums", "sums", None), ("length", "length", "scorer"), ("near sums", "near-sums", "scorer"),
    ]  # fmt: skip
    header = xr.open_zarr(store.path, group="scorers/near-sums", chunks=None).attrs["nait_scorer"]
    assert (header["format"], header["kind"], header["options"]["k"]) == ("nait-scorer-1", "knn", 3)
    assert again.verify().ok


def test_a_recipe_takes_scorers_from_the_store(store: ActivationStore, scores: xr.Dataset, tmp_path: Path) -> None:
    store.save_scores(scores, "all")
    chosen = select(scores, k=12)
    files = chosen.export(tmp_path / "rows.jsonl")
    assert [file.name for file in files[3:]] == []
    recipe = Recipe.load(files[1])
    assert recipe.repeat().ids == chosen.ids
    store.delete("scores", "all")
    assert recipe.repeat().ids == chosen.ids  # scored again
    store.save_scorer(nait.scorer("length", of="sample"))
    with pytest.raises(SelectionError, match=r"scorer 'length' of .* is not the scorer that the recipe was made with"):
        recipe.repeat()
    store.delete("scorers", "length")
    with pytest.raises(StoreError, match="no 'length' among its scorers"):
        recipe.repeat()


def test_what_goes_together_stays_together(store: ActivationStore, scores: xr.Dataset) -> None:
    store.save_scores(scores, "all")
    store.save_selection(select(scores.sel(direction=["length", "sums"]), k=9), "best")
    assert store.selection("best").ids == select(scores.sel(direction=["length", "sums"]), k=9).ids
    other = nait.scorer("length", of="sample")
    with pytest.raises(StoreError, match=r"selections 'best' of .* go by the scorer 'length' that is saved there"):
        store.save_scorer(other)
    with pytest.raises(StoreError, match="go by the scorer 'length'"):
        store.save_scores(score(store, other), "others")
    with pytest.raises(StoreError, match=r"scores 'all' of .* go by the scorer 'near sums'"):
        store.delete("scorers", "near sums")
    store.delete("selections", "best")
    store.delete("scores", "all")
    store.save_scorer(other)
    assert store.scorer("length").options == {"of": "sample"}
    # A direction of the same name is another thing.
    store.save_direction(scores.attrs["directions"][0].named("length"))
    assert (set(store.directions()), set(store.scorers())) == ({"sums", "length"}, {"length", "near sums"})


def test_a_scorer_that_cannot_score_the_store_is_not_saved_in_it(lean: ActivationStore, near: Scorer) -> None:
    with pytest.raises(ScorerError, match=r"needs embedding, which .* lacks"):
        lean.save_scorer(near)
    with pytest.raises(StoreError, match="no 'near sums' among its scorers"):
        lean.scorer("near sums")


def test_a_scorer_that_was_tampered_with_is_found(store: ActivationStore, near: Scorer, scores: xr.Dataset) -> None:
    store.save_scores(scores, "all")
    group: Any = zarr.open_group(store.path / "scorers" / "near-sums", mode="r+")
    header = dict(group.attrs["nait_scorer"])
    for change, message in (
        ({"digest": "0" * 64}, "isn't the scorer that its digest names"),
        ({"options": {**header["options"], "k": 4}}, "isn't the scorer that its digest names"),
        ({"sha256": "0" * 64}, "its numbers are not those that were saved"),
        ({"format": "nait-scorer-2"}, "is not of format nait-scorer-1"),
    ):
        group.attrs["nait_scorer"] = {**header, **change}
        for read in (lambda: store.scorer("near sums"), lambda: store.scores("all")):
            with pytest.raises(StoreError, match=message):
                read()
        assert any(message in problem for problem in store.verify().problems)
    group.attrs["nait_scorer"] = header
    name = next(iter(near.arrays))
    chunk = next(path for path in (store.path / "scorers/near-sums" / name / "c").rglob("*") if path.is_file())
    chunk.unlink()
    assert any(f"a chunk of its array {name!r} is missing" in problem for problem in store.verify().problems)


@pytest.mark.parametrize("text", [True, False])
def test_scorers_travel_in_a_packed_store(
    store: ActivationStore, scores: xr.Dataset, text: bool, tmp_path: Path
) -> None:
    store.save_scores(scores, "all")
    chosen = select(scores, k=9, filters={"text": "mill"})
    store.save_selection(chosen, "best")
    packed = open_store(store.pack(tmp_path / "packed.zarr.zip", text=text))
    alike(packed.scores("all"), scores)
    assert packed.selection("best").ids == chosen.ids
    assert packed.verify().ok
    assert unpack(packed.path, tmp_path / "again.zarr").scorers() == ("length", "near sums")


# -- the widgets


def asked(widget: Any, question: str, **body: Any) -> dict[str, Any]:
    """What a widget answers to a question of its page."""
    sent: list[dict[str, Any]] = []
    widget.send = lambda content, _buffers=None: sent.append(content)
    widget._asked(None, {"id": 0, "ask": question, "body": body}, [])
    answer: dict[str, Any] = sent[0]["answer"]
    return answer


def test_a_curator_chooses_by_all_of_them(store: ActivationStore, scores: xr.Dataset, tmp_path: Path) -> None:
    curator = Curator(store, scores)
    wishes: list[dict[str, Any]] = [
        {"k": 25, "merge": "max"},
        {"k": 25, "weights": {"length": 3.0, "sums": 0.0}},
        {"threshold": 4.0},
    ]
    for wish in wishes:
        chosen = curator.select(**wish)
        assert chosen.ids == select(scores, **wish).ids
    assert asked(curator, "columns")["directions"] == NAMES
    curator._keeper.flush()
    names = {path.name for path in tmp_path.iterdir()}
    stem = "copy.sums+length+near-sums"
    assert {f"{stem}.recipe.json", f"{stem}.sums.direction", f"{stem}.length.scorer"} < names
    assert Recipe.load(tmp_path / f"{stem}.recipe.json").repeat().ids == chosen.ids
    assert "nait.Scorer.load(" in curator.code
    made: dict[str, Any] = {}
    exec(curator.code, made)
    assert made["chosen"].ids == chosen.ids
    again = Curator(store, scores)
    assert "Restored from" in again._greeting
    assert again._current_selection().ids == chosen.ids
    store.save_scores(scores, "all")
    kept = Curator(store, store.scores("all"), recipe=tmp_path / "kept.recipe.json")
    assert "store.scorer('near sums')" in kept.code


def test_an_inspector_shows_a_scorers_score_as_a_whole(store: ActivationStore, scores: xr.Dataset) -> None:
    inspector = Inspector(store, scores=scores)
    sample = str(inspector.sample_id)
    assert asked(inspector, "sample", id=sample, direction="sums").keys() >= {"score", "layers"}
    told = asked(inspector, "sample", id=sample, direction="length")
    assert told["score"] == store.n_response_tokens[store.index(sample)]
    assert "has no parts by layer" in told["whole"]
    assert "layers" not in told
    assert len(told["neurons"]) == 20
    assert {neuron["contribution"] for neuron in told["neurons"]} == {None}
    inspector.direction = "near sums"
    with pytest.raises(DirectionError, match="'near sums' is a scorer of kind 'knn': it has no parts by layer"):
        _ = inspector.explanation


def test_what_needs_a_direction_says_so(store: ActivationStore, near: Scorer) -> None:
    for refusing in (
        lambda: DirectionHealth(near, store),  # type: ignore[arg-type]
        lambda: store.explain(str(store.sample_id[0]), near),  # type: ignore[arg-type]
        lambda: health(near, store),  # type: ignore[arg-type]
        lambda: token_contributions(store, str(store.sample_id[0]), near, "no-model"),  # type: ignore[arg-type]
    ):
        with pytest.raises(DirectionError, match="'near sums' is a scorer of kind 'knn': it has no parts by layer"):
            refusing()


def test_an_overlap_takes_selections_by_scorers(store: ActivationStore, scores: xr.Dataset) -> None:
    sets = {name: select(scores.sel(direction=[name]), k=30) for name in NAMES}
    widget = Overlap(store, sets)
    assert widget._answer_transfer({}, lambda _done, _all: None).body is not None
    assert widget._scores["direction"].values.tolist() == NAMES
    assert [type(each).__name__ for each in widget._scores.attrs["directions"]][1:] == ["Length", "KNN"]


def test_a_scorer_whose_package_is_gone(
    store: ActivationStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "package"
    code = (
        "from dataclasses import dataclass\nfrom nait_widgets import Scorer\n\n\n"
        "@dataclass(frozen=True, eq=False)\nclass Tokens(Scorer):\n    kind = 'tokens'\n    least: int = 1\n\n"
        "    def compute(self, store):\n        return store.n_tokens * (store.n_tokens >= self.least)\n"
    )
    install(package, "token-counter", {"tokens": "counted:Tokens"}, counted=code)
    with monkeypatch.context() as installed:
        installed.syspath_prepend(package)
        store.save_scores(score(store, [nait.scorer("tokens", least=3), "length"]), "both")
        chosen = select(store.scores("both").sel(direction=["tokens"]), fraction=0.1)
        store.save_selection(chosen, "most")
        recipe = chosen.export(tmp_path / "most.jsonl")[1]
        file = nait.scorer("tokens").save(tmp_path / "tokens.scorer")
    gone = r"is a scorer of kind 'tokens', which no package that is installed has: install the one"
    scores = store.scores("both")
    assert store.selection("most").ids == chosen.ids == Recipe.load(recipe).repeat().ids
    again = select(scores.sel(direction=["tokens"]), fraction=0.1)
    assert again.ids == chosen.ids
    assert "| tokens | tokens | least `3` | none |" in card(again, "x")
    store.save_selection(again, "again")
    store.save_scores(scores, "kept")
    checked = store.verify()
    assert (checked.ok, checked.problems, len(checked.cautions)) == (True, (), 1)
    assert "'tokens', which no package that is installed has" in checked.cautions[0]
    assert "damaged" not in checked.cautions[0]
    with pytest.raises(StoreError, match=gone):
        store.scorer("tokens")
    for asked in (lambda: Scorer.load(file), lambda: score(store, scores.attrs["directions"])):
        with pytest.raises(ScorerError, match=gone):
            asked()
    told = nait_command("verify", store.path, cwd=tmp_path)
    assert told.returncode == 0
    assert told.stderr.startswith("nait: caution: ")
    assert told.stderr.count("\n") == 1
