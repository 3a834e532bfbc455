"""Figures of scores and directions, each one question; all return Bokeh models."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nait_widgets.plots.colours import (
    AGAINST,
    BLUE,
    CHOSEN,
    FONT,
    GREEN,
    GREY,
    INK,
    ORANGE,
    OTHER,
    PURPLE,
    SKY,
    TOWARDS,
    VERMILLION,
    blank,
    legend_above,
)
from nait_widgets.plots.escaping import plain_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt
    from bokeh.plotting import figure

    from nait_widgets.explaining import Explanation
    from nait_widgets.methods import Direction

    Scores = npt.NDArray[np.float64]
    Mask = npt.NDArray[np.bool_]

BINS = 60
POINTS = 3_000  # more than that hide one another, and only make the file large
_BARS = (GREY, ORANGE, SKY, VERMILLION, BLUE, GREEN, PURPLE)


def score_histogram(scores: Scores, chosen: Mask, name: str, cut: float | None = None) -> figure:
    """How the scores of one direction are spread, and where the chosen rows lie.

    Args:
        scores: (sample,); NaN is left out.
        chosen: Which samples are selected: (sample,).
        name: The direction's.
        cut: Lowest score that this direction chose, where it has one.
    """
    from bokeh.models import ColumnDataSource, DataRange1d, HoverTool

    valid = ~np.isnan(scores)
    edges = np.histogram_bin_edges(scores[valid], BINS)
    inside, _ = np.histogram(scores[valid & chosen], edges)
    outside, _ = np.histogram(scores[valid & ~chosen], edges)
    drawn = blank(f"score, {name}", "rows", y_range=DataRange1d(start=0))
    bars = ColumnDataSource({"left": edges[:-1], "right": edges[1:], "not chosen": outside, "chosen": inside})
    bars.add((edges[:-1] + edges[1:]) / 2, "middle")
    stacked = drawn.vbar_stack(
        ["not chosen", "chosen"], x="middle", width=edges[1] - edges[0], source=bars,
        color=[OTHER, CHOSEN], line_color=None, legend_label=["not chosen", "chosen"],
    )  # fmt: skip
    if cut is not None:
        drawn.vspan([cut], line_color=INK, line_dash="dashed", line_width=1.5)
    drawn.add_tools(
        HoverTool(
            renderers=[*stacked[:1]],
            tooltips=[
                ("score", "@left{0.[00]} to @right{0.[00]}"),
                *((f, f"@{{{f}}}") for f in ("chosen", "not chosen")),
            ],
            mode="vline",
        )
    )
    legend_above(drawn, 2)
    return drawn


def score_against_length(
    scores: Scores, n_tokens: npt.NDArray[np.integer], chosen: Mask, sample_id: npt.NDArray[np.object_], name: str
) -> figure:
    """Whether a score follows the samples' length, the most common confound.

    Args:
        scores: (sample,); NaN is left out.
        n_tokens: (sample,).
        chosen: Which samples are selected: (sample,).
        sample_id: (sample,).
        name: The direction's.
    """
    from bokeh.models import ColumnDataSource, HoverTool

    rows = np.flatnonzero(~np.isnan(scores))
    if len(rows) > POINTS:
        rows = np.sort(np.random.default_rng(0).choice(rows, POINTS, replace=False))
    drawn = blank("tokens", f"score, {name}", x_axis_type="log")
    for part, colour, alpha, label in (
        (rows[~chosen[rows]], OTHER, 0.5, "not chosen"),
        (rows[chosen[rows]], CHOSEN, 0.8, "chosen"),
    ):
        points = ColumnDataSource(
            {"tokens": n_tokens[part], "score": scores[part], "id": [plain_text(str(i)) for i in sample_id[part]]}
        )
        drawn.scatter(
            "tokens", "score", source=points, size=4, color=colour, alpha=alpha, line_color=None, legend_label=label
        )
    drawn.add_tools(HoverTool(tooltips=[("id", "@id"), ("tokens", "@tokens"), ("score", "@score{0.[00]}")]))
    legend_above(drawn, 2)
    return drawn


def layer_contributions(explanation: Explanation) -> figure:
    """What each layer adds to one sample's score, or takes off it."""
    from bokeh.models import ColumnDataSource, HoverTool

    values = explanation.by_layer
    bars = ColumnDataSource(
        {
            "layer": list(explanation.layers),
            "value": values,
            "colour": [TOWARDS if value >= 0 else AGAINST for value in values],
        }
    )
    drawn = blank("layer", "adds to the score")
    drawn.vbar("layer", 0.8, "value", source=bars, fill_color="colour", line_color=None)
    drawn.xaxis.ticker = _layer_ticks(explanation.layers)
    drawn.add_tools(HoverTool(tooltips=[("layer", "@layer"), ("adds", "@value{+0.[000]}")]))
    return drawn


