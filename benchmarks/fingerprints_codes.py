"""What could be kept of a sample besides its activations: a few bytes that tell its score, and how far off they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from nait_widgets.fingerprints.basis import above

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]
    Project = Callable[[Floats], tuple[Floats, Floats]]

_HALF = 2.0**-11  # of a number: how far its float16 lies from it


class Code(Protocol):
    """One way to keep a sample."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def n_bytes(self) -> float:
        """Bytes that are kept of a sample."""

    def on(self, weights: Floats) -> Project:
        """What it tells of a projection.

        Args:
            weights: What is projected on: (dimension, direction).

        Returns:
            From (sample, dimension) to the projection that is told, and to how far off it can be: each
            (sample, direction).
        """


@dataclass(frozen=True, slots=True)
class Basis:
    """Coefficients along some vectors, rounded to steps of a fixed size; and each layer's length of what they leave.

    The rounding of a coefficient is at most half a step. The part of a direction outside of the vectors sees what is
    left, and by Cauchy and Schwarz no more of it than the product of the lengths.

    Attributes:
        name: What it is called.
        vectors: (dimension, component), orthonormal.
        bits: Of each coefficient.
        largest: Size of the largest, by component.
        n_layers: Lengths that are kept, in float16; none where every dimension is.
    """

    name: str
    vectors: Floats
    bits: npt.NDArray[np.int64]
    largest: Floats
    n_layers: int

    @property
    def n_bytes(self) -> float:
        """See `Code.n_bytes`."""
        return float(self.bits.sum() / 8 + 2 * self.n_layers)

    def on(self, weights: Floats) -> Project:
        """See `Code.on`."""
        steps = 2.0 ** (self.bits - 1) - 1  # on each side of zero
        step: Floats = (np.maximum(self.largest, np.finfo(np.float32).tiny) / steps).astype(np.float32)
        along = self.vectors.T @ weights
        rounding = step / 2 @ np.abs(along)
        n = max(1, self.n_layers)
        outside = (weights - self.vectors @ along).reshape(n, -1, weights.shape[1])
        size = np.linalg.norm(outside, axis=1) if self.n_layers else np.zeros((1, weights.shape[1]), np.float32)

        def project(values: Floats) -> tuple[Floats, Floats]:
            stored: Floats = np.rint(values @ self.vectors / step) * step
            left: Floats = (values - stored @ self.vectors.T).reshape(len(values), n, -1)
            return stored @ along, rounding + kept_lengths(left) @ size

        return project


@dataclass(frozen=True, slots=True)
class Strongest:
    """The neurons of each layer that are farthest from the pool's mean, and the length of the others.

    Attributes:
        count: A layer.
        n_layers: Of the pool.
    """

    count: int
    n_layers: int

    @property
    def name(self) -> str:
        """What it is called."""
        return f"strongest neurons: {self.count} a layer"

    @property
    def n_bytes(self) -> float:
        """See `Code.n_bytes`: which, how strong, in two bytes each; and the lengths."""
        return self.n_layers * (4.0 * self.count + 2)

    def on(self, weights: Floats) -> Project:
        """See `Code.on`."""
        squares = np.square(weights).reshape(self.n_layers, -1, weights.shape[1])

        def project(values: Floats) -> tuple[Floats, Floats]:
            layers = values.reshape(len(values), self.n_layers, -1)
            size = np.abs(layers)
            kept = size >= np.partition(size, -self.count, axis=2)[:, :, -self.count, None]
            strong = np.where(kept, layers, 0)
            rest = np.stack([~kept[:, layer] @ squares[layer] for layer in range(self.n_layers)], axis=1)
            doubt = np.einsum("nl,nlm->nm", kept_lengths(layers - strong), np.sqrt(rest))
            flat = strong.reshape(values.shape)
            bound = _HALF * (np.abs(flat) @ np.abs(weights)) + doubt
            return flat.astype(np.float16).astype(np.float32) @ weights, bound

        return project


def kept_lengths(values: Floats) -> Floats:
    """Lengths of (…, dimension) as float16 keeps them, rounded up so that they stay bounds: (…)."""
    return above(np.linalg.norm(values, axis=-1)).astype(np.float32)
