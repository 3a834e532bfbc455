"""Selection arithmetic, and selections of a store."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import make_rows
from golden_selection import GOLDEN, Scores, golden, inputs, reference, standardised
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nait_widgets import Direction, capture, score, select
from nait_widgets.errors import SelectionError
from nait_widgets.models import CausalLM
from nait_widgets.selection import Filters, Wish, arithmetic
from nait_widgets.selection.choosing import choose
from nait_widgets.selection.labels import MAX_COLUMNS, label_columns
from nait_widgets.store import ActivationStore

CURATION = Path(__file__).parents[1] / "js" / "core" / "curation.ts"


def as_array(scores: Scores) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.array([[np.nan if value is None else value for value in row] for row in scores], np.float64)


def test_golden_vectors_are_the_references() -> None:
    assert json.loads(GOLDEN.read_text()) == golden()


def test_golden_vectors_hold() -> None:
    checked = 0
    for given_scores in json.loads(GOLDEN.read_text())["inputs"]:
        values = as_array(given_scores["scores"])
        names = [f"d{i}" for i in range(values.shape[1])]
        for case in given_scores["cases"]:
            candidates = np.ones(len(values), np.bool_)
            candidates[case["left_out"]] = False
            wish, pinned = Wish.from_json(case["wish"]), np.array(case["pinned"], np.int64)
            chosen = choose(values, np.array(given_scores["lengths"]), names, wish, candidates, pinned)
            assert chosen.rows.tolist() == case["rows"], (given_scores["name"], case["wish"])
            assert chosen.scores.shape == chosen.rows.shape
            assert chosen.parts.shape == (len(chosen.rows), len(names))
            assert not np.isnan(chosen.scores).any()
            checked += 1
    assert checked > 1000


def test_golden_ties_do_not_hang_on_rounding() -> None:
    """Merged z-scores tie only where the same numbers are merged; else no rounding can reorder them."""
    for scores in inputs().values():
        columns = [{i: v for i, row in enumerate(scores) if (v := row[d]) is not None} for d in range(len(scores[0]))]
        z = [standardised(column) for column in columns]
        for merge in (lambda v: round(sum(v) / len(v), 9), lambda v: round(max(v), 9)):
            exact = {merge([column[row] for column in z]): sorted(column[row] for column in z) for row in z[0]}
            for row in z[0]:
                merged = sorted(column[row] for column in z)
                twin = exact[merge(merged)]
                assert merged == twin or max(merged) == max(twin) or merged[0] == -merged[-1]
            ordered = sorted(exact)
            assert all(b - a > 1e-8 for a, b in pairwise(ordered))


# -- properties

values = st.one_of(st.just(math.nan), st.integers(-3, 3).map(float), st.floats(allow_nan=False, width=32))
columns = st.integers(0, 40).flatmap(lambda n: arrays(np.float64, n, elements=values))
tables = st.tuples(st.integers(1, 25), st.integers(1, 4)).flatmap(
    lambda shape: arrays(np.float64, shape, elements=st.integers(-4, 4).map(float))
)


@given(columns, st.integers(1, 50))
def test_top_is_sorted_complete_and_breaks_ties_by_row(scores: np.ndarray[Any, Any], k: int) -> None:
    rows = arithmetic.top(scores, k).tolist()
    valid = [row for row in range(len(scores)) if not math.isnan(scores[row])]
    assert rows == sorted(valid, key=lambda row: (-scores[row], row))[:k]


@given(columns, st.floats(allow_nan=False))
def test_above_is_inclusive(scores: np.ndarray[Any, Any], threshold: float) -> None:
    rows = arithmetic.above(scores, threshold)
    assert set(rows.tolist()) == {row for row, value in enumerate(scores.tolist()) if value >= threshold}
    assert scores[rows].tolist() == sorted(scores[rows], reverse=True)


@given(st.floats(0, 1, exclude_min=True), st.integers(0, 10**7))
def test_size(fraction: float, n_valid: int) -> None:
    size = arithmetic.size(fraction, n_valid)
    assert size == (max(1, math.floor(fraction * n_valid + 0.5)) if n_valid else 0)
    assert size <= n_valid


@settings(deadline=None)
@given(tables, st.sets(st.integers(0, 24)), st.sampled_from(["union", "round-robin"]), st.data())
def test_choose_is_the_reference(scores: np.ndarray[Any, Any], bad: set[int], merge: Any, data: st.DataObject) -> None:
    scores[[row for row in bad if row < len(scores)]] = math.nan
    size: dict[str, Any] = data.draw(
        st.one_of(
            st.floats(0.01, 1).map(lambda f: {"fraction": f}),
            st.integers(1, 30).map(lambda k: {"k": k}),
            *([st.integers(-4, 4).map(lambda t: {"threshold": float(t)})] if merge == "union" else []),
        )
    )
    names = [f"d{i}" for i in range(scores.shape[1])]
    weights = {name: data.draw(st.sampled_from([0.25, 1.0, 3.0])) for name in names}
    end: Any = data.draw(st.sampled_from(["top", "bottom"]))
    adjust: Any = data.draw(st.sampled_from(["none", "length-residual", "length-strata"]))
    lengths = data.draw(st.lists(st.integers(0, 9), min_size=len(scores), max_size=len(scores)))
    by_hand = {"left_out": sorted(data.draw(st.sets(st.integers(0, len(scores) - 1)))), "pinned": []}
    candidates = np.ones(len(scores), np.bool_)
    candidates[by_hand["left_out"]] = False
    wish = {**size, "merge": merge, "weights": weights, "end": end, "adjust": adjust}
    rows = choose(scores, np.array(lengths), names, Wish(**wish), candidates).rows.tolist()
    listed: Scores = [[None if math.isnan(v) else v for v in row] for row in scores.tolist()]
    assert rows == reference(listed, lengths, {"wish": wish, **by_hand})
    assert len(set(rows)) == len(rows)


def by_turns(orders: list[list[int]], weights: list[float], k: int) -> list[int]:
    """Turns one by one."""
    queues, turns = {i: iter(order) for i, order in enumerate(orders)}, [0] * len(orders)
    taken: dict[int, None] = {}
    while len(taken) < k and queues:
        turn = min(queues, key=lambda i: (turns[i] + 1) / weights[i])
        row = next((row for row in queues[turn] if row not in taken), None)
        if row is None:
            del queues[turn]
        else:
            taken[row] = None
            turns[turn] += 1
    return list(taken)


some_orders = st.integers(1, 30).flatmap(
    lambda n: st.lists(st.lists(st.integers(0, n), unique=True), min_size=1, max_size=4)
)


@settings(max_examples=200, deadline=None)
@given(some_orders, st.data(), st.integers(0, 60), st.integers(1, 9))
def test_turns_are_those_taken_one_by_one(orders: list[list[int]], data: st.DataObject, k: int, stretch: int) -> None:
    weight = st.sampled_from([1.0, 1 / 3, 0.1, 3.0, 5e-324, 1e308]) | st.floats(1e-3, 10)
    weights = data.draw(st.lists(weight, min_size=len(orders), max_size=len(orders)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arithmetic, "STRETCH", stretch)
        rows = arithmetic.round_robin([np.array(order, np.int32) for order in orders], weights, k)
    assert rows.tolist() == by_turns(orders, weights, k)


@pytest.mark.parametrize("weights", [[1.0, 1.0], [1.0, 0.37, 2.0]], ids=str)
@pytest.mark.parametrize("alike", [0.0, 3.0])
def test_turns_of_many_rows_are_those_taken_one_by_one(weights: list[float], alike: float) -> None:
    n, rng = 50_000, np.random.default_rng(0)
    common = alike * rng.standard_normal(n)
    orders = [arithmetic.top(common + rng.standard_normal(n))[: n - 9_000 * i] for i in range(len(weights))]
    for k in (n // 10, n):
        assert arithmetic.round_robin(orders, weights, k).tolist() == by_turns(
            [order.tolist() for order in orders], weights, k
        )


@given(tables)
def test_z_scores_have_mean_0_and_deviation_1(scores: np.ndarray[Any, Any]) -> None:
    z = arithmetic.z_scores(scores)
    np.testing.assert_allclose(z.mean(0), 0, atol=1e-12)
    np.testing.assert_allclose(z.std(0), np.ptp(scores, axis=0) > 0, atol=1e-12)


# -- selections of a store


def test_a_selection_says_what_it_is(pool: ActivationStore, direction: Direction) -> None:
    scores = score(pool, direction)
    chosen = select(scores, fraction=0.1)
    column = scores["score"].values[:, 0]
    assert len(chosen) == 70  # of 698
    assert chosen.rows.tolist() == sorted(np.flatnonzero(pool.selectable), key=lambda row: (-column[row], row))[:70]
    np.testing.assert_array_equal(chosen.scores, column[chosen.rows])
    assert chosen.ids == pool.sample_id[chosen.rows].tolist()
    assert chosen.reasons[:2] == ["sums #1", "sums #2"]
    assert np.flatnonzero(chosen.mask).tolist() == sorted(chosen.rows.tolist())
    assert chosen.ids_digest == select(scores, k=70).ids_digest
    assert chosen.ids_digest != select(scores, k=69).ids_digest
    assert "70 of 700 rows" in repr(chosen)
    assert select(scores, threshold=float(chosen.scores[-1])).rows.tolist() == chosen.rows.tolist()
    assert len(select(scores, threshold=1e9)) == 0


def test_reasons_name_the_directions(pool: ActivationStore, direction: Direction, robust: Direction) -> None:
    scores = score(pool, [direction, robust])
    union = select(scores, k=3)
    first = int(np.nanargmax(scores["score"].values[:, 0]))
    assert union.reasons[union.rows.tolist().index(first)].startswith("sums #1")
    assert all("#" in reason for reason in union.reasons)
    z = select(scores, k=3, merge="mean-z")
    assert all(reason.startswith("sums z ") and ", robust sums z " in reason for reason in z.reasons)
    turns = select(scores, k=4, merge="round-robin")
    assert len(turns) == 4
    assert turns.rows[0] == first


def test_what_can_not_be_chosen_is_refused(pool: ActivationStore, direction: Direction, robust: Direction) -> None:
    scores = score(pool, [direction, robust])
    refused: list[tuple[dict[str, Any], str]] = [
        ({}, r"exactly one of fraction, k and threshold \(none given\)"),
        ({"k": 1, "fraction": 0.1}, r"\(fraction and k given\)"),
        ({"fraction": 0.0}, "above 0 and at most 1"),
        ({"fraction": 1.1}, "above 0 and at most 1"),
        ({"fraction": math.nan}, "above 0 and at most 1"),
        ({"k": 0}, "must be at least 1"),
        ({"k": 699}, "k is 699, but only 698 rows of .* may be selected"),
        ({"threshold": math.nan}, "threshold is nan, but must be finite"),
        ({"threshold": -math.inf}, "threshold is -inf, but must be finite"),
        ({"k": 2.5}, "k is 2.5, but must be a whole number"),
        ({"fraction": "0.5"}, "fraction is '0.5', but must be a number"),
        ({"k": 2, "end": "random", "seed": 1.5}, "seed is 1.5, but must be a whole number"),
        ({"k": 2, "weights": {"sums": None}}, "the weight of 'sums' is None, but must be a number"),
        ({"k": 2, "filters": {"tokens": (1.5, None)}}, "a bound of tokens is 1.5, but must be a whole number"),
        ({"k": 2, "filters": {"ids": "row"}}, "ids is 'row', but must be a list"),
        ({"k": 1, "merge": "sum"}, "merge is 'sum', but must be one of union, round-robin, mean-z, max"),
        ({"threshold": 1.0, "merge": "round-robin"}, "give fraction or k, not a threshold"),
        ({"threshold": 1.0, "end": "random"}, "random rows have no threshold"),
        ({"k": 1, "end": "middle"}, "end is 'middle', but must be one of top, bottom, random"),
        ({"k": 1, "weights": {"nobody": 1.0}}, "a weight is given for 'nobody'; the directions are sums, robust sums"),
        ({"k": 1, "weights": {"sums": -1.0}}, "the weight of 'sums' is -1.0"),
        ({"k": 1, "weights": {"sums": 0, "robust sums": 0}}, "all directions have weight 0"),
        ({"k": 1, "pinned": ["nobody"]}, "has no sample 'nobody'"),
        ({"k": 1, "pinned": ["a"], "excluded": ["a"]}, "'a' is both pinned and excluded"),
        ({"k": 1, "filters": {"colour": 1}}, "no field 'colour'"),
        ({"k": 1, "filters": {"labels": {"colour": ["red"]}}}, "no label column 'colour'"),
        ({"k": 1, "filters": {"tokens": 5}}, r"tokens is 5, but must be \(fewest, most\)"),
        ({"k": 1, "seed": -1}, "seed is -1"),
    ]
    for wish, message in refused:
        with pytest.raises(SelectionError, match=message):
            select(scores, **wish)
    with pytest.raises(SelectionError, match="don't say where they come from"):
        select(scores.assign_attrs({"store": 1}).drop_attrs(), k=1)


def test_a_part_of_the_scores_names_its_own_direction(
    pool: ActivationStore, direction: Direction, robust: Direction
) -> None:
    both = score(pool, [direction, robust])
    for part in (both.sel(direction=[robust.name]), both.sel(direction=robust.name), both.isel(direction=[1])):
        chosen = select(part, k=5)
        assert [chosen_by.digest for chosen_by in chosen.directions] == [robust.digest]
        assert chosen.ids == select(score(pool, robust), k=5).ids
    with pytest.raises(SelectionError, match="of the"):
        select(both.isel(sample=slice(0, 10)), k=5)


def test_filters_narrow_the_choice(pool: ActivationStore, direction: Direction) -> None:
    scores = score(pool, direction)
    rows = np.arange(len(pool))
    prompts = np.array([prompt.casefold() for prompt in pool.text("prompt", rows)])
    responses = np.array([response.casefold() for response in pool.text("response", rows)])
    found = np.array(["stone" in a or "stone" in b for a, b in zip(prompts, responses, strict=True)])
    assert 0 < found.sum() < len(pool)
    longest = int(np.median(pool.n_tokens))
    passing = found & (pool.n_tokens <= longest) & pool.selectable
    column = np.where(passing, scores["score"].values[:, 0], math.nan)
    wanted = sorted(np.flatnonzero(passing), key=lambda row: (-column[row], row))
    filters: dict[str, Any] = {"text": "STONE", "tokens": [None, longest]}
    assert select(scores, fraction=0.5, filters=filters).rows.tolist() == wanted[: arithmetic.size(0.5, len(wanted))]
    assert len(select(scores, k=698, filters=filters)) == len(wanted)
    unfiltered = select(scores, k=5)
    assert select(scores, k=5, filters={**filters, "narrow": False}).ids == unfiltered.ids
    ids = tuple(pool.sample_id[:20].tolist())
    assert set(select(scores, fraction=1.0, filters=Filters(ids=ids)).ids) <= set(ids)


def test_label_columns_come_from_the_scores_and_the_source(pool: ActivationStore, direction: Direction) -> None:
    scores = score(pool, direction)
    topics = np.array(["even" if row % 2 == 0 else "odd" for row in range(len(pool))])
    scores["topic"] = ("sample", topics)
    columns = label_columns(scores)
    assert {"status", "topic"} <= set(columns)
    assert columns["topic"].names == ("even", "odd")
    assert columns["topic"].codes.tolist() == [row % 2 for row in range(len(pool))]
    chosen = select(scores, fraction=0.2, filters=Filters(labels={"topic": ("odd",)}))
    assert len(chosen) > 0
    assert (chosen.rows % 2 == 1).all()


def test_a_label_column_of_the_scores_goes_before_the_sources(
    lm: CausalLM, direction: Direction, tmp_path: Path
) -> None:
    rows = [{**row, "kind": "source", "status": f"s{i % 2}"} for i, row in enumerate(make_rows(12))]
    rows[3]["kind"], rows[4]["output"] = "other", " "
    store = capture(lm, rows, tmp_path / "s.zarr", template="plain")
    scores = score(store, direction)
    assert label_columns(scores)["kind"].names == ("source", "other")
    scores["kind"] = ("sample", np.array(["mine", "yours"])[np.arange(12) % 2])
    columns = label_columns(scores)
    assert columns["kind"].names == ("mine", "yours")
    assert columns["status"].names == ("ok", "empty")
    assert len(select(scores, fraction=1, filters={"labels": {"kind": ["yours"]}})) == 6


def test_there_are_as_many_label_columns_as_the_page_has_bits(
    lm: CausalLM, direction: Direction, tmp_path: Path
) -> None:
    fields = [f"field{j}" for j in range(30)]
    rows = [{**dict.fromkeys(fields, i % 2), **row} for i, row in enumerate(make_rows(12))]
    scores = score(capture(lm, rows, tmp_path / "s.zarr", template="plain"), direction)
    assert list(label_columns(scores)) == fields[:MAX_COLUMNS]
    assert f"export const MOST_LABELS = {MAX_COLUMNS};" in CURATION.read_text()
    assert len(select(scores, fraction=1, filters={"labels": {"field27": ["1"]}})) == 6
    with pytest.raises(SelectionError, match="there is no label column 'field28'"):
        select(scores, fraction=1, filters={"labels": {"field28": ["1"]}})


def test_numbers_of_numpy_are_plain_numbers(pool: ActivationStore, direction: Direction) -> None:
    scores = score(pool, direction)
    numbers: dict[str, Any] = {
        "k": np.int64(20),
        "weights": {"sums": np.float32(0.5)},
        "filters": {"tokens": (np.int32(3), None), "ids": pool.sample_id},
        "pinned": pool.sample_id[:3],
        "seed": np.uint32(7),
    }
    wish = select(scores, **numbers).wish
    assert Wish.from_json(json.loads(json.dumps(wish.as_json()))) == wish
    assert (type(wish.k), type(wish.weights["sums"]), type(wish.filters.tokens[0])) == (int, float, int)
    assert type(Wish(fraction=1).fraction) is float


def test_rows_are_pinned_and_excluded_by_hand(pool: ActivationStore, direction: Direction) -> None:
    scores = score(pool, direction)
    best = select(scores, k=10)
    last = select(scores, k=1, end="bottom").ids[0]
    chosen = select(scores, k=10, pinned=[last, best.ids[3]], excluded=best.ids[:2])
    assert chosen.ids == [*select(scores, k=12).ids[2:], last]
    assert chosen.reasons[-1] == "pinned"
    assert chosen.reasons[0] == "sums #1"
    quarantined = str(pool.sample_id[~pool.selectable][0])
    with pytest.raises(SelectionError, match="pinned, but it was quarantined"):
        select(scores, k=1, pinned=[quarantined])


def test_random_rows_repeat_by_their_seed(pool: ActivationStore, direction: Direction) -> None:
    scores = score(pool, direction)
    one, again, other = (select(scores, k=50, end="random", seed=seed) for seed in (1, 1, 2))
    assert one.ids == again.ids != other.ids
    assert pool.selectable[one.rows].all()
    assert set(one.reasons) == {"random"}


@given(
    st.builds(
        Wish,
        fraction=st.floats(0.01, 1),
        merge=st.sampled_from(["union", "max"]),
        weights=st.dictionaries(st.text(max_size=3), st.floats(0, 9), max_size=2),
        end=st.sampled_from(["top", "bottom"]),
        adjust=st.sampled_from(["none", "length-residual", "length-strata"]),
        filters=st.builds(
            Filters,
            text=st.text(max_size=5),
            tokens=st.tuples(st.none() | st.integers(0, 9), st.none() | st.integers(0, 9)),
            labels=st.dictionaries(st.text(max_size=3), st.lists(st.text(max_size=3)).map(tuple), max_size=2),
            ids=st.none() | st.lists(st.text(max_size=3)).map(tuple),
            narrow=st.booleans(),
        ),
        pinned=st.lists(st.text(max_size=3).map(lambda i: f"p{i}")).map(tuple),
        excluded=st.lists(st.text(max_size=3).map(lambda i: f"e{i}")).map(tuple),
    )
)
def test_a_wish_is_what_its_json_says(wish: Wish) -> None:
    assert Wish.from_json(json.loads(json.dumps(wish.as_json()))) == wish
