"""The kernel's half of the overlap widget, against counting with Python's own sets."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from conftest import EMPTY_ROW

from nait_widgets import Direction, Recipe, Selection, capture, score, select
from nait_widgets.errors import DirectionError, NaitError, SelectionError, StoreError
from nait_widgets.models import CausalLM
from nait_widgets.store import ActivationStore
from nait_widgets.widgets.base import Answer
from nait_widgets.widgets.overlap import Overlap

if TYPE_CHECKING:
    import xarray as xr

K = 6


@pytest.fixture(scope="module")
def scores(pool: ActivationStore, direction: Direction, robust: Direction) -> xr.Dataset:
    return score(pool, [direction, robust])


@pytest.fixture(scope="module")
def sets(pool: ActivationStore, scores: xr.Dataset, robust: Direction) -> dict[str, Any]:
    """Two selections, ids of which one is quarantined, and a direction."""
    of_direction = {d.name: select(scores.sel(direction=[d.name]), fraction=0.3) for d in scores.attrs["directions"]}
    return {**of_direction, "ids": [str(i) for i in pool.sample_id[:200]], "direction": robust}


@pytest.fixture(scope="module")
def rows(sets: dict[str, Any]) -> dict[str, set[int]]:
    """The rows of the sets that have any."""
    chosen = {name: set(own.rows.tolist()) for name, own in sets.items() if isinstance(own, Selection)}
    return {**chosen, "ids": set(range(200)) - {EMPTY_ROW}}


@pytest.fixture
def widget(pool: ActivationStore, sets: dict[str, Any]) -> Overlap:
    return Overlap(pool, sets, k=K)


def sent(answer: Answer) -> Any:
    """The body as the page has it, after a check that all of it can be sent."""
    answer.packed()
    return json.loads(json.dumps(answer.body))


# -- neurons


def test_the_heat_map_is_the_jaccard_index_of_the_sets_tops(
    pool: ActivationStore, widget: Overlap, rows: dict[str, set[int]]
) -> None:
    answer = widget._answer_overlap({})
    body = sent(answer)
    assert (body["names"], body["k"]) == (["sums", "robust sums", "ids", "direction"], K)
    shown = answer.arrays["jaccard"].reshape(len(body["pairs"]), len(body["layers"]))
    assert np.array_equal(shown, widget.jaccard.to_numpy().astype(np.float32))
    index = np.asarray(pool.array("top_neuron_index")[...])

    def top(members: set[int], layer: int) -> set[int]:
        everyone = np.flatnonzero(pool.selectable).tolist()
        counts, base = (Counter(index[list(group), layer].ravel().tolist()) for group in (members, everyone))
        lift = {j: counts[j] / len(members) - base[j] / len(everyone) for j in range(32)}
        return {j for j in sorted(lift, key=lambda j: (-lift[j], j))[:K] if lift[j] > 0}

    for layer in range(3):
        a, b = (top(rows[name], layer) for name in ("sums", "ids"))
        shown = widget.jaccard.sel(pair="sums & ids", layer=layer).item()
        assert shown == pytest.approx(len(a & b) / len(a | b))


def test_chance_is_what_random_sets_agree_on(widget: Overlap) -> None:
    rng = np.random.default_rng(0)
    drawn = [[set(rng.choice(32, K, replace=False).tolist()) for _ in range(2)] for _ in range(4_000)]
    assert sent(widget._answer_overlap({}))["chance"] == pytest.approx(
        np.mean([len(a & b) for a, b in drawn]) / np.mean([len(a | b) for a, b in drawn]), abs=0.01
    )


def test_shared_neurons_of_a_pair_come_first(widget: Overlap) -> None:
    overlap = widget._overlap
    pair = ["sums", "direction"]
    answer = widget._answer_shared({"layer": 1, "pair": pair})
    body = sent(answer)
    tops = {name: set(top[1][top[1] >= 0].tolist()) for name, top in zip(overlap.names, overlap.tops, strict=True)}
    both = tops["sums"] & tops["direction"]
    assert body["both"] == len(both)
    assert set(body["neurons"][: len(both)]) == both
    rest = [sum(j in top for top in tops.values()) for j in body["neurons"][len(both) :]]
    assert rest == sorted(rest, reverse=True)
    assert set(body["neurons"]) == set().union(*tops.values())
    strength = answer.arrays["strength"]
    for row, j in enumerate(body["neurons"]):
        for column, name in enumerate(overlap.names):
            profile = overlap.profiles[column, 1]
            expected = profile[j] / profile.max() if j in tops[name] else np.nan
            assert strength[row, column] == pytest.approx(expected, nan_ok=True)


def test_a_neuron_is_that_of_the_activations(
    pool: ActivationStore, widget: Overlap, rows: dict[str, set[int]], robust: Direction
) -> None:
    answer = widget._answer_neuron({"layer": 2, "neuron": 17})
    body = sent(answer)
    values = pool.pool("mean").take(np.arange(len(pool)))[:, 2, 17].astype(np.float64)
    valid = np.flatnonzero(pool.selectable)
    for spread, members in zip(body["spreads"], [valid.tolist(), *map(sorted, rows.values())], strict=True):
        own = values[members]
        expected = [len(own), own.mean(), *np.quantile(own, [0.1, 0.9])]
        assert [spread[key] for key in ("rows", "mean", "low", "high")] == pytest.approx(expected)
    assert body["weights"] == [{"name": "direction", "weight": pytest.approx(robust.vectors[2, 17])}]
    assert np.array_equal(answer.arrays["counts"], np.histogram(values[valid], answer.arrays["edges"])[0])
    strongest = sorted(valid.tolist(), key=lambda row: (-abs(values[row]), row))[:10]
    assert [sample["id"] for sample in body["samples"]] == pool.sample_id[strongest].tolist()
    assert [sample["value"] for sample in body["samples"]] == pytest.approx(values[strongest])
    assert [sample["text"] for sample in body["samples"]] == list(pool.text("prompt", strongest))
    assert [sample["sets"] for sample in body["samples"]] == [
        [name for name, members in rows.items() if row in members] for row in strongest
    ]


def test_a_store_without_text_lists_ids_alone(lm: CausalLM, pool_rows: list[dict[str, Any]], tmp_path: Path) -> None:
    store = capture(lm, pool_rows[:30], tmp_path / "plain.zarr", template="plain", text=False)
    widget = Overlap(store, {"a": list(range(20)), "b": list(range(10, 30))})
    assert {sample["text"] for sample in sent(widget._answer_samples({"members": ["a", "b"]}))} == {""}


# -- rows


def test_every_row_is_in_one_intersection(pool: ActivationStore, widget: Overlap, rows: dict[str, set[int]]) -> None:
    body = sent(widget._answer_rows({}))
    assert body["sets"] == [{"name": name, "size": len(own)} for name, own in rows.items()]
    assert body["scored"]
    groups: dict[tuple[int, ...], list[int]] = {}
    for row in sorted(set().union(*rows.values())):
        groups.setdefault(tuple(i for i, own in enumerate(rows.values()) if row in own), []).append(row)
    assert {tuple(each["members"]): each["count"] for each in body["intersections"]} == {
        members: len(found) for members, found in groups.items()
    }
    names = list(rows)
    for members, found in groups.items():
        samples = sent(widget._answer_samples({"members": [names[i] for i in members]}))
        assert [sample["id"] for sample in samples] == pool.sample_id[found[:10]].tolist()


def test_the_core_follows_what_the_page_asks_for(
    pool: ActivationStore, widget: Overlap, rows: dict[str, set[int]]
) -> None:
    counts = Counter(row for own in rows.values() for row in own)
    for at_least in (1, 2, 3):
        expected = sorted(row for row, n in counts.items() if n >= at_least)
        assert widget.core(at_least) == pool.sample_id[expected].tolist()
        assert sent(widget._answer_core({"at_least": at_least})) == {
            "count": len(expected),
            "tokens": int(pool.n_tokens[expected].sum()),
            "share": len(expected) / np.count_nonzero(pool.selectable),
        }
    assert widget.core() == widget.core(2)
    widget.at_least = 3
    assert widget.core() == widget.core(3)


def test_the_core_is_exported_as_the_source_had_it_and_can_be_repeated(
    widget: Overlap, pool_rows: list[dict[str, Any]], tmp_path: Path
) -> None:
    reports: list[tuple[int, int]] = []
    path = tmp_path / "core.jsonl"
    body = {"path": f" {path} ", "at_least": 2}
    answer = sent(widget._export_core(body, lambda done, total: reports.append((done, total))))
    core = widget.core(2)
    assert [json.loads(line) for line in path.read_text().splitlines()] == [
        row for row in pool_rows if row["id"] in set(core)
    ]
    assert (answer["rows"], answer["files"][0]) == (len(core), str(path))
    assert reports == [(0, len(core))]
    assert set(Recipe.load(tmp_path / "core.recipe.json").repeat().ids) == set(core)
    with pytest.raises(SelectionError, match="is there already: name another file"):
        widget._export_core(body, lambda *_: None)


def test_transfer_is_the_mean_z_score_of_each_sets_rows(
    widget: Overlap, scores: xr.Dataset, rows: dict[str, set[int]]
) -> None:
    answer = widget._answer_transfer({}, lambda *_: None)
    body = sent(answer)
    # The selections' own directions, named by their sets; the set `direction` is one of them.
    assert body == {"rows": list(rows), "columns": ["sums", "robust sums"]}
    values = scores["score"].to_numpy()
    z = (values - np.nanmean(values, axis=0)) / np.nanstd(values, axis=0)
    expected = [z[sorted(own)].mean(axis=0) for own in rows.values()]
    assert answer.arrays["z"] == pytest.approx(np.array(expected), rel=1e-5)


def test_scores_of_one_direction_are_enough(pool: ActivationStore, scores: xr.Dataset) -> None:
    sets = {"a": list(range(50)), "b": list(range(30, 90))}
    answer = Overlap(pool, sets, scores=scores.sel(direction="sums"))._answer_transfer({}, lambda *_: None)
    assert (answer.body["columns"], answer.arrays["z"].shape) == (["sums"], (2, 1))


# -- what has nothing to show, and what is refused


def test_directions_alone_share_neurons_but_no_rows(
    pool: ActivationStore, direction: Direction, robust: Direction
) -> None:
    widget = Overlap(pool, {"a": direction, "b": robust})
    assert widget.jaccard.shape == (1, 3)
    assert widget._answer_rows({}).body is None
    assert widget._answer_transfer({}, lambda *_: None).body is None
    with pytest.raises(SelectionError, match="no set is given"):
        widget.core()


def test_ids_alone_have_no_scores(pool: ActivationStore, tmp_path: Path) -> None:
    widget = Overlap(pool, {"a": list(range(50)), "b": list(range(30, 90))})
    assert not widget._answer_rows({}).body["scored"]
    assert widget._answer_transfer({}, lambda *_: None).body is None
    with pytest.raises(SelectionError, match=r"no scores .* give some by Overlap\(…, scores="):
        widget._export_core({"path": str(tmp_path / "core.jsonl"), "at_least": 2}, lambda *_: None)


@pytest.mark.parametrize(
    ("path", "at_least", "message"),
    [
        (" ", 2, "no path to write the core to"),
        ("core.jsonl", 3, "no row is in at least 3 sets"),
        ("core.jsonl", 4, "at_least is 4, but must be from 1 to 3"),
        ("missing/core.jsonl", 2, "there is no folder"),
        ("core.xls", 2, "rows can be written as"),
    ],
)
def test_an_export_that_cant_be_is_refused(
    pool: ActivationStore, scores: xr.Dataset, tmp_path: Path, path: str, at_least: int, message: str
) -> None:
    widget = Overlap(pool, {"a": [0, 1, 2], "b": [2, 3], "c": [1, 4]}, scores=scores)
    with pytest.raises(NaitError, match=message):
        widget._export_core({"path": str(tmp_path / path) if path.strip() else path, "at_least": at_least}, print)
    assert not list(tmp_path.iterdir())


def test_sets_that_cant_be_compared_are_refused(pool: ActivationStore, copy: ActivationStore, sets: Any) -> None:
    def refused(error: type[NaitError], message: str, given: Any, **options: Any) -> None:
        with pytest.raises(error, match=message):
            Overlap(pool, given, **options)

    one = sets["sums"]
    refused(SelectionError, "the sets have no names", [one, one])
    refused(SelectionError, "needs at least two", {"a": one})
    refused(SelectionError, "13 sets given; the widget shows at most 12", {str(i): one for i in range(13)})
    refused(SelectionError, "set 'b' is empty", {"a": one, "b": []})
    refused(StoreError, "set 'b' has 1 id", {"a": one, "b": ["row-nowhere"]})
    refused(SelectionError, "k is 33, but must be from 1 to the 32 neurons", {"a": one, "b": [1]}, k=33)
    other = score(copy, sets["direction"])
    refused(SelectionError, "the scores are not of", {"a": one, "b": [1]}, scores=other)
    refused(DirectionError, "another site", {"a": one, "b": replace(sets["direction"], site="mlp_act")})
