"""Which rows run together: windows of whole blocks, sorted by length into batches of a token budget."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from nait_widgets.records import Record, Rendered, Renderer
    from nait_widgets.store import Layout

T = TypeVar("T")

# Padding over the 52 K rows of Alpaca at 4,096 / 16,384 tokens a batch: 0.9 / 3.5 % where 4 blocks of 1,024 are
# sorted together, 3.3 / 13 % where each is by itself, 0.1 / 0.3 % where all are.
WINDOW_BLOCKS = 4
_WINDOW_BYTES = 2 << 30
_SHORTEST = 0.75  # of a batch's longest sample
_RENDER_ROWS = 512


@dataclass(frozen=True, slots=True)
class Span:
    """Consecutive rows that are sorted and run together.

    Attributes:
        blocks: The blocks they fill.
        start: Their first row.
        records: The source's rows.
    """

    blocks: range
    start: int
    records: list[Record]


@dataclass(frozen=True, slots=True)
class Window(Span):
    """The same with `rendered`, the rows as tokens."""

    rendered: list[Rendered]


def windows(records: Iterable[Record], renderer: Renderer, layout: Layout, missing: Iterable[int]) -> Iterator[Window]:
    """Render the windows that hold a missing block, in row order."""
    return (render(span, renderer) for span in spans(records, layout, missing))


def spans(records: Iterable[Record], layout: Layout, missing: Iterable[int]) -> Iterator[Span]:
    """The rows of the windows that hold a missing block, in row order.

    Where windows begin and end depends on the layout alone, so a resumed capture runs the same batches as an
    uninterrupted one.
    """
    size = window_blocks(layout)
    wanted = {block // size for block in missing}
    rows_each = size * layout.block_rows
    pending: list[Record] = []
    for record in records:
        index = record.row // rows_each
        if index not in wanted:
            continue
        pending.append(record)
        if len(pending) == rows_each or record.row == layout.n_samples - 1:
            blocks = range(index * size, min((index + 1) * size, layout.n_blocks))
            yield Span(blocks, index * rows_each, pending)
            pending = []


def window_blocks(layout: Layout) -> int:
    """Blocks a window. Of a store of scores it is one, so that the statistics of a window are those of a block."""
    if layout.scores_only:
        return 1
    return max(1, min(WINDOW_BLOCKS, _WINDOW_BYTES // (layout.block_rows * layout.bytes_per_row)))


def render(span: Span, renderer: Renderer) -> Window:
    """The rows of a window as tokens."""
    rows = span.records
    parts = (rows[start : start + _RENDER_ROWS] for start in range(0, len(rows), _RENDER_ROWS))
    return Window(span.blocks, span.start, rows, [sample for part in parts for sample in renderer.render(part)])


def batches(rendered: Sequence[Rendered], budget: int) -> list[list[int]]:
    """Positions of the samples that can run, longest first, at most `budget` tokens a batch with padding.

    A batch also ends where a sample is much shorter than its longest: that padding costs more than one more batch.
    """
    runnable = [i for i, sample in enumerate(rendered) if sample.defect is None]
    # Longest first: a batch that doesn't fit the device's memory fails at the start, not at the end.
    runnable.sort(key=lambda i: -len(rendered[i].input_ids))
    out: list[list[int]] = []
    for i in runnable:
        length = len(rendered[i].input_ids)
        longest = len(rendered[out[-1][0]].input_ids) if out else 0
        if out and (len(out[-1]) + 1) * longest <= budget and length >= _SHORTEST * longest:
            out[-1].append(i)
        else:
            out.append([i])
    return out


def ahead(items: Iterator[T]) -> Iterator[T]:
    """The same items, the next always being made in a thread of its own."""
    end = object()
    with ThreadPoolExecutor(1) as executor:
        following = executor.submit(next, items, end)
        while (item := following.result()) is not end:
            following = executor.submit(next, items, end)
            yield item  # type: ignore[misc]  # the sentinel has been told apart
