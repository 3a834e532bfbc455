"""What makes scores differ: the share of their variance that each layer, each neuron and the first token brings.

A score is a sum, so its variance is the sum of its terms' covariances with it. That is exact, and a term that works
against the others has a negative share.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nait_widgets.explaining.contributions import layer_weights

if TYPE_CHECKING:
    import numpy.typing as npt

    from nait_widgets.methods import Direction
    from nait_widgets.methods.options import Similarity
    from nait_widgets.store import ActivationStore

    Floats = npt.NDArray[np.float64]

MOST_CHUNKS = 16  # of 256 rows each: enough for shares that are told in per cent


class Dimension(NamedTuple):
    """One neuron of a layer, and the share of the score's variance that it brings."""

    layer: int
    neuron: int
    share: float


@dataclass(frozen=True, slots=True, eq=False)
class ScoreVariance:
    """Where the variance of a direction's scores comes from; NaN where no score differs.

    Attributes:
        layers: The store's decoder layers.
        contributions: What each layer adds to a row's score, less its mean: (row, layer).
        shares: Of each neuron, (layer, neuron); they sum to 1.
        first_token: Share of the first token; None where it isn't known.
    """

    layers: tuple[int, ...]
    contributions: Floats
    shares: Floats
    first_token: float | None

    @property
    def correlation(self) -> Floats:
        """Correlation of the layers' contributions: (layer, layer); NaN for a layer that adds nothing."""
        covariance = self.contributions.T @ self.contributions
        size = np.sqrt(np.diag(covariance))
        size[size == 0] = np.nan
        correlation: Floats = covariance / np.outer(size, size)
        return correlation

    @property
    def cancelled(self) -> float:
        """Share of what the layers add, taken without sign, that other layers take off again."""
        size = np.abs(self.contributions).sum()
        return float(1 - np.abs(self.contributions.sum(axis=1)).sum() / size) if size > 0 else float("nan")

    def strongest(self, n: int) -> tuple[Dimension, ...]:
        """The neurons of the largest shares, by size, the largest first."""
        order = np.argsort(-np.abs(self.shares), axis=None, kind="stable")[:n]
        return tuple(
            Dimension(self.layers[position], int(neuron), float(self.shares[position, neuron]))
            for position, neuron in zip(*np.unravel_index(order, self.shares.shape), strict=True)
        )


def score_variance(direction: Direction, store: ActivationStore, scores: Floats, scale: Floats) -> ScoreVariance:
    """Where the variance of a direction's scores comes from, measured on row chunks spread evenly over the store.

    Args:
        direction: The direction.
        store: What it scored; at least one row may be selected.
        scores: (sample,).
        scale: What a z-score divides each layer's projection by: (layer of the store,).
    """
    options, weights = direction.score, layer_weights(store, direction)
    reader, selectable = store.pool(options.pool), np.flatnonzero(store.selectable)
    center = np.zeros((len(weights), 1), np.float32)  # without a cosine, what is taken off all rows makes none differ
    if options.similarity == "cosine" and options.center == "pool":
        center = store.statistics(options.pool).mean
    first = _first_token(store, options.pool)
    chunk_of = selectable // reader.layout.chunk_rows
    holding = np.unique(chunk_of)
    chunks = holding[np.unique(np.linspace(0, len(holding) - 1, MOST_CHUNKS).astype(int))]
    rows = selectable[np.isin(chunk_of, chunks)]
    about = scores[rows] - scores[rows].mean()
    gains, projected = np.empty((2, len(rows), len(weights)))
    covariances = np.zeros_like(weights)
    for chunk in chunks.tolist():
        here = np.flatnonzero(rows // reader.layout.chunk_rows == chunk)
        for layer, values in reader.layers(chunk):
            kept = values[rows[here] - reader.rows(chunk).start] - center[layer]
            gains[here, layer] = gain = _gain(options.similarity, kept, float(scale[layer]))
            projected[here, layer] = kept @ weights[layer]
            covariances[layer] += ((about[here] * gain) @ kept) * weights[layer]
    contributions = gains * projected
    squares = float(about @ about) or float("nan")
    share = None
    if first is not None:
        share = float(about @ (gains @ np.einsum("ld,ld->l", first.activation, weights) * first.weight[rows])) / squares
    return ScoreVariance(store.layout.layers, contributions - contributions.mean(axis=0), covariances / squares, share)


def _gain(similarity: Similarity, values: npt.NDArray[np.float32], scale: float) -> Floats:
    """What a layer's projections are multiplied by, beside the 1/‖v‖ that is in the weights already: (row,)."""
    match similarity:
        case "dot":
            by = np.ones(len(values))
        case "cosine":
            by = np.linalg.norm(values, axis=1).astype(np.float64)
        case "zscore":
            by = np.full(len(values), scale)
    gain: Floats = 1 / np.where(by > 0, by, np.inf)
    return gain


class _FirstToken(NamedTuple):
    """A shared first token: its activation (layer, neuron), and its weight in each sample's pool (sample,)."""

    activation: npt.NDArray[np.float32]
    weight: Floats


def _first_token(store: ActivationStore, pool: str) -> _FirstToken | None:
    """Nothing where samples begin differently, or where it isn't known whether the pool has the first token."""
    n = np.maximum(store.n_tokens, 1).astype(np.float64)
    none = np.zeros(len(n))
    # In a difference of tokens it is the same for every sample, so it makes none differ.
    weights = {"mean": 1 / n, "weighted": 2 / (n * (n + 1)), "delta": none, "content_delta": none}
    if pool in ("response_mean", "tail_mean", "last", "content_last"):
        return _FirstToken(np.zeros((len(store.layout.layers), store.layout.n_neurons), np.float32), none)
    if pool not in weights or not store.shared_first_token:
        return None
    return _FirstToken(np.asarray(store.array("first_token")[...], np.float32), weights[pool])
