"""How the neurons of a layer vary together over a pool: by it any direction's z-scores are had without a pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]


class Spread:
    """Mean and covariance of one layer's neurons, of samples that come some at a time, in float64.

    Args:
        about: A typical sample, for squares about zero would cancel: (neuron,).
    """

    def __init__(self, about: npt.NDArray[np.floating]) -> None:
        self._about = about.astype(np.float64)
        self._n = 0
        self._total: Floats = np.zeros(len(about))
        self._products: Floats = np.zeros((len(about), len(about)))

    def add(self, values: npt.NDArray[np.floating]) -> None:
        """Take in some samples, all finite: (row, neuron)."""
        off = values - self._about
        self._n += len(off)
        self._total += off.sum(axis=0)
        self._products += off.T @ off

    @property
    def mean(self) -> Floats:
        """(neuron,)."""
        mean: Floats = self._about + self._total / max(1, self._n)
        return mean

    @property
    def covariance(self) -> Floats:
        """(neuron, neuron)."""
        mean = self._total / max(1, self._n)
        covariance: Floats = self._products / max(1, self._n) - np.outer(mean, mean)
        return covariance
