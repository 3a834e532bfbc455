"""Samples on a plane: two coordinates from the stored sketch of their activations."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nait_widgets.errors import NaitError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from nait_widgets.store import ActivationStore

    Floats = npt.NDArray[np.float32]

# What each method needs beyond this package's own dependencies.
_PACKAGES = {"pca": "numpy", "umap": "umap", "tsne": "sklearn"}


class Projection(NamedTuple):
    """A map of the samples.

    Attributes:
        xy: (sample, 2) float32; NaN for quarantined samples.
        axes: What the axes are, in words.
    """

    xy: Floats
    axes: str


def projection_methods() -> list[str]:
    """The methods that can be had here: `pca`, and `umap` and `tsne` where their packages are installed."""
    return [method for method, package in _PACKAGES.items() if find_spec(package) is not None]


def project(store: ActivationStore, method: str = "pca") -> Projection:
    """Lay the samples out on a plane.

    Args:
        store: The sketch of each sample is a random projection of its activations (Johnson-Lindenstrauss), so that
            distances between sketches are about those between activations.
        method: `pca`; `umap` (McInnes et al. 2018) with umap-learn; `tsne` (van der Maaten and Hinton 2008) with
            scikit-learn. All are seeded.

    Raises:
        NaitError: An unknown method, or one whose package isn't installed.
    """
    if method not in _PACKAGES:
        raise NaitError(f"there is no map by {method!r}; choose among {', '.join(_PACKAGES)}")
    if method not in projection_methods():
        package = {"umap": "umap-learn", "sklearn": "scikit-learn"}[_PACKAGES[method]]
        raise NaitError(f"a map by {method} needs {package}: pip install {package}")
    rows = np.flatnonzero(store.selectable)
    xy = np.full((len(store), 2), np.nan, np.float32)
    if len(rows) < 3:
        return Projection(xy, "too few samples for a map")
    sketch = np.asarray(store.array("sketch")[...])[rows].astype(np.float32)
    if method == "pca":
        xy[rows], share = _pca(sketch)
        return Projection(xy, f"PCA of the activations' sketch ({share:.0%} of its variance)")
    layout: Callable[[Floats], Any] = {"umap": _umap, "tsne": _tsne}[method]
    xy[rows] = layout(sketch)
    return Projection(xy, {"umap": "UMAP", "tsne": "t-SNE"}[method] + " of the activations' sketch")


def _pca(sketch: Floats) -> tuple[Floats, float]:
    """First two principal components, and their share of the variance."""
    centred = sketch - sketch.mean(axis=0, dtype=np.float64).astype(np.float32)
    covariance = (centred.T @ centred).astype(np.float64)
    values, vectors = np.linalg.eigh(covariance)
    axes = vectors[:, [-1, -2]]
    axes *= np.sign(axes[np.abs(axes).argmax(axis=0), [0, 1]])  # else the sign is the linear algebra library's whim
    share = values[-2:].sum() / max(values.sum(), np.finfo(np.float64).tiny)
    return centred @ axes.astype(np.float32), float(share)


def _umap(sketch: Floats) -> Any:
    from umap import UMAP

    return UMAP(n_neighbors=min(15, len(sketch) - 1), random_state=0, n_jobs=1).fit_transform(sketch)


def _tsne(sketch: Floats) -> Any:
    from sklearn.manifold import TSNE

    return TSNE(perplexity=min(30.0, (len(sketch) - 1) / 3), random_state=0, init="pca").fit_transform(sketch)
