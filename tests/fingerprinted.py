"""A store of made-up numbers with a fingerprint, and directions to score it by."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from golden_store import PROVENANCE

from nait_widgets import Direction
from nait_widgets.methods.options import FitOptions, ScoreOptions
from nait_widgets.store import ActivationStore, Block, Layout, Status, StoreWriter
from nait_widgets.store.layout import SKETCH_COMPONENTS

N, LAYERS, NEURONS = 900, (0, 1, 3), 24
LAYOUT = Layout(N, "mlp_act", LAYERS, NEURONS, ("mean", "last"), text=False, block_rows=512)
WIDE = 1  # position of the layer that float16 can't hold
QUARANTINED = {5: Status.EMPTY, 300: Status.TOO_LONG, 700: Status.NON_FINITE}
TWINS = (50, 51, 300 + 1, 899)  # rows with the same activations, in three row chunks
COMPONENTS = (4, 10, 20)

Floats = npt.NDArray[np.float32]


def activations(seed: int = 0) -> Floats:
    """Of some rank, with noise; the second layer is large, and most rows are whole numbers there."""
    rng = np.random.default_rng(seed)
    mixed = rng.normal(size=(N, 12)) @ (rng.normal(size=(12, len(LAYERS) * NEURONS)) / np.arange(1, 13)[:, None])
    values = (mixed + 0.05 * rng.normal(size=mixed.shape)).reshape(N, len(LAYERS), NEURONS) + 2
    values[:, WIDE] = np.rint(3e4 * values[:, WIDE])
    values[list(TWINS)] = values[TWINS[0]]
    values[list(QUARANTINED)] = np.nan
    return values.astype(np.float32)


def build(path: Path, values: Floats | None = None, layout: Layout = LAYOUT) -> ActivationStore:
    """Write a store: quarantined rows, a wide layer, a shared first token."""
    rng = np.random.default_rng(1)
    values = activations() if values is None else values
    n, tokens = layout.n_samples, rng.integers(1, 40, layout.n_samples).astype(np.int32)
    tokens[[row for row in TWINS if row < n]] = 9
    writer = StoreWriter.create(path, layout, PROVENANCE)
    for index in range(layout.n_blocks):
        rows = layout.rows(index)
        size = rows.stop - rows.start
        columns = {
            "sample_id": np.array([f"row-{i}" for i in range(n)], object)[rows],
            "n_tokens": tokens[rows],
            "n_response_tokens": tokens[rows],
            "first_token_id": np.zeros(size, np.int32),
            "last_token_id": np.zeros(size, np.int32),
            "status": np.array([QUARANTINED.get(i, Status.OK) for i in range(n)], np.uint8)[rows],
            "top_neuron_index": np.zeros((size, len(LAYERS), layout.top_neurons), np.uint16),
            "top_neuron_value": np.zeros((size, len(LAYERS), layout.top_neurons), np.float32),
            "sketch": np.zeros((size, SKETCH_COMPONENTS), np.float16),
        }
        narrow = np.clip(values[rows], -65504, 65504).astype(layout.dtype)
        wide: Any = {(pool, WIDE): values[rows, WIDE] for pool in layout.pools}
        writer.write(Block(index, columns, dict.fromkeys(layout.pools, narrow), wide, {}))
    return writer.finish(lambda _: rng.normal(size=(len(LAYERS), NEURONS)).astype(np.float32))


def direction(seed: int = 0, own: tuple[int, ...] = LAYERS, **options: Any) -> Direction:
    """A random direction whose layers count about the same."""
    vectors = np.random.default_rng(seed).normal(size=(len(own), NEURONS)).astype(np.float32)
    if options.get("similarity") != "zscore" and LAYERS[WIDE] in own:
        vectors[own.index(LAYERS[WIDE])] /= 3e4
    return made(vectors, own, **options)


def made(vectors: Floats, own: tuple[int, ...] = LAYERS, **options: Any) -> Direction:
    """A direction of some vectors: (layer, neuron)."""
    unknown = np.full(len(own), np.nan, np.float32)
    return Direction(
        "made up", vectors, own, LAYOUT.site, PROVENANCE["model"], PROVENANCE["template"], FitOptions(),
        ScoreOptions(**options), "paper", unknown, unknown, np.zeros_like(vectors),
        {"used": 0, "source": {"name": "nothing"}},
    )  # fmt: skip
