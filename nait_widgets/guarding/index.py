"""Which of some sets another set may resemble, without comparing it with all of them."""

from __future__ import annotations

from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from nait_widgets.errors import NaitError
from nait_widgets.guarding.words import mixed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from nait_widgets.guarding.words import Hashes

    Items = npt.NDArray[np.int64]

SLOTS = 128  # minima of a MinHash signature
SEED = 1
BATCH = 4096  # sets whose signatures are held at a time
MISSED = 1e-4  # most pairs at the very threshold that no band brings together
CROWD = 32  # members of a bucket, and sets that one is compared with
LOWEST = 0.5  # below, bands are so short that everything meets everything


class Index:
    """Sets by their keys.

    Work is bounded whatever the sets are: a bucket keeps its first `CROWD` members, and a set is compared with the
    `CROWD` that share most keys with it. So where far more sets than that are alike, some pairs go unseen, but of such
    a crowd every set still meets another one.
    """

    def __init__(self) -> None:
        self._buckets: dict[int, list[int]] = {}

    def add(self, member: int, keys: Hashes) -> None:
        """Put in a set."""
        for key in keys.tolist():
            bucket = self._buckets.setdefault(key, [])
            if len(bucket) < CROWD:
                bucket.append(member)

    def candidates(self, keys: Hashes) -> list[int]:
        """The members that share most keys with a set, most first, those that came first among equals."""
        shared = Counter(chain.from_iterable(self._buckets.get(key, ()) for key in keys.tolist()))
        return [member for member, _ in shared.most_common(CROWD)]


class Holders:
    """Sets by their rarest members: whoever holds a share of one meets it, so that none escapes.

    To compare another set with all that it meets takes one look-up for each of their members.

    Args:
        sets: Sorted hashes, none twice.
        threshold: Least share.
    """

    def __init__(self, sets: Sequence[Hashes], threshold: float) -> None:
        self.sets = sets
        keys = rarest(sets, threshold)
        flat = np.concatenate([np.empty(0, np.uint64), *keys])
        order = np.argsort(flat, kind="stable")
        self._keys, starts = np.unique(flat[order], return_index=True)
        self._bounds = np.append(starts, len(flat))
        self._members = np.repeat(np.arange(len(sets)), [len(own) for own in keys])[order]

    def met(self, others: Sequence[Hashes]) -> Iterator[tuple[int, Items, Items]]:
        """Which sets some others may hold a share of.

        Yields:
            Of each other that meets any: its place, their places in rising order, how many members they share.
        """
        if not len(self._keys):
            return
        flat = np.concatenate([np.empty(0, np.uint64), *others])
        keys = np.minimum(np.searchsorted(self._keys, flat), len(self._keys) - 1)
        hit = self._keys[keys] == flat
        whose, starts = np.unique(
            np.repeat(np.arange(len(others)), [len(own) for own in others])[hit], return_index=True
        )
        for other, own in zip(whose.tolist(), np.split(keys[hit], starts[1:]), strict=False):
            met = [self._members[self._bounds[key] : self._bounds[key + 1]] for key in own.tolist()]
            sets = np.unique(np.concatenate(met))
            yield other, sets, self._shared(sets, others[other])

    def _shared(self, sets: Items, other: Hashes) -> Items:
        """How many members some sets, none of them empty, share with another."""
        parts = [self.sets[place] for place in sets.tolist()]
        starts = np.cumsum([0, *map(len, parts[:-1])])
        return np.add.reduceat(_held(np.concatenate(parts), other), starts, dtype=np.int64)


def band_keys(sets: Sequence[Hashes], threshold: float) -> Hashes:
    """The bands of each set's MinHash signature: (set, band).

    Two sets of Jaccard similarity s share a band of r minima with probability sʳ, and one of b bands but for
    (1 − sʳ)ᵇ. Of the bandings of 128 minima the one with the longest bands is taken that is good enough.

    Args:
        sets: Sorted hashes, none twice.
        threshold: Of Jaccard similarity.
    """
    bands = band_count(threshold)
    rows = SLOTS // bands
    keys = np.tile(np.arange(bands, dtype=np.uint64), (len(sets), 1))
    for start in range(0, len(sets), BATCH):
        minima = _minima(sets[start : start + BATCH])
        for offset in range(rows):
            batch = slice(start, start + len(minima))
            keys[batch] = mixed(keys[batch], minima[:, offset : bands * rows : rows])
    return keys


def rarest(sets: Sequence[Hashes], threshold: float) -> list[Hashes]:
    """Of each set, the members such that whoever holds at least a share of the set holds one of them.

    Of m, any ⌈threshold·m⌉ include one of m − ⌈threshold·m⌉ + 1; the rarest are taken, so that few others meet there.
    """
    values, counts = np.unique(np.concatenate([np.empty(0, np.uint64), *sets]), return_counts=True)
    chosen = []
    for members in sets:
        order = np.argsort(counts[np.searchsorted(values, members)], kind="stable")
        chosen.append(members[order[: len(members) - _at_least(threshold, len(members)) + 1]])
    return chosen


def jaccard(a: Hashes, b: Hashes) -> float:
    """Members of both sets / members of either; 0 where both are empty."""
    shared = _shared(a, b)
    return shared / max(1, len(a) + len(b) - shared)


def require_threshold(name: str, value: float, lowest: float) -> None:
    """Raise unless a threshold is from its lowest sensible value to 1."""
    if not lowest <= value <= 1:
        raise NaitError(f"{name} is {value}, but must be from {lowest:g} to 1")


def band_count(threshold: float) -> int:
    """The fewest bands that bring pairs at a threshold together, but for one in 10,000."""
    return next(SLOTS // rows for rows in range(SLOTS, 0, -1) if (1 - threshold**rows) ** (SLOTS // rows) <= MISSED)


def _minima(sets: Sequence[Hashes]) -> Hashes:
    """MinHash signatures: (set, slot)."""
    import rensa

    bounds = np.cumsum([0, *map(len, sets)], dtype=np.uint64)
    flat = np.concatenate([np.empty(0, np.uint64), *sets])
    matrix = rensa.RMinHash.digest_matrix_from_flat_token_hashes(flat, bounds, SLOTS, SEED)
    return np.array(matrix.to_rows(), np.uint64).reshape(len(sets), SLOTS)


def _at_least(threshold: float, count: int) -> int:
    """The fewest of some members that are a share of them, as a comparison of the shares decides."""
    likely = range(max(1, int(threshold * count) - 1), count + 1)
    return next((n for n in likely if n / count >= threshold), count)


def _shared(a: Hashes, b: Hashes) -> int:
    if len(a) > len(b):
        a, b = b, a
    return int(np.count_nonzero(_held(a, b)))


def _held(values: Hashes, members: Hashes) -> npt.NDArray[np.bool_]:
    """Which values are members of a set."""
    if not len(members):
        return np.zeros(len(values), np.bool_)
    held: npt.NDArray[np.bool_] = members[np.minimum(np.searchsorted(members, values), len(members) - 1)] == values
    return held
