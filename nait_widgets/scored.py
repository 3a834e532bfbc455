"""What a column of scores is by: a direction, or another scorer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nait_widgets.errors import DirectionError
from nait_widgets.methods import Direction
from nait_widgets.scorers import Scorer

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    import xarray as xr

Scored = Direction | Scorer

_SCORER = "scorer"  # what an entry's `kind` says; that of a direction is absent, as before there were scorers


def columns(scores: xr.Dataset) -> tuple[Scored, ...]:
    """What the columns of some scores are by, in order.

    A part of the scores (`scores.sel(direction=…)`) keeps the attributes of the whole.
    """
    known: dict[str, Scored] = {scored.name: scored for scored in scores.attrs["directions"]}
    return tuple(known[str(name)] for name in np.atleast_1d(scores["direction"].to_numpy()))


def entry(scored: Scored) -> dict[str, Any]:
    """How recipes, and what is saved in a store, name it."""
    named = {"name": scored.name, "digest": scored.digest}
    return named if isinstance(scored, Direction) else {**named, "kind": _SCORER}


def is_scorer(named: Mapping[str, Any]) -> bool:
    """Whether an entry names a scorer."""
    return named.get("kind") == _SCORER


def ending(scored: Scored) -> str:
    """How the name of its file ends."""
    return ".direction" if isinstance(scored, Direction) else ".scorer"


def load(path: str | os.PathLike[str]) -> Scored:
    """Read the file of a direction or of a scorer, told by its ending.

    Raises:
        DirectionError: There is no such direction, or it is damaged.
        ScorerError: There is no such scorer, or it is damaged.
    """
    if Path(path).is_dir():
        raise DirectionError(f"{path} is a folder; a direction or a scorer is a file, NAME.direction or NAME.scorer")
    return Scorer.load(path) if Path(path).suffix == ".scorer" else Direction.load(path)


def require_direction(scored: Scored) -> Direction:
    """The direction, where it is one.

    Raises:
        DirectionError: It is a scorer, of which neither layers nor neurons are known.
    """
    if isinstance(scored, Direction):
        return scored
    raise DirectionError(
        f"{scored.name!r} is a scorer of kind {scored.kind!r}: it has no parts by layer or neuron that could be told; "
        "give a direction"
    )
