"""Times several ways of doing the same work against each other, in one run."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter


@dataclass(frozen=True, slots=True)
class Way:
    """One way of doing the work.

    Attributes:
        name: What it is called.
        run: Does it once; this is timed.
        rows: Rows that one run gets through. Slow ways may do fewer than the others, since rates are compared.
        rounds: In how many rounds it takes part.
        prepare: Called before each run, untimed.
    """

    name: str
    run: Callable[[], object]
    rows: int
    rounds: int
    prepare: Callable[[], object] = lambda: None


@dataclass(frozen=True, slots=True)
class Spread:
    """A median with the lowest and highest value of the rounds."""

    median: float
    low: float
    high: float
    rounds: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Of one value a round."""
        return cls(median(values), min(values), max(values), len(values))

    def __str__(self) -> str:
        if self.low == self.high == 1:
            return "1"
        return f"{number(self.median)} ({number(self.low)}–{number(self.high)})"


def number(value: float) -> str:
    """Three digits, or all of a whole number."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


class Timings:
    """Seconds of every round, by way."""

    def __init__(self, ways: Sequence[Way]) -> None:
        self._rows = {way.name: way.rows for way in ways}
        self._seconds: dict[str, list[float]] = {way.name: [] for way in ways}

    def add(self, way: Way, seconds: float) -> None:
        """Take in a run."""
        self._seconds[way.name].append(seconds)

    def seconds(self, name: str) -> float:
        """The median time of a run."""
        return median(self._seconds[name])

    def rate(self, name: str) -> float:
        """Rows a second, at the median."""
        return self._rows[name] / self.seconds(name)

    def ratio(self, name: str, other: str) -> Spread:
        """How many times as fast a way is as another, round by round."""
        pairs = zip(self._seconds[name], self._seconds[other], strict=False)
        scale = self._rows[name] / self._rows[other]
        return Spread.of([scale * theirs / ours for ours, theirs in pairs])


def alternate(ways: Sequence[Way]) -> Timings:
    """Run the ways in turn, round after round, each round in the reverse order of the last.

    What changes slowly on the machine (heat, clocks, other work) then falls on all of them alike.
    """
    timings = Timings(ways)
    for number in range(max(way.rounds for way in ways)):
        taking_part = [way for way in ways if number < way.rounds]
        for way in taking_part if number % 2 == 0 else reversed(taking_part):
            way.prepare()
            gc.collect()
            start = perf_counter()
            way.run()
            timings.add(way, perf_counter() - start)
            print(f"  round {number + 1}: {way.name} {perf_counter() - start:.2f} s", file=sys.stderr, flush=True)
    return timings
