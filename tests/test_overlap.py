"""What sets share, against counting with Python's own sets."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from conftest import EMPTY_ROW, LONG_ROW
from hypothesis import given
from hypothesis import strategies as st
from tiny import tiny_model

from nait_widgets import Direction, Selection, capture, fit_direction, score, select
from nait_widgets.errors import DirectionError, SelectionError, StoreError
from nait_widgets.explaining import (
    TopNeurons,
    core,
    direction_profile,
    mean_pairwise_overlap,
    neuron_profile,
    overlap,
    row_intersections,
    transfer,
)
from nait_widgets.explaining.profiles import jaccard, top_neurons
from nait_widgets.store import ActivationStore, StoreWriter

Rows = npt.NDArray[np.int64]


@pytest.fixture(scope="module")
def fired(pool: ActivationStore) -> list[set[tuple[int, int]]]:
    """Each sample's strongest neurons, as (layer, neuron)."""
    index = np.asarray(pool.array("top_neuron_index")[...]).tolist()
    return [{(layer, j) for layer, of_layer in enumerate(row) for j in of_layer} for row in index]


@pytest.fixture(scope="module")
def chosen(pool: ActivationStore, direction: Direction, robust: Direction) -> dict[str, Selection]:
    scores = score(pool, [direction, robust])
    return {d.name: select(scores.sel(direction=[d.name]), fraction=0.2) for d in (direction, robust)}


def lift(fired: list[set[tuple[int, int]]], rows: list[int]) -> npt.NDArray[np.float64]:
    everyone = [row for row in range(700) if row not in (EMPTY_ROW, LONG_ROW)]
    counts = [Counter(neuron for row in members for neuron in fired[row]) for members in (rows, everyone)]
    return np.array(
        [
            [counts[0][layer, j] / len(rows) - counts[1][layer, j] / len(everyone) for j in range(32)]
            for layer in range(3)
        ]
    )


# -- profiles of neurons


def test_a_profile_is_the_lift_over_the_pool(pool: ActivationStore, fired: list[set[tuple[int, int]]]) -> None:
    rows = [0, 3, 255, 256, 511, 512, 699]
    np.testing.assert_allclose(neuron_profile(pool, np.array(rows)), lift(fired, rows), atol=1e-12)
    with_quarantined = np.array([*rows, EMPTY_ROW, LONG_ROW])
    np.testing.assert_allclose(neuron_profile(pool, with_quarantined), lift(fired, rows), atol=1e-12)
    np.testing.assert_allclose(neuron_profile(pool, np.arange(700)), 0, atol=1e-12)
    with pytest.raises(StoreError, match="none of the 2 rows given may be selected"):
        neuron_profile(pool, np.array([EMPTY_ROW, LONG_ROW]))


def test_a_direction_weighs_neurons_by_their_spread(pool: ActivationStore, direction: Direction) -> None:
    x = pool.pool("mean").take(np.flatnonzero(pool.selectable)).astype(np.float64)
    # By how much one standard deviation of a neuron moves the score.
    moved = np.abs(x * direction.vectors - (x * direction.vectors).mean(0))
    expected = np.sqrt(np.square(moved).mean(0))
    np.testing.assert_allclose(direction_profile(pool, direction), expected, rtol=1e-4)
    some = direction_profile(pool, direction.scored_by(layers=[1]))
    np.testing.assert_allclose(some[1], expected[1], rtol=1e-4)
    assert not some[[0, 2]].any()


def test_the_top_neurons_are_the_highest_above_zero() -> None:
    profile = np.array([[0.1, 0.3, 0.3, -0.2, 0.0], [0.0, -0.1, 0.5, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0]])
    assert top_neurons(profile, 3).tolist() == [[1, 2, 0], [2, -1, -1], [-1, -1, -1]]
    a = np.array([[1, 2, 0], [2, -1, -1], [-1, -1, -1]])
    b = np.array([[0, 4, 1], [3, 2, -1], [-1, -1, -1]])
    assert jaccard(a, b).tolist() == [0.5, 0.5, 0]


