"""Between capabilities and between methods: what selections share, and rows that one keeps and another drops."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pytest

from nait_widgets import Direction, Selection, compare_methods, core_and_own, open_store, score, select
from nait_widgets.errors import SelectionError
from nait_widgets.explaining.examples import Example, Examples, examples
from nait_widgets.store import ActivationStore

if TYPE_CHECKING:
    import xarray as xr

NAMES = ("sums", "robust sums", "length", "partly")


@pytest.fixture(scope="module")
def scores(pool: ActivationStore, direction: Direction, robust: Direction) -> xr.Dataset:
    """Two directions, a scorer, and a column that a third of the rows lack."""
    made = score(pool, [direction, robust, "length", (-robust).named("partly")]).copy(deep=True)
    made["score"].values[::3, 3] = np.nan
    return made


def column(scores: xr.Dataset, name: str) -> npt.NDArray[np.float64]:
    values: npt.NDArray[np.float64] = scores["score"].sel(direction=name).to_numpy()
    return values


def best(values: npt.NDArray[np.float64], rows: list[int]) -> list[int]:
    """The rows by score, the highest first, ties by row."""
    return sorted(rows, key=lambda row: (-values[row], row))


def scored_by(scores: xr.Dataset, *names: str) -> list[int]:
    return [row for row in range(700) if not any(np.isnan(column(scores, name)[row]) for name in names)]


# -- between methods


def test_overlaps_and_correlations_are_of_the_rows_that_both_score(scores: xr.Dataset) -> None:
    ratios = (0.05, 0.3, 1.0)
    compared = compare_methods(scores, ratios)
    assert compared.names == NAMES
    for a, b in combinations(range(4), 2):
        one, other = (column(scores, NAMES[i]) for i in (a, b))
        both = scored_by(scores, NAMES[a], NAMES[b])
        assert compared.rows[a, b] == compared.rows[b, a] == len(both)
        ranks = [[(v[both] < v[r]).sum() + ((v[both] == v[r]).sum() + 1) / 2 for r in both] for v in (one, other)]
        assert compared.correlation[a, b] == pytest.approx(np.corrcoef(ranks)[0, 1])
        for i, ratio in enumerate(ratios):
            k = max(1, int(ratio * len(both) + 0.5))
            tops = [set(best(v, both)[:k]) for v in (one, other)]
            jaccard = len(tops[0] & tops[1]) / len(tops[0] | tops[1])
            assert compared.overlap[i, a, b] == compared.overlap[i, b, a] == pytest.approx(jaccard)
            assert compared.shared[i, a, b] == pytest.approx(len(tops[0] & tops[1]) / k)
    assert compared.rows[0, 3] < compared.rows[0, 1] == 698
    assert compared.correlation[1, 3] == pytest.approx(-1)
    np.testing.assert_array_equal(np.diag(compared.correlation), 1)
    assert (compared.overlap[2] == 1).all()


def test_rows_that_one_keeps_and_the_other_drops(scores: xr.Dataset, pool: ActivationStore) -> None:
    compared = compare_methods(scores)
    both = scored_by(scores, "sums", "partly")
    kept, dropping = (best(column(scores, name), both) for name in ("sums", "partly"))
    k = int(0.1 * len(both) + 0.5)
    expected = [row for row in kept[:k] if row not in dropping[:k]]
    shown = compared.kept_and_dropped("sums", "partly", fraction=0.1, n=None)
    assert [each.row for each in shown] == expected
    prompts, responses = (list(pool.text(name, expected)) for name in ("prompt", "response"))
    for each, prompt, response in zip(shown, prompts, responses, strict=True):
        assert (each.prompt, each.response, each.id) == (prompt, response, pool.sample_id[each.row])
        assert each.ranks == {"sums": kept.index(each.row) + 1, "partly": dropping.index(each.row) + 1}
        assert each.scores["sums"] == column(scores, "sums")[each.row]
    assert compared.kept_and_dropped("sums", "partly", n=3) == shown[:3]
    lines = str(compared.kept_and_dropped("sums", "partly", n=3)).splitlines()
    assert lines[0].split() == ["id", "sums", "partly", "prompt", "response"]
    assert lines[1].split()[:3] == [shown[0].id, "#1", f"#{shown[0].ranks['partly']}"]


def test_the_comparison_reads_as_tables(scores: xr.Dataset) -> None:
    compared = compare_methods(scores, (0.1,))
    assert repr(compared) == "<MethodComparison of sums, robust sums, length, partly at 10%>"
    blocks = str(compared).split("\n\n")
    assert [block.splitlines()[0] for block in blocks] == ["Rank correlation", "Shared of the top 10%"]
    assert f"{compared.shared[0, 0, 1]:.0%}" in blocks[1].splitlines()[2]


def test_methods_that_can_not_be_compared(scores: xr.Dataset, pool: ActivationStore, direction: Direction) -> None:
    apart = scores.copy(deep=True)
    apart["score"].values[1::3, 0] = apart["score"].values[2::3, 0] = np.nan
    refused: list[tuple[Any, tuple[Any, ...], str]] = [
        (compare_methods, (score(pool, direction),), "at least two"),
        (compare_methods, (scores, ()), "fractions are"),
        (compare_methods, (scores, (0.1, 2)), "at most 1"),
        (compare_methods, (apart,), "'sums' and 'partly' score no row in common"),
        (compare_methods(scores).kept_and_dropped, ("sums", "ifd"), "no method 'ifd'; there are sums, robust sums"),
    ]
    for call, args, message in refused:
        with pytest.raises(SelectionError, match=message):
            call(*args)


# -- between capabilities


@pytest.fixture(scope="module")
def selections(scores: xr.Dataset) -> dict[str, Selection]:
    return {name: select(scores.sel(direction=[name]), fraction=0.2) for name in NAMES[:3]}


@pytest.mark.parametrize("at_least", [2, 3])
def test_core_rows_and_rows_of_one_alone(
    at_least: int, scores: xr.Dataset, selections: dict[str, Selection], pool: ActivationStore
) -> None:
    found = core_and_own(scores, selections, at_least=at_least, n=4)
    sets = {name: set(selection.rows.tolist()) for name, selection in selections.items()}
    count = {row: sum(row in own for own in sets.values()) for row in range(700)}
    z = {}
    for name in NAMES:
        values = column(scores, name)
        z[name] = (values - np.nanmean(values)) / np.nanstd(values)

    def mean(row: int) -> float:
        return float(np.nanmean([z[name][row] for name in NAMES]))

    shared = sorted((row for row in count if count[row] >= at_least), key=lambda row: (-count[row], -mean(row)))
    assert found.n_core == len(shared)
    assert [each.row for each in found.core] == shared[:4]
    for name, selection in selections.items():
        alone = [row for row in selection.rows.tolist() if count[row] == 1]
        assert found.n_own[name] == len(alone)
        assert [each.row for each in found.own[name]] == alone[:4]
        assert f"In {name} alone: {len(alone)} rows" in str(found)
    assert f"In {at_least} selections or more: {len(shared)} rows" in found.table
    for each in found.core:
        assert each.id in found.table
        assert ("partly" in each.ranks) == (each.row % 3 != 0)
    assert list(pool.text("prompt", [each.row for each in found.core])) == [each.prompt for each in found.core]


def test_selections_without_a_core(
    scores: xr.Dataset, selections: dict[str, Selection], copy: ActivationStore, direction: Direction
) -> None:
    alike = {"a": selections["sums"], "b": selections["sums"]}
    same = core_and_own(scores, alike)
    assert same.n_core == len(selections["sums"])
    assert same.n_own == {"a": 0, "b": 0}
    assert same.own == {"a": (), "b": ()}
    elsewhere = select(score(copy, direction), k=3)
    refused: list[tuple[dict[str, Selection], int, str]] = [
        ({"a": elsewhere}, 2, "at least two"),
        (alike, 3, "must be from 1 to 2"),
        ({**alike, "c": elsewhere}, 2, "'c' is of .*copy.zarr"),
    ]
    for given, at_least, message in refused:
        with pytest.raises(SelectionError, match=message):
            core_and_own(scores, given, at_least=at_least)


def test_examples_of_a_store_without_text(pool: ActivationStore, direction: Direction, tmp_path: Any) -> None:
    silent = open_store(pool.pack(tmp_path / "silent.zarr.zip", text=False))
    (each,) = examples(score(silent, direction), [7])
    assert (each.prompt, each.response, each.id) == ("", "", pool.sample_id[7])


def test_a_table_shows_hostile_text_on_one_line() -> None:
    shown = Examples([Example(0, "a", "x\ny\x1b[31m\u202ez", "w" * 100, {"d": 1.0}, {"d": 1234})])
    (_, line) = shown.table.splitlines()
    assert line == f"a   #1,234  x y [31m z  {'w' * 49}…"
    assert repr(shown) == "<Examples: 1 row>"
    assert Examples().table == ""
