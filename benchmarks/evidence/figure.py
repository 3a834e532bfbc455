"""Small figures as SVG that reads on a light page and on a dark one, and says everything without its colours too."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import NamedTuple

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c8c8c", "#b8a800")  # Okabe-Ito's
WIDTH, ROW = 720, 22
_STYLE = (
    "<style>text{font:12px system-ui,sans-serif;fill:#333}.axis{stroke:#999;stroke-width:1;fill:none}"
    ".zero{stroke:#999;stroke-dasharray:3 3}@media(prefers-color-scheme:dark){text{fill:#ddd}}</style>"
)


class Range(NamedTuple):
    """A mean with the lowest and the highest that it was taken of."""

    mean: float
    low: float
    high: float


def lines(series: Mapping[str, Sequence[float]], ticks: Sequence[str], unit: str, limit: Sequence[float]) -> str:
    """A line for each series over equally spaced ticks, from 0 to 1, named where it ends.

    Args:
        series: Values by name, one a tick.
        ticks: What stands below.
        unit: Of the values.
        limit: What no value can pass, drawn dashed.
    """
    left, right, upper, height = 44, 214, 14, 300
    wide, tall = WIDTH - left - right, height - upper - 34

    def at(i: int, value: float) -> str:
        return f"{left + wide * i / (len(ticks) - 1):.1f},{upper + tall * (1 - value):.1f}"

    def path(values: Sequence[float]) -> str:
        return " ".join(at(i, value) for i, value in enumerate(values))

    parts = [f'<polyline class="axis" points="{at(0, 1)} {at(0, 0)} {at(len(ticks) - 1, 0)}"/>']
    for value in (0, 0.25, 0.5, 0.75, 1):
        y = upper + tall * (1 - value)
        parts.append(f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{value:.0%}</text>')
    for i, tick in enumerate(ticks):
        x = left + wide * i / (len(ticks) - 1)
        parts.append(f'<text x="{x:.1f}" y="{upper + tall + 16}" text-anchor="middle">{escape(tick)}</text>')
    parts.append(f'<polyline class="axis" stroke-dasharray="5 4" points="{path(limit)}"/>')
    ends = _apart({name: upper + tall * (1 - values[-1]) for name, values in series.items()}, upper + tall)
    for i, (name, values) in enumerate(series.items()):
        colour = COLOURS[i % len(COLOURS)]
        parts.append(f'<polyline points="{path(values)}" fill="none" stroke="{colour}" stroke-width="2"/>')
        x, y = left + wide, upper + tall * (1 - values[-1])
        parts.append(f'<line x1="{x}" y1="{y:.1f}" x2="{x + 14}" y2="{ends[name]:.1f}" stroke="{colour}"/>')
        parts.append(f'<text x="{x + 18}" y="{ends[name] + 4:.1f}">{escape(name)}</text>')
    parts.append(
        f'<text x="{left}" y="{height - 4}">{escape(unit)} by share selected; dashed: most there can be</text>'
    )
    return _svg(height, parts)


def ranges(groups: Mapping[str, Mapping[str, Range]], unit: str) -> str:
    """A dot with its range for each entry, group by group, over one axis that shows zero.

    Args:
        groups: Ranges by group and name; names that recur have one colour.
        unit: What is measured, and which side is good.
    """
    names = list(dict.fromkeys(name for group in groups.values() for name in group))
    every = [value for group in groups.values() for entry in group.values() for value in entry] + [0.0]
    low, high = min(every), max(every)
    margin = 0.05 * ((high - low) or 1)
    low, high = low - margin, high + margin
    left, right = 250, 20

    def at(value: float) -> float:
        return left + (WIDTH - left - right) * (value - low) / (high - low)

    parts, y = [], 8
    for title, group in groups.items():
        y += ROW
        parts.append(f'<text x="8" y="{y + 4}" font-weight="bold">{escape(title)}</text>')
        for name, entry in group.items():
            y += ROW
            colour = COLOURS[names.index(name) % len(COLOURS)]
            parts.append(f'<text x="{left - 12}" y="{y + 4}" text-anchor="end">{escape(name)}</text>')
            parts.append(
                f'<line x1="{at(entry.low):.1f}" x2="{at(entry.high):.1f}" y1="{y}" y2="{y}" stroke="{colour}" '
                'stroke-width="3"/>'
            )
            parts.append(f'<circle cx="{at(entry.mean):.1f}" cy="{y}" r="5" fill="{colour}"/>')
    height = y + 3 * ROW
    parts.append(f'<line class="zero" x1="{at(0):.1f}" x2="{at(0):.1f}" y1="8" y2="{y + 10}"/>')
    parts += [
        f'<text x="{at(value):.1f}" y="{y + 26}" text-anchor="middle">{_signed(value)}</text>'
        for value in _ticks(low, high)
    ]
    parts.append(f'<text x="{WIDTH - right}" y="{height - 4}" text-anchor="end">{escape(unit)}</text>')
    return _svg(height, parts)


def _ticks(low: float, high: float) -> list[float]:
    """Three to six round numbers within a range."""
    rough = (high - low) / 3
    power = 10.0 ** math.floor(math.log10(rough))
    step = max(factor * power for factor in (1, 2, 5) if factor * power <= rough)
    return [round(i * step, 10) for i in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _signed(value: float) -> str:
    return f"{value:+g}".replace("-", "−") if value else "0"


def _apart(places: Mapping[str, float], lowest: float) -> dict[str, float]:
    """The places moved apart, so that a line of text fits between any two."""
    order = sorted(places, key=lambda name: -places[name])
    moved: dict[str, float] = {}
    limit = lowest
    for name in order:
        moved[name] = min(places[name], limit)
        limit = moved[name] - 15
    return moved


def _svg(height: int, parts: Sequence[str]) -> str:
    inside = "\n".join([_STYLE, *parts])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}">\n'
        f"{inside}\n</svg>\n"
    )
