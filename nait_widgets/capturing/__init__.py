"""Model + records -> store: batching, pooling, assembly, resume."""

from nait_widgets.capturing.keeping import DEFAULT_POOLS
from nait_widgets.capturing.run import capture

__all__ = ["DEFAULT_POOLS", "capture"]
