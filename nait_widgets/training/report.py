"""A comparison as a page: one HTML file with its figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nait_widgets.plots import Chart, Section, Table, write_report
from nait_widgets.plots.colours import BLUE, FONT, INK, VERMILLION, blank, legend_above
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
            sections.append(Section(telling.MEASURES[measure].capitalize(), "", [*charts, _table(grid)]))
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
        f"rate {training['learning_rate']:g} ({training['schedule']}), {telling.seeds(result)}.",
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
    values = np.array([result.values(name, eval_set, measure) for name in names])
    n = values.shape[1]
    places = np.arange(len(names))
    seeds = ColumnDataSource(
        {
            "x": (places[:, None] + np.linspace(-0.25, 0.05, n)).ravel(),
            "value": values.ravel(),
            "seed": [str(seed) for seed in result.seeds] * len(names),
            "subset": [plain_text(name) for name in names for _ in range(n)],
        }
    )
    dots = drawn.scatter(
        "x", "value", source=seeds, size=6, color=BLUE, alpha=0.7, line_color=None, legend_label="seeds"
    )
    drawn.add_tools(HoverTool(renderers=[dots], tooltips=[("", "@subset, seed @seed"), ("value", "@value{0.0000}")]))
    means = values.mean(axis=1)
    if n > 1:
        reach = t_quantile(CONFIDENCE, n - 1) * values.std(axis=1, ddof=1) / np.sqrt(n)
        drawn.vbar(
            places + 0.2, 0.02, means + reach, means - reach,
            fill_color=VERMILLION, line_color=None, legend_label="95 % interval of the mean",
        )  # fmt: skip
    drawn.scatter(
        places + 0.2, means, marker="diamond", size=11, color=VERMILLION, line_color=None, legend_label="mean"
    )
    base = result.values(BASE, eval_set, measure)[0]
    drawn.segment(
        [-0.5], [base], [len(names) - 0.5], [base],
        line_color=INK, line_dash="dashed", line_width=1.5, legend_label="untouched base",
    )  # fmt: skip
    drawn.xaxis.ticker = list(range(len(names)))
    drawn.xaxis.major_label_overrides = {i: PlainText(text=plain_text(name)) for i, name in enumerate(names)}
    drawn.xaxis.major_label_text_font = FONT
    if measure == "exact":
        drawn.yaxis.formatter = NumeralTickFormatter(format="0%")
    legend_above(drawn, 4)
    return drawn


def _table(grid: telling.Grid) -> Table:
    return Table(grid.columns, grid.rows, grid.caption)
