"""A comparison as a page: one HTML file with its figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nait_widgets.plots import Chart, Section, Table, write_report
from nait_widgets.plots.colours import BLUE, FONT, GREY, INK, ORANGE, blank
from nait_widgets.plots.escaping import plain_text
from nait_widgets.training import telling
from nait_widgets.training.runs import BASE
from nait_widgets.training.statistics import CONFIDENCE, t_quantile

if TYPE_CHECKING:
    import os
    from pathlib import Path

    from bokeh.plotting import figure

    from nait_widgets.training.result import Measure, SubsetComparison


def comparison_report(result: SubsetComparison, path: str | os.PathLike[str]) -> Path:
    """Write a comparison as a self-contained HTML page, see `write_report`."""
    training = result.plan["training"]
    how = "all weights" if training["lora"] is None else f"adapters of rank {training['lora']}"
    sections = []
    for measure in ("loss", "exact"):
        sets = [name for kind, name in result.measures if kind == measure]
        if sets:
            charts = [Chart(subset_figure(result, name, measure), name) for name in sets]
            grid = telling.means(result, measure)
            lead = "A dot a seed; the bar is the mean with its 95 % interval, the dashed line the untouched base."
            sections.append(Section(telling.MEASURES[measure].capitalize(), lead, [*charts, _table(grid)]))
    if len(result.subsets) > 1:
        lead = " ".join(f"{claim}." for claim in telling.claims(result))
        sections.append(Section("Tests", lead, [_table(telling.tests(result))]))
    cautions = [f"Caution: {caution}." for caution in result.cautions]
    work = telling.work(result)
    sections.append(Section("Subsets and limits", " ".join([*telling.limits(result), *cautions]), [_table(work)]))
    return write_report(
        path,
        f"{' / '.join(result.subsets)}: which trains {result.plan['model']['name']} better?",
        sections,
        lead=f"{training['steps']:,} steps of {training['response_tokens']:,} response tokens each, {how}, learning "
        f"rate {training['learning_rate']:g} ({training['schedule']}), {len(result.seeds)} seeds.",
    )


def subset_figure(result: SubsetComparison, eval_set: str, measure: Measure = "loss") -> figure:
    """Each subset's figures on an eval set: a dot a seed, the mean with its 95 % interval, and the base as a line.

    Args:
        result: The comparison.
        eval_set: Its name.
        measure: `loss` or `exact`.
    """
    from bokeh.models import ColumnDataSource, HoverTool, NumeralTickFormatter, PlainText

    names = list(result.subsets)
    drawn = blank("", telling.MEASURES[measure], x_range=(-0.6, len(names) - 0.4))
    for place, name in enumerate(names):
        values = np.array(result.values(name, eval_set, measure))
        seeds = ColumnDataSource(
            {
                "x": place + 0.12 * (np.arange(len(values)) - (len(values) - 1) / 2) / max(1, len(values) - 1) * 2,
                "value": values,
                "seed": [str(seed) for seed in result.seeds],
                "subset": [plain_text(name)] * len(values),
            }
        )
        dots = drawn.scatter("x", "value", source=seeds, size=6, color=BLUE, alpha=0.7, line_color=None)
        drawn.add_tools(
            HoverTool(renderers=[dots], tooltips=[("", "@subset, seed @seed"), ("value", "@value{0.0000}")])
        )
        mean = values.mean()
        drawn.segment([place - 0.3], [mean], [place + 0.3], [mean], line_color=ORANGE, line_width=2.5)
        if len(values) > 1:
            reach = t_quantile(CONFIDENCE, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
            drawn.segment([place + 0.3], [mean - reach], [place + 0.3], [mean + reach], line_color=ORANGE)
    base = result.values(BASE, eval_set, measure)[0]
    drawn.hspan([base], line_dash="dashed", line_width=1.5, line_color=INK)
    # A span doesn't widen the axis; an invisible mark there does.
    drawn.scatter([0], [base], size=0, color=GREY)
    drawn.xaxis.ticker = list(range(len(names)))
    drawn.xaxis.major_label_overrides = {i: PlainText(text=plain_text(name)) for i, name in enumerate(names)}
    drawn.xaxis.major_label_text_font = FONT
    if measure == "exact":
        drawn.yaxis.formatter = NumeralTickFormatter(format="0%")
    return drawn


def _table(grid: telling.Grid) -> Table:
    return Table(grid.columns, grid.rows, grid.caption)
