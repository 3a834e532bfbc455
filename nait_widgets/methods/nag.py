"""Neuron-activated graphs (arXiv 2604.15706): which neurons respond most to a sample, compared with the targets'."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Neurons = npt.NDArray[np.integer]


def frequencies(neurons: Neurons, size: int) -> npt.NDArray[np.int64]:
    """How many samples have each neuron among their strongest.

    Args:
        neurons: Strongest neurons of each sample and layer, (sample, layer, rank).
        size: Neurons a layer.

    Returns:
        (layer, neuron).
    """
    n_layers = neurons.shape[1]
    flat = neurons.astype(np.int64) + size * np.arange(n_layers)[:, None]
    return np.bincount(flat.ravel(), minlength=n_layers * size).reshape(n_layers, size)


def similarity(neurons: Neurons, profile: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """What of the targets' profile a sample's strongest neurons cover, mean over the layers.

    s = 1/L · Σ_l Σ_(j ∈ top(l)) p[l, j]

    Args:
        neurons: Strongest neurons of each sample and layer, (sample, layer, rank).
        profile: The targets' frequencies, each layer's summing to 1: (layer, neuron).

    Returns:
        (sample,) in [0, 1].
    """
    n_layers = neurons.shape[1]
    covered = profile[np.arange(n_layers)[:, None], neurons]
    scores: npt.NDArray[np.float64] = covered.sum(axis=(1, 2)) / n_layers
    return scores
