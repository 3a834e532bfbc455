"""The pass over all rows that tells exactly what a capture would run: every row's length, and the batches they make."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from nait_widgets.capturing.batches import Window, batches, windows
from nait_widgets.errors import ModelError
from nait_widgets.progress import progress

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from nait_widgets.capturing.preparing import Prepared
    from nait_widgets.records import Record, Records, Rendered


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Rows that go through the model together.

    Attributes:
        rows: Their places in the source, longest first: (sample,).
        width: Tokens of the longest, to which the others are padded.
        tokens: Of all together, without padding.
        predicted: Positions whose logits are computed.
        alone: Whether these are responses without their prompts, which the extra `ifd` runs.
    """

    rows: npt.NDArray[np.int64]
    width: int
    tokens: int
    predicted: int
    alone: bool


@dataclass(frozen=True, slots=True)
class Survey:
    """What was found in all rows.

    Attributes:
        batches: All that a capture runs; those of whole samples first, shorter before longer.
        status: Rows by what becomes of them, as a store's status says it.
        text: Characters of text that a store keeps.
        seconds: That reading and rendering took.
    """

    batches: list[Batch]
    status: dict[str, int]
    text: int
    seconds: float

    @property
    def longest(self) -> int:
        """Tokens of the longest sample."""
        return max(batch.width for batch in self.batches)


def survey(records: Records, prepared: Prepared) -> Survey:
    """Read and render every row.

    Raises:
        RecordError: A row is malformed.
        ModelError: No row can run.
    """
    found: list[Batch] = []
    status: Counter[str] = Counter()
    text = 0
    seconds = 0.0
    layout, forward = prepared.layout, prepared.runner.forward
    rendered = windows(records, prepared.renderer, layout, range(layout.n_blocks))
    with progress(layout.n_samples, "reading lengths", "rows") as bar:
        while True:
            begun = perf_counter()
            window = next(rendered, None)
            seconds += perf_counter() - begun
            if window is None:
                break
            status.update(sample.defect or ("truncated" if sample.truncated else "ok") for sample in window.rendered)
            found += _batches(window, window.rendered, prepared, alone=False)
            if "ifd" in layout.extras:
                found += _batches(window, [forward.alone(s) for s in window.rendered], prepared, alone=True)
            text += sum(text_size(record) for record in window.records) if layout.text else 0
            bar.update(len(window.records))
    if not found:
        told = ", ".join(f"{n:,} {defect}" for defect, n in status.items())
        raise ModelError(f"no row of {records.source} can run ({told}): give a longer max_length, or other rows")
    return Survey(sorted(found, key=lambda batch: (batch.alone, batch.width)), dict(status), text, seconds)


def text_size(record: Record) -> int:
    """Characters that a store with text keeps of a row."""
    return len(record.prompt) + len(record.response) + len(record.original_json())


def predictions(samples: Sequence[Rendered], extras: Sequence[str]) -> int:
    """Positions whose logits are computed."""
    return sum(s.response[1] - max(s.response[0], 1) for s in samples) if "loss" in extras else 0


def _batches(window: Window, samples: Sequence[Rendered], prepared: Prepared, *, alone: bool) -> Iterator[Batch]:
    for positions in batches(samples, prepared.runner.budget):
        taken = [samples[i] for i in positions]
        lengths = [len(sample.input_ids) for sample in taken]
        rows = np.array(positions) + window.start
        yield Batch(rows, max(lengths), sum(lengths), predictions(taken, prepared.layout.extras), alone)
