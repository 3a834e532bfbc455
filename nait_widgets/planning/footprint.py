"""What a store weighs and what writing it takes, by writing the rows that a trial ran as a store of their own."""

from __future__ import annotations

import tempfile
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from nait_widgets.capturing.assembly import Assembly
from nait_widgets.capturing.batches import Window
from nait_widgets.errors import NaitError
from nait_widgets.fingerprints import Basis
from nait_widgets.planning.survey import text_size
from nait_widgets.store import Layout, StoreWriter
from nait_widgets.store.layout import BLOCK_ROWS, CHUNK_ROWS
from nait_widgets.store.places import local

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nait_widgets.capturing.forward import Pooled
    from nait_widgets.capturing.keeping import Target
    from nait_widgets.capturing.preparing import Prepared
    from nait_widgets.planning.trial import Trial
    from nait_widgets.store import ActivationStore

_ROWS, _BYTES = BLOCK_ROWS, 256 << 20  # of the sample, whichever is fewer rows
_CHECKSUM, _INDEX_ENTRY = 4, 16  # bytes that a shard adds to each chunk


@dataclass(frozen=True, slots=True)
class Footprint:
    """What was weighed and timed.

    Attributes:
        column_bytes: A row, of the small columns.
        text_bytes: A character, of the texts.
        fixed_bytes: A store, of metadata and statistics.
        wide_layers: Layers that float16 couldn't hold.
        writing: Seconds a row: assembling and writing blocks.
        scanning: Seconds a row: statistics at the end.
        finishing: Seconds a store: all else about beginning and ending one.
    """

    column_bytes: float
    text_bytes: float
    fixed_bytes: int
    wide_layers: int
    writing: float
    scanning: float
    finishing: float


def weigh(prepared: Prepared, trial: Trial, folder: Path | None) -> Footprint:
    """Write what was run, weigh it, and delete it.

    Args:
        prepared: The model.
        trial: What was run.
        folder: Where to write; None for the system's temporary folder.

    Raises:
        NaitError: Nothing can be written there.
    """
    ran = _sample(trial, prepared.layout)
    rows = sorted(row for rows, _ in ran for row in rows)
    block_rows = prepared.layout.block_rows if len(rows) >= CHUNK_ROWS else min(prepared.layout.block_rows, len(rows))
    layout = replace(prepared.layout, n_samples=len(rows), block_rows=block_rows)
    records, rendered = zip(*(trial.samples[row] for row in rows), strict=True)
    window = Window(range(layout.n_blocks), 0, list(records), list(rendered))
    provenance = prepared.provenance | {"source": {"name": "a sample"}}
    with _place(folder) as place:
        begun = perf_counter()
        directions = [target.direction for target in prepared.runner.scores_for]
        basis = _some_basis(layout) if layout.components else None
        writer = StoreWriter.create(place / "sample.zarr", layout, provenance, directions, basis)
        creating = perf_counter() - begun
        for _ in range(2):  # once to warm up
            begun = perf_counter()
            _write(writer, window, prepared.runner.scores_for, basis, ran)
            writing = perf_counter() - begun
        scanning = _scan(writer.store)
        begun = perf_counter()
        store = writer.finish(prepared.runner.forward.first_token)
        finishing = perf_counter() - begun
        weighed = _weighed(store)
    characters = sum(text_size(record) for record in records)
    return Footprint(
        weighed["columns"] / len(rows),
        weighed["text"] / characters,
        weighed["fixed"],
        len({layer for _, pooled in trial.ran for layer in pooled.wide}),
        writing / len(rows),
        scanning / len(rows),
        creating + max(0.0, finishing - scanning),
    )


def activation_bytes(layout: Layout, wide_layers: int) -> int:
    """Bytes of a store's activation arrays, exactly.

    Args:
        layout: Of the store.
        wide_layers: How many layers are kept as float32 besides, in every pool.
    """
    if layout.scores_only:
        return 0
    size = 2 if layout.dtype == "float16" else 4
    blocks = [layout.rows(block) for block in range(layout.n_blocks)]
    chunks: int = sum(-(-(rows.stop - rows.start) // layout.chunk_rows) for rows in blocks)
    indexed = layout.n_blocks * (layout.block_rows // layout.chunk_rows) * _INDEX_ENTRY

    def array(n_layers: int, size: int) -> int:
        chunk = layout.chunk_rows * layout.n_neurons * size + _CHECKSUM
        return n_layers * (chunks * chunk + indexed) + layout.n_blocks * _CHECKSUM

    return len(layout.pools) * (array(len(layout.layers), size) + wide_layers * array(1, 4))


def statistics_bytes(layout: Layout) -> int:
    """Bytes of what a store of scores keeps of each block's neurons, before they are compressed a little."""
    kept = 2 * 4 * len(layout.pools) * len(layout.layers) * layout.n_neurons
    return layout.n_blocks * kept if layout.scores_only else 0


@contextmanager
def _place(folder: Path | None) -> Iterator[Path]:
    """A folder to write into, gone afterwards."""
    try:
        with tempfile.TemporaryDirectory(prefix=".nait-plan-", dir=folder) as place:
            yield Path(place)
    except OSError as error:
        where = folder or tempfile.gettempdir()
        raise NaitError(f"no sample can be written to {where} ({error.strerror or error}): name another") from error


def _sample(trial: Trial, layout: Layout) -> list[tuple[list[int], Pooled]]:
    """The first batches of a trial, of no more rows than tell enough."""
    most = min(_ROWS, _BYTES // layout.bytes_per_row)
    before = accumulate((len(rows) for rows, _ in trial.ran), initial=0)
    return [batch for batch, n_before in zip(trial.ran, before, strict=False) if n_before < most]


def _some_basis(layout: Layout) -> Basis:
    """A basis of the size that a capture fits: how long it takes and what it weighs doesn't depend on its numbers."""
    shape = (layout.components + 1, len(layout.layers), layout.n_neurons)
    return Basis.fit(np.random.default_rng(0).standard_normal(shape, np.float32), (layout.components,))


def _write(
    writer: StoreWriter,
    window: Window,
    scores_for: tuple[Target, ...],
    basis: Basis | None,
    ran: list[tuple[list[int], Pooled]],
) -> None:
    layout = writer.store.layout
    places = {record.row: place for place, record in enumerate(window.records)}
    assembly = Assembly(window, layout, scores_for, basis)
    for rows, pooled in ran:
        positions = [places[row] for row in rows]
        assembly.fill(positions, pooled)
        if "ifd" in layout.extras:  # as many bytes as the other loss
            assembly.add(positions, {"response_alone_loss": pooled.extras["response_loss"]})
    for block in assembly.blocks(range(layout.n_blocks)):
        writer.write(block)


def _scan(store: ActivationStore) -> float:
    """Seconds that the statistics of all pools take."""
    begun = perf_counter()
    for pool in store.layout.pools:
        store.statistics(pool)
    return perf_counter() - begun


def _weighed(store: ActivationStore) -> Counter[str]:
    """Bytes of a store's files: text, columns, activations, and the rest, which doesn't grow with the rows."""
    growing = set(store.block_arrays)
    weighed: Counter[str] = Counter()
    folder = local(store.path)
    for file in folder.rglob("*"):
        if file.is_file():
            name, chunk, _ = file.relative_to(folder).as_posix().partition("/c/")
            if not chunk or name not in growing:
                kind = "fixed"
            elif name.startswith("text/"):
                kind = "text"
            else:
                kind = "columns" if name in store.layout.columns else "activations"
            weighed[kind] += file.stat().st_size
    return weighed
