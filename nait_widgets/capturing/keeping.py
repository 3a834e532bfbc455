"""What a window keeps of its pooled activations: themselves, or their projections on directions known beforehand."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from nait_widgets.capturing.pooling import check_pools
from nait_widgets.errors import DirectionError, StoreError
from nait_widgets.methods import Direction
from nait_widgets.store.projections import Moments, label, require_linear

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from nait_widgets.capturing.forward import Pooled
    from nait_widgets.fingerprints import Basis
    from nait_widgets.methods.direction import Space
    from nait_widgets.store import Layout
    from nait_widgets.store.layout import Wide

    Array = npt.NDArray[Any]
    Floats = npt.NDArray[np.float32]
    Rows = npt.NDArray[np.int64]


DEFAULT_POOLS = ("mean", "response_mean")


@dataclass(frozen=True, slots=True)
class Target:
    """A direction that scores are kept for; two are equal where their labels are, also in different processes.

    Attributes:
        label: What tells it from all others.
        direction: The direction, without what only its health needs.
    """

    label: str
    direction: Direction = field(compare=False)


def targets(directions: Direction | Sequence[Direction]) -> tuple[Target, ...]:
    """One or more directions as a capture of scores takes them.

    Raises:
        DirectionError: Two share a name, or the score of one can't be had without activations.
    """
    directions = [directions] if isinstance(directions, Direction) else directions
    names = [direction.name for direction in directions]
    if len(set(names)) < len(names):
        raise DirectionError(f"two directions are named {max(names, key=names.count)!r}; rename one with `named(...)`")
    for direction in directions:
        require_linear(direction)
    # A worker is sent each with every window: without its resamples, which are most of it.
    return tuple(
        Target(label(each.name, each.digest), replace(each, resamples=(), resampled=each.resampled[:0]))
        for each in directions
    )


def pools_for(asked: Sequence[str] | None, kept: Sequence[Target]) -> tuple[str, ...]:
    """The pools of a capture: those asked for, or, where scores are kept, those that they are of.

    Raises:
        StoreError: A name is unknown, none is given, or some are given though the directions say which.
    """
    if kept and asked is not None:
        raise StoreError("scores are of the pools that their directions say: give `scores_only` or `pools`, not both")
    return _pools_of(kept) if kept else check_pools(DEFAULT_POOLS if asked is None else asked)


def norms_of(kept: Sequence[Target]) -> tuple[str, ...]:
    """The pools whose activations' norms some directions' cosines divide by."""
    cosines = [target for target in kept if target.direction.score.similarity == "cosine"]
    return _pools_of(cosines)


def _pools_of(kept: Sequence[Target]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(target.direction.score.pool for target in kept))


def require_space(kept: Sequence[Target], here: Space, layers: Sequence[int]) -> None:
    """Raise unless directions belong to what is captured.

    Raises:
        DirectionError: The first difference, naming both.
    """
    for direction in (target.direction for target in kept):
        direction.require_same_space(here, "this capture")
        if absent := set(direction.layers) - set(layers):
            raise DirectionError(f"direction {direction.name!r} has layers {sorted(absent)} that aren't captured")


class Part(NamedTuple):
    """What is kept of some rows, as `Block` has it."""

    columns: dict[str, Array]
    activations: dict[str, Array]
    wide: Wide
    statistics: Array | None


class Kept(Protocol):
    """Host arrays of one window, filled batch by batch."""

    def fill(self, rows: Rows, pooled: Pooled) -> None:
        """Take in a batch, whose rows' places in the window these are; nothing of rows that aren't finite."""

    def of(self, own: slice) -> Part:
        """What is kept of some rows of the window."""


class Activations:
    """The pooled activations themselves, and the strongest neurons of the first pool.

    Args:
        n: Rows.
        layout: The store's shape.
        unfilled: Rows that never run: (row,).
    """

    def __init__(self, n: int, layout: Layout, unfilled: Rows) -> None:
        self._layout = layout
        shape = (n, len(layout.layers), layout.n_neurons)
        # Not filled with NaN at once: every row that runs is written over, and a window of a large model is 2 GB.
        self._narrow: dict[str, Array] = {pool: np.empty(shape, layout.dtype) for pool in layout.pools}
        for values in self._narrow.values():
            values[unfilled] = np.nan
        self._wide: dict[int, dict[str, Floats]] = {}
        ranks = (n, len(layout.layers), layout.top_neurons)
        self._top_index, self._top_value = np.zeros(ranks, np.int32), np.full(ranks, np.nan, np.float32)

    def fill(self, rows: Rows, pooled: Pooled) -> None:
        """Take in a batch; nothing of rows that aren't finite."""
        for p, pool in enumerate(self._layout.pools):
            self._narrow[pool][rows] = pooled.activations[:, p]
        for layer, values in pooled.wide.items():
            for p, pool in enumerate(self._layout.pools):
                self._wide_layer(layer, pool)[rows] = values[:, p]
        for layer in self._wide.keys() - pooled.wide.keys():
            for pool, values in self._wide[layer].items():
                values[rows] = self._narrow[pool][rows, layer]
        self._top_index[rows], self._top_value[rows] = pooled.top_index, pooled.top_value
        self._forget(rows[~pooled.finite])

    def of(self, own: slice) -> Part:
        """What is kept of some rows of the window."""
        return Part(
            {"top_neuron_index": self._top_index[own], "top_neuron_value": self._top_value[own]},
            {pool: values[own] for pool, values in self._narrow.items()},
            {(pool, layer): values[own] for layer, pools in self._wide.items() for pool, values in pools.items()},
            None,
        )

    def _forget(self, rows: Rows) -> None:
        wide = (values for pools in self._wide.values() for values in pools.values())
        for values in (*self._narrow.values(), *wide, self._top_value):
            values[rows] = np.nan
        self._top_index[rows] = 0

    def _wide_layer(self, layer: int, pool: str) -> Floats:
        pools = self._wide.setdefault(layer, {})
        if pool not in pools:
            pools[pool] = self._narrow[pool][:, layer].astype(np.float32)
        return pools[pool]


