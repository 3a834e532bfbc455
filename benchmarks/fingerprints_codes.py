"""What could be kept of a sample besides its activations: a few bytes that tell its score, and how far off they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]
    Project = Callable[[Floats], tuple[Floats, Floats]]

_HALF = 2.0**-11  # of a number: how far its float16 lies from it


class Code(Protocol):
    """One way to keep a sample: what is read of all, and what may be read behind it, before the sample itself."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def costs(self) -> list[float]:
        """Bytes of each level that is kept, a sample."""

    def on(self, weights: Floats) -> Project:
        """What it tells of a projection.

        Args:
            weights: What is projected on: (dimension, direction).

        Returns:
            From (sample, dimension) to the projection that is told after each level, and to how far off it can be:
            each (level, sample, direction).
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
    def costs(self) -> list[float]:
        """See `Code.costs`."""
        return [float(self.bits.sum() / 8 + 2 * self.n_layers)]

    def on(self, weights: Floats) -> Project:
        """See `Code.on`."""
        seen = self._seen(weights)

        def project(values: Floats) -> tuple[Floats, Floats]:
            told, rounding, _, doubts = seen(values)
            return told[None], (rounding + doubts.sum(axis=1))[None]

        return project

    def by_layer(self, weights: Floats) -> Project:
        """The same, and what it tells after some of the sample's layers are read, those in most doubt first.

        A layer that is read tells what the coefficients leave of it, and so what the direction sees there.
        """
        seen = self._seen(weights)

        def project(values: Floats) -> tuple[Floats, Floats]:
            told, rounding, parts, doubts = seen(values)
            order = np.argsort(-doubts, axis=1)[:, :-1]  # behind the last layer lies the score itself
            learnt = np.cumsum(np.take_along_axis(parts, order, axis=1), axis=1)
            settled = np.cumsum(np.take_along_axis(doubts, order, axis=1), axis=1)
            bound = rounding + doubts.sum(axis=1)
            return (
                np.concatenate([told[None], told + learnt.swapaxes(0, 1)]),
                np.concatenate([bound[None], bound - settled.swapaxes(0, 1)]),
            )

        return project

    def _seen(self, weights: Floats) -> Callable[[Floats], tuple[Floats, Floats, Floats, Floats]]:
        """What is told (sample, direction); the most that rounding takes off it (direction,).

        And of each layer what the part of the directions outside of the vectors sees, and the most that it can:
        (sample, layer, direction).
        """
        steps = 2.0 ** (self.bits - 1) - 1  # on each side of zero
        step: Floats = (np.maximum(self.largest, np.finfo(np.float32).tiny) / steps).astype(np.float32)
        along = self.vectors.T @ weights
        rounding = step / 2 @ np.abs(along)
        n = max(1, self.n_layers)
        outside = (weights - self.vectors @ along).reshape(n, -1, weights.shape[1])
        size = np.linalg.norm(outside, axis=1) if self.n_layers else np.zeros((1, weights.shape[1]), np.float32)

        def seen(values: Floats) -> tuple[Floats, Floats, Floats, Floats]:
            stored: Floats = np.rint(values @ self.vectors / step) * step
            left: Floats = (values - stored @ self.vectors.T).reshape(len(values), n, -1)
            parts = np.stack([left[:, layer] @ outside[layer] for layer in range(n)], axis=1)
            return stored @ along, rounding, parts, kept_lengths(left)[:, :, None] * size

        return seen


@dataclass(frozen=True, slots=True)
class Staged:
    """Some vectors of a basis for all samples, more of them for those that need it, and then layer by layer.

    Attributes:
        stages: Each with the vectors of the one before and more.
    """

    stages: tuple[Basis, ...]

    @property
    def name(self) -> str:
        """What it is called."""
        return f"{self.stages[0].name.split(':')[0]}: " + ", then ".join(str(len(b.bits)) for b in self.stages)

    @property
    def costs(self) -> list[float]:
        """See `Code.costs`."""
        before = [0, *(stage.bits.sum() / 8 for stage in self.stages)]
        return [stage.costs[0] - float(known) for stage, known in zip(self.stages, before, strict=False)]

    def on(self, weights: Floats) -> Project:
        """See `Code.on`; the levels behind those that are kept are single layers of the sample."""
        projects = [*(stage.on(weights) for stage in self.stages[:-1]), self.stages[-1].by_layer(weights)]

        def project(values: Floats) -> tuple[Floats, Floats]:
            told, bounds = zip(*(each(values) for each in projects), strict=True)
            return np.concatenate(told), np.concatenate(bounds)

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
    def costs(self) -> list[float]:
        """See `Code.costs`: which, how strong, in two bytes each; and the lengths."""
        return [self.n_layers * (4.0 * self.count + 2)]

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
            return (flat.astype(np.float16).astype(np.float32) @ weights)[None], bound[None]

        return project


def kept_lengths(values: Floats) -> Floats:
    """Lengths of (…, dimension) as float16 keeps them, rounded up so that they stay bounds: (…)."""
    nearest = np.linalg.norm(values, axis=-1).astype(np.float16)
    above: Floats = np.nextafter(nearest, np.float16(np.inf)).astype(np.float32)
    return above
