"""What is asked of a selection: how much, by what, among which rows. One value, readable as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from math import isfinite
from operator import index
from typing import Any, Literal, get_args

from nait_widgets.errors import SelectionError

Merge = Literal["union", "round-robin", "mean-z", "max"]
End = Literal["top", "bottom", "random"]
Adjust = Literal["none", "length-residual", "length-strata"]

SEEDS = 2**32


@dataclass(frozen=True, slots=True)
class Filters:
    """Which rows are looked at.

    Attributes:
        text: Found in the prompt or the response, whatever the case.
        tokens: Fewest and most tokens of the rendered sample, both inclusive; None for no bound.
        labels: For a label column, the values that are let through; columns that aren't named let all through.
        ids: These samples only (what a lasso has caught); None for all.
        narrow: Whether the choice is made among the rows that pass. If not, the filters only say what is shown.
    """

    text: str = ""
    tokens: tuple[int | None, int | None] = (None, None)
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ids: tuple[str, ...] | None = None
    narrow: bool = True

    def __post_init__(self) -> None:
        if not isinstance(self.text, str):
            raise SelectionError(f"the text to find is {self.text!r}, but must be a string")
        if not isinstance(self.tokens, Sequence) or isinstance(self.tokens, str) or len(self.tokens) != 2:
            raise SelectionError(f"tokens is {self.tokens!r}, but must be (fewest, most), each a number or None")
        if not isinstance(self.labels, Mapping) or not all(isinstance(name, str) for name in self.labels):
            raise SelectionError(f"labels is {self.labels!r}, but must name the values let through for each column")
        # What JSON and NumPy have becomes what can't change and can be written as JSON again.
        tokens = tuple(None if bound is None else _whole("a bound of tokens", bound) for bound in self.tokens)
        object.__setattr__(self, "tokens", tokens)
        labels = {name: _texts(f"the label filter {name!r}", values) for name, values in self.labels.items()}
        object.__setattr__(self, "labels", labels)
        if self.ids is not None:
            object.__setattr__(self, "ids", _texts("ids", self.ids))
        object.__setattr__(self, "narrow", bool(self.narrow))

    @property
    def anything(self) -> bool:
        """Whether any row could be kept out."""
        return bool(self.text) or self.tokens != (None, None) or bool(self.labels) or self.ids is not None


@dataclass(frozen=True, slots=True)
class Wish:
    """How much is asked for, by which end of the scores, and among which rows.

    Attributes:
        fraction, k, threshold: Exactly one is given. With several directions under `union` it is each one's own.
        merge: `union` of each direction's own top (the paper's); `round-robin`, each taking its best in turn until
            there are k; the highest mean of z-scores (`mean-z`); or the highest z-score in any direction (`max`).
        weights: How much each direction counts, 1 where it isn't named, 0 to leave it out: under `union` and
            `round-robin` its share of the rows, under `mean-z` and `max` a factor of its z-scores.
        end: The `top` of the scores; their `bottom`, to see what is left out; or `random` rows, to compare with.
        seed: Of the random rows.
        adjust: What of a sample's length is left in each direction's scores before anything else is done with them:
            all (`none`); not what its rank explains by a straight line (`length-residual`); or nothing, for a score is
            the sample's place among those of about its length, from 0 to 1 (`length-strata`). Over all rows that have
            a score, whatever the filters.
        filters: Which rows are looked at.
        pinned: Ids that are chosen whatever they score, beyond what is asked for.
        excluded: Ids that are never chosen; the next best take their place.
        note: Where the ids in it come from, in words, for the card; it decides nothing.
    """

    fraction: float | None = None
    k: int | None = None
    threshold: float | None = None
    merge: Merge = "union"
    weights: Mapping[str, float] = field(default_factory=dict)
    end: End = "top"
    seed: int = 0
    adjust: Adjust = "none"
    filters: Filters = field(default_factory=Filters)
    pinned: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    note: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.note, str):
            raise SelectionError(f"note is {self.note!r}, but must be a string")
        if not isinstance(self.weights, Mapping) or not all(isinstance(name, str) for name in self.weights):
            raise SelectionError(f"weights is {self.weights!r}, but must name a number for each direction")
        if not isinstance(self.filters, Filters):
            raise SelectionError(f"filters is {self.filters!r}, but must be `Filters`")
        weights = {name: _number(f"the weight of {name!r}", weight) for name, weight in self.weights.items()}
        object.__setattr__(self, "weights", weights)
        for name in ("pinned", "excluded"):
            object.__setattr__(self, name, _texts(name, getattr(self, name)))
        for name, as_number in (("fraction", _number), ("k", _whole), ("threshold", _number), ("seed", _whole)):
            if (given := getattr(self, name)) is not None or name == "seed":
                object.__setattr__(self, name, as_number(name, given))
        self._check_size()
        for name, kind in (("merge", Merge), ("end", End), ("adjust", Adjust)):
            if (value := getattr(self, name)) not in (allowed := get_args(kind)):
                raise SelectionError(f"{name} is {value!r}, but must be one of {', '.join(allowed)}")
        if self.threshold is not None and self.merge == "round-robin":
            raise SelectionError("round-robin takes turns until it has k rows: give fraction or k, not a threshold")
        if self.threshold is not None and self.end == "random":
            raise SelectionError("random rows have no threshold: give fraction or k")
        for name, weight in self.weights.items():
            if not (isfinite(weight) and weight >= 0):
                raise SelectionError(f"the weight of {name!r} is {weight}, but must be 0 or more")
        if not 0 <= self.seed < SEEDS:
            raise SelectionError(f"seed is {self.seed}, but must be from 0 to {SEEDS - 1}")
        if both := set(self.pinned) & set(self.excluded):
            raise SelectionError(f"{min(both)!r} is both pinned and excluded")

    def _check_size(self) -> None:
        given = [name for name in ("fraction", "k", "threshold") if getattr(self, name) is not None]
        if len(given) != 1:
            raise SelectionError(
                f"give exactly one of fraction, k and threshold ({' and '.join(given) or 'none'} given)"
            )
        if self.fraction is not None and not 0 < self.fraction <= 1:
            raise SelectionError(f"fraction is {self.fraction}, but must be above 0 and at most 1")
        if self.k is not None and self.k < 1:
            raise SelectionError(f"k is {self.k}, but must be at least 1")
        if self.threshold is not None and not isfinite(self.threshold):
            raise SelectionError(f"threshold is {self.threshold}, but must be finite")

    def as_json(self) -> dict[str, Any]:
        """What differs from the defaults, as JSON; also the arguments of `select`."""
        values = _changed(self)
        if "filters" in values:
            values["filters"] = _changed(self.filters)
        return values

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Wish:
        """The wish that `as_json` wrote.

        Raises:
            SelectionError: An unknown field, or a value that makes no sense.
        """
        if not isinstance(values, Mapping):
            raise SelectionError(f"a wish is named values, not {values!r}")
        values = dict(values)
        filters = values.pop("filters", {})
        if not isinstance(filters, Mapping):
            raise SelectionError(f"filters is {filters!r}, but must be named values")
        for kind, given in ((cls, values), (Filters, filters)):
            if unknown := set(given) - {f.name for f in fields(kind)}:
                raise SelectionError(f"a wish has no field {min(unknown, key=str)!r}")
        return cls(**values, filters=Filters(**filters))

    def weights_of(self, names: Sequence[str]) -> list[float]:
        """The directions' weights, in their order.

        Raises:
            SelectionError: A weight is given for another direction, or all are 0.
        """
        if unknown := set(self.weights) - set(names):
            raise SelectionError(f"a weight is given for {min(unknown)!r}; the directions are {', '.join(names)}")
        weights = [self.weights.get(name, 1.0) for name in names]
        if not any(weights):
            raise SelectionError("all directions have weight 0: give one of them more")
        return weights


def _changed(value: Wish | Filters) -> dict[str, Any]:
    default = Wish(fraction=1.0) if isinstance(value, Wish) else Filters()
    found = {f.name: getattr(value, f.name) for f in fields(value)}
    changed = {name: v for name, v in found.items() if v != getattr(default, name) or (name == "fraction" and v)}
    if changed.get("fraction", 0) is None:
        del changed["fraction"]
    return {name: list(v) if isinstance(v, tuple) else v for name, v in changed.items()}


def _whole(name: str, value: Any) -> int:
    try:
        return index(value)
    except TypeError as error:
        raise SelectionError(f"{name} is {value!r}, but must be a whole number") from error


def _number(name: str, value: Any) -> float:
    if not isinstance(value, str):
        try:
            return float(value)
        except (TypeError, ValueError, OverflowError):
            pass
    raise SelectionError(f"{name} is {value!r}, but must be a number")


def _texts(name: str, values: Any) -> tuple[str, ...]:
    if isinstance(values, str) or not isinstance(values, Iterable):
        of_it = ": give its `ids`" if hasattr(values, "ids") else ""  # a guard's report, another selection
        raise SelectionError(f"{name} is {values!r}, but must be a list{of_it}")
    return tuple(map(str, values))
