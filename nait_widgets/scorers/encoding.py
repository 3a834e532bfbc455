"""A scorer as arrays and a header of JSON: what its file and its place in a store have in common."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np

from nait_widgets.errors import ScorerError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy.typing as npt

    from nait_widgets.scorers.base import Scorer

    Tensors = dict[str, npt.NDArray[Any]]

FORMAT = "nait-scorer-1"
# What a file says of itself, outside of what it says of the scorer.
_OUTER = ("format", "sha256")


def encode(scorer: Scorer) -> tuple[Tensors, dict[str, Any]]:
    """The arrays of a scorer by name, little-endian, and everything else as JSON."""
    tensors = {
        name: np.ascontiguousarray(values, values.dtype.newbyteorder("<")) for name, values in scorer.arrays.items()
    }
    header = {
        "format": FORMAT,
        "digest": scorer.digest,
        "kind": scorer.kind,
        "name": scorer.name,
        "options": scorer.options,
        "origin": getattr(scorer, "origin", None),
        "sha256": _checksum(tensors),
    }
    return tensors, header


def decode(tensors: Tensors, header: Mapping[str, Any], place: str) -> Scorer:
    """The scorer that was encoded.

    Args:
        tensors: Its arrays, in any order.
        header: As `encode` gave it.
        place: Where all this was read, for messages.

    Returns:
        The scorer; an `Absent` in its place where no package that is installed has its kind.

    Raises:
        ScorerError: It isn't what was encoded.
    """
    from nait_widgets.scorers.absent import absent
    from nait_widgets.scorers.registry import available, find

    if header.get("format") != FORMAT:
        raise ScorerError(f"{place} is not a scorer of format {FORMAT}")
    try:
        if _checksum(tensors) != header["sha256"]:
            raise ScorerError(f"{place} is damaged: its numbers are not those that were saved; get it again")
        origin = {} if header["origin"] is None else {"origin": header["origin"]}
        if header["kind"] not in available():
            return absent(header, tensors, place)
        cls = find(header["kind"])
        options: dict[str, Any] = {name: header["options"][name] for name in cls.option_names()}
        scorer = cls(name=header["name"], **options, **origin, **tensors)
        if scorer.digest != header["digest"]:
            raise ScorerError(f"{place} is damaged: it isn't the scorer that its digest names; get it again")
    except (KeyError, TypeError, ValueError) as error:
        raise ScorerError(f"{place} can't be read as a scorer: {error}") from error
    return scorer


def to_bytes(scorer: Scorer) -> bytes:
    """The file of a scorer."""
    from safetensors.numpy import save

    tensors, header = encode(scorer)
    about = {key: header.pop(key) for key in _OUTER}
    data: bytes = save(tensors, {**about, "scorer": json.dumps(header)})
    return data


def from_file(path: Path) -> Scorer:
    """The scorer of a file; see `Scorer.load`."""
    from safetensors import SafetensorError, safe_open

    from nait_widgets.scorers.absent import require_present

    if not path.is_file():
        raise ScorerError(
            f"there is no scorer file at {path}; `scorer(...).save(path)` writes one, and on the command line "
            "`--by KIND` needs none"
        )
    try:
        with safe_open(path, framework="numpy") as file:
            about = file.metadata() or {}
            header = json.loads(about.get("scorer", "{}")) | {key: about.get(key) for key in _OUTER}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    except (SafetensorError, TypeError, ValueError) as error:
        raise ScorerError(f"{path} can't be read as a scorer: {error}") from error
    return require_present(decode(tensors, header, str(path)))


def _checksum(tensors: Tensors) -> str:
    return sha256(b"".join(tensors[name].tobytes() for name in sorted(tensors))).hexdigest()
