"""Selections from a fingerprint are those of a full scan, and its bounds are never violated."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import fingerprinted
import numpy as np
import pytest
from fingerprinted import LAYERS, NEURONS, TWINS, WIDE, build, direction, made
from hypothesis import given, settings
from hypothesis import strategies as st

from nait_widgets import open_store, score, select, select_from_fingerprint
from nait_widgets.errors import DirectionError, SelectionError, StoreError
from nait_widgets.fingerprints import Telling, View, fingerprint
from nait_widgets.selection import exact
from nait_widgets.selection.deciding import Known
from nait_widgets.store import ActivationStore

WAYS: list[dict[str, Any]] = [
    {},
    {"similarity": "zscore"},
    {"pool": "tail_mean"},
    {"pool": "tail_mean", "similarity": "zscore"},
    {"pool": "tail_mean", "center": "pool"},
    {"center": "pool", "layers": (0, 3)},
    {"similarity": "zscore", "layers": (1,)},
]
NO_LIMIT = float("inf")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ActivationStore:
    store = build(tmp_path_factory.mktemp("fingerprinted") / "pool.zarr")
    store.make_fingerprint(components=fingerprinted.COMPONENTS)
    return open_store(store.path)


@pytest.mark.parametrize("end", ["top", "bottom"])
@pytest.mark.parametrize("way", WAYS, ids=str)
def test_rows_are_those_of_a_full_scan(store: ActivationStore, way: dict[str, Any], end: Any) -> None:
    for seed in range(3):
        wanted = direction(seed, **way)
        scores = score(store, wanted)
        for fraction in (0.001, 0.05, 0.1, 0.3, 0.9, 1):
            found = select_from_fingerprint(store, wanted, fraction=fraction, end=end, at_most=NO_LIMIT)
            assert found.ids_digest == select(scores, fraction=fraction, end=end).ids_digest
            assert found.read is not None
            assert not found.read.scanned
            assert found.wish.end == end


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**20),
    kept=st.integers(1, len(LAYERS) * NEURONS),
    way=st.sampled_from(WAYS),
    k=st.integers(1, 890),
    end=st.sampled_from(["top", "bottom"]),
)
def test_of_any_direction(store: ActivationStore, seed: int, kept: int, way: dict[str, Any], k: int, end: Any) -> None:
    """Also one of few neurons, which the basis hardly sees."""
    vectors = direction(seed, **way).vectors.copy()
    vectors.ravel()[np.random.default_rng(seed).permutation(vectors.size)[kept:]] = 0
    wanted = made(vectors, **way)
    scores = score(store, wanted)
    found = select_from_fingerprint(store, wanted, k=k, end=end, at_most=NO_LIMIT)
    assert found.ids_digest == select(scores, k=k, end=end).ids_digest
    # What was not read whole is still told within its bound.
    off = np.abs((found.made_from["score"] - scores["score"]).to_numpy())[store.selectable]
    if found.read is not None and not found.read.scanned:
        assert (off <= found.made_from["score_error"].to_numpy()[store.selectable]).all()


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**20), kept=st.integers(1, len(LAYERS) * NEURONS), way=st.sampled_from(WAYS))
def test_no_score_is_ever_off_by_more_than_its_bound(
    store: ActivationStore, seed: int, kept: int, way: dict[str, Any]
) -> None:
    """After each stage, and after each layer that is read."""
    vectors = direction(seed, **way).vectors.copy()
    vectors.ravel()[np.random.default_rng(seed).permutation(vectors.size)[kept:]] = 0
    wanted = made(vectors, **way)
    exact = score(store, wanted)["score"].to_numpy()[store.selectable, 0]
    own = fingerprint(store, wanted.score.pool)
    rows = np.flatnonzero(store.selectable)
    telling = Telling(View.of(own, wanted), store.n_tokens[rows])
    everything = slice(None)
    before = np.full(len(rows), np.inf)
    for stage in range(3):
        telling.learn(stage, everything, own.told(stage, rows))
        errors = telling.errors(everything)
        assert (np.abs(telling.scores(everything) - exact) <= errors).all()
        assert np.median(errors) <= np.median(before)
        before = errors
    pool = store.pool("mean")
    sums = own.layer_checksums(rows)
    for layer in range(len(LAYERS)):
        telling.read(layer, np.arange(len(rows)), pool.single(rows, layer, sums[:, layer]))
        errors = telling.errors(everything)
        assert (np.abs(telling.scores(everything) - exact) <= errors).all()
        assert (errors <= before).all()
        before = errors


@pytest.mark.parametrize("way", [{}, {"similarity": "zscore"}, {"pool": "tail_mean", "similarity": "zscore"}], ids=str)
def test_ties_at_the_cut_go_to_the_first_rows_as_in_a_scan(store: ActivationStore, way: dict[str, Any]) -> None:
    wanted = direction(4, **way)
    scores = score(store, wanted)
    own = scores["score"].to_numpy()[:, 0]
    assert len({own[row] for row in TWINS[:2]}) == 1
    above = int((own > own[TWINS[0]]).sum())
    for k in range(above, above + len(TWINS) + 1):
        if k:
            found = select_from_fingerprint(store, wanted, k=k, at_most=NO_LIMIT)
            assert found.ids_digest == select(scores, k=k).ids_digest


def test_whole_numbers_give_many_ties(store: ActivationStore) -> None:
    vectors = np.zeros((len(LAYERS), NEURONS), np.float32)
    vectors[WIDE, 3] = 2.0**-12  # few different scores
    wanted = made(vectors)
    scores = score(store, wanted)
    assert len(np.unique(scores["score"].to_numpy()[store.selectable])) < 895
    for k in (1, 37, 333, 600):
        assert (
            select_from_fingerprint(store, wanted, k=k, at_most=NO_LIMIT).ids_digest == select(scores, k=k).ids_digest
        )


def test_a_direction_that_says_nothing(store: ActivationStore) -> None:
    nothing = made(np.zeros((len(LAYERS), NEURONS), np.float32))
    found = select_from_fingerprint(store, nothing, k=7, at_most=NO_LIMIT)
    assert found.ids_digest == select(score(store, nothing), k=7).ids_digest


@pytest.mark.parametrize("way", [{}, {"similarity": "zscore"}], ids=str)
def test_a_pool_in_which_a_layer_does_not_vary(tmp_path: Any, way: dict[str, Any]) -> None:
    """Its z-scores are rounding, in a scan too: nothing but the scan can say which rows that chooses."""
    values = fingerprinted.activations()
    values[:, 0] = np.where(np.isnan(values[:, 0]), np.nan, np.float32(0.1))
    store = build(tmp_path / "even.zarr", values)
    store.make_fingerprint(components=(4, 8))
    wanted = direction(2, **way)
    found = select_from_fingerprint(store, wanted, fraction=0.1, at_most=NO_LIMIT)
    assert found.ids_digest == select(score(store, wanted), fraction=0.1).ids_digest


def test_most_samples_are_not_read_where_the_basis_sees_the_direction(store: ActivationStore) -> None:
    own = fingerprint(store, "mean")
    along = np.einsum("c,cld->ld", [3.0, 1.0, -2.0], own.basis.vectors[:3])
    wanted = made((along / own.basis.scale[:, None]).astype(np.float32))
    found = select_from_fingerprint(store, wanted, fraction=0.1, at_most=NO_LIMIT)
    scanned = len(store) * own.activation_bytes
    assert own.activation_bytes == NEURONS * (2 + 4 + 2)
    assert found.read is not None
    assert found.read.share == found.read.n_bytes / scanned
    fixed = own.n_bytes(wanted.score) + int(store.selectable.sum()) * own.basis.n_bytes[0]
    assert fixed <= found.read.n_bytes <= fixed + 0.05 * scanned


def test_it_goes_over_to_the_scan_where_more_would_be_read(store: ActivationStore) -> None:
    wanted = direction(1)
    found = select_from_fingerprint(store, wanted, fraction=0.1, at_most=0)
    assert found.read is not None
    assert found.read.scanned
    assert found.read.share > 1
    exact = select(score(store, wanted), fraction=0.1)
    np.testing.assert_array_equal(found.rows, exact.rows)
    np.testing.assert_array_equal(found.scores, exact.scores)


def test_a_part_of_the_rows_tells_early_that_the_scan_is_cheaper(
    store: ActivationStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a direction that the basis hardly sees, nine in ten rows are left unread when it goes over."""
    monkeypatch.setattr(exact, "_SOME", 90)
    own = fingerprint(store, "mean")
    unseen = np.linalg.svd(own.basis.vectors.reshape(20, -1))[2][-1].reshape(len(LAYERS), NEURONS)
    wanted = made((unseen / own.basis.scale[:, None]).astype(np.float32))
    scanned = len(store) * own.activation_bytes
    fixed = own.n_bytes(wanted.score) / scanned
    found = select_from_fingerprint(store, wanted, fraction=0.3, at_most=fixed + 0.5)
    assert found.read is not None
    assert found.read.scanned
    assert found.read.share < 1 + fixed + 0.1 * (1 + sum(own.basis.n_bytes) / own.activation_bytes) + 0.05
    # Few of many rows, where some of them hold none of the best.
    for k in (1, 2, 3):
        few = select_from_fingerprint(store, direction(5), k=k, at_most=NO_LIMIT)
        assert few.ids_digest == select(score(store, direction(5)), k=k).ids_digest
        assert few.read is not None
        assert not few.read.scanned


