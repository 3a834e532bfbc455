"""Which neurons a set of samples fires: counted from the strongest neurons that the store keeps of every sample."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nait_widgets.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from nait_widgets.methods import Direction
    from nait_widgets.store import ActivationStore

    Counts = npt.NDArray[np.int64]
    Profile = npt.NDArray[np.float64]
    Rows = npt.NDArray[np.int64]


class TopNeurons:
    """The strongest neurons of every sample, read once and kept: what a live budget counts from.

    They take 2 bytes a sample, layer and rank: 67 MB for 52 K samples of 32 layers.

    Args:
        store: Where they are from.

    Attributes:
        index: (layer, sample, rank) uint16 (int32 where a layer has more than 65,535 neurons); those of the store's
            first pool, by size.
    """

    def __init__(self, store: ActivationStore) -> None:
        # A layer together, since layers are counted one by one.
        self.index = np.ascontiguousarray(np.swapaxes(_column(store, slice(None)), 0, 1))
        self._n_neurons = store.layout.n_neurons
        self._selectable = store.selectable

    def counts(self, rows: Rows) -> Counts:
        """How many of some rows have each neuron among their strongest, (layer, neuron); quarantined rows have none."""
        rows = rows[self._selectable[rows]]
        return count_neurons(self.index, rows, self._n_neurons)

    def mean_pairwise_overlap(self, rows: Rows) -> float:
        """How much of its strongest neurons a sample shares with another on average, over all pairs of some rows.

        For two samples |A∩B|/|A|, A the set of all layers' strongest neurons. A neuron that c of n rows have is shared
        by c(c−1) of n(n−1) ordered pairs, so the mean over pairs is a sum over neurons: linear in the rows.

        Args:
            rows: Different rows; quarantined ones are left out.

        Returns:
            From 0 to 1; NaN where there is no pair.
        """
        rows = rows[self._selectable[rows]]
        n_layers, _, n_ranks = self.index.shape
        n, per_sample = len(rows), int(n_layers * n_ranks)
        if n < 2:
            return float("nan")
        counts = self.counts(rows)
        shared = int((counts * (counts - 1)).sum())
        return shared / (n * (n - 1) * per_sample)


def mean_pairwise_overlap(store: ActivationStore, rows: Rows) -> float:
    """`TopNeurons.mean_pairwise_overlap`, for one set of rows."""
    return TopNeurons(store).mean_pairwise_overlap(rows)


def neuron_profile(store: ActivationStore, rows: Rows) -> Profile:
    """What a set of rows fires more than the pool: (layer, neuron) float64, from −1 to 1.

    The share of the set's rows that have the neuron among their strongest, less that share of all selectable rows
    (the lift). Quarantined rows are left out.

    Raises:
        StoreError: None of the rows may be selected.
    """
    return neuron_profiles(store, [rows])[0]


def neuron_profiles(store: ActivationStore, sets: Sequence[Rows]) -> list[Profile]:
    """The profiles of several sets of rows, in one pass over the store's blocks; see `neuron_profile`."""
    selectable = store.selectable
    masks = [selectable, *(_mask(rows, selectable, store) for rows in sets)]
    shape = (len(store.layout.layers), store.layout.n_neurons)
    counts = np.zeros((len(masks), *shape), np.int64)
    for block in range(store.layout.n_blocks):
        rows = store.layout.rows(block)
        index = np.swapaxes(_column(store, rows), 0, 1)
        for own, mask in zip(counts, masks, strict=True):
            own += count_neurons(index, np.flatnonzero(mask[rows]), shape[1])
    pool, *shares = (own / np.count_nonzero(mask) for own, mask in zip(counts, masks, strict=True))
    return [share - pool for share in shares]


def direction_profile(store: ActivationStore, direction: Direction) -> Profile:
    """How far each neuron moves a direction's score: |v|·standard deviation over the pool, (layer, neuron) float64.

    The deviation is that of the direction's pool where the store keeps it, else of the store's first pool, since
    another takes a pass over all activations. Layers that the score leaves out are 0.
    """
    pools = store.layout.pools
    pool = direction.score.pool if direction.score.pool in pools else pools[0]
    std = store.statistics(pool).std.astype(np.float64)
    profile = np.zeros(std.shape)
    for vector, layer in zip(direction.vectors, direction.layers, strict=True):
        if direction.score.layers is None or layer in direction.score.layers:
            position = store.layout.layers.index(layer)
            profile[position] = np.abs(vector) * std[position]
    return profile


def top_neurons(profile: Profile, k: int) -> Counts:
    """The k neurons of the highest profile in each layer, highest first, ties to the lower number: (layer, k).

    Only neurons above 0 count; where a layer has fewer, −1 fills up, or sets would share what none of them fires.
    """
    order = np.argsort(-profile, axis=1, kind="stable")[:, :k]
    return np.where(np.take_along_axis(profile, order, axis=1) > 0, order, -1)


def jaccard(a: Counts, b: Counts) -> Profile:
    """The share of the neurons of either set that both have, in each layer: (layer,); 0 where both are empty.

    Args:
        a: Neurons, (layer, k), each once; −1 for none.
        b: The same of another set.
    """
    shared = np.array(
        [np.intersect1d(x[x >= 0], y[y >= 0], assume_unique=True).size for x, y in zip(a, b, strict=True)]
    )
    either = (a >= 0).sum(axis=1) + (b >= 0).sum(axis=1) - shared
    similarity: Profile = shared / np.maximum(1, either)
    return similarity


def count_neurons(index: npt.NDArray[np.integer[Any]], rows: Rows, n_neurons: int) -> Counts:
    """How often each neuron occurs in some rows of (layer, row, rank): (layer, neuron)."""
    return np.stack([np.bincount(layer.take(rows, axis=0).ravel(), minlength=n_neurons) for layer in index])


def _column(store: ActivationStore, rows: slice) -> npt.NDArray[np.integer[Any]]:
    store.require_complete()
    store.require_activations()
    try:
        return np.asarray(store.array("top_neuron_index")[rows])
    except ValueError as error:
        raise StoreError(
            f"array 'top_neuron_index' of {store.path} can't be decoded ({error}); run `nait verify` to see which rows"
        ) from error


def _mask(rows: Rows, selectable: npt.NDArray[np.bool_], store: ActivationStore) -> npt.NDArray[np.bool_]:
    mask = np.zeros(len(store), np.bool_)
    mask[rows] = True
    mask &= selectable
    if not mask.any():
        raise StoreError(f"none of the {len(rows):,} rows given may be selected in {store.path}: give others")
    return mask
