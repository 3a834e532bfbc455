"""What a capture will cost, before it is begun: tokens, FLOPs, bytes and hours, here and on GPUs."""

from nait_widgets.planning.costs import GpuCost, Plan, Times
from nait_widgets.planning.planner import plan

__all__ = ["GpuCost", "Plan", "Times", "plan"]
