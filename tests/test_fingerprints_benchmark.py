"""The benchmark of what a fingerprint could be: the bounds of each candidate hold."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from benchmarks.fingerprints_codes import Basis, Code, Strongest

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


@pytest.mark.parametrize("which", ["few", "all", "strongest"])
def test_no_projection_lies_outside_its_bounds(which: str, values: Floats) -> None:
    codes: dict[str, Code] = {
        "few": basis(values, 5),
        "all": basis(values, LAYERS * NEURONS, bits=4),
        "strongest": Strongest(3, LAYERS),
    }
    weights = np.random.default_rng(1).normal(size=(values.shape[1], 2)).astype(np.float32)
    told, bounds = codes[which].on(weights)(values)
    assert told.shape == bounds.shape == (SAMPLES, 2)
    assert (np.abs(told - values @ weights) <= bounds + 1e-4).all()


def test_what_a_sample_costs(values: Floats) -> None:
    assert basis(values, 5).n_bytes == 5 + 2 * LAYERS
    assert Strongest(3, LAYERS).n_bytes == LAYERS * (3 * 4 + 2)
