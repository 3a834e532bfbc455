"""Scores under a direction as a fingerprint tells them, and the most by which each can be off.

A score is affine in a sample's activations, so it is a sum of two parts. What the direction sees along the basis's
vectors is told by the coefficients, which are off by at most half a step. What it sees outside of them is, layer by
layer, no more than the product of two lengths (Cauchy and Schwarz), of which one is kept. To both comes what float32
may round off, here and in the scan of the activations that the scores are compared with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from nait_widgets.fingerprints.basis import Basis, Told
    from nait_widgets.fingerprints.reading import Fingerprint
    from nait_widgets.methods import Direction

    Floats = npt.NDArray[np.float64]

_FLOAT32 = 2.0**-24  # of a number: how far its float32 lies from it
_SURE = 8  # standard deviations
_ARITHMETIC = 2.0**-16  # of a sample's length: more than float32 rounds off while it is encoded


@dataclass(frozen=True, eq=False)
class View:
    """A direction as a basis sees it.

    Attributes:
        basis: Of the fingerprint.
        weights: Of each neuron in a score, its z-score's spread included: (layer, neuron).
        mean, scale: What a layer's projection is centred and divided by: (layer,).
        factor: What it counts with, 0 where the layer is left out or no sample differs in it: (layer,).
        shift: What is taken off each score for that.
        common: By how much a scan may take off more or less, of all scores alike, since it centres by float32.
        along: Of the direction, along each vector: (component,).
        outside: What the vectors of all stages so far leave of it: (stage, layer, neuron).
        crossed: What the last of these sees of each layer of each vector: (component, layer).
        first: Where the pool leaves the first token out, that token's activation: (layer, neuron).
        uncertain: By what share a scan may find another scale, since its products are rounded to float32; infinite
            where it would find nothing but rounding: (layer,).
    """

    basis: Basis
    weights: Floats
    mean: Floats
    scale: Floats
    factor: Floats
    shift: float
    common: float
    along: Floats
    outside: Floats
    crossed: Floats
    first: Floats | None
    uncertain: Floats

    @classmethod
    def of(cls, fingerprint: Fingerprint, direction: Direction) -> View:
        """How a direction that belongs to a store is seen by its fingerprint.

        Raises:
            DirectionError: It scores by a cosine.
            StoreError: The fingerprint is damaged.
        """
        options, basis, layers = direction.score, fingerprint.basis, fingerprint.layers
        fingerprint.require(direction)
        vectors = np.zeros(basis.mean.shape)
        used = np.zeros(len(layers), np.bool_)
        for layer, vector in zip(direction.layers, direction.vectors, strict=True):
            vectors[layers.index(layer)] = vector
            used[layers.index(layer)] = options.layers is None or layer in options.layers
        mean, scale, size, uncertain = np.zeros(len(layers)), np.ones(len(layers)), *np.zeros((2, len(layers)))
        if options.similarity == "zscore" or options.center == "pool":
            center = fingerprint.neuron_mean(options.pool)
            mean = np.einsum("ld,ld->l", vectors, center)
            size = np.linalg.norm(vectors, axis=1) * np.linalg.norm(center, axis=1)
        if options.similarity == "zscore":
            scale = fingerprint.deviation(options.pool, vectors)
            # Each product is off by about a rounding of its size, and the average over a pool by that much less.
            rounding = _SURE * _FLOAT32 * size / np.sqrt(fingerprint.n_samples)
            uncertain = np.where(used & (size > 0), rounding / np.where(scale > 0, scale, np.nan), 0)
            uncertain[np.isnan(uncertain)] = np.inf
        factor = np.where(used & (scale > 0), 1 / np.where(scale > 0, scale, 1), 0)
        weights = vectors * factor[:, None]
        scaled = weights * basis.scale[:, None]
        flat = basis.vectors.reshape(len(basis.vectors), -1).astype(np.float64)
        along = flat @ scaled.ravel()
        outside = np.stack([scaled - (along[:n] @ flat[:n]).reshape(scaled.shape) for n in basis.components])
        crossed = np.einsum("cld,ld->cl", flat.reshape(basis.vectors.shape), outside[-1])
        first = fingerprint.first_token(options.pool)
        shift, common = float(mean @ factor), 4 * _FLOAT32 * float(size @ factor)
        return cls(basis, weights, mean, scale, factor, shift, common, along, outside, crossed, first, uncertain)


class Telling:
    """What is told so far of the scores of some samples.

    Args:
        view: By which direction.
        n_tokens: Of each sample: (row,).

    Attributes:
        doubts: How far the part of each layer that isn't seen can be off, at unit size, once all stages are known:
            (row, layer).
    """

    def __init__(self, view: View, n_tokens: npt.NDArray[np.integer]) -> None:
        n, n_layers = len(n_tokens), len(view.mean)
        self._view = view
        tokens = np.maximum(n_tokens, 2).astype(np.float64)
        derived = view.first is not None  # the mean over all tokens but the first
        self._factor = tokens / (tokens - 1) if derived else np.ones(n)
        self._first = 1 / (tokens - 1) if derived else np.zeros(n)
        self._told, self._rounding, self._square = np.zeros((3, n))
        self._outside, self._longest = np.full((2, n), np.inf)
        self.doubts = np.zeros((n, n_layers))  # of few rows ever filled, and only then in memory
        self._seen = np.zeros((n, n_layers), np.float32)  # by the direction's part outside, of what is told

    def learn(self, stage: int, rows: npt.NDArray[np.int64] | slice, told: Told) -> None:
        """Take in a stage's records of some samples, that of the stage before being known."""
        view, span = self._view, self._view.basis.spans[stage]
        along = view.along[span]
        self._told[rows] += told.coefficients @ along
        self._rounding[rows] += told.unit * float(view.basis.step[span] / 2 @ np.abs(along))
        self._square[rows] += np.einsum("nc,nc->n", told.coefficients, told.coefficients, dtype=np.float64)
        self._seen[rows] += told.coefficients @ view.crossed[span]
        lengths = np.linalg.norm(view.outside[stage], axis=1)
        doubts = _times(lengths, told.left)
        self._outside[rows] = doubts.sum(axis=1)
        if span.stop == len(view.along):
            self.doubts[rows] = doubts
        self._longest[rows] = told.left.max(axis=1)

    def read(self, layer: int, rows: npt.NDArray[np.int64], activations: npt.NDArray[np.float32]) -> None:
        """Take in a layer of some samples of which all stages are known: (row, neuron) of the fingerprint's pool."""
        basis = self._view.basis
        outside = self._view.outside[-1, layer]
        values = (activations.astype(np.float64) - basis.mean[layer]) / basis.scale[layer]
        self._told[rows] += values @ outside - self._seen[rows, layer]
        self.doubts[rows, layer] = 0
        self._outside[rows] = self.doubts[rows].sum(axis=1)

    def scores(self, rows: npt.NDArray[np.int64] | slice) -> Floats:
        """What some samples' scores are told to be: (row,)."""
        view = self._view
        base = float(np.einsum("ld,ld->", view.weights, view.basis.mean))
        first = 0.0 if view.first is None else float(np.einsum("ld,ld->", view.weights, view.first))
        scores: Floats = self._factor[rows] * (base + self._told[rows]) - self._first[rows] * first - view.shift
        return scores

    def errors(self, rows: npt.NDArray[np.int64] | slice) -> Floats:
        """How far these can be off what a scan of the activations gives: (row,)."""
        view, basis = self._view, self._view.basis
        weights = np.linalg.norm(view.weights, axis=1)
        length = np.sqrt(self._square[rows]) + self._longest[rows]  # at least the sample's, at unit size
        arithmetic = _times(_ARITHMETIC * float(np.linalg.norm(weights * basis.scale)), length)
        off = self._rounding[rows] + self._outside[rows] + arithmetic
        first = 0.0 if view.first is None else float(weights @ np.linalg.norm(view.first, axis=1))
        center = float(weights @ np.linalg.norm(basis.mean, axis=1))
        size = self._factor[rows] * (center + _times(float(weights @ basis.scale), length)) + self._first[rows] * first
        # A sum of products in float32, whatever its order, and three operations that derive a pool.
        errors: Floats = self._factor[rows] * off + (basis.mean.shape[1] + 16) * _FLOAT32 * size
        return errors


def _times(weight: Floats | float, length: Floats) -> Floats:
    """A product; nothing where the weight is nothing, be the length unknown."""
    product: Floats = np.where(np.asarray(weight) > 0, length, 0) * weight
    return product
