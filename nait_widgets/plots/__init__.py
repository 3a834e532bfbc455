"""Bokeh figures of scores, selections and directions, and the report that holds them in one file."""

from nait_widgets.plots.page import Chart, Samples, Section, Table
from nait_widgets.plots.report import selection_report, write_report

__all__ = ["Chart", "Samples", "Section", "Table", "selection_report", "write_report"]
