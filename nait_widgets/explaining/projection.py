"""Samples on a plane: two coordinates from the stored sketch of their activations."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nait_widgets.errors import NaitError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import numpy.typing as npt

    from nait_widgets.store import ActivationStore

    Floats = npt.NDArray[np.float32]
    Rows = npt.NDArray[np.int64]

# What each method needs beyond this package's own dependencies.
_PACKAGES = {"pca": "numpy", "umap": "umap", "tsne": "sklearn"}

_ROWS_AT_ONCE = 16_384


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
    if method == "pca":
        axes, mean, share = _axes(_sketches(store))
        for own, sketch in _sketches(store):
            xy[own] = (sketch - mean) @ axes
        return Projection(xy, f"PCA of the activations' sketch ({share:.0%} of its variance)")
    sketch = np.concatenate([part for _, part in _sketches(store)])
    layout: Callable[[Floats], Any] = {"umap": _umap, "tsne": _tsne}[method]
    xy[rows] = layout(sketch)
    return Projection(xy, {"umap": "UMAP", "tsne": "t-SNE"}[method] + " of the activations' sketch")


def _sketches(store: ActivationStore) -> Iterator[tuple[Rows, Floats]]:
    """The rows that may be selected and their sketches (row, component), some at a time: all would be gigabytes."""
    array, selectable = store.array("sketch"), store.selectable
    step = store.layout.block_rows * max(1, _ROWS_AT_ONCE // store.layout.block_rows)
    for start in range(0, len(store), step):
        own = np.flatnonzero(selectable[start : start + step])
        yield own + start, np.asarray(array[start : start + step])[own].astype(np.float32)


def _axes(parts: Iterable[tuple[Rows, Floats]]) -> tuple[Floats, Floats, float]:
    """First two principal components (component, 2), the mean, and their share of the variance."""
    shift, n = None, 0
    for _, sketch in parts:
        if not len(sketch):
            continue
        if shift is None:  # squares about a typical value: a large mean would cancel otherwise
            shift = sketch.mean(axis=0)
            total, squares = np.zeros(len(shift)), np.zeros((len(shift), len(shift)))
        centred = sketch - shift
        n += len(centred)
        total += centred.sum(axis=0, dtype=np.float64)
        squares += centred.T @ centred
    assert shift is not None
    values, vectors = np.linalg.eigh(squares - np.outer(total, total) / n)
    axes = vectors[:, [-1, -2]]
    axes *= np.sign(axes[np.abs(axes).argmax(axis=0), [0, 1]])  # else the sign is the linear algebra library's whim
    share = values[-2:].sum() / max(values.sum(), np.finfo(np.float64).tiny)
    return axes.astype(np.float32), (shift + total / n).astype(np.float32), float(share)


def _umap(sketch: Floats) -> Any:
    from umap import UMAP

    return UMAP(n_neighbors=min(15, len(sketch) - 1), random_state=0, n_jobs=1).fit_transform(sketch)


def _tsne(sketch: Floats) -> Any:
    from sklearn.manifold import TSNE

    return TSNE(perplexity=min(30.0, (len(sketch) - 1) / 3), random_state=0, init="pca").fit_transform(sketch)
