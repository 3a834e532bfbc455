"""Exact contributions: a score is a sum over layers and neurons, so it is explained by its terms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nait_widgets.errors import DirectionError, StoreError
from nait_widgets.scored import require_direction
from nait_widgets.scoring import score
from nait_widgets.scoring.run import check
from nait_widgets.store import Status

if TYPE_CHECKING:
    import numpy.typing as npt
    import xarray as xr

    from nait_widgets.methods import Direction
    from nait_widgets.scored import Scored
    from nait_widgets.store import ActivationStore

    Floats = npt.NDArray[np.float64]


class Neuron(NamedTuple):
    """One term of a score."""

    layer: int
    neuron: int
    activation: float
    contribution: float


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """The terms of one sample's score.

    Attributes:
        sample_id: The sample.
        direction: The direction's name.
        layers: The decoder layers.
        activation: The sample's pooled activation, (layer, neuron) float32.
        contributions: What each neuron adds to the score, (layer, neuron) float64; they sum to it.
    """

    sample_id: str
    direction: str
    layers: tuple[int, ...]
    activation: npt.NDArray[np.float32]
    contributions: Floats

    @property
    def score(self) -> float:
        """The sum of all contributions."""
        return float(self.contributions.sum())

    @property
    def by_layer(self) -> Floats:
        """What each layer adds to the score: (layer,)."""
        layers: Floats = self.contributions.sum(axis=1)
        return layers

    def top(self, n: int = 10) -> list[Neuron]:
        """The neurons that move the score most, either way, the strongest first."""
        strongest = np.argsort(-np.abs(self.contributions), axis=None, kind="stable")[:n]
        rows, columns = np.unravel_index(strongest, self.contributions.shape)
        return [
            Neuron(self.layers[row], int(j), float(self.activation[row, j]), float(self.contributions[row, j]))
            for row, j in zip(rows, columns, strict=True)
        ]


def explain(store: ActivationStore, sample_id: str, direction: Scored, scores: xr.Dataset | None = None) -> Explanation:
    """Why a sample scores as it does: exact contributions by layer and neuron.

    Args:
        store: The store that holds the sample.
        sample_id: Which one.
        direction: Of the same model, site and template.
        scores: What `score` returned for that direction, which saves a pass over the store where the direction
            compares with the pool.

    Raises:
        StoreError: There is no such sample, it was quarantined, or the store keeps scores only.
        DirectionError: The direction doesn't belong to the store, or to the scores; or it is another scorer, whose
            scores have no such parts.
    """
    direction = require_direction(direction)
    row = scored_row(store, sample_id)
    scored = scored_layers(store, direction, scores)
    activation = store.pool(direction.score.pool).take(np.array([row]))[0]
    values = activation.astype(np.float64)
    if direction.score.center == "pool" or direction.score.similarity == "zscore":
        values -= store.statistics(direction.score.pool).mean
    weights = layer_weights(store, direction) / divisors(direction, values, scored)[:, None]
    return Explanation(sample_id, direction.name, store.layout.layers, activation, values * weights)


def scored_row(store: ActivationStore, sample_id: str) -> int:
    """The row of a sample that has a score, and activations that make it.

    Raises:
        StoreError: There is no such sample, it was quarantined, or the store keeps scores only.
    """
    store.require_activations()
    row = store.index(sample_id)
    if not store.selectable[row]:
        raise StoreError(
            f"sample {sample_id!r} of {store.path} was quarantined as {Status(int(store.status[row])).label}, "
            "so it has no score"
        )
    return row


class ScoredLayers(NamedTuple):
    """What a direction's projections were compared with when the store was scored.

    Attributes:
        mean: What was taken off each layer's projection, (layer,); under a cosine, before it was divided.
        scale: The standard deviation that a z-score divides by, (layer,); 1 where there is none.
    """

    mean: Floats
    scale: Floats


def scored_layers(store: ActivationStore, direction: Direction, scores: xr.Dataset | None) -> ScoredLayers:
    """Mean and scale of a direction's layers from its scores, which are made where they are not given.

    Raises:
        DirectionError: The scores are of other directions.
    """
    if scores is None and direction.score.center == "none" and direction.score.similarity != "zscore":
        check(store, [direction])
        n = len(store.layout.layers)
        return ScoredLayers(np.zeros(n), np.ones(n))  # compared with nothing, so there is no need to read the pool
    if scores is None:
        scores = score(store, direction)
    known = {scored.name: scored.digest for scored in scores.attrs["directions"]}
    if known.get(direction.name) != direction.digest:
        raise DirectionError(
            f"the scores are of the directions {', '.join(known)}, and direction {direction.name!r} as it is now "
            "is not among them; score the store again"
        )
    own = scores.sel(direction=direction.name)
    return ScoredLayers(own["layer_mean"].to_numpy(), own["layer_scale"].to_numpy())


def layer_weights(store: ActivationStore, direction: Direction) -> Floats:
    """The weights that a store's activations are multiplied by, (layer, neuron): 0 in layers that are left out."""
    layers = store.layout.layers
    weights = np.zeros((len(layers), store.layout.n_neurons))
    for vector, layer in zip(direction.vectors, direction.layers, strict=True):
        if direction.score.layers is None or layer in direction.score.layers:
            weights[layers.index(layer)] = vector
    if direction.score.similarity == "cosine":
        norms = np.linalg.norm(weights, axis=1, keepdims=True)
        weights /= np.where(norms > 0, norms, 1)
    return weights


def divisors(direction: Direction, values: Floats, scored: ScoredLayers) -> Floats:
    """What each layer's projection is divided by, (layer,); infinite where the layer says nothing.

    Args:
        direction: Its similarity says by what.
        values: The sample's pooled activation, centred where the direction centres: (layer, neuron).
        scored: What the store's scores were compared with.
    """
    match direction.score.similarity:
        case "dot":
            return np.ones(len(values))
        case "cosine":
            by = np.linalg.norm(values, axis=1)
        case "zscore":
            by = scored.scale
    divided: Floats = np.where(by > 0, by, np.inf)
    return divided
