"""Creates the arrays of a store: their shapes, chunks, checksums and compression."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nait_widgets.store.extras import extra_columns
from nait_widgets.store.layout import SKETCH_COMPONENTS, Layout, Status, wide_array

if TYPE_CHECKING:
    import numpy.typing as npt
    import zarr

    Vector = npt.NDArray[Any]

# Chunks of nothing but the fill value are written too: a file that isn't there is one that was lost.
WRITE_ALL: Any = {"write_empty_chunks": True}


def create_arrays(group: zarr.Group, layout: Layout) -> None:
    """Create every array of the layout in an empty group, all rows pending."""
    n = layout.n_samples
    column(group, "sample_id", (n,), "string", layout, fill="")
    for name in ("n_tokens", "n_response_tokens"):
        column(group, name, (n,), "int32", layout, fill=0)
    for name in ("first_token_id", "last_token_id", *(["content_token_id"] if layout.content_token else [])):
        column(group, name, (n,), "int32", layout, fill=-1)
    status = column(group, "status", (n,), "uint8", layout, fill=int(Status.PENDING))
    status.attrs["flag_values"] = [int(code) for code in Status]
    status.attrs["flag_meanings"] = " ".join(code.label for code in Status)
    for name, extra in extra_columns(layout).items():
        column(group, name, (n, *extra.shape), extra.dtype, layout, dims=extra.dims, fill=extra.fill)
    column(group, "sketch", (n, SKETCH_COMPONENTS), "float16", layout, dims=("component",), fill=float("nan"))
    if layout.text:
        text = group.create_group("text")
        for name in ("prompt", "response", "original"):
            column(text, name, (n,), "string", layout, fill="", chunk_rows=layout.text_rows)
    if layout.scores_only:
        _create_projections(group, layout)
    else:
        _create_activations(group, layout)
    create_axes(group, layout)


def _create_activations(group: zarr.Group, layout: Layout) -> None:
    n, n_layers, k = layout.n_samples, len(layout.layers), layout.top_neurons
    index_dtype = "uint16" if layout.n_neurons <= np.iinfo(np.uint16).max else "int32"
    column(group, "top_neuron_index", (n, n_layers, k), index_dtype, layout, dims=("layer", "rank"), fill=0)
    column(group, "top_neuron_value", (n, n_layers, k), "float32", layout, dims=("layer", "rank"), fill=float("nan"))
    for pool in layout.pools:
        group.create_array(
            layout.array(pool),
            shape=(n, n_layers, layout.n_neurons),
            dtype=layout.dtype,
            # One layer a chunk keeps "one layer of everything" and "everything of one sample" both cheap.
            chunks=(layout.chunk_rows, 1, layout.n_neurons),
            shards=(layout.block_rows, n_layers, layout.n_neurons),
            # No compressor: pooled activations barely compress, and raw shards read several times faster.
            compressors=[_crc32c()],
            dimension_names=["sample", "layer", "neuron"],
            fill_value=float("nan"),
        )


def _create_projections(group: zarr.Group, layout: Layout) -> None:
    n, n_layers = layout.n_samples, len(layout.layers)
    shape = (n, len(layout.directions), n_layers)
    column(group, "projection", shape, "float32", layout, dims=("direction", "layer"), fill=float("nan"))
    if layout.norms:
        shape = (n, len(layout.norms), n_layers)
        column(group, "norm", shape, "float32", layout, dims=("norm_pool", "layer"), fill=float("nan"))
    one_block = (2, len(layout.pools), n_layers, layout.n_neurons)
    group.create_array(
        "block_statistics",
        shape=(layout.n_blocks, *one_block),
        dtype="float32",
        chunks=(1, *one_block),
        compressors=[_zstd(), _crc32c()],
        dimension_names=["block", "statistic", "pool", "layer", "neuron"],
        fill_value=float("nan"),
    )


def create_axes(group: zarr.Group, layout: Layout) -> None:
    """Write the names of the layers, pools and directions."""
    constant(group, "layer", np.array(layout.layers, np.int32), ("layer",))
    constant(group, "pool", np.array(layout.pools, object), ("pool",), dtype="string")
    if layout.scores_only:
        constant(group, "direction", np.array(layout.directions, object), ("direction",), dtype="string")


def create_wide_array(group: zarr.Group, layout: Layout, pool: str, layer: int) -> zarr.Array[Any]:
    """Create the float32 array of one layer that float16 can't hold: (sample, neuron)."""
    return group.create_array(
        wide_array(layout.array(pool), layer),
        shape=(layout.n_samples, layout.n_neurons),
        dtype="float32",
        chunks=(layout.chunk_rows, layout.n_neurons),
        shards=(layout.block_rows, layout.n_neurons),
        compressors=[_crc32c()],
        dimension_names=["sample", "neuron"],
        fill_value=float("nan"),
    )


def column(
    group: zarr.Group,
    name: str,
    shape: tuple[int, ...],
    dtype: str,
    layout: Layout,
    *,
    dims: tuple[str, ...] = (),
    fill: float | str,
    chunk_rows: int | None = None,
) -> zarr.Array[Any]:
    """Create an array of one small value a sample: zstd, checksummed, one chunk a block or a shard of several."""
    block = (layout.block_rows, *shape[1:])
    return group.create_array(
        name,
        shape=shape,
        dtype=dtype,
        chunks=(chunk_rows or layout.block_rows, *shape[1:]),
        shards=block if chunk_rows else None,
        compressors=[_zstd(), _crc32c()],
        dimension_names=["sample", *dims],
        fill_value=fill,
    )


def records(group: zarr.Group, name: str, shape: tuple[int, int], block_rows: int) -> zarr.Array[Any]:
    """Create an array of bytes (sample, byte): not compressed, one chunk a block, so that a row can be read alone."""
    return group.create_array(
        name,
        shape=shape,
        dtype="uint8",
        chunks=(block_rows, shape[1]),
        compressors=[_crc32c()],
        dimension_names=["sample", "byte"],
        fill_value=0,
        config=WRITE_ALL,
    )


def constant(
    group: zarr.Group,
    name: str,
    values: Vector,
    dims: tuple[str, ...],
    *,
    dtype: str | None = None,
    chunks: tuple[int, ...] | None = None,
) -> zarr.Array[Any]:
    """Write an array at once, replacing one of that name: zstd, checksummed, one chunk unless told otherwise."""
    array = group.create_array(
        name,
        shape=values.shape,
        dtype=dtype or values.dtype,
        chunks=chunks or tuple(max(1, size) for size in values.shape),
        compressors=[_zstd(), _crc32c()],
        dimension_names=list(dims),
        fill_value="" if dtype == "string" else 0,
        overwrite=True,
        config=WRITE_ALL,
    )
    array[...] = values
    return array


def _crc32c() -> Any:
    from zarr.codecs import Crc32cCodec

    return Crc32cCodec()


def _zstd() -> Any:
    from zarr.codecs import ZstdCodec

    return ZstdCodec(level=3)
