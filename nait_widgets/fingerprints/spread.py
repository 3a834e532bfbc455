"""How the neurons of a layer vary together over a pool: by it any direction's z-scores are had without a pass.

Where there were activations to see, exactly; else as the fingerprints tell.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    from nait_widgets.fingerprints.basis import Basis

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


@dataclass(frozen=True, eq=False)
class ToldSpread:
    """How all neurons vary together as far as coefficients tell, and beyond that each neuron by itself.

    Attributes:
        basis: What the coefficients are of.
        covariance: Of the coefficients: (component, component).
        beyond: What they leave of each neuron's variance: (layer, neuron).
    """

    basis: Basis
    covariance: Floats
    beyond: Floats

    @classmethod
    def of(
        cls, basis: Basis, coefficients: Iterable[npt.NDArray[np.floating]], deviation: npt.NDArray[np.floating]
    ) -> ToldSpread:
        """What is told of a pool.

        Args:
            basis: What the coefficients are of.
            coefficients: Of all samples, some at a time: (row, component).
            deviation: Of every neuron, exactly: (layer, neuron).
        """
        spread = Spread(np.zeros(len(basis.vectors)))
        for some in coefficients:
            spread.add(some.astype(np.float64))
        covariance = spread.covariance
        seen = np.einsum("cln,cln->ln", np.tensordot(covariance, basis.vectors, 1), basis.vectors)
        beyond = np.square(deviation.astype(np.float64)) - np.square(basis.scale[:, None]) * seen
        return cls(basis, covariance, np.maximum(beyond, 0))

    def deviation(self, vectors: Floats) -> Floats:
        """Standard deviation of each layer's projection on a vector: (layer,), of (layer, neuron)."""
        along = np.einsum("cln,ln->lc", self.basis.vectors, vectors) * self.basis.scale[:, None]
        seen = np.einsum("lc,cd,ld->l", along, self.covariance, along)
        beyond = np.einsum("ln,ln->l", np.square(vectors), self.beyond)
        found: Floats = np.sqrt(np.maximum(seen + beyond, 0))
        return found
