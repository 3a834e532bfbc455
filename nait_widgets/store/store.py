"""The activation store as its readers see it."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from nait_widgets.errors import StoreError
from nait_widgets.store.elsewhere import identity, reopened
from nait_widgets.store.extras import Extras
from nait_widgets.store.facts import facts
from nait_widgets.store.files import files_of, is_packed
from nait_widgets.store.ids import Ids
from nait_widgets.store.layout import FORMAT_VERSION, LAST_SELECTABLE, POOLS, Layout, Status, wide_array
from nait_widgets.store.mapping import WAITING
from nait_widgets.store.objects import Objects
from nait_widgets.store.projections import Projections, merged_statistics
from nait_widgets.store.remote import Url
from nait_widgets.store.saved import Saved
from nait_widgets.store.scan import PoolReader
from nait_widgets.store.shards import ShardedArray
from nait_widgets.store.texts import originals, texts

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt
    import xarray as xr
    import zarr

    from nait_widgets.explaining import Explanation
    from nait_widgets.methods import Direction
    from nait_widgets.store.mapping import Mapper
    from nait_widgets.store.statistics import NeuronStatistics
    from nait_widgets.store.verification import Verification


class ActivationStore(Saved, Extras):
    """Activations of one model on one data set: sample × layer × neuron, with their provenance.

    Attributes:
        path: The folder or the archive; for a store at a URL a `Url`, which is like a path as far as it goes.
        files: Where its bytes lie.
        layout: Shapes, site, pools and layers.
        provenance: Where everything came from, JSON-able.
        complete: Whether the capture has finished.
        mapper: Who streams its pools; None for threads of this process.
    """

    def __init__(self, path: Path | Url, group: zarr.Group) -> None:
        attributes: Any = group.attrs.get("nait")
        if not isinstance(attributes, dict) or "format_version" not in attributes:
            raise StoreError(f"{path} is a Zarr group, but not an activation store (it has no `nait` attribute)")
        if attributes["format_version"] > FORMAT_VERSION:
            raise StoreError(
                f"{path} has format version {attributes['format_version']}, newer than the {FORMAT_VERSION} that "
                "this version of nait-widgets reads; upgrade nait-widgets"
            )
        files = files_of(group.store)
        assert files is not None
        self.path, self.files = cast("Path", path), files
        self._group = group
        self._attributes = attributes
        self.layout = Layout.of(attributes["layout"])
        self.provenance: dict[str, Any] = attributes["provenance"]
        self.complete: bool = attributes["state"] == "complete"
        self.mapper: Mapper | None = None
        if isinstance(files, Objects):
            files.complete = self.complete
        self._statistics: dict[str, NeuronStatistics] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return reopened, (self.place, identity(self))

    def __repr__(self) -> str:
        state = "complete" if self.complete else "capturing"
        return (
            f"<ActivationStore {self.path} ({state}{', scores only' * self.scores_only}): {len(self):,} samples × "
            f"{len(self.layout.layers)} layers × "
            f"{self.layout.n_neurons:,} neurons, {self.layout.site} of {self.provenance['model']['name']}>"
        )

    def __len__(self) -> int:
        return self.layout.n_samples

    def on(self, mapper: Mapper) -> ActivationStore:
        """The same store, whose pools are streamed by others, such as `nait_widgets.cluster.Workers(client)`."""
        other = ActivationStore.__new__(ActivationStore)
        other.__dict__ |= {**self.__dict__, "mapper": mapper}
        return other

    @property
    def place(self) -> Path:
        """Where it lies: its path as it was when it was opened, should the working folder be another by now."""
        return self.path if self.remote else cast("Path", self.files.path)

    @property
    def remote(self) -> bool:
        """Whether it lies at a URL."""
        return isinstance(self.path, Url)

    @cached_property
    def dataset(self) -> xr.Dataset:
        """Everything but the text, lazily, as xarray has it."""
        import xarray as xr

        dataset: xr.Dataset = xr.open_zarr(self._group.store, chunks=None, consolidated=self.complete)
        return dataset

    @cached_property
    def sample_id(self) -> npt.NDArray[Any]:
        """The samples' ids: (sample,), of NumPy's `StringDType` where there is one, a quarter of Python's strings."""
        return self.column("sample_id")

    @cached_property
    def ids(self) -> Ids:
        """The samples' rows by their ids."""
        return Ids(self.sample_id)

    @cached_property
    def status(self) -> npt.NDArray[np.uint8]:
        """The samples' status codes: (sample,)."""
        return self.column("status")

    @cached_property
    def n_tokens(self) -> npt.NDArray[np.int32]:
        """Tokens of each rendered sample: (sample,)."""
        return self.column("n_tokens")

    @property
    def n_response_tokens(self) -> npt.NDArray[np.int32]:
        """Tokens of each response: (sample,)."""
        return self.column("n_response_tokens")

    @property
    def selectable(self) -> npt.NDArray[np.bool_]:
        """Which samples may be selected: (sample,). Quarantined and pending ones may not."""
        return self.status <= LAST_SELECTABLE

    def is_same(self, other: ActivationStore) -> bool:
        """Whether another object stands for this store, by whatever path."""
        return self.place.resolve() == other.place.resolve()

    def index(self, sample_id: str) -> int:
        """The row of a sample.

        Raises:
            StoreError: No sample has that id.
        """
        row = int(self.ids.rows([sample_id])[0])
        if row < 0:
            raise StoreError(f"{self.path} has no sample {sample_id!r}; its ids look like {self.sample_id[0]!r}")
        return row

    def array(self, name: str) -> zarr.Array[Any]:
        """An array of the store, by its name in the layout."""
        import zarr

        node = self._group.get(name)
        if not isinstance(node, zarr.Array):
            raise StoreError(f"{self.path} is damaged: its array {name!r} is missing")
        return node

    def column(self, name: str) -> npt.NDArray[Any]:
        """An array with one small value a sample, read whole, by its name in the layout."""
        try:
            return np.asarray(self.array(name)[...])
        except ValueError as error:
            raise StoreError(
                f"array {name!r} of {self.path} can't be decoded ({error}); run `nait verify` to see which rows"
            ) from error

    def group(self, name: str) -> zarr.Group | None:
        """A group of the store, if it is there."""
        import zarr

        node = self._group.get(name)
        return node if isinstance(node, zarr.Group) else None

    def key(self, name: str, block: int) -> str:
        """The key of a block's shard or chunk of an array (block 0 where the array doesn't grow with the samples)."""
        return "/".join([name, "c", str(block), *["0"] * (self.array(name).ndim - 1)])

    @property
    def wide_layers(self) -> dict[str, list[int]]:
        """The layers of each pool that are kept as float32 too, for float16 can't hold them."""
        layers: dict[str, list[int]] = self._attributes.get("wide_layers", {})
        return layers

    @property
    def threads(self) -> int | None:
        """How many threads of this process read it; None for one a processor."""
        return WAITING if self.remote else None

    @property
    def scores_only(self) -> bool:
        """Whether projections on some directions are kept in the place of activations."""
        return self.layout.scores_only

    @cached_property
    def projections(self) -> Projections:
        """What a store has in the place of activations, if it has none.

        Raises:
            StoreError: It has activations.
        """
        if not self.scores_only:
            raise StoreError(f"{self.path} keeps activations, and no projections in their place")
        return Projections(self)

    @property
    def block_arrays(self) -> list[str]:
        """The arrays of the layout that have a shard or chunk a block, the status that declares it whole first."""
        if self.scores_only:
            return [*self.layout.columns, "block_statistics"]
        pools = [self.layout.array(pool) for pool in self.layout.pools]
        wide = [
            wide_array(self.layout.array(pool), layer) for pool, layers in self.wide_layers.items() for layer in layers
        ]
        return [*self.layout.columns, *pools, *wide]

    @property
    def constant_arrays(self) -> list[str]:
        """The arrays of the layout that don't grow with the samples; a complete store has them."""
        names = ["layer", "pool", "neuron_mean", "neuron_std"]
        return names + ["direction"] * self.scores_only + ["first_token"] * self.shared_first_token

    def written(self, block: int) -> bool:
        """Whether a block has been written whole, as its status declares; a status that can't be read says no more."""
        if self.files.place(self.key("status", block)) is None:
            return False
        try:
            status = np.asarray(self.array("status")[self.layout.rows(block)])
        except ValueError:
            return True
        return not (status == Status.PENDING).any()

    def pool(self, name: str) -> PoolReader:
        """A reader of one pool's activations.

        `tail_mean` (all tokens but the first) is had from `mean` where every sample begins with the same token:
        a causal model then has one and the same activation there, which the store keeps once.

        Raises:
            StoreError: The store was captured without that pool, or keeps scores only.
        """
        self.require_activations()
        if name in self.layout.pools:
            return self._reader(name, name)
        if name == "tail_mean" and "mean" in self.layout.pools and self.shared_first_token:
            first = np.asarray(self.array("first_token")[...], np.float32)
            return self._reader(name, "mean", tail=(self.n_tokens, first))
        if name not in POOLS:
            raise StoreError(f"pool {name!r} is unknown; {self.path} has {', '.join(self.layout.pools)}")
        raise StoreError(
            f"{self.path} has the pools {', '.join(self.layout.pools)} but not {name!r}; "
            f"capture it again with `--pools {','.join((*self.layout.pools, name))}`"
        )

    def parts(self, pool: str) -> list[PoolReader]:
        """Readers of a captured pool that touch every byte of it: also the float16 form of its float32 layers."""
        self.require_activations()
        narrow = PoolReader(self.layout, self._sharded(self.layout.array(pool)), {})
        return [self._reader(pool, pool), *([narrow] if pool in self.wide_layers else [])]

    @property
    def shared_first_token(self) -> bool:
        """Whether all samples begin with the same token, whose activation is kept as `first_token`."""
        return bool(self._attributes["shared_first_token"])

    def statistics(self, pool: str) -> NeuronStatistics:
        """Mean and standard deviation of every neuron over the selectable samples.

        Raises:
            StoreError: They can't be had of that pool.
        """
        from nait_widgets.store.statistics import NeuronStatistics, neuron_statistics

        if self.complete and pool in self.layout.pools:
            position = self.layout.pools.index(pool)
            kept = (np.asarray(self.array(f"neuron_{kind}")[position]) for kind in ("mean", "std"))
            found = NeuronStatistics(*kept)
            if self.scores_only and np.isnan(found.mean).all():
                raise StoreError(
                    f"{self.path} keeps scores only, of rows taken from another store, whose neurons' means are not "
                    "known without activations"
                )
            return found
        if self.scores_only and pool in self.layout.pools:
            mean, std = merged_statistics(self)
            return NeuronStatistics(mean[self.layout.pools.index(pool)], std[self.layout.pools.index(pool)])
        if pool not in self._statistics:  # a derived pool's take a pass over the store
            self._statistics[pool] = neuron_statistics(self.pool(pool), self.selectable)
        return self._statistics[pool]

    def require_activations(self) -> None:
        """Raise where scores alone are kept."""
        if self.scores_only:
            raise StoreError(
                f"{self.path} keeps scores only (for {', '.join(map(repr, self.projections.names))}), and this takes "
                "activations; capture the rows again without `scores_only` (`--scores-only`)"
            )

    def refresh(self) -> None:
        """See what was saved meanwhile; a folder is always seen as it is."""
        if isinstance(self.path, Url):
            from nait_widgets.store.opening import open_store

            renewed = open_store(self.path)
            self._group, self.files = renewed._group, renewed.files

    def require_writable(self) -> None:
        """Raise where nothing can be saved into the store: a packed one, or one at a URL that can only be read."""
        if is_packed(self.path):
            raise StoreError(
                f"{self.path} is packed, so nothing can be saved into it; unpack it with `nait unpack {self.path}`"
            )
        if isinstance(self.path, Url):
            self.path.require_writable()

    def require_complete(self) -> None:
        """Raise unless every row has been captured."""
        if not self.complete:
            done = int(np.count_nonzero(self.status != Status.PENDING))
            raise StoreError(
                f"the capture of {self.path} is incomplete ({done:,} of {len(self):,} rows); "
                "run its `nait capture` command again to finish it"
            )

    def originals(self, rows: Sequence[int] | npt.NDArray[np.int64]) -> Iterator[dict[str, Any]]:
        """The source's rows, unchanged, key order included, one block in memory at a time."""
        return originals(self, rows)

    def text(self, name: str, rows: Sequence[int] | npt.NDArray[np.int64]) -> Iterator[str]:
        """The prompt, response or original (JSON) of some samples, in the order asked for.

        Raises:
            StoreError: The store was captured without text.
        """
        return texts(self, name, rows)

    def info(self) -> dict[str, Any]:
        """What the store is and where it came from, JSON-able."""
        return facts(self, self._attributes)

    def verify(self) -> Verification:
        """Check structure, completeness, every checksum, and that every selectable row is finite."""
        from nait_widgets.store.verification import verify

        return verify(self)

    def pack(self, path: str | os.PathLike[str] | None = None, *, text: bool = True, overwrite: bool = False) -> Path:
        """Write the store into one file that can be sent and opened as it is; see `store.packing.pack`.

        Args:
            path: The archive, `NAME.zarr.zip`; by default the store's own name beside it.
            text: Whether the samples' text goes along, and what was derived from it.
            overwrite: Replace a file that is there.
        """
        from nait_widgets.store.packing import pack

        return pack(self, path, text=text, overwrite=overwrite)

    def explain(self, sample_id: str, direction: Direction) -> Explanation:
        """Why a sample scores as it does: its exact contributions by layer and neuron."""
        from nait_widgets.explaining import explain

        return explain(self, sample_id, direction)

    def _reader(
        self, name: str, pool: str, tail: tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]] | None = None
    ) -> PoolReader:
        array = self.layout.array(pool)
        wide = {
            self.layout.layers.index(layer): self._sharded(wide_array(array, layer))
            for layer in self.wide_layers.get(pool, [])
        }
        return PoolReader(self.layout, self._sharded(array), wide, tail, source=(self, name), mapper=self.mapper)

    def _sharded(self, name: str) -> ShardedArray:
        return ShardedArray(self.array(name), self.layout.block_rows, self.layout.chunk_rows)
