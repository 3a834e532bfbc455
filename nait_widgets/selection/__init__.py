"""Scores + a wish -> a Selection; export with recipe and card."""

from nait_widgets.selection.coverage import facility_location, k_center, without_near_duplicates
from nait_widgets.selection.exact import Read, select_from_fingerprint
from nait_widgets.selection.ratio import Ratio, suggest_ratio
from nait_widgets.selection.recipe import Recipe
from nait_widgets.selection.selection import Selection, select
from nait_widgets.selection.wish import Filters, Wish

__all__ = [
    "Filters",
    "Ratio",
    "Read",
    "Recipe",
    "Selection",
    "Wish",
    "facility_location",
    "k_center",
    "select",
    "select_from_fingerprint",
    "suggest_ratio",
    "without_near_duplicates",
]
