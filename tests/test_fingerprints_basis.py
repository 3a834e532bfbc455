"""A fingerprint's basis: what it keeps of a sample, and that the bounds on what it tells are never violated."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nait_widgets.fingerprints import COMPONENTS, Basis, Spread
from nait_widgets.store.records import broken

Floats = npt.NDArray[np.float32]

LAYERS, NEURONS = 3, 16


def drawn(n: int, seed: int = 0, size: float = 1, center: float = 3) -> Floats:
    """Activations of some rank, with noise, about a mean; the layers differ in size."""
    rng = np.random.default_rng(seed)
    mixed = rng.normal(size=(n, 6)) @ rng.normal(size=(6, LAYERS * NEURONS))
    values = (mixed + 0.1 * rng.normal(size=mixed.shape)).reshape(n, LAYERS, NEURONS) * [[[1], [5], [0.1]]]
    found: Floats = (size * values + center).astype(np.float32)
    return found


@pytest.fixture(scope="module")
def basis() -> Basis:
    return Basis.fit(drawn(200), (2, 5, 12))


def test_vectors_are_orthonormal_and_the_largest_components_come_first(basis: Basis) -> None:
    flat = basis.vectors.reshape(12, -1)
    np.testing.assert_allclose(flat @ flat.T, np.eye(12), atol=1e-6)
    assert (np.diff(basis.step) < 0).all()
    assert basis.components == (2, 5, 12)
    assert basis.n_bytes == tuple(2 + n + 2 * LAYERS + 4 for n in (2, 3, 7))


@pytest.mark.parametrize("rows", [20, 300])
def test_fewer_components_where_the_samples_have_no_more(rows: int) -> None:
    found = Basis.fit(drawn(rows), COMPONENTS)
    assert found.components == (min(rows - 1, LAYERS * NEURONS),)
    flat = found.vectors.reshape(len(found.vectors), -1)
    np.testing.assert_allclose(flat @ flat.T, np.eye(len(flat)), atol=1e-5)


def test_both_ways_to_find_components_agree() -> None:
    sample = drawn(49)
    twice = np.concatenate([sample, sample])  # more rows than dimensions, and the same components
    few, many = Basis.fit(sample, (6,)), Basis.fit(twice, (6,))
    cosines = np.einsum("cld,cld->c", few.vectors, many.vectors)
    np.testing.assert_allclose(np.abs(cosines), 1, atol=1e-5)
    np.testing.assert_allclose(few.step, many.step, rtol=1e-4)


def test_records_are_a_function_of_each_row_alone(basis: Basis) -> None:
    values = drawn(40, seed=1)
    whole = basis.encode(values)
    assert list(whole) == ["stage_0", "stage_1", "stage_2"]
    alone = [basis.encode(values[row : row + 1]) for row in range(40)]
    for stage, name in enumerate(whole):
        assert whole[name].shape == (40, basis.n_bytes[stage])
        one = np.concatenate([each[name] for each in alone])
        # Products of other shapes round otherwise; no more than that may differ.
        together, apart = basis.decode(stage, whole[name]), basis.decode(stage, one)
        np.testing.assert_allclose(together.coefficients, apart.coefficients, rtol=2e-3, atol=1e-3)
        np.testing.assert_allclose(together.left, apart.left, rtol=2e-3, atol=1e-3)


def test_a_row_that_is_not_finite_says_nothing_and_is_no_matter_to_others(basis: Basis) -> None:
    values = drawn(10, seed=2)
    sound = basis.encode(values)
    values[3, 1, 4], values[7, 0, 0] = np.nan, np.inf
    broken_ones = basis.encode(values)
    for stage, name in enumerate(sound):
        left = basis.decode(stage, broken_ones[name]).left
        assert np.isinf(left[[3, 7]]).all()
        others = np.setdiff1d(np.arange(10), [3, 7])
        np.testing.assert_array_equal(broken_ones[name][others], sound[name][others])


def test_a_row_that_float16_can_not_hold_says_nothing_in_any_stage(basis: Basis) -> None:
    values = drawn(3, seed=3)
    values[1] *= 1e20
    records = basis.encode(values)
    for stage, name in enumerate(records):
        told = basis.decode(stage, records[name])
        assert np.isinf(told.left[1]).all()
        assert np.isfinite(told.left[[0, 2]]).all()
        assert np.isfinite(told.coefficients).all()


def test_samples_that_do_not_differ_can_be_told() -> None:
    same = np.ones((5, LAYERS, NEURONS), np.float32)
    basis = Basis.fit(same)
    records = basis.encode(same)
    told = basis.decode(0, records["stage_0"])
    assert (told.left < 1e-6).all()
    assert (told.coefficients == 0).all()


def test_a_flipped_bit_is_found(basis: Basis) -> None:
    records = basis.encode(drawn(6, seed=4))["stage_1"]
    assert not len(broken(records))
    records[4, 3] ^= 1
    assert broken(records).tolist() == [4]


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**20),
    size=st.sampled_from([1e-3, 1.0, 1e3]),
    center=st.sampled_from([0.0, 3.0, 1e3]),
    alike=st.sampled_from([1.0, 30.0]),
)
def test_what_is_left_and_rounded_is_never_more_than_said(seed: int, size: float, center: float, alike: float) -> None:
    """Coefficients lie within half a step, lengths are no less than what is left; also of rows unlike the sample."""
    basis = Basis.fit(drawn(60, seed, size, center), (3, 9))
    values = drawn(30, seed + 1, size * alike, center)
    records = basis.encode(values)
    vectors = basis.vectors.reshape(9, -1).astype(np.float64)
    left = ((values.astype(np.float64) - basis.mean) / basis.scale[:, None]).reshape(30, -1)
    slack = 2.0**-16 * np.linalg.norm(left, axis=1)[:, None]
    for stage, span in enumerate(basis.spans):
        told = basis.decode(stage, records[f"stage_{stage}"])
        left = left - told.coefficients.astype(np.float64) @ vectors[span]
        known = np.isfinite(told.left).all(axis=1)
        lengths = np.linalg.norm(left.reshape(30, LAYERS, NEURONS), axis=2)
        assert (lengths <= told.left + slack)[known].all()
        off = np.abs(left @ vectors[span].T)
        assert (off <= told.unit[:, None] * basis.step[span] / 2 + slack)[known].all()


def test_spread_is_that_of_all_samples() -> None:
    values = drawn(50)[:, 0] * np.float32(100)
    spread = Spread(values[0])
    for part in np.array_split(values, 4):
        spread.add(part)
    spread.add(values[:0])
    exact = values.astype(np.float64)
    np.testing.assert_allclose(spread.mean, exact.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(spread.covariance, np.cov(exact.T, bias=True), rtol=1e-8, atol=1e-6)
