"""The notebook widgets."""

from nait_widgets.widgets.curator import Curator

__all__ = ["Curator"]
