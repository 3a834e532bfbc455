"""Runs some of a capture's batches, drawn so that their times tell that of all."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from nait_widgets.capturing.batches import Span, render
from nait_widgets.planning.survey import predictions

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from nait_widgets.capturing.forward import Forward, Pooled
    from nait_widgets.capturing.preparing import Prepared
    from nait_widgets.planning.flops import Flops
    from nait_widgets.planning.survey import Batch
    from nait_widgets.records import Record, Records, Rendered

_DRAWS = 256
_GOLDEN = (5**0.5 - 1) / 2
_LEAST = 4  # batches that the time is to suffice for; larger ones are cut to fewer rows


@dataclass(frozen=True, slots=True)
class Trial:
    """What running some batches told.

    Attributes:
        seconds: Of all batches, as estimated from these.
        batches: How many ran.
        samples: What was read of the rows that were drawn, by row.
        ran: What whole samples left behind, batch by batch: their rows, and what was pooled.
    """

    seconds: float
    batches: int
    samples: dict[int, tuple[Record, Rendered]]
    ran: list[tuple[list[int], Pooled]]


def sizes(flops: Sequence[float]) -> npt.NDArray[np.float64]:
    """What stands for each batch's time, in some unit: its FLOPs, and a constant for what any batch takes.

    The constant also bounds what a hiccup of the machine during a small batch can do to an estimate.
    """
    return np.array(flops, np.float64) + float(np.mean(flops)) / 4


def draw(sizes: npt.NDArray[np.float64]) -> list[int]:
    """Which batches to run, in turn; one may come again.

    Each is drawn with probability proportional to its size, so that the mean of seconds by size over the draws, times
    the sum of all sizes, estimates the seconds of all without bias (Hansen and Hurwitz 1943). The points are multiples
    of the golden ratio: however many are taken, they lie evenly along the batches, which are sorted by length, so
    lengths are stratified. The first is a batch of whole samples, which come before responses alone and are larger.
    """
    edges = np.cumsum(sizes)
    points = (np.arange(_DRAWS) * _GOLDEN + 0.25) % 1
    drawn: npt.NDArray[np.int64] = np.searchsorted(edges, points * edges[-1], side="right")
    return [int(i) for i in drawn.clip(max=len(edges) - 1)]


def trial(records: Records, prepared: Prepared, batches: Sequence[Batch], flops: Flops, seconds: float) -> Trial:
    """Run drawn batches until the time is over, at least one row of one.

    Args:
        records: The source's rows.
        prepared: The model.
        batches: All that a capture runs.
        flops: Of the model.
        seconds: How long.
    """
    costs = [flops.of_batch(batch) for batch in batches]
    size = sizes(costs)
    draws = draw(size)
    samples = _read(records, prepared, {int(row) for i in draws for row in batches[i].rows})
    forward, extras = prepared.runner.forward, prepared.layout.extras
    ran: list[tuple[list[int], Pooled]] = []

    def run(rows: list[int], *, alone: bool) -> float:
        """Seconds per FLOP of a batch of these rows."""
        taken = [samples[row][1] for row in rows]
        taken = [forward.alone(sample) for sample in taken] if alone else taken
        cost = flops.forward(len(taken), max(len(s.input_ids) for s in taken), predictions(taken, extras))
        begun = perf_counter()
        pooled = _forward(forward, taken, alone=alone)
        elapsed = perf_counter() - begun
        if pooled is not None:
            ran.append((rows, pooled))
        return elapsed / cost

    deadline = perf_counter() + seconds
    rate = run([int(batches[draws[0]].rows[-1])], alone=batches[draws[0]].alone)  # also warms up
    ran.clear()
    took: dict[int, float] = {}
    drawn: list[float] = []
    for i in draws:
        if i not in took:
            batch, expected = batches[i], rate * costs[i]
            if took and perf_counter() + min(expected, seconds / _LEAST) > deadline:
                break
            n_rows = max(1, min(len(batch.rows), int(len(batch.rows) * seconds / _LEAST / expected)))
            # Evenly spaced, since they are sorted by length.
            rows = batch.rows[np.linspace(0, len(batch.rows) - 1, n_rows).round().astype(int)]
            measured = run(rows.tolist(), alone=batch.alone)
            took[i], rate = measured * costs[i], min(rate, measured)
        drawn.append(took[i] / size[i])
    return Trial(float(np.mean(drawn) * size.sum()), len(took), samples, ran)


def _forward(forward: Forward, taken: Sequence[Rendered], *, alone: bool) -> Pooled | None:
    """Run a batch to its end; what whole samples leave behind."""
    if alone:
        forward.start_alone(taken).wait()
        return None
    return forward.start(taken).wait()


def _read(records: Records, prepared: Prepared, rows: set[int]) -> dict[int, tuple[Record, Rendered]]:
    """Some rows, read and rendered again."""
    found = [record for record in records if record.row in rows]
    rendered = render(Span(range(0), 0, found), prepared.renderer).rendered
    return {record.row: (record, sample) for record, sample in zip(found, rendered, strict=True)}
