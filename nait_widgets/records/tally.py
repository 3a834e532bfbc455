"""How often each of very many numbers has come, in 14 to 20 bytes a number, where a dict takes a hundred."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Places = npt.NDArray[np.int64]

PARTS = 64  # tables, each of which grows by itself: what growing takes besides is a 64th of the whole
FULLEST = 0.7  # share of a table's places that may be taken
GROWTH = 1.4
SPARE = 32  # places behind the last one that a number can belong to
MOST = 255  # what a byte counts to


class _Table(NamedTuple):
    """Numbers by open addressing: each at its place, the remainder by `size`, or at the next one that was free.

    The last place stays free, so that every search ends.

    Attributes:
        size: Places that a number can belong to; behind them are some to spare.
        marks: A few bits of the number at each place, so that most others needn't be looked at; 0 where it is free.
        numbers: The number.
        again: How often it has come after the first time.
    """

    size: int
    marks: bytearray
    numbers: array[int]
    again: bytearray

    @classmethod
    def empty(cls, size: int) -> _Table:
        length = size + SPARE + 1
        return cls(size, bytearray(length), array("Q", bytes(8 * length)), bytearray(length))


class Tally:
    """Counts numbers of 64 bits: exactly, and fast where they are as good as random, as hashes are."""

    def __init__(self) -> None:
        self._tables = [_Table.empty(9)] * PARTS  # the same for all: none has room, and each gets its own as it grows
        self._room = [0] * PARTS
        self._many: dict[int, int] = {}

    def add(self, number: int) -> int:
        """Count a number, from 0 to 2⁶⁴ − 1, and say how often it has come by now."""
        part = number >> 58
        size, marks, numbers, again = self._tables[part]
        mark = number & 127 | 128
        place = number % size
        while there := marks[place]:
            if there == mark and numbers[place] == number:
                return self._again(number, again, place)
            place += 1
        room = self._room
        if not room[part] or place == len(marks) - 1:
            self._grow(part)
            return self.add(number)
        room[part] -= 1
        marks[place] = mark
        numbers[place] = number
        return 1

    def _again(self, number: int, again: bytearray, place: int) -> int:
        if again[place] < MOST:
            again[place] += 1
            return again[place] + 1
        self._many[number] = count = self._many.get(number, MOST + 1) + 1
        return count

    def _grow(self, part: int) -> None:
        old = self._tables[part]
        taken = np.flatnonzero(np.frombuffer(old.marks, np.uint8))
        numbers = np.frombuffer(old.numbers, np.uint64)[taken]
        size = old.size
        while True:
            size = int(GROWTH * size) | 1  # odd, or numbers with the same mark would crowd each other
            order, places = _settle(numbers, size)
            if places.max(initial=0) < size + SPARE:
                break
        new = self._tables[part] = _Table.empty(size)
        self._room[part] = int(FULLEST * size) - len(taken)
        for column, before in ((new.marks, old.marks), (new.again, old.again)):
            np.frombuffer(column, np.uint8)[places] = np.frombuffer(before, np.uint8)[taken[order]]
        np.frombuffer(new.numbers, np.uint64)[places] = numbers[order]


def _settle(numbers: npt.NDArray[np.uint64], size: int) -> tuple[Places, Places]:
    """In which order some numbers go into an empty table, and the place that each comes to stand at."""
    belongs = (numbers % np.uint64(size)).astype(np.int64)
    order = np.argsort(belongs)
    rank = np.arange(len(order))
    return order, rank + np.maximum.accumulate(belongs[order] - rank)
