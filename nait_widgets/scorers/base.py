"""What every scorer is: a frozen value that gives each sample of a store a number, can be saved and shared."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from dataclasses import dataclass, field, fields, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, Self

import numpy as np

from nait_widgets.errors import ScorerError
from nait_widgets.methods import space
from nait_widgets.paths import written_whole

if TYPE_CHECKING:
    import os

    import numpy.typing as npt

    from nait_widgets.methods import Space
    from nait_widgets.store import ActivationStore

    Scores = npt.NDArray[np.float64]
    Option = str | int | float | bool | None

LEARNED = {"learned": True}
"""Metadata of a field that holds an array of `TargetScorer.learn`, and None before."""

_NO_OPTIONS = ("name", "origin")
# What an option may be, by the type of its default, and how to say so.
_TYPES: dict[type, tuple[tuple[type, ...], str]] = {
    bool: ((bool,), "true or false"),
    int: ((int,), "a whole number"),
    float: ((int, float), "a number"),
    str: ((str,), "text"),
}
_ANY = (str, int, float, bool, type(None)), "text, a number, true, false or none"


@dataclass(frozen=True, eq=False, kw_only=True)
class Scorer(ABC):
    """A way to score samples that isn't a direction.

    A subclass is a frozen dataclass (`@dataclass(frozen=True, eq=False)`) with a `kind` and a method `compute`. Its
    fields are its options: text, numbers, truth values or None, each with a default.

    Attributes:
        kind: What it is registered and saved under.
        needs: The extras that a store must have been captured with.
        name: What its column of scores is called; by default its kind.
    """

    kind: ClassVar[str]
    needs: ClassVar[tuple[str, ...]] = ()

    name: str = ""

    def __post_init__(self) -> None:
        for option in (f for f in fields(self) if f.name in self.options):
            value = getattr(self, option.name)
            types, words = _TYPES.get(type(option.default), _ANY)
            if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
                self._refuse(option.name, words)
        if not isinstance(self.name, str):
            self._refuse("name", "text")
        object.__setattr__(self, "name", self.name or self.kind)

    @abstractmethod
    def compute(self, store: ActivationStore) -> npt.NDArray[np.floating]:
        """A number for every sample of a complete store that has what the scorer needs; what `score` calls.

        Large arrays are to be streamed (`store.pool(name).map_chunks`), never held whole.

        Returns:
            (sample,); higher is kept first, NaN where there is none. Values of quarantined samples don't count.
        """

    def score(self, store: ActivationStore) -> Scores:
        """Score every sample of a store.

        Returns:
            (sample,) float64; higher is kept first. NaN where a sample has no score: it then is never selected.

        Raises:
            StoreError: The store is incomplete or damaged.
            ScorerError: The store lacks what the scorer needs, or is of another model or template than its targets.
        """
        self.require(store)
        scores = np.array(self.compute(store), np.float64)
        if scores.shape != (len(store),):
            raise ScorerError(
                f"scorer {self.kind!r} gave values of shape {scores.shape} for {len(store):,} samples; its `compute` "
                "must give one a sample"
            )
        scores[~store.selectable] = np.nan
        return scores

    def require(self, store: ActivationStore) -> None:
        """Raise unless a store can be scored, before any work is done."""
        store.require_complete()
        self._require_extras(store)

    def named(self, name: str) -> Self:
        """The same scorer under another name."""
        return replace(self, name=name)

    @property
    def options(self) -> dict[str, Option]:
        """Its options by name."""
        return {name: getattr(self, name) for name in self.option_names()}

    @classmethod
    def option_names(cls) -> tuple[str, ...]:
        """The names of the options of its kind."""
        return tuple(f.name for f in fields(cls) if f.name not in _NO_OPTIONS and "learned" not in f.metadata)

    @property
    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """What it learned of its targets, by name; empty where it has none."""
        found = {f.name: getattr(self, f.name) for f in fields(self) if "learned" in f.metadata}
        return {name: values for name, values in found.items() if values is not None}

    @property
    def digest(self) -> str:
        """SHA-256 of its kind, options, space and arrays: what makes two scorers score alike. The name isn't in it."""
        traits = {kind: trait.identity for kind, trait in self.space.items()}
        shapes = {name: [values.dtype.str, values.shape] for name, values in self.arrays.items()}
        meaning = json.dumps([self.kind, self.options, traits, shapes], sort_keys=True)
        parts = [np.ascontiguousarray(values).tobytes() for _, values in sorted(self.arrays.items())]
        return sha256(b"".join([meaning.encode(), *parts])).hexdigest()

    @property
    def space(self) -> Space:
        """What must agree between its targets and what it scores; nothing for a scorer without targets."""
        return {}

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write to one file, `NAME.scorer`: safetensors, so that opening a stranger's runs nothing of theirs."""
        from nait_widgets.scorers.encoding import to_bytes

        path, data = Path(path), to_bytes(self)
        with written_whole(path) as temporary:
            temporary.write_bytes(data)
        return path

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Scorer:
        """Read a scorer of any kind from its file.

        Raises:
            ScorerError: The file is missing, damaged or something else, or its kind isn't installed.
        """
        from nait_widgets.scorers.encoding import from_file

        return from_file(Path(path))

    def _one_of(self, option: str, allowed: tuple[str, ...]) -> None:
        """Raise unless an option is one of some words."""
        if getattr(self, option) not in allowed:
            self._refuse(option, " or ".join(allowed))

    def _at_least(self, option: str, least: int) -> None:
        """Raise unless an option reaches a number."""
        if getattr(self, option) < least:
            self._refuse(option, f"{least} or more")

    def _refuse(self, option: str, wanted: str) -> NoReturn:
        raise ScorerError(f"{option} of scorer {self.kind!r} is {getattr(self, option)!r}, but must be {wanted}")

    def _require_extras(self, store: ActivationStore) -> None:
        absent = [extra for extra in self.needs if extra not in store.layout.extras]
        if absent:
            raise ScorerError(
                f"scorer {self.kind!r} needs {', '.join(absent)}, which {store.path} lacks; capture it again with "
                f"`--extras {','.join((*store.layout.extras, *absent))}`"
            )


