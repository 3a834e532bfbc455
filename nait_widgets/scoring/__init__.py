"""Scores: directions and other scorers × store."""

from nait_widgets.scoring.run import as_dataset, score

__all__ = ["as_dataset", "score"]
