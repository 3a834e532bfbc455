"""Scorers other than directions: each reads what it needs of a store and gives every sample one number."""

from nait_widgets.scorers.base import Scorer, TargetScorer, learned
from nait_widgets.scorers.controls import Length, Random
from nait_widgets.scorers.encoding import decode, encode
from nait_widgets.scorers.registry import KINDS, available, find, scorer

__all__ = [
    "KINDS",
    "Length",
    "Random",
    "Scorer",
    "TargetScorer",
    "available",
    "decode",
    "encode",
    "find",
    "learned",
    "scorer",
]
