"""Scoring against the same kernel over bytes in memory, and against other ways of reading a store."""

from __future__ import annotations

import os
import warnings
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import xarray as xr

from benchmarks.inputs import random_directions, random_store
from benchmarks.report import Cell, Report, Target
from benchmarks.timing import Timings, Way, alternate
from nait_widgets.scoring import score
from nait_widgets.store import ActivationStore
from nait_widgets.store.layout import BLOCK_ROWS, CHUNK_ROWS
from nait_widgets.store.mapping import available_cpus, one_thread_each

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import numpy.typing as npt

    Halves = npt.NDArray[np.float16]
    Floats = npt.NDArray[np.float32]

STORE = 8192, 32, 4096  # samples, layers, neurons: 2.1 GB
_OURS, _LIMIT, _DASK, _MEMMAP = "nait.score", "the same kernel over bytes in memory", "xarray + dask dot", "np.memmap"
_MAPPED_ROWS = 32  # the fastest of 8, 32 and 256
_ROUNDS = 7
_SLOW_ROUNDS = 3


def shrunk(shape: tuple[int, int, int], size: float) -> tuple[int, int, int]:
    """A store of fewer samples, whole blocks of them."""
    return max(1, round(shape[0] * size / BLOCK_ROWS)) * BLOCK_ROWS, shape[1], shape[2]


def run(workspace: Path, size: float) -> Iterator[Report]:
    """Measure on one warm store, 8 directions."""
    store = random_store(workspace, *shrunk(STORE, size))
    directions = random_directions(store)
    weights = np.stack([direction.vectors for direction in directions], axis=-1)
    chunks, flat = _copies(store, workspace)
    dask_chunks = _fastest_chunks(store, weights)
    runs: dict[str, Callable[[], Floats]] = {
        _OURS: lambda: score(store, directions).score.values,
        _LIMIT: lambda: in_memory(chunks, weights),
        _MEMMAP: lambda: memory_mapped(flat, weights),
        _DASK: lambda: with_dask(store, weights, dask_chunks),
    }
    expected = runs[_OURS]()
    for name, each in runs.items():  # also warms the page cache
        assert np.allclose(each(), expected, rtol=1e-3, atol=1e-2), f"{name} gives other scores"
    n = len(store)
    timings = alternate([Way(name, each, n, _SLOW_ROUNDS if name == _DASK else _ROUNDS) for name, each in runs.items()])
    n_bytes = n * store.layout.bytes_per_row
    yield Report(
        "scoring",
        f"{n:,} samples × {len(store.layout.layers)} layers × {store.layout.n_neurons:,} neurons in float16 "
        f"({n_bytes / 1e9:.2f} GB, page cache warm), {len(directions)} directions, preset paper, "
        f"{_workers()} workers; dask in chunks of {dask_chunks}, the fastest of three.",
        _table(timings, list(runs), n_bytes),
        [
            Target("scoring / the kernel in memory", 0.7, timings.ratio(_OURS, _LIMIT).median),
            Target("scoring / xarray + dask", 4, timings.ratio(_OURS, _DASK).median),
        ],
    )


def in_memory(chunks: Halves, weights: Floats) -> Floats:
    """The arithmetic of scoring without the reading: convert a chunk, multiply, sum over the layers.

    Args:
        chunks: (row chunk, layer, row, neuron).
        weights: (layer, neuron, direction).

    Returns:
        (sample, direction).
    """

    def one(chunk: Halves) -> Floats:
        wide = torch.empty(chunk.shape[1:], dtype=torch.float32)
        out = np.zeros((chunk.shape[1], weights.shape[2]), np.float32)
        for values, of_layer in zip(chunk, weights, strict=True):
            out += wide.copy_(torch.from_numpy(values)).numpy() @ of_layer
        return out

    with one_thread_each(), ThreadPoolExecutor(_workers()) as executor:
        return np.concatenate(list(executor.map(one, chunks)))


def memory_mapped(path: Path, weights: Floats) -> Floats:
    """A flat file of (sample, layer, neuron), mapped: a few whole samples at a time, so that each is one product."""
    mapped = np.load(path, mmap_mode="c")
    matrix = torch.from_numpy(weights).flatten(0, 1).T.contiguous()

    def one(start: int) -> Floats:
        values = torch.from_numpy(mapped[start : start + _MAPPED_ROWS]).flatten(1)
        return torch.nn.functional.linear(values.float(), matrix).numpy()

    with one_thread_each(), ThreadPoolExecutor(_workers()) as executor:
        return np.concatenate(list(executor.map(one, range(0, len(mapped), _MAPPED_ROWS))))


def with_dask(store: ActivationStore, weights: Floats, chunks: Mapping[str, int]) -> Floats:
    """The store as xarray opens it, under dask's threads."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The specified chunks separate", UserWarning)
        dataset = xr.open_zarr(store.path, chunks=dict(chunks))
    with dataset:
        values = dataset["resid_post_mean"].astype(np.float32)
        matrix = xr.DataArray(weights, dims=("layer", "neuron", "direction"))
        scores: Floats = xr.dot(values, matrix, dim=("layer", "neuron")).compute().values
    return scores


def _fastest_chunks(store: ActivationStore, weights: Floats) -> Mapping[str, int]:
    """The store's own chunks; whole samples; or whole shards of a layer."""
    choices: list[Mapping[str, int]] = [
        {"sample": CHUNK_ROWS, "layer": 1, "neuron": -1},
        {"sample": CHUNK_ROWS, "layer": -1, "neuron": -1},
        {"sample": BLOCK_ROWS, "layer": 1, "neuron": -1},
    ]
    ways = [Way(str(choice), partial(with_dask, store, weights, choice), len(store), 1) for choice in choices]
    timings = alternate(ways)
    return min(choices, key=lambda choice: timings.seconds(str(choice)))


def _copies(store: ActivationStore, workspace: Path) -> tuple[Halves, Path]:
    """The store's activations in memory, chunk by chunk, and as a flat file."""
    n, layout = len(store), store.layout
    stored: Any = store.array(layout.array("mean"))
    path = workspace / "flat.npy"
    flat = np.lib.format.open_memmap(path, "w+", np.float16, (n, len(layout.layers), layout.n_neurons))
    chunks = np.empty((n // layout.chunk_rows, len(layout.layers), layout.chunk_rows, layout.n_neurons), np.float16)
    for i, chunk in enumerate(chunks):
        rows = slice(i * layout.chunk_rows, (i + 1) * layout.chunk_rows)
        flat[rows] = stored[rows]
        chunk[...] = flat[rows].swapaxes(0, 1)
    flat.flush()
    os.sync()  # what waits for the disk now would be written during the first rounds
    return chunks, path


def _table(timings: Timings, names: list[str], n_bytes: int) -> list[dict[str, Cell]]:
    return [
        {
            "way": name,
            "seconds": timings.seconds(name),
            "GB/s": n_bytes / timings.seconds(name) / 1e9,
            "speed, kernel in memory = 1": timings.ratio(name, _LIMIT),
            "nait.score is faster by": timings.ratio(_OURS, name),
        }
        for name in names
    ]


def _workers() -> int:
    return min(8, available_cpus())
