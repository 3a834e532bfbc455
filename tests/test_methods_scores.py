"""The formulas of the scorers that aren't directions, by hand."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nait_widgets.methods import baselines, diversity, likelihood, nag, similarity

NAN = float("nan")
Floats = npt.NDArray[np.float64]


def array(*values: object) -> npt.NDArray[np.float64]:
    return np.array(values, np.float64)


# -- controls


def test_any_top_of_a_stratified_draw_has_every_strata_share() -> None:
    strata = np.repeat([0, 1, 2, -1], [50, 100, 350, 7])
    scores = baselines.stratified(strata, seed=3)
    assert np.isnan(scores[strata < 0]).all()
    assert ((scores[strata >= 0] > 0) & (scores[strata >= 0] <= 1)).all()
    order = np.argsort(-np.nan_to_num(scores))
    for k in (1, 10, 57, 250, 499):
        counts = np.bincount(strata[order[:k]], minlength=3)
        # a threshold takes (1 − t)·m of a stratum of m, to within one; so k and hence 1 − t are off by 3 at most
        assert (np.abs(counts - k * np.array([50, 100, 350]) / 500) <= 1 + 3 * np.array([50, 100, 350]) / 500).all()
    assert not np.array_equal(scores, baselines.stratified(strata, seed=4), equal_nan=True)
    assert np.array_equal(scores, baselines.stratified(strata, seed=3), equal_nan=True)


def test_lengths_fall_into_tenths_of_the_valid_samples_in_order() -> None:
    tokens = np.array([9, 3, 3, 50, 7, 1, 8, 8, 8, 2, 4, 5])
    valid = np.ones(12, bool)
    valid[3] = False
    # in order of (length, row): rows 5 9 1 2 10 11 4 6 7 8 0; position p of 11 in stratum ⌊p·10/11⌋: 0 0 1 2 … 9
    assert baselines.length_tenths(tokens, valid).tolist() == [9, 1, 2, -1, 5, 0, 6, 7, 8, 0, 3, 4]
    assert baselines.length_tenths(tokens[:3], np.array([True, False, True])).tolist() == [1, -1, 0]
    assert baselines.length_tenths(tokens, np.zeros(12, bool)).tolist() == [-1] * 12


# -- likelihoods


def test_ifd_by_hand() -> None:
    # s(A|Q) 1.5, 2.0, 0.6, 1.0, unknown; s(A) 2.0, 1.6, 0.6, 0 (certain), 1
    given_prompt, alone = array(1.5, 2.0, 0.6, 1.0, NAN), array(2.0, 1.6, 0.6, 0.0, 1.0)
    # losses: 0.75, 1.25, 1, no score, no score
    np.testing.assert_allclose(likelihood.ifd(given_prompt, alone, at_most_one=False), [0.75, 1.25, 1, NAN, NAN])
    # 1 stays, 1.25 goes
    np.testing.assert_allclose(likelihood.ifd(given_prompt, alone), [0.75, NAN, 1, NAN, NAN])
    # perplexities: e^−0.5, e^0.4, e^0, e^1
    expected = [0.60653066, 1.49182470, 1.0, 2.71828183, NAN]
    np.testing.assert_allclose(likelihood.ifd(given_prompt, alone, "perplexity", at_most_one=False), expected)
    np.testing.assert_allclose(likelihood.ifd(given_prompt, alone, "perplexity"), [expected[0], NAN, 1.0, NAN, NAN])


def test_perplexity_by_hand() -> None:
    np.testing.assert_allclose(likelihood.perplexity(array(0.0, np.log(7), NAN)), [1, 7, NAN])


# -- embeddings


def test_cosines_and_nearest_by_hand() -> None:
    embeddings, targets = array([3, 4], [0, 2], [NAN, NAN], [0, 0]), array([1, 0], [0, 5], [-1, 0])
    cosines = similarity.cosines(embeddings, targets)
    np.testing.assert_allclose(cosines[:2], array([0.6, 0.8, -0.6], [0, 1, 0]), atol=1e-15)
    assert np.isnan(cosines[2:]).all()
    np.testing.assert_allclose(similarity.nearest(cosines, 1), [0.8, 1, NAN, NAN])
    np.testing.assert_allclose(similarity.nearest(cosines, 2), [0.7, 0.5, NAN, NAN])
    # the centroid (0, 5/3) points along the second axis
    np.testing.assert_allclose(similarity.embedding_centroid(embeddings, targets.mean(axis=0)), [0.8, 1, NAN, NAN])


def turns_of(cosines: Floats, **options: int) -> Floats:
    """A round-robin over cosines (target, sample), given 7 samples at a time."""

    def some() -> Iterator[tuple[slice, Floats]]:
        for start in range(0, cosines.shape[1], 7):
            rows = slice(start, min(start + 7, cosines.shape[1]))
            yield rows, cosines[:, rows].T

    return similarity.round_robin(some, cosines.shape[1], len(cosines), **options)


def test_a_round_robin_by_hand() -> None:
    #           row    0    1    2    3    4    5
    first = array(0.9, 0.8, 0.1, NAN, 0.7, 0.2)
    second = array(0.9, 0.5, 0.4, NAN, 0.8, 0.3)
    # 1: the first takes row 0, its best. 2: the second's best, 0, is gone; it takes 4. 3: the first takes 1. 4: 0, 4
    # and 1 are gone; the second takes 2. 5: the first takes 5, which is all that is left. Row 3 takes no part.
    np.testing.assert_array_equal(turns_of(np.stack([first, second])), [1, 3, 4, NAN, 2, 5])
    # alike: the first row first
    np.testing.assert_array_equal(turns_of(array([0.5, 0.7, 0.5, 0.7])), [3, 1, 4, 2])


@given(st.integers(1, 5), st.integers(0, 200), st.integers(1, 10_000), st.integers(0, 2**32 - 1))
def test_a_round_robin_is_what_a_loop_gives_in_whatever_room(n_targets: int, n: int, room: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    # targets much alike, so that long runs of what one wants are gone
    cosines = np.round(rng.random(n) + 0.1 * rng.random((n_targets, n)), 2)
    cosines[:, rng.random(n) < 0.1] = NAN
    left, expected = np.flatnonzero(~np.isnan(cosines[0])).tolist(), np.full(n, NAN)
    for turn in range(len(left)):
        taken = max(left, key=lambda row: (cosines[turn % n_targets, row], -row))
        left.remove(taken)
        expected[taken] = turn + 1
    np.testing.assert_array_equal(turns_of(cosines), expected)
    np.testing.assert_array_equal(turns_of(cosines, room=room), expected)


# -- neurons


def test_nag_by_hand() -> None:
    # Two layers of 5 neurons, the strongest 2 of each; three targets.
    targets = np.array([[[0, 1], [4, 3]], [[1, 0], [4, 2]], [[1, 2], [3, 4]]], np.uint16)
    counts = nag.frequencies(targets, 5)
    # layer 0: neuron 0 twice, 1 three times, 2 once; layer 1: 2 once, 3 twice, 4 three times
    assert counts.tolist() == [[2, 3, 1, 0, 0], [0, 0, 1, 2, 3]]
    profile = counts / 6  # three targets of two places
    candidates = np.array([[[1, 0], [4, 3]], [[3, 4], [0, 1]], [[2, 3], [4, 0]]], np.uint16)
    # (3/6 + 2/6 + 3/6 + 2/6) / 2 = 5/6; none; (1/6 + 3/6) / 2 = 1/3
    np.testing.assert_allclose(nag.similarity(candidates, profile), [5 / 6, 0, 1 / 3])


def test_diversity_by_hand() -> None:
    # Five neurons; at quantile 0.6 the strongest two count, by size.
    activations = array([9, -8, 1, 0, 2], [9, 1, 0, -7, 3], [8, 0, 5, 1, 2], [NAN] * 5)
    active = diversity.active(activations, 0.6)
    assert active.astype(int).tolist() == [[1, 1, 0, 0, 0], [1, 0, 0, 1, 0], [1, 0, 1, 0, 0], [0] * 5]
    # neuron 0 is in all three, so it says nothing; 1, 2 and 3 are in one each: ln 3; 4 in none
    special = diversity.specificity(active.sum(axis=0), 3)
    np.testing.assert_allclose(special, [0, np.log(3), np.log(3), np.log(3), 0])
    # what ties with the last one counts too; and one neuron counts at least
    assert diversity.active(array([2, -2, 2, 1]), 0.5).sum() == 3
    assert diversity.active(array([2, 3, 2, 1]), 0.99).tolist() == [[False, True, False, False]]


@pytest.mark.parametrize("quantile", [0.0, 0.5, 0.9])
def test_every_sample_activates_equally_many(quantile: float) -> None:
    activations = np.random.default_rng(0).normal(size=(50, 40)) * np.logspace(-3, 3, 50)[:, None]
    assert set(diversity.active(activations, quantile).sum(axis=1).tolist()) == {round((1 - quantile) * 40)}
