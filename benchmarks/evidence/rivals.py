"""All scorers side by side: a column of scores for each, by the name that the tables call it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.evidence.fits import MENDED
from nait_widgets import fit_direction, score, scorer

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import numpy.typing as npt

    from nait_widgets.methods import Direction
    from nait_widgets.scorers import Scorer
    from nait_widgets.store import ActivationStore

    Columns = dict[str, npt.NDArray[np.float64]]

DIVERSITY = "activation diversity"
# Scorers that know no target, and those that compare with its samples: kind and options by name.
FREE: dict[str, tuple[str, dict[str, Any]]] = {
    "random": ("random", {}),
    "stratified random": ("stratified-random", {}),
    "length": ("length", {}),
    "loss": ("loss", {}),
    "perplexity": ("perplexity", {}),
    "IFD": ("ifd", {"form": "loss"}),
    "IFD, perplexities": ("ifd", {"form": "perplexity"}),
    DIVERSITY: ("diversity", {}),
}
AIMED: dict[str, tuple[str, dict[str, Any]]] = {
    "centroid": ("centroid", {}),
    "kNN": ("knn", {}),
    "RDS+": ("rds", {}),
    "RDS+, maximum": ("rds", {"aggregate": "max"}),
    "NAG": ("nag", {}),
}
NAIT: dict[str, tuple[str, dict[str, Any]]] = {
    "NAIT paper": ("paper", {}),
    "NAIT mended": ("robust", MENDED),
    "NAIT robust": ("robust", {}),
}


def free_scorers() -> dict[str, Scorer]:
    """The scorers that know no target."""
    return {name: scorer(kind, name=name, **options) for name, (kind, options) in FREE.items()}


def aimed_scorers(targets: ActivationStore) -> dict[str, Scorer]:
    """The rivals that compare with a target's samples, fitted to them."""
    return {name: scorer(kind, targets, **options).named(name) for name, (kind, options) in AIMED.items()}


def directions(targets: ActivationStore, pool: ActivationStore, suffix: str = "") -> dict[str, Direction]:
    """NAIT's directions for a target.

    Args:
        targets: Its samples.
        pool: The candidates, which `robust` compares them with.
        suffix: Of the names.
    """
    return {
        name + suffix: fit_direction(targets, name=name + suffix, preset=preset, background=pool, **options)
        for name, (preset, options) in NAIT.items()
    }


def columns(store: ActivationStore, scorers: Mapping[str, Direction | Scorer]) -> Columns:
    """The scores of a store by each of some directions and scorers."""
    scores = score(store, list(scorers.values()))["score"]
    return {name: scores.sel(direction=name).to_numpy() for name in scorers}
