"""A pool of as many rows as a curator is to be measured with, made without a model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import nait_widgets as nait
from benchmarks.inputs import random_directions
from nait_widgets.store import ActivationStore, Block, Layout, Status, StoreWriter, open_store
from nait_widgets.store.layout import SKETCH_COMPONENTS

if TYPE_CHECKING:
    import numpy.typing as npt
    import xarray as xr

    Floats = npt.NDArray[np.float32]
    Integers = npt.NDArray[np.int64]

NEURONS = 8  # of one layer: what a page shows of a pool doesn't grow with them
TOPICS = 12
_BLOCK_ROWS = 1 << 16


def make_pool(path: Path, n: int) -> ActivationStore:
    """A store of `n` rows without text: normal activations, and a sketch in which the rows of each topic lie together.

    Args:
        path: Of the store.
        n: Rows.
    """
    layout = Layout(n, "resid_post", (0,), NEURONS, ("mean",), text=False, block_rows=_BLOCK_ROWS)
    named = {"name": "random", "digest": "0" * 64, "weights_hash": "0" * 64, "sha256": "0" * 64}
    source = {**named, "format": "random", "fields": {}, "rows": n}
    provenance = {"model": named, "template": {**named, "max_length": 2048}, "source": source}
    writer = StoreWriter.create(path, layout, provenance)
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((TOPICS, SKETCH_COMPONENTS), np.float32)
    topics = _topics(n)
    for index in range(layout.n_blocks):
        writer.write(_block(layout, index, centres[topics[layout.rows(index)]], rng))
    return writer.finish(lambda _: np.zeros((1, NEURONS), np.float32))


def open_pool(path: Path, n_directions: int) -> tuple[ActivationStore, xr.Dataset]:
    """The store, and its scores with a label column; this runs in the notebook's kernel."""
    store = open_store(path)
    scores = nait.score(store, random_directions(store, n_directions))
    scores["topic"] = ("sample", np.array([f"topic {i}" for i in range(TOPICS)])[_topics(len(store))])
    return store, scores


def _topics(n: int) -> Integers:
    """Each row's topic; each has half as many rows as the one before."""
    return np.minimum(TOPICS, np.random.default_rng(2).geometric(0.5, n)) - 1


def _block(layout: Layout, index: int, centres: Floats, rng: np.random.Generator) -> Block:
    rows = layout.rows(index)
    n = rows.stop - rows.start
    values = rng.standard_normal((n, 1, NEURONS), np.float32)
    order = np.argsort(-values, axis=-1)
    sketch = centres + rng.standard_normal((n, SKETCH_COMPONENTS), np.float32)
    tokens = rng.lognormal(4.6, 0.6, n).astype(np.int32) + 5  # as long as Alpaca's rows
    columns = {
        "sample_id": np.array([f"row-{i:07d}" for i in range(rows.start, rows.stop)], object),
        "n_tokens": tokens,
        "n_response_tokens": tokens // 2,
        **dict.fromkeys(("first_token_id", "last_token_id"), np.zeros(n, np.int32)),
        "status": np.full(n, Status.OK, np.uint8),
        "top_neuron_index": order.astype(np.int32),
        "top_neuron_value": np.take_along_axis(values, order, axis=-1),
        "sketch": sketch.astype(np.float16),
    }
    return Block(index, columns, {"mean": values.astype(np.float16)}, {}, {})
