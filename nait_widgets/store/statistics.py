"""Mean and spread of every neuron over the pool of samples."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from nait_widgets.store.scan import Chunks, PoolReader


class NeuronStatistics(NamedTuple):
    """Statistics of a pool.

    Attributes:
        mean: (layer, neuron) float32.
        std: Population standard deviation, (layer, neuron) float32.
    """

    mean: npt.NDArray[np.float32]
    std: npt.NDArray[np.float32]


def stacked(of_pools: Sequence[NeuronStatistics]) -> NeuronStatistics:
    """The statistics of several pools as one: (pool, layer, neuron) each."""
    mean, std = (np.stack(values) for values in zip(*of_pools, strict=True))
    return NeuronStatistics(mean, std)


def neuron_statistics(reader: PoolReader, valid: npt.NDArray[np.bool_]) -> NeuronStatistics:
    """Mean and standard deviation over the valid samples, in one pass.

    Each layer is summed in row order whatever the number of workers, so that the same store gives the same bits.
    """
    n_layers, n_neurons = len(reader.layout.layers), reader.layout.n_neurons
    mean, std = (np.full((n_layers, n_neurons), np.nan, np.float32) for _ in range(2))
    if valid.any():
        for layer, moments in enumerate(reader.map_layers(lambda _, chunks: _moments(chunks, valid))):
            mean[layer], std[layer] = moments
    return NeuronStatistics(mean, std)


def _moments(chunks: Chunks, valid: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    total: npt.NDArray[np.float64] | None = None
    for rows, values in chunks:
        keep = values[valid[rows]]
        if not len(keep):
            continue
        ones = np.ones(len(keep), np.float32)
        if total is None:
            # Sums of squares about a typical value: dimensions with a large constant would cancel otherwise.
            shift = (ones @ keep) / np.float32(len(keep))
            total, squares = np.zeros((2, len(shift)))
        keep -= shift
        total += ones @ keep
        squares += ones @ np.square(keep, out=keep)
    assert total is not None
    n = np.count_nonzero(valid)
    return shift + total / n, np.sqrt(np.maximum(squares / n - np.square(total / n), 0))
