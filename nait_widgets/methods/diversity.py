"""Activation diversity: how special the neurons are that a sample activates, without any target."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt


def active(activations: npt.NDArray[np.floating], quantile: float) -> npt.NDArray[np.bool_]:
    """Which neurons of a layer each sample activates: those whose size reaches a quantile of the sample's own.

    A neuron is active where |a[j]| is among the m largest of the sample's D, m = max(1, ⌊(1 − quantile)·D + 0.5⌋);
    all of those that tie with the last one are.

    Args:
        activations: Of one layer, (sample, neuron).
        quantile: In [0, 1).

    Returns:
        (sample, neuron); nothing is active where a sample has no activations (NaN).
    """
    sizes = np.abs(activations)
    n_neurons = sizes.shape[1]
    m = max(1, int(np.floor((1 - quantile) * n_neurons + 0.5)))
    least = np.partition(sizes, n_neurons - m, axis=1)[:, n_neurons - m, None]
    reached: npt.NDArray[np.bool_] = sizes >= least
    return reached


def specificity(counts: npt.NDArray[np.integer], n: int) -> npt.NDArray[np.float64]:
    """Inverse document frequency ln(n / count), 0 for a neuron that no sample activates.

    Args:
        counts: In how many samples each neuron is active, any shape.
        n: Of how many samples.
    """
    return np.log(n / np.where(counts > 0, counts, n))
