"""Neurons over the whole pool of samples: their values, and where a value stands among them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nait_widgets.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from nait_widgets.store import ActivationStore

MEASURED_ROWS = 16_384  # a percentile of so many is within 0.8 points (two standard errors) of that of all


@dataclass(frozen=True, slots=True, eq=False)
class Percentiles:
    """Where some neurons' values stand in the pool.

    Attributes:
        shares: Share of the measured rows whose value is below, ties counted half, (len(terms),) from 0 to 1.
        n_rows: On how many rows it was measured.
    """

    shares: npt.NDArray[np.float64]
    n_rows: int


def neuron_column(store: ActivationStore, pool: str, layer: int, neurons: Sequence[int]) -> npt.NDArray[np.float32]:
    """The values of some neurons of one layer in every row, read in chunks.

    Args:
        store: The store.
        pool: Which pooled activation.
        layer: The decoder layer, as the model counts.
        neurons: Their numbers in the layer.

    Returns:
        (sample, len(neurons)) float32, NaN for quarantined rows.

    Raises:
        StoreError: The store has no such pool, layer or neuron.
    """
    return store.pool(pool).neurons(_position(store, layer, neurons), neurons)


def percentiles(
    store: ActivationStore, terms: Sequence[tuple[int, int, float]], pool: str = "mean", at_most: int = MEASURED_ROWS
) -> Percentiles:
    """Where the values of some neurons stand in the pool, such as those of `Explanation.top`.

    Args:
        store: The store.
        terms: Layer, neuron and value of each.
        pool: Which pooled activation the values are of.
        at_most: Rows to measure on, in whole chunks spread evenly over the store.

    Raises:
        StoreError: There is no such pool, layer or neuron, or no row that may be selected.
    """
    reader = store.pool(pool)
    n_read = max(1, min(reader.n_chunks, at_most // store.layout.chunk_rows))
    chunks = np.unique(np.linspace(0, reader.n_chunks - 1, n_read).round().astype(int)).tolist()
    keep = np.concatenate([_selectable(store)[reader.rows(chunk)] for chunk in chunks])
    if not keep.any():
        raise StoreError(f"none of the {len(keep):,} rows of {store.path} that were looked at may be selected")
    shares = np.empty(len(terms))
    for layer in dict.fromkeys(layer for layer, _, _ in terms):
        of_layer = [i for i, term in enumerate(terms) if term[0] == layer]
        neurons = [terms[i][1] for i in of_layer]
        columns = reader.neurons(_position(store, layer, neurons), neurons, chunks)[keep]
        values = np.array([terms[i][2] for i in of_layer])
        shares[of_layer] = (columns < values).mean(axis=0) + (columns == values).mean(axis=0) / 2
    return Percentiles(shares, int(np.count_nonzero(keep)))


def _position(store: ActivationStore, layer: int, neurons: Sequence[int]) -> int:
    """The position of a layer in the store that has these neurons."""
    layers, n_neurons = store.layout.layers, store.layout.n_neurons
    if layer not in layers:
        raise StoreError(f"{store.path} has no layer {layer}; it has {', '.join(map(str, layers))}")
    if unknown := [neuron for neuron in neurons if not 0 <= neuron < n_neurons]:
        raise StoreError(f"{store.path} has no neuron {unknown[0]}; a layer has those from 0 to {n_neurons - 1}")
    return layers.index(layer)


def _selectable(store: ActivationStore) -> npt.NDArray[np.bool_]:
    selectable = store.selectable
    if not selectable.any():
        raise StoreError(f"no row of {store.path} may be selected, so its neurons have no spread")
    return selectable
