"""Writes a store block by block, so that what was durably written is never computed again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nait_widgets.errors import StoreError
from nait_widgets.store.appearing import created
from nait_widgets.store.arrays import WRITE_ALL, constant, create_arrays, create_axes, create_wide_array, records
from nait_widgets.store.files import zarr_store
from nait_widgets.store.identity import OF_CAPTURE, differences
from nait_widgets.store.layout import Block, Layout, wide_array
from nait_widgets.store.opening import open_store
from nait_widgets.store.parts import begin_parts, consolidate
from nait_widgets.store.projections import merged_statistics
from nait_widgets.store.remote import Url
from nait_widgets.store.statistics import stacked
from nait_widgets.store.store import ActivationStore
from nait_widgets.store.verification import activation_damage, column_damage, constant_damage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import numpy.typing as npt

    from nait_widgets.fingerprints import Basis
    from nait_widgets.methods import Direction
    from nait_widgets.store.layout import Wide
    from nait_widgets.store.mapping import Mapper
    from nait_widgets.store.statistics import NeuronStatistics


_senders = ThreadPoolExecutor(8, thread_name_prefix="nait-send")


class StoreWriter:
    """An open capture.

    A block's status column is written last: a block without pending rows is whole. Every file is written beside its
    place and moved there, and every object at a URL is put whole, so that a killed writer leaves no half of one.
    """

    def __init__(self, path: Path | Url) -> None:
        import zarr

        self._path = path
        self._group = zarr.open_group(zarr_store(path, read_only=False), mode="r+", use_consolidated=False)
        self._arrays: dict[str, Any] = {}
        self._layout = self.store.layout

    @classmethod
    def create(
        cls,
        path: Path | Url,
        layout: Layout,
        provenance: dict[str, Any],
        directions: Sequence[Direction] = (),
        basis: Basis | None = None,
    ) -> StoreWriter:
        """Create an empty store; it appears at its path only once it can be resumed.

        Args:
            path: The folder or URL.
            layout: Its shape.
            provenance: What it says of where it comes from.
            directions: Those of the layout, where it is to hold scores only.
            basis: Of the fingerprints, where it is to hold some beside the scores.
        """
        from nait_widgets import fingerprints
        from nait_widgets.saving.scored import contents

        with created(path) as group:
            create_arrays(group, layout)
            if directions:
                begin_parts(group, "directions", [contents(direction) for direction in directions])
            if basis is not None:
                begin_parts(group, "fingerprints", [fingerprints.contents(basis, layout.pools[:1], layout.n_samples)])
                records(group, layout.fingerprint, (layout.n_samples, sum(basis.n_bytes)), layout.block_rows)
            group.attrs["coordinates"] = "sample_id"
            group.attrs["nait"] = {
                "format_version": layout.format_version,
                "state": "capturing",
                "layout": layout.as_json(),
                "wide_layers": {},
                "shared_first_token": False,
                "provenance": provenance,
            }
        return cls(path)

    @classmethod
    def resume(cls, path: Path | Url, layout: Layout, provenance: dict[str, Any]) -> StoreWriter:
        """Go on with an interrupted capture.

        Raises:
            StoreError: The store was begun with another model, template, data or option; the message names both.
        """
        store = open_store(path)
        began = store.provenance, store.layout
        for what, then, now in differences(began, (provenance, layout), OF_CAPTURE):
            raise _begun_otherwise(path, f"{'other' if what.endswith('s') else 'another'} {what}", then, now)
        sizes = [about["capture"]["batch_tokens"] for about in (store.provenance, provenance)]
        if provenance["capture"]["deterministic"] and sizes[0] != sizes[1]:
            raise _begun_otherwise(path, "another batch size, which deterministic mode fixes", *sizes)
        if isinstance(path, Path):  # at a URL no half of an object is left
            for leftover in path.rglob("*.partial"):
                leftover.unlink(missing_ok=True)
        return cls(path)

    @property
    def store(self) -> ActivationStore:
        """The store as it is now."""
        return ActivationStore(self._path, self._group)

    def missing_blocks(self, mapper: Mapper | None = None) -> list[int]:
        """The blocks that are pending or whose bytes are not as they were written, in order; these are discarded.

        Args:
            mapper: Who reads all activations for it; None for threads of this process.
        """
        self._discard({block for block, _ in column_damage(self.store)})
        self._discard({block for block, _ in activation_damage(self._read_by(mapper))})
        store = self.store
        missing = [block for block in range(self._layout.n_blocks) if not store.written(block)]
        self._discard(missing)  # what a killed writer left of them
        return missing

    def sound(self, mapper: Mapper | None = None) -> bool:
        """Whether the store is complete and undamaged; `mapper` as for `missing_blocks`."""
        if any(constant_damage(self.store)):
            self._update(state="capturing")
        return self.store.complete and not self.missing_blocks(mapper)

    def write(self, block: Block) -> None:
        """Write a block: its data first, the status that declares it whole last."""
        self.write_data(block)
        self.declare(block.index, block.columns["status"], block.wide)

    def write_data(self, block: Block) -> None:
        """Write all of a block that lies in shards of its own; several processes may, never two the same block."""
        rows = self._layout.rows(block.index)
        parts: dict[str, Any] = {self._layout.array(pool): values for pool, values in block.activations.items()}
        parts |= {f"text/{name}": np.array(text, object) for name, text in block.text.items()}
        parts |= {name: values for name, values in block.columns.items() if name != "status"}
        if self._layout.scores_only:
            parts["block_statistics"] = np.nan if block.statistics is None else block.statistics

        def write(name: str) -> None:
            self._array(name)[block.index if name == "block_statistics" else rows] = parts[name]

        if isinstance(self._path, Url):  # each waits for an answer
            list(_senders.map(write, parts))
        else:
            for name in parts:
                write(name)

    def declare(self, index: int, status: npt.NDArray[np.uint8], wide: Wide) -> None:
        """Declare a block whole whose data are written; only one process may, since it can add arrays.

        Args:
            index: The block.
            status: Of its rows.
            wide: As `Block.wide`.
        """
        rows = self._layout.rows(index)
        self._write_wide(rows, wide)
        self._array("status")[rows] = status

    def finish(
        self,
        first_token: Callable[[int], npt.NDArray[np.float32] | None],
        statistics: NeuronStatistics | None = None,
        mapper: Mapper | None = None,
    ) -> ActivationStore:
        """Complete the store: neuron statistics, the shared first token, consolidated metadata.

        Args:
            first_token: Gives the activation (layer, neuron) of a token that stands first, by its id, or None where
                it isn't known; kept where all selectable rows begin with the same. Scores alone have no use for it.
            statistics: Of the neurons, (pool, layer, neuron) each, where scores alone are kept and their blocks don't
                tell.
            mapper: Who reads all activations for the statistics; None for threads of this process.
        """
        store = self._read_by(mapper)
        ids = np.asarray(store.array("first_token_id")[...])[store.selectable]
        shared = len(ids) > 0 and bool((ids == ids[0]).all()) and not self._layout.scores_only
        first = first_token(int(ids[0])) if shared else None
        if first is not None:
            constant(self._group, "first_token", first, ("layer", "neuron"))
        create_axes(self._group, self._layout)
        if self._layout.scores_only:
            known = statistics or merged_statistics(store)
        else:
            known = stacked([store.statistics(pool) for pool in self._layout.pools])
        for kind, values in known._asdict().items():
            constant(self._group, f"neuron_{kind}", values, ("pool", "layer", "neuron"))
        self._update(state="complete", shared_first_token=first is not None)
        consolidate(self._path)
        return open_store(self._path)

    def _read_by(self, mapper: Mapper | None) -> ActivationStore:
        return self.store if mapper is None else self.store.on(mapper)

    def _discard(self, blocks: Iterable[int]) -> None:
        """Delete the files of blocks, the status that declares them whole first."""
        store = self.store
        for block in blocks:
            if store.complete:
                self._update(state="capturing")
            for name in store.block_arrays:
                (self._path / store.key(name, block)).unlink(missing_ok=True)

    def _write_wide(self, rows: slice, wide: Wide) -> None:
        known: dict[str, list[int]] = self._attributes["wide_layers"]
        for pool, position in wide:
            layer = self._layout.layers[position]
            if layer not in known.get(pool, []):
                self._widen(pool, position)
                known = {**known, pool: sorted([*known.get(pool, []), layer])}
                self._update(wide_layers=known)
        for pool, layers in known.items():
            for layer in layers:
                position = self._layout.layers.index(layer)
                values = wide.get((pool, position))
                if values is None:  # float16 could hold it in this block
                    values = self._array(self._layout.array(pool))[rows, position]
                self._array(wide_array(self._layout.array(pool), layer))[rows] = values.astype(np.float32)

    def _widen(self, pool: str, position: int) -> None:
        """Begin the float32 array of a layer with what its float16 array holds."""
        layer, narrow = self._layout.layers[position], self._array(self._layout.array(pool))
        name = wide_array(self._layout.array(pool), layer)
        self._arrays.pop(name, None)
        if name in self._group:
            del self._group[name]
        create_wide_array(self._group, self._layout, pool, layer)
        array, store = self._array(name), self.store
        for rows in (self._layout.rows(block) for block in range(self._layout.n_blocks) if store.written(block)):
            array[rows] = narrow[rows, position].astype(np.float32)

    def _array(self, name: str) -> Any:
        if name not in self._arrays:
            array: Any = self._group[name]
            self._arrays[name] = array.with_config(WRITE_ALL)
        return self._arrays[name]

    @property
    def _attributes(self) -> dict[str, Any]:
        attributes: Any = self._group.attrs["nait"]
        return dict(attributes)

    def _update(self, **changes: Any) -> None:
        self._group.attrs["nait"] = {**self._attributes, **changes}


def _begun_otherwise(path: Path | Url, what: str, then: Any, now: Any) -> StoreError:
    return StoreError(
        f"{path} was begun with {what} ({then}, now {now}); "
        "capture into another store, or replace this one with `overwrite=True` (`--overwrite`)"
    )
