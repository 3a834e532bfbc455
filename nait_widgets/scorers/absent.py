"""A scorer whose package isn't installed: it can be named, shown and kept, but can't score."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

from nait_widgets.errors import ScorerError
from nait_widgets.scorers.base import Scorer

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from nait_widgets.scorers.base import Option
    from nait_widgets.store import ActivationStore


@dataclass(frozen=True, eq=False, kw_only=True)
class Absent(Scorer):
    """What was saved of a scorer, in its place.

    Attributes:
        header: What `encode` gave.
        tensors: Its arrays by name.
        place: Where it was read, for messages.
    """

    header: Mapping[str, Any] = field(default_factory=dict, repr=False)
    tensors: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict, repr=False)
    place: str = ""

    @property
    def options(self) -> dict[str, Option]:
        """Its options by name."""
        return dict(self.header.get("options", {}))

    @property
    def origin(self) -> dict[str, Any] | None:
        """Of its targets; None where it has none."""
        found: dict[str, Any] | None = self.header["origin"]
        return found

    @property
    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """What it learned of its targets, by name."""
        return dict(self.tensors)

    @property
    def digest(self) -> str:
        """What it was saved with: what else makes two scorers alike is known to its kind alone."""
        return str(self.header["digest"])

    def require(self, store: ActivationStore) -> NoReturn:
        """Raise: nothing can be scored."""
        raise ScorerError(f"{store.path} can't be scored: {self.advice}")

    def compute(self, store: ActivationStore) -> NoReturn:
        """Raise: nothing can be scored."""
        raise ScorerError(f"{store.path} can't be scored: {self.advice}")

    @property
    def advice(self) -> str:
        """That it is whole, and what to do."""
        return (
            f"{self.place} is a scorer of kind {self.kind!r}, which no package that is installed has: install the one "
            "that it was made with"
        )


def absent(header: Mapping[str, Any], tensors: Mapping[str, npt.NDArray[Any]], place: str) -> Absent:
    """What stands for a scorer whose kind isn't installed."""
    of_kind: Any = type("Absent", (Absent,), {"kind": header["kind"]})
    made: Absent = of_kind(name=header["name"], header=header, tensors=tensors, place=place)
    return made


def require_present(scorer: Scorer) -> Scorer:
    """The scorer, where its kind is installed.

    Raises:
        ScorerError: It isn't.
    """
    if isinstance(scorer, Absent):
        raise ScorerError(scorer.advice)
    return scorer
