"""Counting ids in little memory: what a dict counts, whatever the numbers."""

from __future__ import annotations

import random
import tracemalloc
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nait_widgets.errors import RecordError
from nait_widgets.records import read_records, reading
from nait_widgets.records.tally import Tally


def counted(numbers: list[int]) -> tuple[list[int], list[int]]:
    """How often each has come by its turn: as told, and by a dict."""
    tally, reference = Tally(), Counter[int]()
    told, true = [], []
    for number in numbers:
        told.append(tally.add(number))
        reference[number] += 1
        true.append(reference[number])
    return told, true


CROWDED = st.integers(0, 40) | st.integers(2**64 - 40, 2**64 - 1) | st.integers(0, 60).map(lambda i: i * 45045 * 2**8)


@settings(max_examples=200, deadline=None)
@given(st.lists(CROWDED | st.integers(0, 2**64 - 1), max_size=400))
def test_a_tally_counts_as_a_dict_does(numbers: list[int]) -> None:
    told, true = counted(numbers)
    assert told == true


def test_a_tally_of_many() -> None:
    rng = random.Random(0)
    numbers = [rng.getrandbits(64) for _ in range(30_000)]
    numbers += rng.choices(numbers[:15_000], k=20_000) + [0, 7] * 600 + [2**64 - 1] * 300
    rng.shuffle(numbers)
    told, true = counted(numbers)
    assert told == true


def test_a_tally_takes_little_memory() -> None:
    n = 200_000
    numbers = np.random.default_rng(0).integers(2**64, size=n, dtype=np.uint64)
    tracemalloc.start()
    try:
        tally = Tally()
        for number in numbers:
            tally.add(int(number))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 21 * n


def ids(rows: list[dict[str, str]]) -> list[str]:
    """The ids of rows without their own, as they are defined: by content, and twins counted."""
    copies = Counter[str]()
    found = []
    for row in rows:
        (alone,) = read_records([row])
        copies[alone.id] += 1
        found.append(alone.id if copies[alone.id] == 1 else f"{alone.id}-{copies[alone.id]}")
    return found


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=2, max_size=40), st.integers(0, 39), st.booleans())
def test_twins_are_counted_from_the_beginning(contents: list[int], start: int, checked: bool) -> None:
    rows = [{"prompt": "p", "completion": f"c{content}"} for content in contents]
    records = read_records(rows)
    if checked:
        records.check()
    expected = ids(rows)
    start %= len(rows)
    for _ in range(2):
        assert [record.id for record in records] == expected
        assert [record.id for record in records.part(slice(start, None))] == expected[start:]


@pytest.mark.parametrize("kinds", [1, 3, 2**64])
@settings(max_examples=50, deadline=None)
@given(names=st.lists(st.sampled_from("abcdefghij"), min_size=1, max_size=12))
def test_own_ids_are_told_apart_whatever_their_hashes(kinds: int, names: list[str]) -> None:
    class Colliding(Tally):
        def add(self, number: int) -> int:
            return super().add(number % kinds)

    rows = [{"id": name, "prompt": "p", "completion": "c"} for name in names]
    second = next((row for row, name in enumerate(names) if name in names[:row]), None)
    read: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "Tally", Colliding)
        records = read_records(rows)
        if second is None:
            assert [record.id for record in records] == names
            return
        with pytest.raises(RecordError) as caught:
            read.extend(record.id for record in records)
    assert read == names[:second]
    assert (caught.value.row, caught.value.field) == (second + 1, "id")
    assert f"the id {names[second]!r} is that of row {names.index(names[second]) + 1} too" in str(caught.value)
