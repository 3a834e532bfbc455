"""Scores + a wish -> a Selection; export with recipe and card."""

from nait_widgets.selection.recipe import Recipe
from nait_widgets.selection.selection import Selection, Wish, select

__all__ = ["Recipe", "Selection", "Wish", "select"]
