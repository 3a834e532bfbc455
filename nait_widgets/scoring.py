"""Directions and other scorers × store -> scores; directions are streamed in one pass."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from nait_widgets.errors import DirectionError
from nait_widgets.methods import Direction, space
from nait_widgets.methods import preset as find_preset
from nait_widgets.progress import progress
from nait_widgets.scorers import Scorer
from nait_widgets.scorers import scorer as find_scorer

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    import xarray as xr

    from nait_widgets.scored import Scored
    from nait_widgets.store import ActivationStore
    from nait_widgets.store.scan import Layers

    Floats = npt.NDArray[np.float64]


def score(
    store: ActivationStore,
    scorers: Scored | str | Sequence[Scored | str],
    *,
    preset: str | None = None,
    workers: int | None = None,
    **options: Any,
) -> xr.Dataset:
    """Score every sample of a store under one or more directions (Eq. 5) or other scorers.

    All directions are scored in one pass over each pool that they use. How candidates are projected is each
    direction's own (`Direction.score`), unless a preset or options say otherwise; those are no matter to a scorer.

    Args:
        store: A complete store.
        scorers: Directions of the same model, site and template as the store; scorers; or, of kinds that need no
            targets, their names, such as `"length"`.
        preset: Whose `ScoreOptions` to use; the directions must have been fitted as it says.
        options: Fields of `ScoreOptions` to change.
        workers: Reading threads; None for one a processor, at most 8.

    Returns:
        `score` (sample, direction) float64, NaN where a sample has none: where it was quarantined, or a scorer can't
        tell; `layer_mean` and `layer_scale` (direction, layer): what each layer's projection was centred and divided
        by, NaN for a scorer; `status` and `n_tokens` (sample); coordinates `sample_id` and `direction`, the columns'
        names; the store, and by what each column is (`directions`), as attributes.

    Raises:
        StoreError: The store is incomplete, damaged, or lacks a pool.
        DirectionError: A direction doesn't belong to the store, two columns share a name, or options are given
            without a direction that they are for.
        ScorerError: There is no such scorer, or the store lacks what it needs.
    """
    given = [scorers] if isinstance(scorers, Direction | Scorer | str) else list(scorers)
    named = [find_scorer(each) if isinstance(each, str) else each for each in given]
    scored = [_as_asked(each, preset, options) if isinstance(each, Direction) else each for each in named]
    directions = {i: each for i, each in enumerate(scored) if isinstance(each, Direction)}
    if (preset is not None or options) and not directions:
        raise DirectionError(f"{', '.join(options) or 'a preset'} can only be said of directions, and none is given")
    _check(store, scored)
    scores = np.full((len(store), len(scored)), np.nan)
    means, scales = np.full((2, len(scored), len(store.layout.layers)), np.nan)
    for pool in dict.fromkeys(direction.score.pool for direction in directions.values()):
        columns = [i for i, direction in directions.items() if direction.score.pool == pool]
        projection = _Projection.of(store, [directions[i] for i in columns])
        scores[:, columns], means[columns], scales[columns] = projection.run(store, pool, workers)
    for i, each in enumerate(scored):
        if isinstance(each, Scorer):
            scores[:, i] = each.score(store)
    scores[~store.selectable] = np.nan
    return as_dataset(store, scored, scores, means, scales)


def as_dataset(
    store: ActivationStore, scored: Sequence[Scored], scores: Floats, means: Floats, scales: Floats
) -> xr.Dataset:
    """Scores as `score` returns them.

    Args:
        store: What was scored.
        scored: By what.
        scores: (sample, direction).
        means: What each layer's projection was centred by: (direction, layer).
        scales: What it was divided by: (direction, layer).
    """
    import xarray as xr

    return xr.Dataset(
        {
            "score": (("sample", "direction"), scores),
            "layer_mean": (("direction", "layer"), means),
            "layer_scale": (("direction", "layer"), scales),
            "status": ("sample", store.status),
            "n_tokens": ("sample", store.n_tokens),
        },
        coords={
            "sample_id": ("sample", store.sample_id),
            "direction": [each.name for each in scored],
            "layer": list(store.layout.layers),
        },
        attrs={
            # The values themselves: what is selected by these scores can then say how to repeat it.
            "store": store,
            "directions": tuple(scored),
        },
    )


@dataclass(slots=True)
class _Projection:
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
    def of(cls, store: ActivationStore, directions: Sequence[Direction]) -> _Projection:
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

    def run(self, store: ActivationStore, pool: str, workers: int | None) -> tuple[Floats, Floats, Floats]:
        """Scores (sample, direction), and mean and scale (direction, layer) of every layer's projection."""
        reader, selectable = store.pool(pool), store.selectable
        scores = np.empty((len(store), self.weights.shape[2]))
        moments = _Moments(*self.used.shape)
        with tempfile.TemporaryFile() as spool, progress(len(store), "scoring", "samples") as bar:
            for rows, layer_scores in reader.map_chunks(self._project, workers):
                scores[rows] = np.where(self.used, layer_scores, 0).sum(axis=1)
                if self.zscore.any():
                    # The spread is known only at the end; the projections are some thousand times smaller than the
                    # activations, but still grow with the samples, so they wait on disk.
                    moments.add(layer_scores[selectable[rows]])
                    spool.write(layer_scores.astype(np.float32).data)
                bar.update(rows.stop - rows.start)
            mean, scale = self.offset.copy(), np.ones_like(self.offset)
            if self.zscore.any():
                mean = np.where(self.zscore, moments.mean, mean)
                scale = np.where(self.zscore, moments.std, scale)
                scores[:, self.zscore] = self._standardise(spool, mean, scale, len(store), reader.layout.chunk_rows)
        return scores, mean.T, scale.T

    def _project(self, rows: slice, layers: Layers) -> Floats:
        """Every layer's projection on every direction: (row, layer, direction)."""
        out = np.empty((rows.stop - rows.start, *self.used.shape))
        for layer, values in layers:
            projected = values @ self.weights[layer]
            out[:, layer] = projected - self.offset[layer]
            if self.cosine.any():
                out[:, layer] /= self._norms(layer, values)
        return out

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