def test_filters_and_ids_narrow_the_choice_as_in_a_scan(store: ActivationStore) -> None:
    wanted, scores = direction(6), score(store, direction(6))
    best = select(scores, k=20).ids
    wish: dict[str, Any] = {
        "filters": {"tokens": (5, 30)},
        "excluded": best[:9],
        "pinned": ["row-0", "row-899"],
        "note": "nine of the best",
    }
    for amount in ({"fraction": 0.2}, {"k": 11}):
        found = select_from_fingerprint(store, wanted, **amount, **wish, at_most=NO_LIMIT)
        exact = select(scores, **amount, **wish)
        assert found.ids_digest == exact.ids_digest
        assert found.n_candidates == exact.n_candidates
        assert found.wish == exact.wish
        assert np.isfinite(found.scores).all()


def test_of_a_packed_store(store: ActivationStore, tmp_path: Any) -> None:
    packed = open_store(store.pack(tmp_path / "pool.zarr.zip"))
    for way in WAYS[:4]:
        wanted = direction(3, **way)
        found = select_from_fingerprint(packed, wanted, fraction=0.1, at_most=NO_LIMIT)
        assert found.ids_digest == select(score(store, wanted), fraction=0.1).ids_digest
        assert found.read is not None
        assert not found.read.scanned


