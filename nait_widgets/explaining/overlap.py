"""Which neurons several sets share: of samples, by what they fire; of directions, by what they weigh."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from nait_widgets.errors import DirectionError, SelectionError, StoreError
from nait_widgets.explaining.profiles import direction_profile, jaccard, neuron_profiles, top_neurons
from nait_widgets.methods import Direction, space
from nait_widgets.selection import Selection

if TYPE_CHECKING:
    from nait_widgets.store import ActivationStore

Rows = npt.NDArray[np.int64]
Members = Selection | Direction | Sequence[str] | Sequence[int] | Rows
"""A set: a selection, a direction, ids, or rows."""

SHARE, FEWEST = 0.05, 10


class SharedNeuron(NamedTuple):
    """A neuron that is among the top of some sets.

    Attributes:
        neuron: Its number in the layer.
        sets: The names of the sets that have it among their top.
        profile: Mean over all sets of its profile, each as a share of the set's highest in that layer.
    """

    neuron: int
    sets: tuple[str, ...]
    profile: float


@dataclass(frozen=True, slots=True, eq=False)
class NeuronOverlap:
    """The neurons of several sets, and how far they agree.

    Attributes:
        names: Of the sets.
        layers: The decoder layers.
        profiles: How much each neuron belongs to a set, (set, layer, neuron) float64: the lift of a set of samples
            (`neuron_profile`), the weight in a direction (`direction_profile`).
        tops: The neurons of the highest profile, (set, layer, k) int64, −1 where a layer has fewer above 0.
        pairs: The pairs of sets, by position.
        jaccard: How far the tops of each pair agree, (pair, layer) from 0 to 1.
    """

    names: tuple[str, ...]
    layers: tuple[int, ...]
    profiles: npt.NDArray[np.float64]
    tops: npt.NDArray[np.int64]
    pairs: tuple[tuple[int, int], ...]
    jaccard: npt.NDArray[np.float64]

    def shared(self, layer: int, n: int = 20) -> list[SharedNeuron]:
        """The neurons of a layer that most sets have among their top; those of the same count by mean profile.

        Raises:
            SelectionError: The store has no such layer.
        """
        if layer not in self.layers:
            raise SelectionError(f"there is no layer {layer}; the sets have {', '.join(map(str, self.layers))}")
        position = self.layers.index(layer)
        tops, profiles = self.tops[:, position], self.profiles[:, position]
        highest = profiles.max(axis=1, keepdims=True)
        mean = (profiles / np.where(highest > 0, highest, 1)).mean(axis=0)
        has = np.zeros(profiles.shape, np.bool_)
        for own, top in zip(has, tops, strict=True):
            own[top[top >= 0]] = True
        count = has.sum(axis=0)
        order = np.lexsort((-mean, -count))
        return [
            SharedNeuron(int(j), tuple(self.names[i] for i in np.flatnonzero(has[:, j])), float(mean[j]))
            for j in order[:n]
            if count[j]
        ]


def overlap(store: ActivationStore, sets: Mapping[str, Members], k: int | None = None) -> NeuronOverlap:
    """Which neurons sets share, layer by layer.

    Args:
        store: The store that the samples are in; directions must be of its model, site and template.
        sets: Name to a selection, a direction, ids, or rows. Quarantined rows are left out.
        k: How many neurons a layer stand for a set. None for 5 % of them, at least 10: so few that two unrelated sets
            agree on next to none (by chance a Jaccard index of about 0.026), so many that one neuron more or less
            says little; and of fewer than 10 a single one would make a tenth.

    Raises:
        SelectionError: Fewer than two sets, an empty one, or a k out of range.
        StoreError: An id or row that the store doesn't have, or an incomplete store.
        DirectionError: A direction of another model, site, template or layers.
    """
    if len(sets) < 2:
        raise SelectionError(f"{len(sets)} set(s) given; an overlap needs at least two")
    n_neurons = store.layout.n_neurons
    if k is None:
        k = min(n_neurons, max(FEWEST, round(SHARE * n_neurons)))
    if not 1 <= k <= n_neurons:
        raise SelectionError(f"k is {k}, but must be from 1 to the {n_neurons} neurons of a layer")
    rows = {name: rows_of(store, name, own) for name, own in sets.items() if not isinstance(own, Direction)}
    directions = {name: own for name, own in sets.items() if isinstance(own, Direction)}
    for direction in directions.values():
        _check_direction(store, direction)
    of_rows = dict(zip(rows, neuron_profiles(store, list(rows.values())) if rows else [], strict=True))
    profiles = [of_rows[name] if name in of_rows else direction_profile(store, directions[name]) for name in sets]
    tops = np.stack([top_neurons(profile, k) for profile in profiles])
    pairs = tuple(combinations(range(len(sets)), 2))
    return NeuronOverlap(
        names=tuple(sets),
        layers=store.layout.layers,
        profiles=np.stack(profiles),
        tops=tops,
        pairs=pairs,
        jaccard=np.stack([jaccard(tops[a], tops[b]) for a, b in pairs]),
    )


def rows_of(store: ActivationStore, name: str, members: Members) -> Rows:
    """The rows of a set that may be selected, each once and in row order.

    Args:
        store: The store whose rows they are.
        name: What messages call the set.
        members: A selection, ids or rows.

    Raises:
        SelectionError: The set is empty, or neither ids nor rows.
        StoreError: The store has no such id or row.
    """
    if isinstance(members, Selection):
        # Rows of another store mean other samples; ids mean the same ones.
        members = members.rows if members.store.is_same(store) else members.ids
    given = np.asarray(members)
    if not given.size:
        raise SelectionError(f"set {name!r} is empty")
    if given.ndim == 1 and given.dtype.kind in "UTO":
        rows = _rows_of_ids(store, name, given)
    elif given.ndim == 1 and given.dtype.kind in "iu":
        rows = given.astype(np.int64)
    else:
        raise SelectionError(f"set {name!r} is neither ids nor row numbers nor a selection nor a direction")
    if (outside := rows[(rows < 0) | (rows >= len(store))]).size:
        raise StoreError(f"set {name!r} has row {outside[0]}, but {store.path} has those from 0 to {len(store) - 1}")
    rows = np.unique(rows)
    if not store.selectable[rows].any():
        raise SelectionError(f"set {name!r} is empty: all of its {len(rows):,} rows were quarantined")
    return rows[store.selectable[rows]]


def _rows_of_ids(store: ActivationStore, name: str, ids: npt.NDArray[np.generic]) -> Rows:
    rows = store.ids.rows(ids.tolist())
    if unknown := ids[rows < 0].tolist():
        raise StoreError(
            f"set {name!r} has {len(unknown):,} id(s) that {store.path} lacks, such as {unknown[0]!r}; "
            f"its ids look like {store.sample_id[0]!r}"
        )
    return rows


def _check_direction(store: ActivationStore, direction: Direction) -> None:
    here = space(store.provenance["model"], store.provenance["template"], store.layout.site)
    direction.require_same_space(here, f"store {store.path}")
    if absent := set(direction.layers) - set(store.layout.layers):
        raise DirectionError(f"direction {direction.name!r} has layers {sorted(absent)} that {store.path} lacks")
