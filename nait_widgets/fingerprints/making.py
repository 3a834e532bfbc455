"""Makes the fingerprint of a pool, in passes that hold a block or a covariance at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nait_widgets.errors import StoreError
from nait_widgets.fingerprints.basis import COMPONENTS, Basis
from nait_widgets.fingerprints.reading import SUMS, Fingerprint, contents, covariance_array, fingerprint
from nait_widgets.fingerprints.spread import Spread
from nait_widgets.progress import progress
from nait_widgets.store.arrays import constant, records
from nait_widgets.store.parts import write_part
from nait_widgets.store.records import checksums, sealed

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from nait_widgets.store import ActivationStore, Layout
    from nait_widgets.store.scan import Chunks, Layers

SAMPLE_ROWS = 4096  # that a basis is fitted to; more of them hardly change what is read
SAMPLE_BYTES = 2**30  # of these, as float64
_TAIL = "tail_mean"  # had from the mean by arithmetic


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
    basis = Basis.fit(store.pool(pool).take(some(np.flatnonzero(store.selectable), store.layout)), components)
    derived = pool == "mean" and _TAIL not in store.layout.pools and store.shared_first_token
    pools = [pool, _TAIL] if derived else [pool]

    def fill(group: Any) -> None:
        _write_spreads(group, store, pools, basis)
        _write_records(group, store, pool, basis)

    attributes, columns = contents(basis, pools, len(store))
    write_part(store, "fingerprints", attributes, columns, fill)
    return fingerprint(store, pool)


def some(rows: npt.NDArray[np.int64], layout: Layout, most: int | None = None) -> npt.NDArray[np.int64]:
    """Evenly spaced ones of some rows, as many as a basis is fitted to, or fewer."""
    fitting = max(2, SAMPLE_BYTES // (8 * len(layout.layers) * layout.n_neurons))
    n = min(SAMPLE_ROWS, fitting, len(rows), len(rows) if most is None else most)
    return rows[np.linspace(0, len(rows) - 1, n).astype(np.int64)]


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
            constant(
                group, covariance_array(pool, store.layout.layers[layer]), spread.covariance, ("neuron", "neuron_too")
            )
    constant(group, "neuron_mean", mean, ("pool", "layer", "neuron"))


def _write_records(group: Any, store: ActivationStore, pool: str, basis: Basis) -> None:
    """Write every sample's records, in one pass that holds a block."""
    layout, wide = store.layout, store.wide_layers.get(pool, [])
    widths = {f"stage_{stage}": n_bytes for stage, n_bytes in enumerate(basis.n_bytes)}
    widths[SUMS] = 4 * (len(layout.layers) + 1)
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
        return {**basis.encode(values), SUMS: sealed(sums)}

    block = {name: np.empty((layout.block_rows, width), np.uint8) for name, width in widths.items()}
    with progress(len(store), "fingerprint", "samples") as bar:
        for rows, found in store.pool(pool).map_chunks(of_chunk):
            own = layout.rows(rows.start // layout.block_rows)
            for name, values in found.items():
                block[name][rows.start - own.start : rows.stop - own.start] = values
                if rows.stop == own.stop:
                    arrays[name][own] = block[name][: own.stop - own.start]
            bar.update(rows.stop - rows.start)