def held(pooled: Pooled) -> Floats:
    """The activations of a batch's finite rows as a store would hold them: (row, pool, layer, neuron)."""
    values = pooled.activations[pooled.finite].astype(np.float32)
    for layer, exact in pooled.wide.items():
        values[:, :, layer] = exact[pooled.finite]
    return values


class Scores:
    """Projections on some directions, of activations as a store would hold them: rounded to float16 where it would.

    Args:
        n: Rows.
        layout: The store's shape.
        kept: The directions.
        basis: Of the fingerprints that are kept as well, if any are.
    """

    def __init__(self, n: int, layout: Layout, kept: Sequence[Target], basis: Basis | None) -> None:
        self._layout, self._kept, self._basis = layout, kept, basis
        self._projection = np.full((n, len(kept), len(layout.layers)), np.nan, np.float32)
        self._norm = np.full((n, len(layout.norms), len(layout.layers)), np.nan, np.float32)
        self._moments = Moments((len(layout.pools), len(layout.layers), layout.n_neurons))
        self._vectors = np.zeros((len(layout.layers), len(kept), layout.n_neurons), np.float32)
        for i, direction in enumerate(target.direction for target in kept):
            self._vectors[[layout.layers.index(layer) for layer in direction.layers], i] = direction.vectors
        if basis is not None:
            nothing = np.full((1, *basis.mean.shape), np.nan, np.float32)
            self._fingerprint = basis.encode(nothing)["stage_0"].repeat(n, axis=0)

    def fill(self, rows: Rows, pooled: Pooled) -> None:
        """Take in a batch; nothing of rows that aren't finite."""
        rows, values = rows[pooled.finite], held(pooled)
        for p, pool in enumerate(self._layout.pools):
            columns = [i for i, target in enumerate(self._kept) if target.direction.score.pool == pool]
            for layer, vectors in enumerate(self._vectors):
                self._projection[rows[:, None], columns, layer] = values[:, p, layer] @ vectors[columns].T
            if pool in self._layout.norms:
                self._norm[rows, self._layout.norms.index(pool)] = np.linalg.norm(values[:, p], axis=-1)
        self._moments.add(values)
        if self._basis is not None and len(rows):
            self._fingerprint[rows] = self._basis.encode(values[:, 0])["stage_0"]

    def of(self, own: slice) -> Part:
        """What is kept of some rows; the statistics are of all, since a window is one block."""
        columns: dict[str, Array] = {"projection": self._projection[own]}
        if self._layout.norms:
            columns["norm"] = self._norm[own]
        if self._basis is not None:
            columns[self._layout.fingerprint] = self._fingerprint[own]
        return Part(columns, {}, {}, np.stack(self._moments.statistics))
