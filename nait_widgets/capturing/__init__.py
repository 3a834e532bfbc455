"""Model + records -> store: batching, pooling, assembly, resume."""

from nait_widgets.capturing.run import DEFAULT_POOLS, capture

__all__ = ["DEFAULT_POOLS", "capture"]
