"""Streams one pool of a store as float32 chunks, in parallel and with bounded memory."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from nait_widgets.errors import StoreError
from nait_widgets.store.mapping import WAITING, Mapper, Threads
from nait_widgets.store.records import checksums
from nait_widgets.store.shards import Scratch, ShardedArray

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy.typing as npt

    from nait_widgets.store import ActivationStore
    from nait_widgets.store.layout import Layout

    Floats = npt.NDArray[np.float32]
    Layers = Iterator[tuple[int, Floats]]
    Chunks = Iterator[tuple[slice, Floats]]

T = TypeVar("T")
_TASK_BYTES = 1 << 30  # of activations, that one task reads at most: some tenths of a second's work


class PoolReader:
    """The activations of one pool, read chunk by chunk.

    A chunk is float32 (rows, neuron) of one layer and is valid until the next is read. Rows without activations
    (quarantined) are NaN.

    Args:
        layout: The store's shape.
        array: The pool's own array.
        wide: The float32 arrays of the layers that float16 can't hold, by position of the layer.
        tail: Where the pool is derived: (tokens a row (sample,), activation of the shared first token
            (layer, neuron)), by which the mean over all tokens becomes the mean over all but the first.
        source: The store and the pool's name there, by which another process can have the same reader.
        mapper: Who runs what is mapped over chunks or layers.
    """

    def __init__(
        self,
        layout: Layout,
        array: ShardedArray,
        wide: dict[int, ShardedArray],
        tail: tuple[npt.NDArray[np.int32], Floats] | None = None,
        *,
        source: tuple[ActivationStore, str] | None = None,
        mapper: Mapper | None = None,
    ) -> None:
        self.layout, self._array, self._wide, self._tail = layout, array, wide, tail
        self.mapper: Mapper = mapper or Threads(WAITING if array.remote else None)
        self._source = source
        self._local = threading.local()

    def __reduce__(self) -> tuple[Any, ...]:
        assert self._source is not None
        store, pool = self._source
        return store.pool, (pool,)

    @property
    def direct(self) -> bool:
        """Whether shards are read without zarr-python."""
        return self._array.direct

    @property
    def n_chunks(self) -> int:
        """Row chunks."""
        return -(-self.layout.n_samples // self.layout.chunk_rows)

    def rows(self, chunk: int) -> slice:
        """The samples of a row chunk."""
        start = chunk * self.layout.chunk_rows
        return slice(start, min(start + self.layout.chunk_rows, self.layout.n_samples))

    def layers(self, chunk: int, *, whole: bool = False) -> Layers:
        """Every layer of a row chunk: (position of the layer, activations).

        Args:
            chunk: Which.
            whole: Whether the other row chunks of its shard will be read too.
        """
        block, within = self._place(chunk)
        rows = self.rows(chunk)
        with self._array.shard(block, whole=whole) as shard:
            shard.expect((within, layer) for layer in range(len(self.layout.layers)) if layer not in self._wide)
            for layer in range(len(self.layout.layers)):
                if layer in self._wide:
                    with self._wide[layer].shard(block) as wide:
                        values = wide.read(within, 0, self._scratch(wide=True))
                else:
                    values = shard.read(within, layer, self._scratch())
                yield layer, self.derive(values[: rows.stop - rows.start], rows, layer)

    def chunks(self, layer: int) -> Chunks:
        """Every row chunk of a layer, by its position: (rows, activations)."""
        array, position = self._array_of(layer)
        for block in range(self.layout.n_blocks):
            with array.shard(block) as shard:
                block_rows = self.layout.rows(block)
                starts = range(block_rows.start, block_rows.stop, self.layout.chunk_rows)
                shard.expect((within, position) for within in range(len(starts)))
                for within, start in enumerate(starts):
                    rows = self.rows(start // self.layout.chunk_rows)
                    values = shard.read(within, position, self._scratch(wide=layer in self._wide))
                    yield rows, self.derive(values[: rows.stop - rows.start], rows, layer)

    def neurons(self, layer: int, neurons: Sequence[int], chunks: Sequence[int] | None = None) -> Floats:
        """Some neurons of a layer, by its position, in all row chunks or in some: (sample, len(neurons)) float32."""
        array, position = self._array_of(layer)

        def read(chunk: int) -> Floats:
            rows, (block, within) = self.rows(chunk), self._place(chunk)
            with array.shard(block) as shard:
                values = shard.read(within, position, self._scratch(wide=layer in self._wide))
            return self.derive(values[: rows.stop - rows.start], rows, layer)[:, neurons]

        pieces = range(self.n_chunks) if chunks is None else chunks
        return np.concatenate(list(self.mapper.map(read, pieces, self._chunks_a_task)))

    def map_chunks(self, work: Callable[[slice, Layers], T]) -> Iterator[tuple[slice, T]]:
        """Run `work(rows, layers)` on every row chunk in parallel; results come in row order.

        The work may run in another process: what it finds must be what it returns.
        """
        return self.mapper.map(
            lambda i: (self.rows(i), work(self.rows(i), self.layers(i, whole=True))),
            range(self.n_chunks),
            self._chunks_a_task,
        )

    def map_layers(self, work: Callable[[int, Chunks], T]) -> Iterator[T]:
        """Run `work(layer, chunks)` on every layer in parallel; results come in layer order.

        The work may run in another process: what it finds must be what it returns.
        """
        return self.mapper.map(lambda i: work(i, self.chunks(i)), range(len(self.layout.layers)))

    def take(self, rows: npt.NDArray[np.int64]) -> Floats:
        """The activations of some samples: (len(rows), layer, neuron) float32."""
        out = np.empty((len(rows), len(self.layout.layers), self.layout.n_neurons), np.float32)
        chunk_of = rows // self.layout.chunk_rows
        for chunk in np.unique(chunk_of):
            wanted = np.flatnonzero(chunk_of == chunk)
            for layer, values in self.layers(int(chunk)):
                out[wanted, layer] = values[rows[wanted] - self.rows(int(chunk)).start]
        return out

    def row_bytes(self, layer: int) -> int:
        """Bytes of a sample of a layer, by its position, as stored."""
        return self.layout.n_neurons * self._array_of(layer)[0].dtype.itemsize

    def single(self, rows: npt.NDArray[np.int64], layer: int, sums: npt.NDArray[np.uint32]) -> Floats:
        """Single samples of a layer, by its position, as the captured pool has them: (len(rows), neuron) float32.

        Args:
            rows: Which, ascending.
            layer: Position of the layer.
            sums: CRC-32C of each one's bytes, as stored.

        Raises:
            StoreError: One is missing or not as it was written.
        """
        array, position = self._array_of(layer)
        found = array.single(rows, position)
        for row in rows[checksums(found) != sums][:1].tolist():
            raise StoreError(
                f"layer {self.layout.layers[layer]} of row {row:,} of {array.name!r} isn't what the fingerprint was "
                "made of; run `nait verify`, and make the fingerprint again"
            )
        return found.view(array.dtype).astype(np.float32)

    def _array_of(self, layer: int) -> tuple[ShardedArray, int]:
        """The array that holds a layer, and the layer's position in it."""
        return (self._wide[layer], 0) if layer in self._wide else (self._array, layer)

    def _place(self, chunk: int) -> tuple[int, int]:
        return divmod(chunk, self.layout.block_rows // self.layout.chunk_rows)

    @property
    def _chunks_a_task(self) -> int:
        values = self.layout.chunk_rows * len(self.layout.layers) * self.layout.n_neurons
        return max(1, _TASK_BYTES // (values * np.dtype(self.layout.dtype).itemsize))

    def _scratch(self, *, wide: bool = False) -> Scratch:
        name = "wide" if wide else "own"
        if not hasattr(self._local, name):
            source = next(iter(self._wide.values())) if wide else self._array
            setattr(self._local, name, source.scratch())
        scratch: Scratch = getattr(self._local, name)
        return scratch

    def derive(self, values: Floats, rows: slice | npt.NDArray[np.int64], layer: int) -> Floats:
        """What the pool makes, in place, of a layer of the captured pool that it is had from: (row, neuron)."""
        if self._tail is None:
            return values
        n_tokens, first = self._tail
        n = np.maximum(n_tokens[rows], 2).astype(np.float32)[:, None]
        values *= n / (n - 1)
        values -= first[layer] / (n - 1)
        return values
