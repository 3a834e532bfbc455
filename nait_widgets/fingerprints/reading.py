"""The fingerprint of a pool as a store keeps it."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from nait_widgets.errors import DirectionError, StoreError
from nait_widgets.fingerprints.basis import Basis
from nait_widgets.fingerprints.spread import ToldSpread
from nait_widgets.store.parts import Column, read_parts

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from nait_widgets.fingerprints.basis import Told
    from nait_widgets.methods import Direction, ScoreOptions
    from nait_widgets.store import ActivationStore
    from nait_widgets.store.parts import Part

    Floats = npt.NDArray[np.float64]

FORMAT = "nait-fingerprint-1"
SUMS = "layer_checksum"  # of each layer's bytes of each sample, so that one can be read without its neighbours


class Fingerprint:
    """A pool's fingerprint, as it is kept in a store.

    Args:
        store: The store.
        part: What is kept.
    """

    def __init__(self, store: ActivationStore, part: Part) -> None:
        self._store, self._part = store, part
        if part.attributes.get("format") != FORMAT or not part.attributes.keys() >= {"pools", "components", "rows"}:
            raise StoreError(
                f"{part.place} is not of format {FORMAT}: another version of nait-widgets may have made it"
            )
        if part.attributes["rows"] != len(store):
            raise StoreError(f"{part.place} is of {part.attributes['rows']:,} rows, not {len(store):,}: make it again")
        self.pool: str = part.attributes["name"]
        self.pools: list[str] = part.attributes["pools"]
        self.digest: str | None = part.attributes.get("digest")  # of the basis; of an older version's, nothing is said
        self.layers = store.layout.layers

    def require(self, direction: Direction) -> None:
        """Raise where a direction's scores can't be told.

        Raises:
            DirectionError: It scores by a cosine.
        """
        if direction.score.similarity == "cosine":
            raise DirectionError(
                f"direction {direction.name!r} scores by a cosine, and a fingerprint doesn't know the lengths that it "
                "divides by; score it by the activations, or give it another similarity"
            )

    @property
    def n_samples(self) -> int:
        """Samples that its means and covariances are of: the selectable ones."""
        return int(np.count_nonzero(self._store.selectable))

    @property
    def activation_bytes(self) -> int:
        """Bytes of a sample's activations."""
        reader = self._store.pool(self.pool)
        return sum(reader.row_bytes(layer) for layer in range(len(self.layers)))

    @cached_property
    def basis(self) -> Basis:
        """What its coefficients are of."""
        array = self._part.array
        known = tuple(self._part.attributes["components"])
        return Basis(array("mean"), array("scale"), array("vectors"), array("step"), known)

    def told(self, stage: int, rows: npt.NDArray[np.int64]) -> Told:
        """What a stage's records tell of some samples, ascending.

        Raises:
            StoreError: One of them is damaged.
        """
        return self.basis.decode(stage, self._part.records(f"stage_{stage}").read(rows))

    def layer_checksums(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.uint32]:
        """Of the bytes of each layer of some samples, ascending: (row, layer)."""
        return self._part.records(SUMS).read(rows)[:, :-4].copy().view(np.uint32)

    def require_own(self) -> None:
        """Raise unless it is of the store's activations, where there are any: looked up in a row of each block.

        Raises:
            StoreError: It is damaged, or of others.
        """
        for stage in range(len(self.basis.components)):
            self.told(stage, np.arange(1))
        if not self.direct:
            return
        block_rows = self._store.layout.block_rows
        rows = np.flatnonzero(self._store.selectable)
        rows = rows[np.unique(rows // block_rows, return_index=True)[1]]
        sums = self.layer_checksums(rows)
        for layer in range(len(self.layers)):
            self._store.pool(self.pool).single(rows, layer, sums[:, layer])

    @property
    def direct(self) -> bool:
        """Whether single samples can be read, of the fingerprint and of what it is of."""
        if self._store.scores_only:
            return False
        return self._part.records(SUMS).direct and self._store.pool(self.pool).direct

    def bounds(self, options: ScoreOptions) -> bool:
        """Whether errors are bounded: not of what is divided by spreads that only the fingerprint itself tells."""
        return not (self._store.scores_only and options.similarity == "zscore")

    def n_bytes(self, options: ScoreOptions) -> int:
        """Bytes that are read of it for a direction, whatever is then read of each sample."""
        basis = self.basis
        arrays = (basis.mean, basis.scale, basis.vectors, basis.step)
        compares = options.similarity == "zscore" or options.center == "pool"
        mean = 8 * len(self.pools) * basis.mean.size if compares else 0
        spread = 8 * basis.mean.size * basis.mean.shape[1] if options.similarity == "zscore" else 0
        return sum(array.nbytes for array in arrays) + mean + spread

    def neuron_mean(self, pool: str) -> Floats:
        """Mean of every neuron over the selectable samples: (layer, neuron)."""
        if self._store.scores_only:
            return self._store.statistics(pool).mean.astype(np.float64)
        mean: Floats = self._part.array("neuron_mean")[self.pools.index(pool)]
        return mean

    def deviation(self, pool: str, vectors: Floats) -> Floats:
        """Standard deviation of each layer's projection on a vector, over the selectable samples: (layer,).

        Beside scores, where nobody has seen all activations together, it is told by the fingerprints.
        """
        if self._store.scores_only:
            return self._told_spread.deviation(vectors)
        names = [covariance_array(pool, layer) for layer in self.layers]
        variance = [own @ self._part.array(name) @ own for name, own in zip(names, vectors, strict=True)]
        deviation: Floats = np.sqrt(np.maximum(variance, 0))
        return deviation

    def first_token(self, pool: str) -> Floats | None:
        """The activation that a pool leaves out of that which is kept: (layer, neuron); None where it leaves none."""
        return None if pool == self.pool else np.asarray(self._store.array("first_token")[...], np.float64)

    @cached_property
    def _told_spread(self) -> ToldSpread:
        blocks = map(self._store.layout.rows, range(self._store.layout.n_blocks))
        rows = (place.start + np.flatnonzero(self._store.selectable[place]) for place in blocks)
        kept = (self.told(0, own).coefficients for own in rows)
        return ToldSpread.of(self.basis, kept, self._store.statistics(self.pool).std)


def contents(basis: Basis, pools: Sequence[str], n_samples: int) -> tuple[dict[str, Any], dict[str, Column]]:
    """The attributes of a fingerprint, and those of its arrays that don't grow with the samples.

    Args:
        basis: What it is of.
        pools: The pool, and those that are had from it.
        n_samples: Of the store.
    """
    attributes = {
        "format": FORMAT,
        "name": pools[0],
        "pools": list(pools),
        "components": list(basis.components),
        "digest": basis.digest,
        "rows": n_samples,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    columns = {
        "mean": Column(basis.mean, ("layer", "neuron")),
        "scale": Column(basis.scale, ("layer",)),
        "vectors": Column(basis.vectors, ("component", "layer", "neuron")),
        "step": Column(basis.step, ("component",)),
    }
    return attributes, columns


def fingerprint(store: ActivationStore, pool: str) -> Fingerprint:
    """The kept fingerprint by which a pool can be scored.

    Raises:
        StoreError: There is none, or it is damaged.
    """
    kept = read_parts(store, "fingerprints")
    for part in kept.values():
        if pool in (found := Fingerprint(store, part)).pools:
            return found
    there = f"one of {', '.join(kept)}" if kept else "none"
    if store.scores_only:
        raise StoreError(
            f"{store.path} keeps scores only, and of the pool {pool!r} no fingerprint ({there}); capture the rows "
            "again with one"
        )
    source = pool if pool in store.layout.pools else "mean"  # which others are had from
    option = "" if source == store.layout.pools[0] else f" --pool {source}"
    raise StoreError(
        f"{store.path} has no fingerprint of the pool {pool!r} ({there}); make one with "
        f"`nait fingerprint {store.path}{option}`"
    )


def common_basis(stores: Sequence[ActivationStore]) -> Basis | None:
    """The basis of the fingerprints that stores of scores keep, if all keep some, of one and the same.

    Raises:
        StoreError: A fingerprint is damaged.
    """
    if not all(store.layout.components for store in stores):
        return None
    kept = [fingerprint(store, store.layout.pools[0]) for store in stores]
    return kept[0].basis if len({each.digest for each in kept}) == 1 else None


def covariance_array(pool: str, layer: int) -> str:
    """The array of how a layer's neurons vary together in a pool: (neuron, neuron)."""
    return f"neuron_covariance_{pool}_layer{layer}"
