"""The benchmark of fingerprints: its bounds hold, and what it reads decides the selection."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from benchmarks.fingerprints_codes import Basis, Code, Staged, Strongest
from benchmarks.fingerprints_cut import depths

Floats = npt.NDArray[np.float32]

LAYERS, NEURONS, SAMPLES = 3, 8, 400


@pytest.fixture
def values() -> Floats:
    rng = np.random.default_rng(0)
    mixed = rng.normal(size=(SAMPLES, 6)) @ rng.normal(size=(6, LAYERS * NEURONS))
    noisy: Floats = (mixed + 0.2 * rng.normal(size=mixed.shape)).astype(np.float32)
    return noisy


def basis(values: Floats, components: int, bits: int = 8) -> Basis:
    vectors = np.linalg.svd(values, full_matrices=False)[2][:components].T
    kept_lengths = LAYERS if components < values.shape[1] else 0
    largest = np.abs(values @ vectors).max(axis=0)
    return Basis(f"of these: {components}", vectors, np.full(components, bits), largest, kept_lengths)


@pytest.mark.parametrize("which", ["few", "all", "staged", "strongest"])
def test_no_score_lies_outside_its_bounds_and_what_is_read_decides(which: str, values: Floats) -> None:
    codes: dict[str, Code] = {
        "few": basis(values, 5),
        "all": basis(values, LAYERS * NEURONS, bits=4),
        "staged": Staged((basis(values, 3), basis(values, 8))),
        "strongest": Strongest(3, LAYERS),
    }
    code = codes[which]
    weights = np.random.default_rng(1).normal(size=(values.shape[1], 2)).astype(np.float32)
    exact = (values @ weights).astype(np.float64)
    told, bounds = code.on(weights)(values)
    assert len(told) == len(bounds) == (2 + LAYERS - 1 if which == "staged" else 1)
    assert (np.abs(told - exact) <= bounds + 1e-4).all()
    assert (np.diff(bounds[len(code.costs) - 1 :], axis=0) <= 0).all()  # each layer takes some doubt away
    for column in range(2):
        levels = [
            (one.astype(np.float64), bound.astype(np.float64) + 1e-4)
            for one, bound in zip(told[..., column], bounds[..., column], strict=True)
        ]
        depth = depths(levels, exact[:, column], 40)  # asserts that it ends with the right ones
        assert depth.max() > 0
        assert depth.min() == 0 or which in ("strongest", "all")


def test_what_is_known_exactly_is_not_read() -> None:
    exact = np.random.default_rng(2).normal(size=100)
    assert not depths([(exact, np.zeros(100))], exact, 10).any()
    worst = np.full(100, 1e9)
    assert depths([(exact, worst)], exact, 10).all()


def test_what_a_sample_costs(values: Floats) -> None:
    assert basis(values, 5).costs == [5 + 2 * LAYERS]
    assert Staged((basis(values, 3), basis(values, 8))).costs == [3 + 2 * LAYERS, 5 + 2 * LAYERS]
    assert Strongest(3, LAYERS).costs == [LAYERS * (3 * 4 + 2)]
