"""Tests of subsets, held against scipy and against sums by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from nait_widgets.training.statistics import ordered, paired, sign_flip, smallest_p, t_quantile, t_two_sided


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 5, 8, 19, 30])
def test_students_distribution_is_scipys(freedom: int) -> None:
    for t in (0.0, 0.1, 1.0, 2.5, 12.0):
        assert t_two_sided(t, freedom) == pytest.approx(2 * stats.t.sf(t, freedom), abs=1e-13)
        assert t_two_sided(-t, freedom) == t_two_sided(t, freedom)
    for confidence in (0.5, 0.95, 0.999):
        assert t_quantile(confidence, freedom) == pytest.approx(stats.t.ppf((1 + confidence) / 2, freedom), rel=1e-9)


@pytest.mark.parametrize("n", [2, 3, 5, 6, 12])
def test_pairs_are_scipys(n: int) -> None:
    rng = np.random.default_rng(n)
    a, b = rng.normal([[0.5], [0.0]], size=(2, n))
    found, theirs = paired(a.tolist(), b.tolist()), stats.ttest_rel(a, b)
    interval = theirs.confidence_interval(0.95)
    assert (found.n, found.below, found.above) == (n, int((a < b).sum()), int((a > b).sum()))
    assert found.mean == pytest.approx(float((a - b).mean()))
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    assert found.p_t == pytest.approx(theirs.pvalue)
    flips = stats.permutation_test((a - b,), np.sum, permutation_type="samples", n_resamples=np.inf)
    assert found.p_flip == pytest.approx(flips.pvalue)


def test_sign_flips_by_hand() -> None:
    # Of ±1 ±2 ±4 only 1 + 2 + 4 and its negative are as far from zero as 7; of 1, 2, −4 sums of 1 and more: 8 of 8.
    assert sign_flip(np.array([1.0, 2.0, 4.0])) == 2 / 8
    assert sign_flip(np.array([1.0, 2.0, -4.0])) == 1.0
    assert sign_flip(np.array([0.1, 0.2, -0.3])) == 1.0  # the sums of these are zero but for their rounding
    assert sign_flip(np.zeros(4)) == 1.0
    assert math.isnan(sign_flip(np.ones(21)))


@pytest.mark.parametrize("n", [1, 2, 5, 6])
def test_the_smallest_p_is_that_of_differences_of_one_sign(n: int) -> None:
    assert sign_flip(np.linspace(1, 2, n)) == smallest_p(n)
    assert smallest_p(5) == 0.0625
    assert smallest_p(6) < 0.05


def test_pairs_without_spread() -> None:
    same = paired([1.0, 2.0], [1.0, 2.0])
    assert (same.mean, same.low, same.high, same.p_t, same.p_flip) == (0, 0, 0, 1, 1)
    shifted = paired([2.0, 3.0, 4.0], [1.0, 2.0, 3.0])
    assert (shifted.low, shifted.high, shifted.p_t, shifted.p_flip) == (1, 1, 0, 0.25)
    one = paired([2.0], [1.0])
    assert one.mean == 1
    assert math.isnan(one.p_t)
    assert math.isnan(one.low)


def test_an_order_is_counted_seed_by_seed() -> None:
    found = ordered(["top", "random", "bottom"], [[1, 1, 1, 9], [2, 2, 1, 8], [3, 3, 3, 7]])
    assert (found.names, found.seeds, found.n) == (("top", "random", "bottom"), 2, 4)
    assert found.means  # 3, 3.25 and 4
    always = ordered(["a", "b", "c"], [[1] * 5, [2] * 5, [3] * 5])
    assert (always.means, always.seeds) == (True, 5)
