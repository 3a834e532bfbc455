"""Scorers: pure functions over arrays, and the values that they are made of."""

from nait_widgets.methods.baselines import length, random
from nait_widgets.methods.direction import Direction, Space, space
from nait_widgets.methods.options import PRESETS, FitOptions, Preset, ScoreOptions, as_json, preset
from nait_widgets.methods.resampling import Resample
from nait_widgets.methods.similarity import embedding_centroid

__all__ = [
    "PRESETS",
    "Direction",
    "FitOptions",
    "Preset",
    "Resample",
    "ScoreOptions",
    "Space",
    "as_json",
    "embedding_centroid",
    "length",
    "preset",
    "random",
    "space",
]