def test_overlap_of_sets_of_every_kind(
    pool: ActivationStore, fired: list[set[tuple[int, int]]], chosen: dict[str, Selection], direction: Direction
) -> None:
    rows = np.array([600, 8, 13, 8])
    ids = [str(pool.sample_id[row]) for row in (8, 13, 600, EMPTY_ROW)]
    sets: dict[str, Any] = {"chosen": chosen["sums"], "rows": rows, "direction": direction, "ids": ids}
    found = overlap(pool, sets)
    assert found.names == ("chosen", "rows", "direction", "ids")
    assert found.layers == (0, 1, 2)
    assert found.tops.shape == (4, 3, 10)  # 5 % of 32 neurons would be 2
    assert found.pairs == tuple(combinations(range(4), 2))
    profiles = [lift(fired, chosen["sums"].rows.tolist()), lift(fired, [8, 13, 600])]
    np.testing.assert_allclose(found.profiles[:2], profiles, atol=1e-12)
    np.testing.assert_array_equal(found.profiles[1], found.profiles[3])
    np.testing.assert_array_equal(found.profiles[2], direction_profile(pool, direction))
    for (a, b), by_layer in zip(found.pairs, found.jaccard, strict=True):
        for layer in range(3):
            one, other = ({j for j in found.tops[i, layer].tolist() if j >= 0} for i in (a, b))
            assert by_layer[layer] == pytest.approx(len(one & other) / len(one | other))
    assert found.jaccard[found.pairs.index((1, 3))].tolist() == [1, 1, 1]


def test_shared_neurons_are_those_of_most_sets(pool: ActivationStore, chosen: dict[str, Selection]) -> None:
    sets: dict[str, Any] = {**chosen, "first": np.arange(100)}
    found = overlap(pool, sets, k=6)
    shared = found.shared(2, n=40)
    tops = {name: set(top[top >= 0].tolist()) for name, top in zip(found.names, found.tops[:, 2], strict=True)}
    assert {neuron.neuron for neuron in shared} == set().union(*tops.values())
    for neuron in shared:
        assert neuron.sets == tuple(name for name, top in tops.items() if neuron.neuron in top)
    keys = [(-len(neuron.sets), -neuron.profile) for neuron in shared]
    assert keys == sorted(keys)
    relative = found.profiles[:, 2] / found.profiles[:, 2].max(1, keepdims=True)
    assert shared[0].profile == pytest.approx(relative.mean(0)[shared[0].neuron])
    assert found.shared(2, n=3) == shared[:3]
    with pytest.raises(SelectionError, match="there is no layer 3; the sets have 0, 1, 2"):
        found.shared(3)


def test_a_selection_of_another_store_means_its_ids(
    pool: ActivationStore, direction: Direction, chosen: dict[str, Selection], tmp_path: Path
) -> None:
    rows = list(pool.originals(range(100, 160)))
    part = capture(tiny_model("llama"), rows, tmp_path / "part.zarr", template="plain")
    own = select(score(part, direction), k=9)
    found = overlap(pool, {"own": own, "here": own.rows + 100})
    np.testing.assert_array_equal(found.profiles[0], found.profiles[1])
    with pytest.raises(StoreError, match=r"set 'b' has \d+ id\(s\) that .*part.zarr lacks"):
        overlap(part, {"a": own, "b": chosen["sums"]})


def test_what_has_no_overlap_is_refused(
    pool: ActivationStore, direction: Direction, in_domain_rows: list[Any], tmp_path: Path
) -> None:
    other = fit_direction(tiny_model("llama", seed=1), in_domain_rows, name="other", template="plain")
    rows = np.arange(3)
    refused: list[tuple[dict[str, Any], type[Exception], str]] = [
        ({"a": rows}, SelectionError, "at least two"),
        ({"a": rows, "b": []}, SelectionError, "set 'b' is empty"),
        ({"a": rows, "b": [EMPTY_ROW]}, SelectionError, "set 'b' is empty: all of its 1 rows were quarantined"),
        ({"a": rows, "b": ["row-0-0001", "nobody"]}, StoreError, r"set 'b' has 1 id\(s\) that .* such as 'nobody'"),
        ({"a": rows, "b": [1, 700]}, StoreError, "set 'b' has row 700"),
        ({"a": rows, "b": [-1]}, StoreError, "set 'b' has row -1"),
        ({"a": rows, "b": pool.selectable}, SelectionError, "set 'b' is neither ids nor row numbers"),
        ({"a": rows, "b": other}, DirectionError, "'other' is of another model than store"),
    ]
    for sets, error, message in refused:
        with pytest.raises(error, match=message):
            overlap(pool, sets)
    for k in (0, 33):
        with pytest.raises(SelectionError, match=f"k is {k}, but must be from 1 to the 32 neurons"):
            overlap(pool, {"a": rows, "b": direction}, k=k)
    incomplete = StoreWriter.create(tmp_path / "i.zarr", pool.layout, pool.provenance).store
    with pytest.raises(StoreError, match="is incomplete"):
        TopNeurons(incomplete)


