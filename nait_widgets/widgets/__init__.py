"""The notebook widgets."""

from nait_widgets.widgets.curator import Curator
from nait_widgets.widgets.health import DirectionHealth
from nait_widgets.widgets.inspector import Inspector
from nait_widgets.widgets.monitor import CaptureMonitor
from nait_widgets.widgets.overlap import Overlap

__all__ = ["CaptureMonitor", "Curator", "DirectionHealth", "Inspector", "Overlap"]
