"""Scores that are adjusted for length before rows are chosen by them."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from golden_selection import GOLDEN, adjusted, inputs, lengths_of, standardised
from hypothesis import given
from hypothesis import strategies as st

from nait_widgets import Curator, Direction, Recipe, score, select
from nait_widgets.cli import main
from nait_widgets.errors import SelectionError
from nait_widgets.explaining.health import rank_correlation
from nait_widgets.plots import selection_report
from nait_widgets.selection import Wish, arithmetic, choosing
from nait_widgets.selection.wish import Adjust
from nait_widgets.store import ActivationStore

ADJUSTMENTS: tuple[Adjust, ...] = ("length-residual", "length-strata")

Floats = np.ndarray[Any, np.dtype[np.float64]]


def as_array(scores: list[list[float | None]]) -> Floats:
    return np.array([[np.nan if value is None else value for value in row] for row in scores], np.float64)


def test_golden_scores_are_adjusted_to_the_last_bit() -> None:
    for given_scores in json.loads(GOLDEN.read_text())["inputs"]:
        values, lengths = as_array(given_scores["scores"]), np.array(given_scores["lengths"])
        for adjust in ADJUSTMENTS:
            found = choosing.adjusted(values, lengths, adjust)
            np.testing.assert_array_equal(found, as_array(given_scores["adjusted"][adjust]))


def test_golden_residuals_do_not_hang_on_rounding() -> None:
    """Merged, they tie only where rows are alike, or at 0, which is exact; else no rounding can reorder them."""
    for name, scores in inputs().items():
        moved = adjusted(scores, lengths_of(name, scores), "length-residual")
        columns = [{i: v for i, row in enumerate(moved) if (v := row[d]) is not None} for d in range(len(scores[0]))]
        z = [standardised(column) for column in columns]
        values = [[column[row] for column in z] for row in z[0]]
        for merged in ([(sum(v) / len(v), v) for v in values], [(max(v), [max(v)]) for v in values]):
            for (low, first), (high, second) in pairwise(sorted(merged)):
                assert high - low > 1e-8 or first == second or low == high == 0, name


# -- properties

score_values = st.one_of(
    st.integers(-3, 3).map(float),
    st.floats(),
    st.sampled_from([math.nan, math.inf, -math.inf, 0.0, -0.0, 1.7e308, -1.7e308, 5e-324]),
)
samples = st.lists(st.tuples(score_values, st.integers(0, 12)), max_size=40)


def split(drawn: list[tuple[float, int]]) -> tuple[Floats, np.ndarray[Any, np.dtype[np.int32]]]:
    return np.array([s for s, _ in drawn], np.float64), np.array([length for _, length in drawn], np.int32)


@given(samples)
def test_adjusted_scores_are_the_reference(drawn: list[tuple[float, int]]) -> None:
    scores, lengths = split(drawn)
    listed = [[None if math.isnan(s) else s] for s in scores.tolist()]
    for adjust in ADJUSTMENTS if drawn else ():
        found = choosing.adjusted(scores[:, None], lengths, adjust)
        np.testing.assert_array_equal(found, as_array(adjusted(listed, lengths.tolist(), adjust)))


@given(samples)
def test_nothing_gains_or_loses_a_score(drawn: list[tuple[float, int]]) -> None:
    scores, lengths = split(drawn)
    for adjust in (arithmetic.length_residual, arithmetic.length_strata):
        np.testing.assert_array_equal(np.isnan(adjust(scores, lengths)), np.isnan(scores))
    residual = arithmetic.length_residual(scores, lengths)
    np.testing.assert_array_equal(residual[~np.isfinite(scores)], scores[~np.isfinite(scores)])


@given(st.lists(st.tuples(st.integers(-9, 9).map(float), st.integers(0, 12)), min_size=2))
def test_residuals_keep_their_mean_and_nothing_of_the_lengths_rank(drawn: list[tuple[float, int]]) -> None:
    scores, lengths = split(drawn)
    residual = arithmetic.length_residual(scores, lengths)
    ranks = np.array([np.sum(lengths < length) + np.sum(lengths == length) / 2 for length in lengths])
    assert residual.mean() == pytest.approx(scores.mean(), abs=1e-9)
    assert np.dot(ranks - ranks.mean(), residual) == pytest.approx(0, abs=1e-8 * len(drawn) ** 2)
    # A second time nothing is left to take out.
    np.testing.assert_allclose(arithmetic.length_residual(residual, lengths), residual, atol=1e-9)


@given(st.lists(st.tuples(st.integers(-9, 9).map(float), st.integers(0, 12)), min_size=1, max_size=60))
def test_strata_are_as_good_as_equal_and_take_alike(drawn: list[tuple[float, int]]) -> None:
    scores, lengths = split(drawn)
    places = arithmetic.length_strata(scores, lengths)
    strata = np.array_split(np.argsort(lengths, kind="stable"), min(10, len(drawn)))
    assert sum(len(own) for own in strata) == len(drawn)
    halves = [int(np.sum(places > 0.5)), sum(len(own) // 2 for own in strata)]
    assert halves[0] <= sum(-(-len(own) // 2) for own in strata) + 10
    assert 0 < places.min() <= places.max() < 1
    assert abs(halves[0] - halves[1]) <= 10


def test_an_infinite_score_moves_no_other() -> None:
    lengths = np.arange(8)
    scores = np.array([3.0, 1, np.inf, 4, 1, -np.inf, 9, 2])
    finite = np.isfinite(scores)
    residual = arithmetic.length_residual(scores, lengths)
    np.testing.assert_array_equal(residual[finite], arithmetic.length_residual(scores[finite], lengths[finite]))
    np.testing.assert_array_equal(residual[~finite], [np.inf, -np.inf])
    # In a stratum it is only a place: the first, or the last.
    places = arithmetic.length_strata(np.tile(scores, 10), np.zeros(80, int))
    assert arithmetic.top(places)[:8].tolist() == [2 + 8 * i for i in range(8)]


def test_where_length_explains_nothing_nothing_changes() -> None:
    scores = np.array([2.0, -1, 5, 0])
    for lengths in (np.full(4, 7), np.array([1, 1, 1, 1])):
        np.testing.assert_array_equal(arithmetic.length_residual(scores, lengths), scores)
    huge = np.array([1.7e308, 1.7e308, -1.7e308, 1.0])
    np.testing.assert_array_equal(arithmetic.length_residual(huge, np.arange(4)), huge)


# -- selections of a store


def test_a_selection_goes_by_adjusted_scores(pool: ActivationStore, direction: Direction) -> None:
    scores = score(pool, [direction])
    values = scores["score"].to_numpy()[:, 0]
    valid = pool.selectable
    assert np.isnan(values[~valid]).all()
    assert (~valid).any()
    moved: dict[Adjust, Floats] = {
        "length-residual": arithmetic.length_residual(values, pool.n_tokens),
        "length-strata": arithmetic.length_strata(values, pool.n_tokens),
    }
    chosen = {adjust: select(scores, fraction=0.2, adjust=adjust) for adjust in moved}
    plain = select(scores, fraction=0.2)
    for adjust, by in moved.items():
        assert chosen[adjust].rows.tolist() == arithmetic.top(by, len(chosen[adjust])).tolist()
        assert chosen[adjust].cut == by[chosen[adjust].rows[-1]]
        assert chosen[adjust].ids != plain.ids
        assert select(scores, threshold=chosen[adjust].cut, adjust=adjust).ids == chosen[adjust].ids
        assert abs(rank_correlation(by[valid], pool.n_tokens[valid])) < abs(
            rank_correlation(values[valid], pool.n_tokens[valid])
        )
    # Of each tenth by length, about as many.
    tenths = np.array_split(np.flatnonzero(valid)[np.argsort(pool.n_tokens[valid], kind="stable")], 10)
    taken = [np.isin(tenth, chosen["length-strata"].rows).mean() for tenth in tenths]
    assert max(taken) - min(taken) < 0.2


def test_a_filter_moves_no_adjusted_score(pool: ActivationStore, direction: Direction) -> None:
    scores = score(pool, [direction])
    everywhere = select(scores, fraction=1.0, adjust="length-residual")
    few = select(
        scores, fraction=1.0, adjust="length-residual", filters={"tokens": (None, int(np.median(pool.n_tokens)))}
    )
    known = dict(zip(everywhere.rows.tolist(), everywhere.scores.tolist(), strict=True))
    assert 0 < len(few) < len(everywhere)
    assert few.scores.tolist() == [known[row] for row in few.rows.tolist()]


def test_directions_are_adjusted_each_for_itself(
    pool: ActivationStore, direction: Direction, robust: Direction
) -> None:
    scores = score(pool, [direction, robust])
    values = scores["score"].to_numpy()
    z = arithmetic.z_scores(np.column_stack([arithmetic.length_residual(v, pool.n_tokens) for v in values.T]))
    chosen = select(scores, k=9, merge="mean-z", adjust="length-residual")
    assert chosen.rows.tolist() == arithmetic.top(z.mean(axis=1), 9).tolist()


def test_an_unknown_adjustment_is_refused() -> None:
    with pytest.raises(SelectionError, match="adjust is 'length', but must be one of none, length-residual, length-s"):
        Wish.from_json({"fraction": 0.1, "adjust": "length"})
    assert Wish(fraction=0.1, adjust="none").as_json() == {"fraction": 0.1}
    assert Wish(fraction=0.1, adjust="length-strata").as_json() == {"fraction": 0.1, "adjust": "length-strata"}


def test_it_is_kept_told_and_repeated(
    copy: ActivationStore, direction: Direction, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = direction.save(tmp_path / "d.direction")
    out = tmp_path / "rows.jsonl"
    run = ["select", str(copy.path), str(path), "--fraction", "0.2", "--adjust", "length-strata", "-o", str(out)]
    assert main([*run, "--save", "kept"]) == 0
    capsys.readouterr()
    chosen = select(score(copy, [direction]), fraction=0.2, adjust="length-strata")
    recipe = Recipe.load(tmp_path / "rows.recipe.json")
    assert recipe.wish == {"fraction": 0.2, "adjust": "length-strata"}
    assert recipe.repeat().ids == copy.selection("kept").ids == chosen.ids
    assert "place among those of about its length" in (tmp_path / "rows.card.md").read_text()
    assert main(["select", str(copy.path), str(path), "--k", "3", "--adjust", "size", "-o", str(out)]) == 2
    assert "adjust is 'size'" in capsys.readouterr().err


def ids(curator: Curator) -> list[str]:
    assert curator.selection is not None
    return curator.selection.ids


def test_the_curator_follows(copy: ActivationStore, direction: Direction) -> None:
    scores = score(copy, [direction])
    curator = Curator(copy, scores)
    chosen = {adjust: select(scores, k=20, adjust=adjust).ids for adjust in ADJUSTMENTS}
    curator.asked = {"k": 20, "adjust": "length-residual"}
    assert ids(curator) == chosen["length-residual"]
    assert curator.select(k=20, adjust="length-strata").ids == chosen["length-strata"]
    assert curator.asked == {"k": 20, "adjust": "length-strata"}
    made: dict[str, Any] = {}
    curator._keeper.flush()
    exec(curator.code, made)
    assert made["chosen"].ids == ids(Curator(copy, scores)) == chosen["length-strata"]


def test_a_report_cuts_where_the_selection_did(pool: ActivationStore, direction: Direction, tmp_path: Path) -> None:
    scores = score(pool, [direction])
    chosen = select(scores, fraction=0.2, adjust="length-strata")
    told = selection_report(scores, chosen, tmp_path / "report.html").read_text()
    assert f"the dashed line is the cut at {chosen.cut:.4g}" in told
    assert "their place in it among those of about their length" in told
