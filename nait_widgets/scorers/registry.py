"""Which kinds of scorers there are: those of the package, and those that other packages register."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any

from nait_widgets.errors import ScorerError
from nait_widgets.scorers.base import Scorer, TargetScorer
from nait_widgets.scorers.controls import Length, Random, StratifiedRandom
from nait_widgets.scorers.diversity import Diversity
from nait_widgets.scorers.embeddings import KNN, RDS, Centroid
from nait_widgets.scorers.likelihood import IFD, Loss, Perplexity
from nait_widgets.scorers.nag import NAG

if TYPE_CHECKING:
    from nait_widgets.store import ActivationStore

GROUP = "nait_widgets.scorers"

_OWN: tuple[type[Scorer], ...] = (
    Random,
    StratifiedRandom,
    Length,
    Loss,
    Perplexity,
    IFD,
    Diversity,
    Centroid,
    KNN,
    RDS,
    NAG,
)
KINDS: dict[str, type[Scorer]] = {cls.kind: cls for cls in _OWN}
"""The package's own kinds."""


def scorer(
    kind: str, targets: ActivationStore | None = None, *, name: str | None = None, **options: str | float | bool | None
) -> Scorer:
    """A scorer by the name of its kind.

    Args:
        kind: One of `scorers.available()`.
        targets: The store of samples that show what is wanted, for a kind that compares with them; it is fitted.
        name: What its column of scores is called; by default the kind, with targets followed by their store's name.
        options: Those of the kind.

    Raises:
        ScorerError: There is no such kind, option or value, or targets are missing or can't be used.
    """
    cls = find(kind)
    names = cls.option_names()
    for option in options:
        if option not in names:
            raise ScorerError(f"scorer {kind!r} has no option {option!r}; its options: {', '.join(names) or 'none'}")
    build: Any = cls  # its options are its own
    made: Scorer = build(name=name or "", **options)
    if isinstance(made, TargetScorer):
        if targets is None:
            raise ScorerError(f"scorer {kind!r} needs targets: give a store of them, as in scorer({kind!r}, targets)")
        return made.fit(targets)
    if targets is not None:
        raise ScorerError(f"scorer {kind!r} compares with no targets; leave {targets.path} out")
    return made


def available() -> tuple[str, ...]:
    """The kinds that there are: the package's own, then others' by name."""
    return (*KINDS, *sorted({entry.name for entry in entry_points(group=GROUP)} - set(KINDS)))


def find(kind: str) -> type[Scorer]:
    """The class of a kind.

    Raises:
        ScorerError: There is no such kind, two claim its name, or the package that registers it is broken.
    """
    others = list(entry_points(group=GROUP, name=kind))
    if others and len(others) + (kind in KINDS) > 1:
        claims = " and ".join([*(["nait-widgets itself"] if kind in KINDS else []), *map(_package, others)])
        raise ScorerError(f"scorer {kind!r} is claimed by {claims}; uninstall one of them, or rename its entry point")
    if kind in KINDS:
        return KINDS[kind]
    if not others:
        raise ScorerError(f"there is no scorer {kind!r}; there are {', '.join(available())}")
    return _load(others[0])


def _load(entry: EntryPoint) -> type[Scorer]:
    try:
        cls = entry.load()
    except (ImportError, AttributeError) as error:
        raise ScorerError(f"scorer {entry.name!r} of {_package(entry)} can't be imported: {error}") from error
    if not (isinstance(cls, type) and issubclass(cls, Scorer)) or getattr(cls, "kind", None) != entry.name:
        raise ScorerError(
            f"{entry.value} of {_package(entry)} is registered as scorer {entry.name!r}, but isn't a Scorer "
            "of that kind"
        )
    return cls


def _package(entry: EntryPoint) -> str:
    return f"the package {entry.dist.name}" if entry.dist is not None else f"the module {entry.module}"
