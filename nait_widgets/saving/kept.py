"""What is saved in a store, and what of it was made from what."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from nait_widgets.errors import SelectionError, StoreError
from nait_widgets.fingerprints.reading import FORMAT as FINGERPRINT_FORMAT
from nait_widgets.methods.encoding import FORMAT as DIRECTION_FORMAT
from nait_widgets.scorers.encoding import FORMAT as SCORER_FORMAT
from nait_widgets.store.parts import delete_part, read_parts
from nait_widgets.store.projections import label

if TYPE_CHECKING:
    from nait_widgets.store import ActivationStore
    from nait_widgets.store.parts import Kind, Part

    Named = tuple[str, str]  # name and digest of a direction or scorer

# The format of each kind, and the attributes that it can't do without.
FORMATS: dict[Kind, tuple[str, tuple[str, ...]]] = {
    "directions": (DIRECTION_FORMAT, ("name", "digest", "sha256")),
    "scorers": (SCORER_FORMAT, ("name", "digest", "sha256")),
    "scores": ("nait-scores-1", ("name", "directions", "labels", "map")),
    "selections": ("nait-selection-1", ("name", "scores", "directions", "wish", "result")),
    "fingerprints": (FINGERPRINT_FORMAT, ("name", "pools", "components", "rows")),
}


def names(store: ActivationStore, kind: Kind) -> tuple[str, ...]:
    """The names of what is saved."""
    return tuple(read_parts(store, kind))


def parts(store: ActivationStore, kind: Kind) -> dict[str, Part]:
    """What is saved, by name.

    Raises:
        StoreError: Something is damaged, or of another format.
    """
    found = read_parts(store, kind)
    named, fields = FORMATS[kind]
    for part in found.values():
        if part.attributes.get("format") != named or not part.attributes.keys() >= set(fields):
            raise StoreError(f"{part.place} is not of format {named}: another version of nait-widgets may have made it")
    return found


def part(store: ActivationStore, kind: Kind, name: str) -> Part:
    """What is saved under a name.

    Raises:
        StoreError: There is nothing, or something is damaged.
    """
    found = parts(store, kind)
    if name not in found:
        raise StoreError(f"{store.path} has no {name!r} among its {kind} ({', '.join(found) or 'there are none'})")
    return found[name]


def goes_by(made: Part) -> set[Named]:
    """The directions and scorers that scores or a selection were made with."""
    return {(entry["name"], entry["digest"]) for entry in made.attributes["directions"]}


def selections_of(store: ActivationStore, scores: Part) -> dict[str, Part]:
    """The selections that were made from some scores."""
    found = parts(store, "selections")
    return {name: made for name, made in found.items() if made.attributes["scores"] == scores.key}


def require_unused(store: ActivationStore, scored: Part, besides: str | None = None) -> None:
    """Raise where scores or a selection go by a saved direction or scorer, or a store of scores was captured for it.

    Args:
        store: The store.
        scored: Which one.
        besides: Scores that don't count, for they are replaced.
    """
    named = scored.attributes["name"], scored.attributes["digest"]
    what = "scorer" if scored.attributes["format"] == SCORER_FORMAT else "direction"
    if label(*named) in store.layout.directions:
        raise StoreError(
            f"{store.path} keeps scores only, those of the {what} {named[0]!r}: it can't be taken away; call another "
            f"{what} otherwise (`named(...)`; NAME=… on the command line)"
        )
    kinds: tuple[Kind, ...] = ("selections", "scores")
    for kind in kinds:
        for name, made in parts(store, kind).items():
            if named in goes_by(made) and (kind, name) != ("scores", besides):
                raise StoreError(
                    f"{kind} {name!r} of {store.path} go by the {what} {named[0]!r} that is saved there: delete them "
                    f"first, or call another {what} otherwise (`named(...)`; NAME=… on the command line)"
                )


def delete(store: ActivationStore, kind: Kind, name: str) -> None:
    """Delete what was saved; see `ActivationStore.delete`."""
    gone = part(store, kind, name)
    if kind in ("directions", "scorers"):
        require_unused(store, gone)
    if kind == "fingerprints" and store.scores_only:
        raise StoreError(
            f"{store.path} keeps scores only, and its fingerprint can't be made again without activations: it stays"
        )
    if kind == "scores" and (users := selections_of(store, gone)):
        raise StoreError(
            f"selection {next(iter(users))!r} of {store.path} was made from scores {name!r}: delete it first"
        )
    delete_part(store, kind, name)


def require_own(store: ActivationStore, other: ActivationStore, what: str) -> None:
    """Raise where something was made of another store."""
    if not other.is_same(store):
        raise SelectionError(f"{what} of {other.path}, and can't be saved in {store.path}")


def now() -> str:
    """When something is saved, in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")
