"""Checks a store: what should be there is there, and every byte is as it was written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nait_widgets.errors import StoreError
from nait_widgets.store.layout import Status

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
    """

    problems: tuple[str, ...]
    rows: int

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


def verify(store: ActivationStore) -> Verification:
    """Check structure, completeness, checksums, unique ids, and finite activations in every selectable row."""
    return Verification(tuple(_problems(store)), len(store))


def _problems(store: ActivationStore) -> Iterator[str]:
    try:
        _check_structure(store)
    except StoreError as error:
        yield str(error)
        return
    damage = list(column_damage(store))
    yield from (message for _, message in damage)
    if damage:
        return  # without sound ids and status the rest can't be judged
    pending = int(np.count_nonzero(store.status == Status.PENDING))
    if pending or not store.complete:
        yield f"the capture of {store.path} is incomplete: {pending:,} of {len(store):,} rows are pending"
    ids, counts = np.unique(store.sample_id[store.status != Status.PENDING].astype(str), return_counts=True)
    if (counts > 1).any():
        yield f"{store.path}: the sample id {ids[counts > 1][0]!r} occurs {counts.max()} times"
    for pool in store.layout.pools:
        yield from (message for _, message in activation_damage(store, store.pool(pool)))


def _check_structure(store: ActivationStore) -> None:
    layout = store.layout
    for pool in layout.pools:
        array = store.array(layout.array(pool))
        expected = (layout.n_samples, len(layout.layers), layout.n_neurons)
        if array.shape != expected or array.dtype != layout.dtype:
            raise StoreError(
                f"{store.path}: array {layout.array(pool)!r} is {array.shape} {array.dtype}, not {expected} {layout.dtype}"
            )
    for name in _columns(store):
        if store.array(name).shape[0] != layout.n_samples:
            raise StoreError(f"{store.path}: array {name!r} has {store.array(name).shape[0]:,} rows")
    if store.complete:
        for name in ("neuron_mean", "neuron_std", "layer", "pool"):
            try:
                store.array(name)[...]
            except ValueError as error:
                raise StoreError(f"{store.path}: array {name!r} can't be decoded: {error}") from error


def _columns(store: ActivationStore) -> list[str]:
    names = ["sample_id", "status", "n_tokens", "n_response_tokens", "first_token_id", "last_token_id"]
    names += ["top_neuron_index", "top_neuron_value", "sketch"]
    names += ["response_loss"] if store.layout.loss else []
    names += [f"text/{name}" for name in ("prompt", "response", "original")] if store.layout.text else []
    return names


def column_damage(store: ActivationStore) -> Iterator[tuple[int, str]]:
    """(block, sentence) for every chunk of a small array that can't be decoded."""
    for name in _columns(store):
        array = store.array(name)
        for block in range(store.layout.n_blocks):
            try:
                array[store.layout.rows(block)]
            except (ValueError, RuntimeError) as error:
                chunk = store.path / name / "c" / str(block)
                yield block, f"shard {chunk} is damaged: {error}"


def activation_damage(store: ActivationStore, reader: PoolReader) -> Iterator[tuple[int, str]]:
    """(block, sentence) for every row chunk that can't be read, or holds a selectable row that isn't finite."""
    selectable = store.selectable

    def check(rows: slice, layers: Layers) -> str | None:
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
