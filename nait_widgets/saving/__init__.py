"""Directions, scorers, scores and selections, saved into the store that they belong to, and had back from it."""

from nait_widgets.saving.kept import delete, names
from nait_widgets.saving.score_sets import save_scores, scores, scores_by
from nait_widgets.saving.scored import direction, keeps, named_by, save_direction, save_scorer, scorer
from nait_widgets.saving.selections import save_selection, selection
from nait_widgets.saving.verification import cautions, discrepancies

__all__ = [
    "cautions",
    "delete",
    "direction",
    "discrepancies",
    "keeps",
    "named_by",
    "names",
    "save_direction",
    "save_scorer",
    "save_scores",
    "save_selection",
    "scorer",
    "scores",
    "scores_by",
    "selection",
]