def test_what_can_not_be_bounded_is_refused(store: ActivationStore) -> None:
    with pytest.raises(DirectionError, match="scores by a cosine"):
        select_from_fingerprint(store, direction(similarity="cosine"), k=3)
    with pytest.raises(StoreError, match=r"no fingerprint of the pool 'last'.*--pool last"):
        select_from_fingerprint(store, direction(pool="last"), k=3)
    with pytest.raises(SelectionError, match="random rows need no scores"):
        select_from_fingerprint(store, direction(), k=3, end="random")
    with pytest.raises(SelectionError, match=r"k is 5,000, but only 897 rows"):
        select_from_fingerprint(store, direction(), k=5000)
    with pytest.raises(SelectionError, match="exactly one of"):
        select_from_fingerprint(store, direction())
    elsewhere = replace(direction(), site="mlp_out")
    with pytest.raises(DirectionError, match="of another site"):
        select_from_fingerprint(store, elsewhere, k=3)


def test_known_scores_decide_and_unknown_ones_do_not() -> None:
    told = np.array([5.0, 4, 3, 2, 1])
    assert not Known(told, np.zeros(5)).undecided(2).any()
    assert Known(told, np.full(5, 0.6)).undecided(2).tolist() == [False, True, True, False, False]
    assert Known(told, np.full(5, 9.0)).undecided(2).all()
    assert not Known(told, np.full(5, 9.0)).undecided(5).any()
    # The two at the cut are read first; those that only overlap them wait.
    wide = Known(told, np.array([0, 0.6, 0.6, 1.45, 0]))
    assert wide.to_read(2, np.ones(5, np.bool_)).tolist() == [1, 2]
    assert wide.to_read(2, np.array([True, False, False, True, True])).tolist() == [3]
