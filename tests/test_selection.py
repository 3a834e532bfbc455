"""Selection arithmetic; `python tests/test_selection.py` writes the golden vectors anew from the reference below."""

from __future__ import annotations

import json
import math
import random
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nait_widgets import Direction, score, select
from nait_widgets.errors import SelectionError
from nait_widgets.selection import Wish, arithmetic
from nait_widgets.selection.selection import choose
from nait_widgets.store import ActivationStore

GOLDEN = Path(__file__).parent / "golden" / "selection.json"
DESCRIPTION = (
    "Golden vectors of the selection arithmetic, for every language that implements it. Each input has: name; scores, "
    "one list a sample with one number a direction, null for NaN (a quarantined sample is null in every direction); "
    "cases, each with wish, the arguments of a selection (one of fraction, k and threshold, the others null; and "
    "merge: union, round-robin, mean-z or max, without effect where there is one direction); rows, the positions of "
    "the chosen samples, best first. k = max(1, floor(fraction * valid + 0.5)) over the samples that aren't null; a "
    "threshold is inclusive; ties go to the lower position; z-scores use the population standard deviation, and a "
    "direction without spread gives 0."
)
Scores = list[list[float | None]]


# -- the reference: as slow and as plain as can be


def reference(scores: Scores, wish: dict[str, Any]) -> list[int]:
    directions = range(len(scores[0]))
    valid = [row for row, values in enumerate(scores) if any(value is not None for value in values)]
    count = wish["k"]
    if wish["fraction"] is not None:
        count = max(1, math.floor(wish["fraction"] * len(valid) + 0.5)) if valid else 0

    def order(column: dict[int, float]) -> list[int]:
        return sorted(column, key=lambda row: (-column[row], row))

    def cut(column: dict[int, float]) -> list[int]:
        if wish["threshold"] is not None:
            return [row for row in order(column) if column[row] >= wish["threshold"]]
        return order(column)[:count]

    columns: list[dict[int, float]] = [
        {row: value for row in valid if (value := scores[row][d]) is not None} for d in directions
    ]
    if len(columns) == 1:
        return cut(columns[0])
    if wish["merge"] in ("mean-z", "max"):
        z = [standardised(column) for column in columns]
        whole = [row for row in valid if all(row in column for column in z)]
        merge = (lambda v: sum(v) / len(v)) if wish["merge"] == "mean-z" else max
        return cut({row: merge([column[row] for column in z]) for row in whole})
    if wish["merge"] == "union":
        best: dict[int, int] = {}
        for column in columns:
            for rank, row in enumerate(cut(column)):
                best[row] = min(rank, best.get(row, rank))
        return sorted(best, key=lambda row: (best[row], row))
    taken: list[int] = []
    while len(taken) < count and len(taken) < len(valid):
        for column in columns:
            left = [row for row in order(column) if row not in taken]
            if left and len(taken) < count:
                taken.append(left[0])
    return taken


def standardised(column: dict[int, float]) -> dict[int, float]:
    if not column:
        return {}
    mean = math.fsum(column.values()) / len(column)
    spread = math.sqrt(math.fsum((value - mean) ** 2 for value in column.values()) / len(column))
    return {row: (value - mean) / spread if spread else 0.0 for row, value in column.items()}


# -- golden vectors