# -- overlap of samples, and of sets of rows


def test_the_mean_over_pairs_is_that_of_all_pairs(pool: ActivationStore, fired: list[set[tuple[int, int]]]) -> None:
    top = TopNeurons(pool)
    for rows in ([0, 699], [1, 2, 3], list(range(40, 90)), [17, 511, 512, 30, 256]):
        pairs = [len(fired[a] & fired[b]) / 60 for a, b in combinations(rows, 2)]
        assert top.mean_pairwise_overlap(np.array(rows)) == pytest.approx(np.mean(pairs), rel=1e-12)
    with_quarantined = np.array([1, EMPTY_ROW, 2, 3, LONG_ROW])
    assert top.mean_pairwise_overlap(with_quarantined) == top.mean_pairwise_overlap(np.array([1, 2, 3]))
    assert mean_pairwise_overlap(pool, np.arange(700)) == top.mean_pairwise_overlap(np.arange(700))
    for rows in ([], [7], [7, EMPTY_ROW]):
        assert np.isnan(top.mean_pairwise_overlap(np.array(rows, np.int64)))
    counts = top.counts(np.array([4, 9]))
    assert {(int(layer), int(j)) for layer, j in np.argwhere(counts == 2)} == fired[4] & fired[9]


@given(st.lists(st.sets(st.integers(0, 30)), min_size=1, max_size=5))
def test_every_row_is_in_one_intersection(drawn: list[set[int]]) -> None:
    sets = {f"s{i}": np.array(sorted(own), np.int64) for i, own in enumerate(drawn)}
    found = row_intersections(sets)
    assert sorted(row for each in found for row in each.rows.tolist()) == sorted(set().union(*drawn))
    assert len({each.members for each in found}) == len(found)
    for members, rows in found:
        for row in rows.tolist():
            assert members == tuple(name for name, own in zip(sets, drawn, strict=True) if row in own)
    keys = [(-len(each.rows), len(each.members), [list(sets).index(name) for name in each.members]) for each in found]
    assert keys == sorted(keys)
    for at_least in range(1, len(sets) + 1):
        times = Counter(row for own in drawn for row in own)
        assert core(sets, at_least).tolist() == sorted(row for row, n in times.items() if n >= at_least)


def test_intersections_of_nothing_are_refused() -> None:
    with pytest.raises(SelectionError, match="no set is given"):
        row_intersections({})
    for at_least in (0, 3):
        with pytest.raises(SelectionError, match=f"at_least is {at_least}, but must be from 1 to 2"):
            core({"a": np.array([1]), "b": np.array([2])}, at_least)


def test_transfer_is_the_mean_z_score(
    pool: ActivationStore, direction: Direction, robust: Direction, chosen: dict[str, Selection], tmp_path: Path
) -> None:
    scores = score(pool, [direction, robust])
    found = transfer(scores, chosen)
    assert found.shape == (2, 2)
    for i, selection in enumerate(chosen.values()):
        for j in range(2):
            values = scores["score"].values[:, j]
            expected = (values[selection.rows].mean() - np.nanmean(values)) / np.nanstd(values)
            assert found[i, j] == pytest.approx(expected)
    assert found[0, 0] > 1  # a selection scores high under its own direction
    assert found[1, 1] > 1
    everyone = transfer(scores, {"all": select(scores, fraction=1.0)})
    np.testing.assert_allclose(everyone, 0, atol=1e-12)
    with pytest.raises(SelectionError, match="selection 'none' is empty"):
        transfer(scores, {"none": select(score(pool, direction), threshold=1e9)})
    other = capture(tiny_model("llama"), list(pool.originals(range(9))), tmp_path / "o.zarr", template="plain")
    with pytest.raises(SelectionError, match=r"selection 'far' is of .*o.zarr, but the scores are of"):
        transfer(scores, {"far": select(score(other, direction), k=3)})
