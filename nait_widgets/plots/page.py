"""The parts of a report and how each becomes HTML; every piece of text passes through `safe_text`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from nait_widgets.plots.escaping import safe_text

if TYPE_CHECKING:
    from bokeh.model import Model

LONGEST = 4_000  # characters of a sample's text that a report shows


@dataclass(frozen=True, slots=True)
class Chart:
    """A figure with what there is to see in it."""

    model: Model
    caption: str


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells; the first column names the row.

    Attributes:
        columns: Headings; empty for a table of names and values.
        rows: Cells.
        caption: What the table shows.
        numeric: Whether the cells are figures, set flush right.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""
    numeric: bool = True


@dataclass(frozen=True, slots=True)
class Sample:
    """A sample of the data, whose text opens on demand.

    Attributes:
        id: The sample's own.
        rank: Its place by score, from 1.
        score: Its score.
        chosen: Whether it is selected.
        prompt: Empty where the store keeps no text.
        response: Likewise.
        labels: Words to show beside it.
    """

    id: str
    rank: int
    score: float
    chosen: bool
    prompt: str
    response: str
    labels: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Samples:
    """Samples under a heading."""

    heading: str
    samples: Sequence[Sample]


Part = Chart | Table | Samples


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page.

    Attributes:
        title: Its heading.
        lead: A paragraph under it.
        parts: Charts, tables and samples; neighbouring charts stand side by side where there is room.
    """

    title: str
    lead: str
    parts: Sequence[Part]


def section_html(section: Section, number: int, charts: list[Chart]) -> str:
    """A section; its charts are added to `charts`, and drawn in the element that bears their position's number."""
    pieces = [f'<section id="section-{number}">', f"<h2>{safe_text(section.title)}</h2>"]
    if section.lead:
        pieces.append(f'<p class="lead">{safe_text(section.lead)}</p>')
    for kind, group in groupby(section.parts, type):
        parts = [_part_html(part, charts) for part in group]
        wrapper = {Chart: "charts", Samples: "samples"}.get(kind)
        pieces += [f'<div class="{wrapper}">', *parts, "</div>"] if wrapper else parts
    return "\n".join([*pieces, "</section>"])


def _part_html(part: Part, charts: list[Chart]) -> str:
    if isinstance(part, Chart):
        charts.append(part)
        caption = safe_text(part.caption)
        return f'<figure><div class="chart" id="chart-{len(charts)}"></div><figcaption>{caption}</figcaption></figure>'
    return _table_html(part) if isinstance(part, Table) else _samples_html(part)


def _table_html(table: Table) -> str:
    head = "".join(f'<th scope="col">{safe_text(column)}</th>' for column in table.columns)
    body = "\n".join(
        f'<tr><th scope="row">{safe_text(first)}</th>' + "".join(f"<td>{safe_text(c)}</td>" for c in cells) + "</tr>"
        for first, *cells in table.rows
    )
    return (
        # Wide tables scroll by themselves, also by keyboard, so that the page doesn't.
        f'<div class="scroll" tabindex="0"><table class="{"figures" if table.numeric else "facts"}">'
        + (f"<caption>{safe_text(table.caption)}</caption>" if table.caption else "")
        + (f"<thead><tr>{head}</tr></thead>" if table.columns else "")
        + f"<tbody>{body}</tbody></table></div>"
    )


def _samples_html(part: Samples) -> str:
    samples = "\n".join(_sample_html(sample) for sample in part.samples)
    return f"<div><h3>{safe_text(part.heading)}</h3>\n{samples}</div>"


def _sample_html(sample: Sample) -> str:
    badges = "".join(f'<span class="badge">{safe_text(label)}</span>' for label in sample.labels)
    teaser = safe_text(" ".join(sample.prompt[:160].split()))
    summary = (
        f'<span class="rank{" chosen" if sample.chosen else ""}">{sample.rank:,}</span>'
        f'<span class="score">{sample.score:#.4g}</span><span class="teaser" dir="auto">{teaser}</span>{badges}'
    )
    texts = "".join(
        f'<dt>{name}</dt><dd dir="auto">{_shortened(text)}</dd>'
        for name, text in (("prompt", sample.prompt), ("response", sample.response))
        if text
    )
    chosen = "chosen" if sample.chosen else "not chosen"
    return (
        f"<details><summary>{summary}</summary><dl><dt>id</dt><dd>{safe_text(sample.id)} ({chosen})</dd>{texts}"
        "</dl></details>"
    )


def _shortened(text: str) -> str:
    hidden = len(text) - LONGEST
    return safe_text(text[:LONGEST]) + (f'<span class="more">… {hidden:,} more characters</span>' if hidden > 0 else "")
