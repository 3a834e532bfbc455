"""Colours that everybody tells apart (Okabe and Ito 2008), and the bare figure that all others start from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bokeh.plotting import figure

BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY = "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"
GREY = "#9aa0a6"
INK = "#767676"  # reads on white and on black, where no report repaints the figure

FONT = "system-ui, sans-serif"

CHOSEN, OTHER = BLUE, GREY
TOWARDS, AGAINST = BLUE, VERMILLION


def blank(x_label: str, y_label: str, *, height: int = 280, **options: Any) -> figure:
    """An empty figure as wide as its place, without tools that catch a page's scrolling.

    Args:
        x_label: Of the axis; shown as it is, never read as TeX.
        y_label: Likewise.
        height: Pixels.
        options: Of Bokeh's `figure`.
    """
    from bokeh.models import PlainText
    from bokeh.plotting import figure

    from nait_widgets.plots.escaping import plain_text

    # As a mapping: what mypy knows of these names in Bokeh's stubs depends on which module it reads first.
    bare: dict[str, Any] = {
        "sizing_mode": "stretch_width",
        "tools": "",
        "toolbar_location": None,
        "background_fill_color": None,
        "border_fill_color": None,
        "outline_line_color": None,
    }
    empty = figure(height=height, **bare, **options)
    for axis, label in ((empty.xaxis, x_label), (empty.yaxis, y_label)):
        axis.axis_label = PlainText(text=plain_text(label))
        axis.axis_label_text_font_style = "normal"
        axis.axis_label_text_color = axis.major_label_text_color = INK
        axis.axis_label_text_font_size = axis.major_label_text_font_size = "13px"
        axis.axis_label_text_font = axis.major_label_text_font = FONT
        axis.axis_line_color = axis.major_tick_line_color = GREY
        axis.minor_tick_line_color = None
    empty.xgrid.grid_line_color = None
    empty.ygrid.grid_line_color = GREY
    empty.ygrid.grid_line_alpha = 0.3
    return empty


def legend_above(drawn: figure, columns: int) -> None:
    """Move a figure's legend above it, where it covers nothing."""
    legend = drawn.legend[0]
    legend.ncols = columns
    legend.background_fill_color = legend.border_line_color = None
    legend.label_text_color = INK
    legend.label_text_font = FONT
    legend.label_text_font_size = "13px"
    legend.update(padding=2, margin=2, glyph_width=14, glyph_height=14)
    drawn.add_layout(legend, "above")
