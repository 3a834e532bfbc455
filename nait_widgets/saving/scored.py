"""Directions and scorers in a store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nait_widgets.errors import DirectionError, ScorerError, StoreError
from nait_widgets.methods import Direction, encoding, space
from nait_widgets.saving.kept import part, parts, require_unused
from nait_widgets.scored import is_scorer
from nait_widgets.scorers import Scorer
from nait_widgets.scorers import encoding as scorer_encoding
from nait_widgets.scorers.absent import require_present
from nait_widgets.store.parts import Column, write_part

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nait_widgets.scored import Scored
    from nait_widgets.store import ActivationStore
    from nait_widgets.store.parts import Kind, Part

CHUNK_ROWS = 4096  # of a scorer's arrays, which may be as long as its targets are many


def save_direction(store: ActivationStore, direction: Direction, name: str | None = None) -> None:
    """Save a direction; see `ActivationStore.save_direction`."""
    direction = direction if name is None else direction.named(name)
    here = space(store.provenance["model"], store.provenance["template"], store.layout.site)
    direction.require_same_space(here, f"store {store.path}")
    require_free(store, direction)
    write(store, direction)


def save_scorer(store: ActivationStore, scorer: Scorer, name: str | None = None) -> None:
    """Save a scorer; see `ActivationStore.save_scorer`."""
    scorer = scorer if name is None else scorer.named(name)
    scorer.require(store)
    require_free(store, scorer)
    write(store, scorer)


def direction(store: ActivationStore, name: str) -> Direction:
    """A saved direction; see `ActivationStore.direction`."""
    saved = part(store, "directions", name)
    try:
        return encoding.decode(_tensors(saved), saved.attributes, saved.place)
    except DirectionError as error:
        raise StoreError(str(error)) from error


def scorer(store: ActivationStore, name: str) -> Scorer:
    """A saved scorer; see `ActivationStore.scorer`."""
    try:
        return require_present(scorer_or_absent(store, name))
    except ScorerError as error:
        raise StoreError(str(error)) from error


def scorer_or_absent(store: ActivationStore, name: str) -> Scorer:
    """A saved scorer; an `Absent` where its package isn't installed, so that its scores can be used all the same."""
    saved = part(store, "scorers", name)
    try:
        return scorer_encoding.decode(_tensors(saved), saved.attributes, saved.place)
    except ScorerError as error:
        raise StoreError(str(error)) from error


def named_by(store: ActivationStore, entry: Mapping[str, Any]) -> Scored:
    """The saved direction or scorer that an entry of scores, or of a recipe, names."""
    return scorer_or_absent(store, entry["name"]) if is_scorer(entry) else direction(store, entry["name"])


def keeps(store: ActivationStore, scored: Scored) -> bool:
    """Whether a direction or scorer is saved in the store, so that it needs no file of its own."""
    found = parts(store, _kind(scored)).get(scored.name)
    return found is not None and found.attributes["digest"] == scored.digest


def require_free(store: ActivationStore, scored: Scored, besides: str | None = None) -> None:
    """Raise where saving it would take another of its name away from what was made with that.

    Args:
        store: The store.
        scored: What is to be saved.
        besides: Scores that don't count, for they are replaced.
    """
    found = parts(store, _kind(scored)).get(scored.name)
    if found is not None and found.attributes["digest"] != scored.digest:
        require_unused(store, found, besides)


def key(store: ActivationStore, scored: Scored) -> str:
    """The key of a direction or scorer, which is saved where it isn't yet."""
    return parts(store, _kind(scored))[scored.name].key if keeps(store, scored) else write(store, scored)


def write(store: ActivationStore, scored: Scored) -> str:
    """Write a direction or scorer, replacing one of its name; gives its key."""
    header, columns = contents(scored)
    return write_part(store, _kind(scored), header, columns)


def contents(scored: Scored) -> tuple[dict[str, Any], dict[str, Column]]:
    """The attributes and arrays by which a store keeps a direction or scorer."""
    if isinstance(scored, Direction):
        tensors, header = encoding.encode(scored)
        columns = {name: Column(values, encoding.DIMENSIONS[name]) for name, values in tensors.items()}
    else:
        tensors, header = scorer_encoding.encode(scored)
        columns = {
            name: Column(
                values,
                tuple(f"{name}_{axis}" for axis in range(values.ndim)),  # of no two arrays is it known to be the same
                (*(max(1, min(n, CHUNK_ROWS)) for n in values.shape[:1]), *(max(1, n) for n in values.shape[1:])),
            )
            for name, values in tensors.items()
        }
    return header, columns


def _tensors(saved: Part) -> dict[str, Any]:
    return {name: saved.array(name) for name in saved.names}


def _kind(scored: Scored) -> Kind:
    return "directions" if isinstance(scored, Direction) else "scorers"
