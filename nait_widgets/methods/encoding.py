"""A direction as arrays and a header of JSON: what its file and its place in a store have in common."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np

from nait_widgets.errors import DirectionError
from nait_widgets.methods.direction import Direction
from nait_widgets.methods.options import FitOptions, ScoreOptions, as_json, change
from nait_widgets.methods.resampling import Resample

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    Tensors = dict[str, npt.NDArray[Any]]

FORMAT = "nait-direction-1"
# In the order in which the checksum takes them.
DIMENSIONS = {
    "vectors": ("layer", "neuron"),
    "explained": ("layer",),
    "margin": ("layer",),
    "in_domain_mean": ("layer", "neuron"),
    "resampled": ("resample", "layer", "neuron"),
    "group_mean": ("group", "layer", "neuron"),
    "held_out": ("in_domain", "layer"),
}
_OPTIONAL = ("resampled", "group_mean", "held_out")  # not every direction has them
_VALUES = ("name", "site", "model", "template", "preset", "samples")


def encode(direction: Direction) -> tuple[Tensors, dict[str, Any]]:
    """The arrays of a direction, little-endian, by the names of `DIMENSIONS`; and everything else as JSON."""
    kept = [name for name in DIMENSIONS if name not in _OPTIONAL or getattr(direction, name).size]
    tensors = {name: np.ascontiguousarray(getattr(direction, name), _dtype(name)) for name in kept}
    header = {
        "format": FORMAT,
        "digest": direction.digest,
        **{name: getattr(direction, name) for name in _VALUES},
        "fit": as_json(direction.fit),
        "score": as_json(direction.score),
        "layers": list(direction.layers),
        "resamples": [which._asdict() for which in direction.resamples],
        "sha256": _checksum(tensors),
    }
    return tensors, header


def decode(tensors: Tensors, header: Mapping[str, Any], place: str) -> Direction:
    """The direction that was encoded.

    Args:
        tensors: Those of `DIMENSIONS`, whatever their order.
        header: As `encode` gave it. Directions from before there were resamples lack the digest, too.
        place: Where all this was read, for messages.

    Raises:
        DirectionError: It isn't what was encoded.
    """
    if header.get("format") != FORMAT:
        raise DirectionError(f"{place} is not a direction of format {FORMAT}")
    try:
        tensors = {name: tensors[name] for name in DIMENSIONS if name in tensors or name not in _OPTIONAL}
        if _checksum(tensors) != header["sha256"]:
            raise DirectionError(f"{place} is damaged: its numbers are not those that were saved; get it again")
        resamples = tuple(Resample(**which) for which in header.get("resamples", []))
        if len(resamples) != len(tensors.get("resampled", ())):
            raise DirectionError(f"{place} is damaged: its resamples are not those that were saved; get it again")
        given: dict[str, Any] = {**tensors, **{name: header[name] for name in _VALUES}}
        direction = Direction(
            **given,
            layers=tuple(header["layers"]),
            fit=change(FitOptions(), header["fit"]),
            score=change(ScoreOptions(), header["score"]),
            resamples=resamples,
        )
        if header.get("digest", direction.digest) != direction.digest:
            raise DirectionError(f"{place} is damaged: it isn't the direction that its digest names; get it again")
    except (KeyError, TypeError, ValueError) as error:
        raise DirectionError(f"{place} can't be read as a direction: {error}") from error
    return direction


def _dtype(name: str) -> str:
    return "<f2" if name == "resampled" else "<f4"


def _checksum(tensors: Tensors) -> str:
    return sha256(b"".join(tensor.tobytes() for tensor in tensors.values())).hexdigest()
