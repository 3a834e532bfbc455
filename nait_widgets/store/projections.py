"""What a store has in the place of activations: each sample's projections, and the statistics of each block."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nait_widgets.errors import DirectionError, StoreError
from nait_widgets.store.statistics import NeuronStatistics

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from nait_widgets.methods import Direction
    from nait_widgets.store.store import ActivationStore

    Floats = npt.NDArray[np.float32]


def label(name: str, digest: str) -> str:
    """How a layout names a direction: what tells it from all others, and is fit to be read."""
    return f"{name} {digest[:16]}"


def require_linear(direction: Direction) -> None:
    """Raise unless a direction's score can be had from projections and norms.

    Raises:
        DirectionError: It is a cosine about the pool's mean, which no pass over the rows knows until its end.
    """
    if direction.score.similarity == "cosine" and direction.score.center == "pool":
        raise DirectionError(
            f"direction {direction.name!r} is scored by a centred cosine, which takes activations; score it by dot, "
            'zscore or a plain cosine (`scored_by(center="none")`), or capture activations'
        )


class Projections:
    """The projections of a store's samples on the directions that it was captured for.

    Args:
        store: One without activations.
    """

    def __init__(self, store: ActivationStore) -> None:
        self._store = store
        self.names = [each.rpartition(" ")[0] for each in store.layout.directions]

    @property
    def directions(self) -> tuple[Direction, ...]:
        """The directions, as they are kept in the store.

        Raises:
            StoreError: One of them is damaged.
        """
        found = tuple(self._store.direction(name) for name in self.names)
        for direction, expected in zip(found, self._store.layout.directions, strict=True):
            if label(direction.name, direction.digest) != expected:
                raise StoreError(
                    f"direction {direction.name!r} of {self._store.path} isn't the one that it was captured for "
                    f"({expected}): its folder has been replaced"
                )
        return found

    def column(self, direction: Direction) -> int:
        """Which of them a direction is, however its projections are put together.

        Raises:
            StoreError: It is none of them.
        """
        for position, kept in enumerate(self.directions):
            same = kept.layers == direction.layers and kept.score.pool == direction.score.pool
            if same and np.array_equal(kept.vectors, direction.vectors):
                return position
        told = bool(self._store.layout.components) and direction.score.pool == self._store.layout.pools[0]
        otherwise = ", or score by its fingerprints (`approximate=True`, `--approximate`)" if told else ""
        kept_for = ", ".join(f"{kept.name!r} over {kept.score.pool!r}" for kept in self.directions)
        raise StoreError(
            f"{self._store.path} keeps scores only, those of {kept_for}, and direction {direction.name!r} over "
            f"{direction.score.pool!r} is none of them; capture the rows again for it{otherwise}"
        )

    def chunks(self) -> Iterator[tuple[slice, Floats]]:
        """The projections of every block's samples: (rows, (row, direction, layer) float32)."""
        array, layout = self._store.array("projection"), self._store.layout
        for rows in map(layout.rows, range(layout.n_blocks)):
            try:
                yield rows, np.asarray(array[rows])
            except (ValueError, RuntimeError) as error:
                raise StoreError(
                    f"array 'projection' of {self._store.path} can't be decoded at row {rows.start:,}: {error}"
                ) from error

    def norms(self, rows: slice, pool: str) -> Floats:
        """The length of some samples' activations in a pool: (row, layer).

        Raises:
            StoreError: They aren't kept.
        """
        self.require_norms(pool)
        values: Floats = np.asarray(self._store.array("norm")[rows, self._store.layout.norms.index(pool)])
        return values

    def require_norms(self, pool: str) -> None:
        """Raise unless the norms of a pool's activations are kept."""
        if pool not in self._store.layout.norms:
            raise StoreError(
                f"{self._store.path} keeps scores only, and was captured for no direction that is scored by a cosine "
                f"over {pool!r}; score by dot or zscore"
            )

    def damage(self) -> Iterator[tuple[int, str]]:
        """(block, sentence) for every block in which a selectable row's projection isn't finite."""
        store, selectable = self._store, self._store.selectable
        for block in filter(store.written, range(store.layout.n_blocks)):
            rows = store.layout.rows(block)
            try:
                values = np.asarray(store.array("projection")[rows])
            except (ValueError, RuntimeError):
                continue  # which is said of every column
            bad = selectable[rows] & ~np.isfinite(values).all(axis=(1, 2))
            for row in rows.start + np.flatnonzero(bad)[:1]:
                yield block, f"{store.path}: row {row:,} ({store.sample_id[row]}) has a projection that is not finite"


class Moments:
    """Mean and standard deviation of samples that come some at a time (Chan et al. 1983), in float64.

    Args:
        shape: Of one sample.
    """

    def __init__(self, shape: Sequence[int]) -> None:
        self._n = 0
        self._mean, self._squares = np.zeros((2, *shape))

    def add(self, values: Floats) -> None:
        """Take in a few hundred samples at most, for they are summed in float32: (row, …)."""
        if not len(values):
            return
        flat, ones = values.reshape(len(values), -1), np.ones(len(values), np.float32)
        # Squares about a typical value: dimensions with a large constant would cancel otherwise.
        shift = ones @ flat / np.float32(len(values))
        flat = flat - shift
        off = (ones @ flat).astype(np.float64) / len(values)
        variance = np.maximum(ones @ np.square(flat) / len(values) - np.square(off), 0)
        self.merge(len(values), (shift + off).reshape(self._mean.shape), variance.reshape(self._mean.shape))

    def merge(self, n: int, mean: npt.NDArray[np.floating], variance: npt.NDArray[np.floating]) -> None:
        """Take in n samples of which these are known: both (…)."""
        delta = mean - self._mean
        self._squares += n * variance + np.square(delta) * (self._n * n / (self._n + n))
        self._mean += delta * (n / (self._n + n))
        self._n += n

    @property
    def statistics(self) -> NeuronStatistics:
        """Of all samples so far; NaN where there were none."""
        if not self._n:
            return NeuronStatistics(*np.full((2, *self._mean.shape), np.nan, np.float32))
        return NeuronStatistics(self._mean.astype(np.float32), np.sqrt(self._squares / self._n).astype(np.float32))


def merged_statistics(store: ActivationStore) -> NeuronStatistics:
    """Mean and standard deviation of every neuron in every pool, from those of the blocks: (pool, layer, neuron) each.

    NaN where those of a block aren't known, for its rows were gathered from blocks of other stores.
    """
    layout, array, selectable = store.layout, store.array("block_statistics"), store.selectable
    moments = Moments(array.shape[2:])
    for block in range(layout.n_blocks):
        if n := int(np.count_nonzero(selectable[layout.rows(block)])):
            mean, std = np.asarray(array[block], np.float64)
            moments.merge(n, mean, np.square(std))
    return moments.statistics


def joined_statistics(stores: Sequence[ActivationStore]) -> NeuronStatistics:
    """The same of all stores' samples together, which have the same pools."""
    layout = stores[0].layout
    moments = Moments((len(layout.pools), len(layout.layers), layout.n_neurons))
    for store in stores:
        if n := int(np.count_nonzero(store.selectable)):
            mean, std = (np.asarray(store.array(f"neuron_{kind}")[...], np.float64) for kind in ("mean", "std"))
            moments.merge(n, mean, np.square(std))
    return moments.statistics
