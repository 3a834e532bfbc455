"""Scorers other than directions: each reads what it needs of a store and gives every sample one number."""

from nait_widgets.scorers.base import LEARNED, Scorer, TargetScorer
from nait_widgets.scorers.controls import Length, Random, StratifiedRandom
from nait_widgets.scorers.diversity import Diversity
from nait_widgets.scorers.embeddings import KNN, RDS, Centroid
from nait_widgets.scorers.encoding import decode, encode
from nait_widgets.scorers.likelihood import IFD, Loss, Perplexity
from nait_widgets.scorers.nag import NAG
from nait_widgets.scorers.registry import KINDS, available, find, scorer

__all__ = [
    "IFD",
    "KINDS",
    "KNN",
    "LEARNED",
    "NAG",
    "RDS",
    "Centroid",
    "Diversity",
    "Length",
    "Loss",
    "Perplexity",
    "Random",
    "Scorer",
    "StratifiedRandom",
    "TargetScorer",
    "available",
    "decode",
    "encode",
    "find",
    "scorer",
]
