"""The mean activations of a store as they are told from few bytes, and the bases that are compared for that."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from benchmarks.fingerprints_codes import Basis

if TYPE_CHECKING:
    import numpy.typing as npt

    from nait_widgets.store import ActivationStore

    Floats = npt.NDArray[np.float32]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Pool:
    """The mean activations of a store, each layer at unit size about the pool's mean.

    A dimension is a neuron of a layer; layer by layer, they lie one behind another.

    Attributes:
        store: Which.
        mean: (layer, neuron).
        scale: What each layer is divided by, the root of its variance over all neurons: (layer,).
    """

    store: ActivationStore
    mean: Floats
    scale: Floats

    @classmethod
    def of(cls, store: ActivationStore) -> Pool:
        """Of a store's pool `mean`."""
        mean, std = store.statistics("mean")
        return cls(store, mean, np.linalg.norm(std, axis=1))

    @property
    def n_dimensions(self) -> int:
        """Neurons of all layers."""
        return self.mean.size

    def stream(self, work: Callable[[Floats], T]) -> Iterator[tuple[slice, T]]:
        """Do something with every chunk of (sample, dimension), in row order; quarantined samples are zero."""
        selectable = self.store.selectable

        def of_chunk(rows: slice, layers: Iterator[tuple[int, Floats]]) -> T:
            values = np.empty((rows.stop - rows.start, *self.mean.shape), np.float32)
            for layer, activations in layers:
                values[:, layer] = (activations - self.mean[layer]) / self.scale[layer]
            values[~selectable[rows]] = 0
            return work(values.reshape(len(values), -1))

        return self.store.pool("mean").map_chunks(of_chunk)

    @property
    def n_bytes(self) -> int:
        """Bytes of a sample's activations, which scoring it in full reads."""
        return self.n_dimensions * np.dtype(self.store.layout.dtype).itemsize

    def covariance(self) -> npt.NDArray[np.float64]:
        """Sum of products over the samples: (dimension, dimension)."""
        total = np.zeros((self.n_dimensions, self.n_dimensions))
        for _, products in self.stream(lambda values: values.T @ values):
            total += products
        return total


@dataclass(frozen=True, slots=True)
class Family:
    """An orthonormal basis of everything, of which a code takes some vectors.

    Attributes:
        name: Of the family.
        vectors: (dimension, component).
        largest: Size of the pool's largest coefficient, by component.
        groups: Parts of which each code takes the first vectors: all layers together, or each alone.
        n_layers: Of the pool.
    """

    name: str
    vectors: Floats
    largest: Floats
    groups: int
    n_layers: int

    @classmethod
    def of(cls, name: str, pool: Pool, vectors: Floats, groups: int = 1) -> Family:
        """Measure the coefficients of a pool."""
        largest = np.zeros(vectors.shape[1], np.float32)
        for _, found in pool.stream(lambda values: np.abs(values @ vectors).max(axis=0)):
            np.maximum(largest, found, out=largest)
        return cls(name, vectors, largest, groups, len(pool.mean))

    def code(self, *taken: tuple[int, int]) -> Basis:
        """Some vectors of each group: how many of the next are kept at how many bits."""
        size = self.vectors.shape[1] // self.groups
        bits = np.concatenate([np.full(count, bits) for count, bits in taken])
        kept = np.concatenate([np.arange(len(bits)) + size * group for group in range(self.groups)])
        words = " + ".join(f"{count} × int{bits}" for count, bits in taken)
        lengths = self.n_layers if len(kept) < len(self.vectors) else 0
        return Basis(
            f"{self.name}: {words}", self.vectors[:, kept], np.tile(bits, self.groups), self.largest[kept], lengths
        )


def families(pool: Pool) -> dict[str, Family]:
    """The bases that are compared, by name."""
    n_layers, n_neurons = pool.mean.shape
    covariance = pool.covariance()
    rng = np.random.default_rng(0)

    def of_layers(one: Callable[[int], npt.NDArray[np.floating]]) -> Floats:
        """A basis of each layer, on the diagonal."""
        vectors = np.zeros((pool.n_dimensions, pool.n_dimensions), np.float32)
        for layer in range(n_layers):
            within = slice(layer * n_neurons, (layer + 1) * n_neurons)
            vectors[within, within] = one(layer)
        return vectors

    def random(n: int) -> npt.NDArray[np.floating]:
        return np.linalg.qr(rng.normal(size=(n, n)))[0]

    def principal(matrix: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
        return np.linalg.eigh(matrix)[1][:, ::-1]

    def block(layer: int) -> npt.NDArray[np.floating]:
        within = slice(layer * n_neurons, (layer + 1) * n_neurons)
        return principal(covariance[within, within])

    made = [
        Family.of("random, a layer", pool, of_layers(lambda _: random(n_neurons)), n_layers),
        Family.of("random, all layers", pool, random(pool.n_dimensions).astype(np.float32)),
        Family.of("principal, a layer", pool, of_layers(block), n_layers),
        Family.of("principal, all layers", pool, principal(covariance).astype(np.float32)),
        Family.of("every neuron", pool, np.eye(pool.n_dimensions, dtype=np.float32)),
    ]
    return {family.name: family for family in made}