class _Moments:
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


def _as_asked(direction: Direction, preset: str | None, options: dict[str, Any]) -> Direction:
    if preset is not None:
        asked = find_preset(preset)
        if direction.fit != asked.fit:
            raise DirectionError(
                f"direction {direction.name!r} was fitted otherwise ({direction.fit}) than preset {preset!r} says; "
                f"fit it with preset={preset!r}"
            )
        direction = replace(direction, score=asked.score)
    return direction.scored_by(**options)


def _check(store: ActivationStore, scored: Sequence[Scored]) -> None:
    """Raise before any work is done for nothing."""
    if not scored:
        raise DirectionError("nothing to score by is given; fit a direction with `nait fit`, or name a scorer")
    store.require_complete()
    for each in scored:
        if isinstance(each, Direction):
            _check_direction(store, each)
        else:
            each.require(store)
    names = [each.name for each in scored]
    if len(set(names)) < len(names):
        raise DirectionError(f"two columns are named {max(names, key=names.count)!r}; rename one with `named(...)`")


def _check_direction(store: ActivationStore, direction: Direction) -> None:
    here: Any = space(store.provenance["model"], store.provenance["template"], store.layout.site)
    direction.require_same_space(here, f"store {store.path}")
    absent = set(direction.layers) - set(store.layout.layers)
    asked = set(direction.score.layers or ()) - set(direction.layers)
    if absent:
        raise DirectionError(f"direction {direction.name!r} has layers {sorted(absent)} that {store.path} lacks")
    if asked:
        raise DirectionError(f"direction {direction.name!r} is to use layers {sorted(asked)}, which it lacks")
    store.pool(direction.score.pool)
