"""What was made last, and what it was made from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Latest:
    """One value a name, kept as long as the same is asked for: what a moved control has left behind is let go."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[object, Any]] = {}

    def of(self, name: str, key: object, make: Callable[[], T]) -> T:
        """What was made under a name, or made now where that was by another key.

        Args:
            name: What the value is.
            key: All that it depends on, compared by `==`.
            make: Makes it.
        """
        kept = self._kept.get(name)
        if kept is None or kept[0] != key:
            kept = self._kept[name] = key, make()
        made: T = kept[1]
        return made
