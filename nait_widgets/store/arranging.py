"""A store made of rows of others: blocks that stay whole are linked as they lie, all others are gathered anew."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nait_widgets.errors import StoreError
from nait_widgets.paths import require_space, written_whole
from nait_widgets.progress import progress
from nait_widgets.store.arrays import WRITE_ALL, create_wide_array
from nait_widgets.store.layout import Block, wide_array
from nait_widgets.store.linking import Keys, link
from nait_widgets.store.opening import open_store
from nait_widgets.store.projections import joined_statistics
from nait_widgets.store.store import ActivationStore
from nait_widgets.store.writing import StoreWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    import numpy.typing as npt
    import zarr

    from nait_widgets.store.statistics import NeuronStatistics

    Report = Callable[[int, int], None]

KEPT = ("model", "template", "capture", "versions")  # what a provenance says of the rest than the rows


class Piece(NamedTuple):
    """Rows of a store.

    Attributes:
        store: A complete store.
        rows: Which, ascending: (row,).
    """

    store: ActivationStore
    rows: npt.NDArray[np.int64]


class Arrangement:
    """A store to be.

    Args:
        pieces: Rows that are to stand behind each other, of stores that are alike in all but their rows.
        provenance: What the new store says of itself.
    """

    def __init__(self, pieces: Sequence[Piece], provenance: dict[str, Any]) -> None:
        from nait_widgets.fingerprints import common_basis

        self._pieces, self._provenance = pieces, provenance
        self._stores = [piece.store for piece in pieces]
        self._basis = common_basis(self._stores)  # without one, fingerprints tell nothing of each other
        self._layout = replace(
            self._stores[0].layout,
            n_samples=sum(len(piece.rows) for piece in pieces),
            components=self._stores[0].layout.components if self._basis else 0,
        )
        pools = {
            pool: {layer for store in self._stores for layer in store.wide_layers.get(pool, [])}
            for pool in self._layout.pools
        }
        self._wide = {pool: sorted(layers) for pool, layers in pools.items() if layers}

    def write(
        self,
        path: Path,
        *,
        overwrite: bool = False,
        carried: Iterable[Path] = (),
        report: Report | None = None,
    ) -> ActivationStore:
        """Write the store; it appears at its path once all of it is there.

        Args:
            path: The folder.
            overwrite: Replace a store that is there, be it one of those that rows are taken from.
            carried: Groups that are copied into the store as they are.
            report: Told at the end how many blocks were linked, and of how many.

        Raises:
            StoreError: The path is taken, or a store that rows are taken from is damaged.
            NaitError: The store can't be written there.
        """
        _check_target(path, overwrite=overwrite)
        with written_whole(path) as building:
            try:
                linked = self._build(building, path, carried)
            except (StoreError, ValueError, RuntimeError):
                self._require_sound()  # says whose bytes they are; else it was something else
                raise
        if report:
            report(linked, self._layout.n_blocks)
        return open_store(path)

    def _build(self, building: Path, path: Path, carried: Iterable[Path]) -> int:
        """Write all of the store; gives the number of blocks that were linked."""
        group = self._begin(building)
        writer = StoreWriter(building)
        keys = Keys(writer.store)
        for store in self._stores:
            keys.require_files(store)
        linkable = [store for store in self._stores if keys.alike(store)]
        blocks = [self._within(self._layout.rows(index)) for index in range(self._layout.n_blocks)]
        origins = [_origin(pieces) if pieces[0].store in linkable else None for pieces in blocks]
        new = sum(self._layout.block_rows for origin in origins if origin is None)
        require_space(path, new * self._layout.bytes_per_row)
        with progress(len(blocks), "writing", "blocks") as bar:
            for index, (pieces, origin) in enumerate(zip(blocks, origins, strict=True)):
                if origin is None:
                    writer.write(self._gathered(index, pieces))
                else:
                    store = pieces[0].store
                    for name in keys.of(store):
                        link(store.files.place(keys.key(name, origin)), building / keys.key(name, index))
                    self._widen(group, store, origin, index)
                bar.update(1)
        for folder in carried:
            shutil.copytree(folder, building / folder.name, dirs_exist_ok=True)
        writer.finish(self._first_token, self._statistics())
        return len(blocks) - origins.count(None)

    def _begin(self, building: Path) -> zarr.Group:
        """Create the store, all rows pending, with every float32 layer that one of the stores has."""
        import zarr

        directions = self._stores[0].projections.directions if self._layout.scores_only else ()
        StoreWriter.create(building, self._layout, self._provenance, directions, self._basis)
        group = zarr.open_group(building, mode="r+", use_consolidated=False)
        for pool, layers in self._wide.items():
            for layer in layers:
                create_wide_array(group, self._layout, pool, layer)
        attributes: Any = group.attrs["nait"]
        group.attrs["nait"] = {**attributes, "wide_layers": self._wide}
        return group

    def _within(self, rows: slice) -> list[Piece]:
        """The pieces of some rows of the new store."""
        found, first = [], 0
        for store, own in self._pieces:
            part = own[max(0, rows.start - first) : max(0, rows.stop - first)]
            if len(part):
                found.append(Piece(store, part))
            first += len(own)
        return found

    def _gathered(self, index: int, pieces: list[Piece]) -> Block:
        """A block of rows from wherever they are."""
        columns = [name for name in self._layout.columns if not name.startswith("text/")]
        texts = ("prompt", "response", "original") if self._layout.text else ()
        activations, wide = {}, {}
        for pool in () if self._layout.scores_only else self._layout.pools:
            narrow = [store.parts(pool)[-1].take(rows).astype(self._layout.dtype) for store, rows in pieces]
            activations[pool] = np.concatenate(narrow)
            if pool in self._wide:
                exact = np.concatenate([store.pool(pool).take(rows) for store, rows in pieces])
                for position in map(self._layout.layers.index, self._wide[pool]):
                    wide[pool, position] = exact[:, position]
        return Block(
            index,
            {name: np.concatenate([_column(store, name, rows) for store, rows in pieces]) for name in columns},
            activations,
            wide,
            {name: [text for store, rows in pieces for text in store.text(name, rows)] for name in texts},
        )

    def _widen(self, group: zarr.Group, store: ActivationStore, origin: int, index: int) -> None:
        """Write the float32 layers of a linked block that its store had no need of."""
        for pool, layers in self._wide.items():
            for layer in (layer for layer in layers if layer not in store.wide_layers.get(pool, [])):
                name = self._layout.array(pool)
                array: Any = group[wide_array(name, layer)]
                narrow = store.array(name)[store.layout.rows(origin), self._layout.layers.index(layer)]
                array.with_config(WRITE_ALL)[self._layout.rows(index)] = np.asarray(narrow).astype(np.float32)

    def _first_token(self, _: int) -> npt.NDArray[np.float32] | None:
        """Activation of the first token that all rows share, where a store knows it: it is theirs as well."""
        knowing = (store for store in self._stores if store.shared_first_token)
        return next((np.asarray(store.array("first_token")[...], np.float32) for store in knowing), None)

    def _statistics(self) -> NeuronStatistics | None:
        """The neurons' over all rows, where no activations tell them; None where those of the blocks do, if any do."""
        whole = all(len(piece.rows) == len(piece.store) for piece in self._pieces)
        return joined_statistics(self._stores) if self._layout.scores_only and whole else None

    def _require_sound(self) -> None:
        for store in self._stores:
            for problem in store.verify().problems:
                raise StoreError(f"{problem}; mend {store.path} first, by its own `nait capture` command")


def _check_target(path: Path, *, overwrite: bool) -> None:
    if path.exists() and not overwrite:
        raise StoreError(
            f"{path} is there already; name another folder, or replace it (`overwrite=True`, `--overwrite`)"
        )
    if path.exists() and not (path / "zarr.json").is_file():
        raise StoreError(f"{path} is no store, and only a store is overwritten; name another folder")


def _origin(pieces: list[Piece]) -> int | None:
    """The block of a store that is just these rows; None where there is none."""
    store, rows = pieces[0]
    block = int(rows[0]) // store.layout.block_rows
    own = store.layout.rows(block)
    whole = (int(rows[0]), int(rows[-1]) + 1, len(rows)) == (own.start, own.stop, own.stop - own.start)
    return block if whole and len(pieces) == 1 else None


def _column(store: ActivationStore, name: str, rows: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    """Some rows of a column, one block in memory at a time."""
    array, blocks = store.array(name), rows // store.layout.block_rows
    found = []
    for block in np.unique(blocks).tolist():
        own = store.layout.rows(block)
        found.append(np.asarray(array[own])[rows[blocks == block] - own.start])
    values = np.concatenate(found)
    return values.astype(object) if values.dtype.kind == "T" else values
