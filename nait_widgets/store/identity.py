"""What must agree before rows stand in one store, and how two that don't agree differ."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from nait_widgets.store.layout import Layout

Named = tuple[tuple[str, str], str]

# The path in a store's provenance, and what to call it.
OF_ACTIVATIONS: tuple[Named, ...] = (
    (("model", "weights_hash"), "model weights"),
    (("model", "tokenizer_hash"), "tokenizer"),
    (("model", "dtype"), "model dtype"),
    (("model", "attention"), "attention implementation"),
    (("model", "quantization"), "quantization"),
    (("template", "digest"), "template"),
    (("template", "max_length"), "maximum length"),
)
# What a capture that goes on must share besides.
OF_CAPTURE: tuple[Named, ...] = (
    *OF_ACTIVATIONS,
    (("source", "sha256"), "rows"),
    (("capture", "deterministic"), "deterministic mode"),
)
_DIGESTS = ("weights_hash", "tokenizer_hash", "digest", "sha256")


class Difference(NamedTuple):
    """What differs, and what each has, for people."""

    what: str
    one: str
    other: str


def differences(
    one: tuple[dict[str, Any], Layout],
    other: tuple[dict[str, Any], Layout],
    identity: tuple[Named, ...],
    *,
    but: Collection[str] = (),
) -> Iterator[Difference]:
    """How two stores differ, or a store and one to be.

    Args:
        one: Its provenance and layout.
        other: Likewise.
        identity: What must agree of the provenance.
        but: Fields of the layout that may differ.
    """
    for (section, key), what in identity:
        first, second = one[0][section], other[0][section]
        if first.get(key) != second.get(key):  # a store of an older version may not say
            yield Difference(what, _named(first, key), _named(second, key))
    ours, theirs = asdict(one[1]), asdict(other[1])
    for field in ours:
        if field not in but and ours[field] != theirs[field]:
            yield Difference(field.replace("_", " "), _plain(ours[field]), _plain(theirs[field]))


def _plain(value: Any) -> str:
    """A value of a layout for people."""
    if isinstance(value, bool):
        return "kept" if value else "left out"
    return (", ".join(map(str, value)) or "none") if isinstance(value, tuple) else str(value)


def _named(about: dict[str, Any], key: str) -> str:
    """A value for people: a digest by the name of what it is of, and its first digits."""
    return f"{about['name']} {about[key][:8]}" if key in _DIGESTS else str(about.get(key))
