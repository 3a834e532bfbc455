"""The fingerprint of a store: made of one pool's activations, kept beside them, and read back."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from nait_widgets.errors import DirectionError, StoreError
from nait_widgets.fingerprints.basis import COMPONENTS, Basis
from nait_widgets.fingerprints.spread import Spread
from nait_widgets.progress import progress
from nait_widgets.store.layout import constant, records
from nait_widgets.store.parts import Column, read_parts, write_part
from nait_widgets.store.records import checksums, sealed

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from nait_widgets.fingerprints.basis import Told
    from nait_widgets.methods import Direction, ScoreOptions
    from nait_widgets.store import ActivationStore
    from nait_widgets.store.parts import Part
    from nait_widgets.store.scan import Chunks, Layers

    Floats = npt.NDArray[np.float64]

FORMAT = "nait-fingerprint-1"
SAMPLE_ROWS = 4096  # that a basis is fitted to; more of them hardly change what is read
SAMPLE_BYTES = 2**30  # of these, as float64
_TAIL = "tail_mean"  # had from the mean by arithmetic
_SUMS = "layer_checksum"  # of each layer's bytes of each sample, so that one can be read without its neighbours


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
        return self._part.records(_SUMS).read(rows)[:, :-4].copy().view(np.uint32)

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
        return self._part.records(_SUMS).direct and self._store.pool(self.pool).direct

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
        mean: Floats = self._part.array("neuron_mean")[self.pools.index(pool)]
        return mean

    def deviation(self, pool: str, vectors: Floats) -> Floats:
        """Standard deviation of each layer's projection on a vector, over the selectable samples: (layer,)."""
        names = [_covariance(pool, layer) for layer in self.layers]
        variance = [own @ self._part.array(name) @ own for name, own in zip(names, vectors, strict=True)]
        deviation: Floats = np.sqrt(np.maximum(variance, 0))
        return deviation

    def first_token(self, pool: str) -> Floats | None:
        """The activation that a pool leaves out of that which is kept: (layer, neuron); None where it leaves none."""
        return None if pool == self.pool else np.asarray(self._store.array("first_token")[...], np.float64)


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
    raise StoreError(
        f"{store.path} has no fingerprint of the pool {pool!r} ({there}); make one with `nait fingerprint {store.path}`"
        + (f" --pool {pool}" if pool != store.layout.pools[0] else "")
    )


def make_fingerprint(
    store: ActivationStore, pool: str | None = None, components: Sequence[int] = COMPONENTS
) -> Fingerprint:
    """Make the fingerprint of a store; see `ActivationStore.make_fingerprint`."""
    pool = pool or store.layout.pools[0]
    if pool not in store.layout.pools:
        raise StoreError(
            f"a fingerprint is of a pool that was captured, one of {', '.join(store.layout.pools)}, and not of {pool!r}"
        )
    store.require_writable()
    store.require_complete()
    if np.count_nonzero(store.selectable) < 2:
        raise StoreError(f"{store.path} has fewer than two selectable rows, too few for a fingerprint")
    basis = Basis.fit(store.pool(pool).take(_some(store)), components)
    derived = pool == "mean" and _TAIL not in store.layout.pools and store.shared_first_token
    pools = [pool, _TAIL] if derived else [pool]
    columns = {
        "mean": Column(basis.mean, ("layer", "neuron")),
        "scale": Column(basis.scale, ("layer",)),
        "vectors": Column(basis.vectors, ("component", "layer", "neuron")),
        "step": Column(basis.step, ("component",)),
    }
    attributes = {
        "format": FORMAT,
        "name": pool,
        "pools": pools,
        "components": list(basis.components),
        "rows": len(store),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }

    def fill(group: Any) -> None:
        _write_spreads(group, store, pools, basis)
        _write_records(group, store, pool, basis)

    write_part(store, "fingerprints", attributes, columns, fill)
    return fingerprint(store, pool)


def _some(store: ActivationStore) -> npt.NDArray[np.int64]:
    """Evenly spaced rows, as many as a basis is fitted to."""
    rows = np.flatnonzero(store.selectable)
    row_bytes = 8 * len(store.layout.layers) * store.layout.n_neurons
    most = max(2, min(SAMPLE_ROWS, SAMPLE_BYTES // row_bytes, len(rows)))
    return rows[np.linspace(0, len(rows) - 1, most).astype(np.int64)]


def _write_spreads(group: Any, store: ActivationStore, pools: Sequence[str], basis: Basis) -> None:
    """Write how every layer varies, in a pass over each pool that holds one covariance for each reading thread."""

    def of_layer(layer: int, chunks: Chunks) -> Spread:
        spread = Spread(basis.mean[layer])
        for rows, values in chunks:
            spread.add(values[store.selectable[rows]])
        return spread

    mean = np.empty((len(pools), *basis.mean.shape))
    for position, pool in enumerate(pools):
        for layer, spread in enumerate(store.pool(pool).map_layers(of_layer)):
            mean[position, layer] = spread.mean
            constant(group, _covariance(pool, store.layout.layers[layer]), spread.covariance, ("neuron", "neuron_too"))
    constant(group, "neuron_mean", mean, ("pool", "layer", "neuron"))


def _covariance(pool: str, layer: int) -> str:
    return f"neuron_covariance_{pool}_layer{layer}"


def _write_records(group: Any, store: ActivationStore, pool: str, basis: Basis) -> None:
    """Write every sample's records, in one pass that holds a block."""
    layout, wide = store.layout, store.wide_layers.get(pool, [])
    widths = {f"stage_{stage}": n_bytes for stage, n_bytes in enumerate(basis.n_bytes)}
    widths[_SUMS] = 4 * (len(layout.layers) + 1)
    shapes = {name: (len(store), width) for name, width in widths.items()}
    arrays = {name: records(group, name, shape, layout.block_rows) for name, shape in shapes.items()}

    def of_chunk(rows: slice, layers: Layers) -> dict[str, npt.NDArray[np.uint8]]:
        shape = rows.stop - rows.start, len(layout.layers)
        values = np.empty((*shape, layout.n_neurons), np.float32)
        sums = np.zeros(shape[0], [("layers", "<u4", (shape[1],)), ("checksum", "<u4")])
        for layer, activations in layers:
            values[:, layer] = activations
            dtype = np.float32 if layout.layers[layer] in wide else np.dtype(layout.dtype)
            sums["layers"][:, layer] = checksums(activations.astype(dtype).view(np.uint8))
        return {**basis.encode(values), _SUMS: sealed(sums)}

    block = {name: np.empty((layout.block_rows, width), np.uint8) for name, width in widths.items()}
    with progress(len(store), "fingerprint", "samples") as bar:
        for rows, found in store.pool(pool).map_chunks(of_chunk):
            own = layout.rows(rows.start // layout.block_rows)
            for name, values in found.items():
                block[name][rows.start - own.start : rows.stop - own.start] = values
                if rows.stop == own.stop:
                    arrays[name][own] = block[name][: own.stop - own.start]
            bar.update(rows.stop - rows.start)
