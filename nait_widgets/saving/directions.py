"""Directions in a store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nait_widgets.errors import DirectionError, StoreError
from nait_widgets.methods import space
from nait_widgets.methods.encoding import DIMENSIONS, decode, encode
from nait_widgets.saving.kept import part, parts, require_unused
from nait_widgets.store.parts import Column, write_part

if TYPE_CHECKING:
    from nait_widgets.methods import Direction
    from nait_widgets.store import ActivationStore
    from nait_widgets.store.parts import Part


def save_direction(store: ActivationStore, direction: Direction, name: str | None = None) -> None:
    """Save a direction; see `ActivationStore.save_direction`."""
    direction = direction if name is None else direction.named(name)
    here = space(store.provenance["model"], store.provenance["template"], store.layout.site)
    direction.require_same_space(here, f"store {store.path}")
    require_free(store, direction)
    write(store, direction)


def direction(store: ActivationStore, name: str) -> Direction:
    """A saved direction; see `ActivationStore.direction`."""
    return read(part(store, "directions", name))


def keeps(store: ActivationStore, direction: Direction) -> bool:
    """Whether a direction is saved in the store, so that it needs no file of its own."""
    found = parts(store, "directions").get(direction.name)
    return found is not None and found.attributes["digest"] == direction.digest


def require_free(store: ActivationStore, direction: Direction, besides: str | None = None) -> None:
    """Raise where saving a direction would take another of its name away from what was made with that.

    Args:
        store: The store.
        direction: What is to be saved.
        besides: Scores that don't count, for they are replaced.
    """
    found = parts(store, "directions").get(direction.name)
    if found is not None and found.attributes["digest"] != direction.digest:
        require_unused(store, found, besides)


def write(store: ActivationStore, direction: Direction) -> str:
    """Write a direction, replacing one of its name; gives its key."""
    tensors, header = encode(direction)
    columns = {name: Column(values, DIMENSIONS[name]) for name, values in tensors.items()}
    return write_part(store, "directions", header, columns)


def read(saved: Part) -> Direction:
    """The direction of a part, its checksum and digest verified."""
    try:
        return decode({name: saved.array(name) for name in saved.names}, saved.attributes, saved.place)
    except DirectionError as error:
        raise StoreError(str(error)) from error