@dataclass(frozen=True, eq=False, kw_only=True)
class TargetScorer(Scorer):
    """A scorer that compares samples with targets, so that it must be fitted to them first.

    Attributes:
        name: What its column of scores is called; by default its kind and the name of the targets' store.
        origin: Of the targets: `model`, `template`, `source` and the number of `samples`. None before it is fitted.
    """

    origin: dict[str, Any] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        given = self.name
        super().__post_init__()
        if self.origin is None:
            object.__setattr__(self, "name", given)  # where it is empty, the targets will give one

    @abstractmethod
    def learn(self, targets: ActivationStore) -> dict[str, npt.NDArray[Any]]:
        """The arrays to keep of a store of targets that has what the scorer needs, by the fields that hold them."""

    def fit(self, targets: ActivationStore) -> Self:
        """The scorer, fitted to the samples of a store.

        Raises:
            StoreError: The store is incomplete or damaged.
            ScorerError: It lacks what the scorer needs, or has no sample that can be used.
        """
        targets.require_complete()
        self._require_extras(targets)
        n = int(np.count_nonzero(targets.selectable))
        if not n:
            raise ScorerError(f"scorer {self.kind!r} can't be fitted: no sample of {targets.path} can be used")
        about = {kind: targets.provenance[kind] for kind in ("model", "template", "source")}
        name = self.name or f"{self.kind} {targets.path.name.split('.zarr')[0]}"
        return replace(self, name=name, origin={**about, "samples": n}, **self.learn(targets))

    def require(self, store: ActivationStore) -> None:
        """Raise unless a store can be scored, before any work is done."""
        if self.origin is None:
            raise ScorerError(f"scorer {self.kind!r} needs targets: fit it to a store of them with `fit(targets)`")
        super().require(store)
        there = _space(store.provenance)
        for kind, mine in self.space.items():
            if mine.identity != there[kind].identity:
                raise ScorerError(
                    f"the targets of scorer {self.name!r} are of another {kind} than {store.path} ({mine.label}, "
                    f"there {there[kind].label}); capture them with the same {kind}"
                )

    @property
    def space(self) -> Space:
        """The model and the template of the targets; nothing before it is fitted."""
        return {} if self.origin is None else _space(self.origin)


def _space(about: dict[str, Any]) -> Space:
    """Model and template; the site is no matter, since extras are the same at any."""
    traits = space(about["model"], about["template"], "")
    return {kind: traits[kind] for kind in ("model", "template")}
