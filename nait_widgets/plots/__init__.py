"""Bokeh figures of scores, selections and directions, and the report that holds them in one file."""

from nait_widgets.plots.page import Chart, Sample, Samples, Section, Table
from nait_widgets.plots.report import write_report
from nait_widgets.plots.selection_report import selection_report

__all__ = ["Chart", "Sample", "Samples", "Section", "Table", "selection_report", "write_report"]