def direction_health(direction: Direction) -> figure:
    """How much of the in-domain samples each principal component explains, and how surely it is pointed.

    A short sign bar is a coin toss: such layers may point away from the capability and cancel others. A contrast has
    neither figure (`Direction.explained` is NaN).
    """
    from bokeh.models import ColumnDataSource, HoverTool

    series = {"variance explained": (direction.explained, GREY), "sign margin": (direction.margin, BLUE)}
    drawn = blank(f"layer, {direction.name} ({direction.preset})", "share, or cosine", y_range=(0, 1))
    width = 0.8 / len(series)
    for (name, (values, colour)), x in zip(series.items(), _dodged(direction.layers, len(series), width), strict=True):
        bars = ColumnDataSource({"x": x, "layer": list(direction.layers), "value": values})
        drawn.vbar("x", 0.9 * width, "value", source=bars, fill_color=colour, line_color=None, legend_label=name)
    drawn.xaxis.ticker = _layer_ticks(direction.layers)
    drawn.add_tools(HoverTool(tooltips=[("layer", "@layer"), ("value", "@value{0.00}")]))
    legend_above(drawn, 2)
    return drawn


def comparison(
    groups: Sequence[str], bars: Mapping[str, Sequence[float]], marks: Mapping[str, Sequence[float]]
) -> figure:
    """Shares by group and method, as bars, with reference levels as lines across each group.

    Args:
        groups: Names along the axis.
        bars: Method to one share a group, 0..1; seven methods at most.
        marks: Reference, such as a base rate, to one share a group.
    """
    from bokeh.core.properties import value
    from bokeh.models import ColumnDataSource, HoverTool, NumeralTickFormatter, PlainText

    places = np.arange(len(groups))
    width = 0.84 / len(bars)
    drawn = blank("", "share of the selected rows", height=360, y_range=(0, 1), x_range=(-0.5, len(groups) - 0.5))
    for (method, values), colour, x in zip(bars.items(), _BARS, _dodged(places, len(bars), width), strict=False):
        source = ColumnDataSource(
            {
                "x": x,
                "share": list(values),
                "label": [f"{share:.0%}" for share in values],
                "group": [plain_text(group) for group in groups],
                "method": [method] * len(groups),
            }
        )
        drawn.vbar("x", 0.92 * width, "share", source=source, fill_color=colour, line_color=None, legend_label=method)
        drawn.text(
            "x", "share", "label", source=source, y_offset=-3, text_align="center", text_baseline="bottom",
            text_font_size="11px", text_font=value(FONT), text_color=INK,
        )  # fmt: skip
    for (name, values), dash in zip(marks.items(), ("solid", "dashed", "dotted"), strict=False):
        drawn.segment(
            places - 0.46, list(values), places + 0.46, list(values),
            line_color=INK, line_dash=dash, line_width=1.5, legend_label=name,
        )  # fmt: skip
    drawn.xaxis.ticker = places.tolist()
    drawn.xaxis.major_label_overrides = {i: PlainText(text=plain_text(group)) for i, group in enumerate(groups)}
    drawn.yaxis.formatter = NumeralTickFormatter(format="0%")
    drawn.add_tools(HoverTool(tooltips=[("", "@method, @group"), ("share", "@share{0.0%}")]))
    legend_above(drawn, 4)
    return drawn


def _dodged(places: Sequence[int] | npt.NDArray[np.int64], n: int, width: float) -> list[npt.NDArray[np.float64]]:
    """The places of n bars side by side about each tick."""
    return [np.asarray(places) + (i - (n - 1) / 2) * width for i in range(n)]


def _layer_ticks(layers: Sequence[int]) -> list[int]:
    step = max(1, -(-len(layers) // 16))
    return list(layers[::step])
