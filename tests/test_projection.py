"""Maps of the samples."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from nait_widgets.errors import NaitError
from nait_widgets.explaining.projection import project, projection_methods
from nait_widgets.store import ActivationStore


def test_pca_is_the_singular_vectors_of_the_sketch(pool: ActivationStore) -> None:
    xy, axes = project(pool)
    rows = np.flatnonzero(pool.selectable)
    sketch = np.asarray(pool.array("sketch")[...])[rows].astype(np.float64)
    centred = sketch - sketch.mean(axis=0)
    u, s, _ = np.linalg.svd(centred, full_matrices=False)
    expected = u[:, :2] * s[:2]
    for axis in (0, 1):
        sign = np.sign(expected[:, axis] @ xy[rows, axis])
        np.testing.assert_allclose(xy[rows, axis], sign * expected[:, axis], atol=1e-3 * s[0])
    assert np.isnan(xy[~pool.selectable]).all()
    assert f"{(s[:2] ** 2).sum() / (s**2).sum():.0%} of its variance" in axes


def test_what_can_not_be_had_says_why(pool: ActivationStore) -> None:
    with pytest.raises(NaitError, match="there is no map by 'magic'; choose among pca, umap, tsne"):
        project(pool, "magic")
    assert projection_methods()[0] == "pca"
    for method, package in (("umap", "umap-learn"), ("tsne", "scikit-learn")):
        if method not in projection_methods():
            with pytest.raises(NaitError, match=f"pip install {package}"):
                project(pool, method)


@pytest.mark.parametrize(("method", "package"), [("umap", "umap"), ("tsne", "sklearn")])
@pytest.mark.filterwarnings("ignore")
def test_other_maps_place_every_sample(pool: ActivationStore, method: str, package: str) -> None:
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    xy, _ = project(pool, method)
    assert np.isfinite(xy[pool.selectable]).all()
    assert np.ptp(xy[pool.selectable], axis=0).min() > 0
    np.testing.assert_array_equal(xy, project(pool, method).xy)
