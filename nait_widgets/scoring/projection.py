"""Directions × one pool of a store -> scores, streamed in one pass (Eq. 5)."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, NamedTuple

import numpy as np

from nait_widgets.progress import progress

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

    from nait_widgets.methods import Direction
    from nait_widgets.store import ActivationStore
    from nait_widgets.store.scan import Layers

    Floats = npt.NDArray[np.float64]


class Summed(NamedTuple):
    """The scores of some rows.

    Attributes:
        sums: Over the layers: (row, direction).
        layers: What each layer adds, (row, layer, direction); None where no z-score needs it.
    """

    sums: Floats
    layers: Floats | None


@dataclass(slots=True)
class Projection:
    """Several directions over one pool.

    Attributes:
        weights: (layer of the store, neuron, direction) float32; zero in layers a direction leaves out.
        used: Which layers each direction sums: (layer, direction).
        offset: Projection of the background's mean, taken off where a direction centres: (layer, direction).
        center: The background's mean (layer, neuron), where a cosine needs centred samples.
        cosine, zscore: Which directions: (direction,).
    """

    weights: npt.NDArray[np.float32]
    used: npt.NDArray[np.bool_]
    offset: Floats
    center: npt.NDArray[np.float32] | None
    centered: npt.NDArray[np.bool_]
    cosine: npt.NDArray[np.bool_]
    zscore: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, store: ActivationStore, directions: Sequence[Direction]) -> Projection:
        """Of directions that score the same pool."""
        layers, n = store.layout.layers, len(directions)
        weights = np.zeros((len(layers), store.layout.n_neurons, n), np.float32)
        used = np.zeros((len(layers), n), np.bool_)
        for column, direction in enumerate(directions):
            for position, layer in enumerate(direction.layers):
                weights[layers.index(layer), :, column] = direction.vectors[position]
                used[layers.index(layer), column] = direction.score.layers is None or layer in direction.score.layers
        options = [direction.score for direction in directions]
        cosine = np.array([o.similarity == "cosine" for o in options])
        if cosine.any():
            norms = np.linalg.norm(weights, axis=1, keepdims=True)
            weights = np.where(cosine & (norms > 0), weights / np.where(norms > 0, norms, 1), weights)
        centered = np.array([o.center == "pool" and o.similarity != "zscore" for o in options])  # a z-score centres
        center = store.statistics(options[0].pool).mean if centered.any() else None
        offset = np.zeros((len(layers), n))
        if center is not None:
            offset = np.einsum("ld,ldm->lm", center.astype(np.float64), weights.astype(np.float64)) * centered
        zscore = np.array([o.similarity == "zscore" for o in options])
        return cls(weights, used, offset, center, centered, cosine, zscore)

    def run(self, store: ActivationStore, pool: str) -> tuple[Floats, Floats, Floats]:
        """Scores (sample, direction), and mean and scale (direction, layer) of every layer's projection."""
        return self.sum(store, store.pool(pool).map_chunks(self._project))

    def sum(self, store: ActivationStore, chunks: Iterable[tuple[slice, Summed]]) -> tuple[Floats, Floats, Floats]:
        """The same from the projections themselves, wherever they come from, in row order."""
        selectable, chunk_rows = store.selectable, store.layout.chunk_rows
        scores = np.empty((len(store), self.weights.shape[2]))
        moments = Moments(*self.used.shape)
        who = "scoring" if store.mapper is None else f"scoring on {store.mapper}"
        with tempfile.TemporaryFile() as spool, progress(len(store), who, "samples") as bar:
            for rows, (sums, layer_scores) in chunks:
                scores[rows] = sums
                if layer_scores is not None:
                    # The spread is known only at the end; the projections are some thousand times smaller than the
                    # activations, but still grow with the samples, so they wait on disk.
                    moments.add(layer_scores[selectable[rows]])
                    spool.write(layer_scores.astype(np.float32).data)
                bar.update(rows.stop - rows.start)
            mean, scale = self.offset.copy(), np.ones_like(self.offset)
            if self.zscore.any():
                mean = np.where(self.zscore, moments.mean, mean)
                scale = np.where(self.zscore, moments.std, scale)
                scores[:, self.zscore] = self._standardise(spool, mean, scale, len(store), chunk_rows)
        return scores, mean.T, scale.T

    def summed(self, layer_scores: Floats) -> Summed:
        """What `sum` takes of some rows, whose projections are (row, layer, direction)."""
        sums = np.where(self.used, layer_scores, 0).sum(axis=1)
        return Summed(sums, layer_scores if self.zscore.any() else None)

    def _project(self, rows: slice, layers: Layers) -> Summed:
        out = np.empty((rows.stop - rows.start, *self.used.shape))
        for layer, values in layers:
            projected = values @ self.weights[layer]
            out[:, layer] = projected - self.offset[layer]
            if self.cosine.any():
                out[:, layer] /= self._norms(layer, values)
        return self.summed(out)

    def _norms(self, layer: int, values: npt.NDArray[np.float32]) -> Floats:
        """What a cosine divides by; 1 for the other directions: (row, direction)."""
        plain = np.linalg.norm(values, axis=1)[:, None]
        norms = np.where(self.cosine, plain, 1.0)
        if self.center is not None:
            about = np.linalg.norm(values - self.center[layer], axis=1)[:, None]
            norms = np.where(self.cosine & self.centered, about, norms)
        return np.where(norms > 0, norms, 1.0)

    def _standardise(self, spool: IO[bytes], mean: Floats, scale: Floats, n: int, chunk_rows: int) -> Floats:
        """Sum of the layers' z-scores: (sample, z-scored direction)."""
        spool.seek(0)
        out = np.empty((n, int(self.zscore.sum())))
        safe = np.where(scale > 0, scale, np.inf)  # a layer in which no sample differs says nothing
        for start in range(0, n, chunk_rows):
            count = min(chunk_rows, n - start) * mean.size
            values = np.frombuffer(spool.read(4 * count), np.float32).reshape(-1, *mean.shape)
            z = np.where(self.used, (values - mean) / safe, 0)
            out[start : start + len(z)] = z.sum(axis=1)[:, self.zscore]
        return out


class Moments:
    """Running mean and standard deviation (Chan et al. 1983), summed in row order."""

    def __init__(self, n_layers: int, n_directions: int) -> None:
        self._n = 0
        self.mean: Floats = np.zeros((n_layers, n_directions))
        self._squares: Floats = np.zeros((n_layers, n_directions))

    def add(self, values: Floats) -> None:
        """Take in (row, layer, direction)."""
        if not len(values):
            return
        n, mean = len(values), values.mean(axis=0)
        delta = mean - self.mean
        self._squares += np.square(values - mean).sum(axis=0) + delta**2 * (self._n * n / (self._n + n))
        self.mean += delta * (n / (self._n + n))
        self._n += n

    @property
    def std(self) -> Floats:
        """Population standard deviation."""
        return np.sqrt(self._squares / max(1, self._n))