def inputs() -> dict[str, Scores]:
    rng = random.Random(20260313)

    def drawn(n: int, m: int, values: list[int], nan: float) -> Scores:
        rows: Scores = [[float(rng.choice(values)) for _ in range(m)] for _ in range(n)]
        return [[None] * m if rng.random() < nan else row for row in rows]

    return {
        "distinct": [[float(v)] for v in rng.sample(range(-50, 50), 21)],
        "ties and NaN": drawn(30, 1, [0, 1, 2], 0.2),
        "all equal": [[1.5] for _ in range(9)],
        "one sample": [[-2.0]],
        "nothing valid": [[None], [None]],
        "one valid": [[None], [3.0], [None]],
        "half up": [[float(v)] for v in range(5)],
        "two directions": drawn(24, 2, list(range(-9, 10)), 0.0),
        "two directions, ties and NaN": drawn(30, 2, [0, 1, 2], 0.25),
        "three directions, NaN": drawn(40, 3, list(range(100)), 0.1),
        "two directions, one without spread": [[float(v), 4.0] for v in rng.sample(range(20), 12)],
        "two directions, nothing valid": [[None, None]] * 3,
        "two directions that agree": [[float(v), float(v)] for v in rng.sample(range(20), 10)],
        "two directions that oppose": [[float(v), float(-v)] for v in range(10)],
    }


def wishes(scores: Scores) -> list[dict[str, Any]]:
    n_valid = sum(row[0] is not None for row in scores)
    sizes: list[dict[str, Any]] = [{"fraction": f} for f in (0.001, 0.1, 0.3, 0.5, 1.0)]
    sizes += [{"k": k} for k in (1, 2, 7) if k <= n_valid]
    sizes += [{"threshold": t} for t in (-1.0, 0.0, 1.0, 1000.0)]
    merges = ["union", "round-robin", "mean-z", "max"] if len(scores[0]) > 1 else ["union"]
    empty = {"fraction": None, "k": None, "threshold": None}
    return [
        {**empty, **size, "merge": merge}
        for merge in merges
        for size in sizes
        if not (merge == "round-robin" and "threshold" in size)
    ]


def golden() -> dict[str, Any]:
    made = [
        {
            "name": name,
            "scores": scores,
            "cases": [{"wish": wish, "rows": reference(scores, wish)} for wish in wishes(scores)],
        }
        for name, scores in inputs().items()
    ]
    return {"description": DESCRIPTION, "inputs": made}


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
            rows, chosen_by, reasons = choose(values, names, Wish(**case["wish"]))
            assert rows.tolist() == case["rows"], (given_scores["name"], case["wish"])
            assert len(chosen_by) == len(reasons) == len(rows)
            assert not np.isnan(chosen_by).any()
            checked += 1
    assert checked > 200


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
    wish = Wish(**size, merge=merge)
    rows = choose(scores, [str(i) for i in range(scores.shape[1])], wish)[0].tolist()
    listed: Scores = [[None if math.isnan(v) else v for v in row] for row in scores.tolist()]
    assert rows == reference(listed, wish.arguments)
    assert len(set(rows)) == len(rows)


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
    assert chosen.reasons[:2] == ("sums #1", "sums #2")
    assert np.flatnonzero(chosen.mask).tolist() == sorted(chosen.rows.tolist())
    assert chosen.ids_digest == select(scores, k=70).ids_digest
    assert chosen.ids_digest != select(scores, k=69).ids_digest
    assert "70 of 700 rows" in repr(chosen)
    assert select(scores, threshold=float(chosen.scores[-1])).rows.tolist() == chosen.rows.tolist()
    assert len(select(scores, threshold=math.inf)) == 0


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
        ({"threshold": math.nan}, "threshold is NaN"),
        ({"k": 1, "merge": "sum"}, "merge is 'sum', but must be one of union, round-robin, mean-z, max"),
        ({"threshold": 1.0, "merge": "round-robin"}, "give fraction or k, not a threshold"),
    ]
    for wish, message in refused:
        with pytest.raises(SelectionError, match=message):
            select(scores, **wish)
    with pytest.raises(SelectionError, match="don't say where they come from"):
        select(scores.assign_attrs({"store": 1}).drop_attrs(), k=1)


if __name__ == "__main__":
    GOLDEN.parent.mkdir(exist_ok=True)
    lines = ",\n".join(json.dumps(made) for made in golden()["inputs"])
    GOLDEN.write_text(f'{{"description": {json.dumps(DESCRIPTION)}, "inputs": [\n{lines}\n]}}\n')


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
