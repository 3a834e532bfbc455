"""Does a subset train a model better? Fine-tunes the same base on several subsets alike, and compares."""

from nait_widgets.training.checks import Caution
from nait_widgets.training.comparison import compare_subsets
from nait_widgets.training.finetune import fine_tune
from nait_widgets.training.options import Training
from nait_widgets.training.result import SubsetComparison

__all__ = ["Caution", "SubsetComparison", "Training", "compare_subsets", "fine_tune"]
