"""Instruction samples: read from the common formats, rendered once through a template."""

from nait_widgets.records.reading import Inspection, Records, read_records
from nait_widgets.records.record import Record, Turn
from nait_widgets.records.rendering import Rendered, Renderer
from nait_widgets.records.templates import TEMPLATES

__all__ = ["TEMPLATES", "Inspection", "Record", "Records", "Rendered", "Renderer", "Turn", "read_records"]
