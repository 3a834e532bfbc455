"""Checks a store: what should be there is there, and every byte is as it was written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nait_widgets.errors import StoreError
from nait_widgets.store.ids import Ids
from nait_widgets.store.layout import Status
from nait_widgets.store.mapping import Threads
from nait_widgets.store.parts import part_damage

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from nait_widgets.store.scan import Layers, PoolReader
    from nait_widgets.store.store import ActivationStore


@dataclass(frozen=True, slots=True)
class Verification:
    """What a check found.

    Attributes:
        problems: One sentence each; empty where the store is sound.
        rows: Samples checked.
        cautions: What is whole but can't be used here, such as a scorer whose package isn't installed.
    """

    problems: tuple[str, ...]
    rows: int
    cautions: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


def verify(store: ActivationStore) -> Verification:
    """Check structure, completeness, checksums, unique ids, finite activations, and what is saved with the store."""
    from nait_widgets.saving import cautions

    problems = tuple(_problems(store))
    return Verification(problems, len(store), () if problems else tuple(cautions(store)))


def _problems(store: ActivationStore) -> Iterator[str]:
    try:
        _check_structure(store)
    except StoreError as error:
        yield str(error)
        return
    damage = [message for _, message in column_damage(store)] + list(constant_damage(store))
    yield from damage
    if damage:
        return  # without sound ids and status the rest can't be judged
    pending = int(np.count_nonzero(store.status == Status.PENDING))
    if pending or not store.complete:
        yield f"the capture of {store.path} is incomplete: {pending:,} of {len(store):,} rows are pending"
    ids = store.sample_id[store.status != Status.PENDING]
    for row in Ids(ids).repeated[:1]:
        yield f"{store.path}: the sample id {ids[row]!r} occurs {np.count_nonzero(ids == ids[row])} times"
    # Every chunk of a shard that is gone or cut off says the same.
    yield from dict.fromkeys(message for _, message in activation_damage(store))
    undecodable = list(part_damage(store))
    yield from undecodable
    if not undecodable:
        from nait_widgets.saving import discrepancies

        yield from discrepancies(store)


def _check_structure(store: ActivationStore) -> None:
    layout = store.layout
    for pool in () if store.scores_only else layout.pools:
        array = store.array(layout.array(pool))
        expected = (layout.n_samples, len(layout.layers), layout.n_neurons)
        if array.shape != expected or array.dtype != layout.dtype:
            raise StoreError(
                f"{store.path}: array {layout.array(pool)!r} is {array.shape} {array.dtype}, "
                f"not {expected} {layout.dtype}"
            )
    for name in layout.columns:
        if store.array(name).shape[0] != layout.n_samples:
            raise StoreError(f"{store.path}: array {name!r} has {store.array(name).shape[0]:,} rows")


def column_damage(store: ActivationStore) -> Iterator[tuple[int, str]]:
    """(block, sentence) for every chunk of a small array that is lost or can't be decoded, pending blocks aside."""
    blocks = range(store.layout.n_blocks)
    damage = Threads(store.threads).map(lambda block: _column_damage(store, block), blocks)
    for block, found in zip(blocks, damage, strict=True):
        yield from ((block, what) for what in found)


def _column_damage(store: ActivationStore, block: int) -> list[str]:
    if not store.written(block):
        return [f"shard {store.path / store.key('status', block)} is missing"] if store.complete else []
    of_block = ["block_statistics"] * store.scores_only
    found = (_damage(store, name, block) for name in [*store.layout.columns, *of_block])
    return [what for what in found if what is not None]


def constant_damage(store: ActivationStore) -> Iterator[str]:
    """A sentence for every array without samples that is lost or can't be decoded."""
    if store.complete:
        yield from (what for name in store.constant_arrays if (what := _damage(store, name, 0)) is not None)


def _damage(store: ActivationStore, name: str, block: int) -> str | None:
    array, key = store.array(name), store.key(name, block)
    if store.files.place(key) is None:
        return f"shard {store.path / key} is missing"
    try:
        if name in store.layout.columns:
            array[store.layout.rows(block)]
        else:
            array[block] if name == "block_statistics" else array[...]
    except (ValueError, RuntimeError, StoreError) as error:
        return f"shard {store.path / key} is damaged: {error}"
    return None


def activation_damage(store: ActivationStore) -> Iterator[tuple[int, str]]:
    """(block, sentence) for every row chunk that can't be read, or holds a selectable row that isn't finite."""
    if store.scores_only:
        yield from store.projections.damage()
        return
    for pool in store.layout.pools:
        for reader in store.parts(pool):
            yield from _unreadable(store, reader)


def _unreadable(store: ActivationStore, reader: PoolReader) -> Iterator[tuple[int, str]]:
    selectable, pending = store.selectable, store.status == Status.PENDING

    def check(rows: slice, layers: Layers) -> str | None:
        if pending[rows].any():
            return None
        try:
            return next(
                (message for message in (_not_finite(store, rows, selectable, *x) for x in layers) if message), None
            )
        except StoreError as error:
            return str(error)

    for rows, message in reader.map_chunks(check):
        if message:
            yield rows.start // store.layout.block_rows, message


def _not_finite(
    store: ActivationStore, rows: slice, selectable: npt.NDArray[np.bool_], layer: int, values: npt.NDArray[np.float32]
) -> str | None:
    # A sum is finite only where all its terms are, and costs one read of the chunk.
    bad = ~np.isfinite(values.sum(axis=1, dtype=np.float32)) & selectable[rows]
    bad[bad] = ~np.isfinite(values[bad]).all(axis=1)
    if not bad.any():
        return None
    row = rows.start + int(np.flatnonzero(bad)[0])
    return f"{store.path}: row {row:,} ({store.sample_id[row]}) is not finite in layer {store.layout.layers[layer]}"
