"""Stores that carry scores, to be opened without a kernel."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from curating import DIRECTIONS

import nait_widgets as nait
from nait_widgets.store import ActivationStore, Block, Layout, Status, StoreWriter

SCORES = "robust"
SELECTION = "best"
LARGE_ROWS = 20_000


@pytest.fixture(scope="session")
def saved_folder(demo_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's pool with scores of its directions and a selection saved in it: pool.zarr and pool.zarr.zip."""
    folder = tmp_path_factory.mktemp("saved")
    shutil.copytree(demo_folder / "pool.zarr", folder / "pool.zarr")
    store = nait.open_store(folder / "pool.zarr")
    directions = [nait.Direction.load(demo_folder / f"{name}.direction") for name in DIRECTIONS]
    scores = nait.score(store, directions)
    store.save_scores(scores, SCORES)
    best, worst = (nait.select(scores, k=1, merge="mean-z", end=end).ids for end in ("top", "bottom"))
    chosen = nait.select(scores, k=40, merge="mean-z", pinned=worst, excluded=best)
    store.save_selection(chosen, SELECTION)
    store.pack()
    return folder


@pytest.fixture(scope="session")
def large_folder(saved_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of 500 MB with scores, as a folder and packed; its activations are random."""
    folder = tmp_path_factory.mktemp("large")
    store = write_large(nait.open_store(saved_folder / "pool.zarr"), folder / "large.zarr")
    small = nait.open_store(saved_folder / "pool.zarr").direction(DIRECTIONS[0])
    random = np.random.default_rng(0)
    vectors = random.standard_normal((len(store.layout.layers), store.layout.n_neurons)).astype(np.float32)
    unknown = np.full(len(vectors), np.nan, np.float32)
    direction = replace(
        small.scored_by(pool="mean", similarity="dot", center="none"),
        vectors=vectors,
        explained=unknown,
        margin=unknown,
        in_domain_mean=np.zeros_like(vectors),
        resamples=(),
        resampled=np.empty((0, 0, 0), np.float16),
    )
    store.save_scores(nait.score(store, direction), SCORES)
    store.pack()
    return folder


def write_large(pool: ActivationStore, path: Path) -> ActivationStore:
    """A store of random activations with the provenance of another, and its texts again and again."""
    layout = Layout(LARGE_ROWS, pool.layout.site, pool.layout.layers, 2048, ("mean",), text=True)
    writer = StoreWriter.create(path, layout, pool.provenance)
    random = np.random.default_rng(1)
    texts = {name: list(pool.text(name, range(len(pool)))) for name in ("prompt", "response", "original")}
    shape = (len(layout.layers), layout.n_neurons)
    noise = random.standard_normal((layout.block_rows, *shape)).astype(np.float16)
    for index in range(layout.n_blocks):
        rows = layout.rows(index)
        n, numbers = rows.stop - rows.start, range(rows.start, rows.stop)
        shift = random.standard_normal((n, 1, 1)).astype(np.float16)
        columns = {
            "status": np.full(n, Status.OK, np.uint8),
            "sample_id": np.array([f"row-{i}" for i in numbers], object),
            "n_tokens": random.integers(10, 200, n, dtype=np.int32),
            "n_response_tokens": np.full(n, 5, np.int32),
            "first_token_id": np.zeros(n, np.int32),
            "last_token_id": np.zeros(n, np.int32),
            "top_neuron_index": np.zeros((n, len(layout.layers), layout.top_neurons), np.uint16),
            "top_neuron_value": np.zeros((n, len(layout.layers), layout.top_neurons), np.float32),
            "sketch": random.standard_normal((n, 64)).astype(np.float16),
        }
        text = {name: [values[i % len(values)] for i in numbers] for name, values in texts.items()}
        writer.write(Block(index, columns, {"mean": noise[:n] * shift}, {}, text))
    return writer.finish(lambda _: np.zeros(shape, np.float32))
