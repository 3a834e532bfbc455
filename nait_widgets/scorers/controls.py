"""The standing controls: what a selection must beat to be worth its activations."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from nait_widgets.errors import ScorerError
from nait_widgets.methods import baselines
from nait_widgets.scorers.base import Scorer

if TYPE_CHECKING:
    import numpy.typing as npt

    from nait_widgets.store import ActivationStore

    Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Random(Scorer):
    """Uniform random scores in [0, 1): any top-k is a simple random sample.

    Attributes:
        seed: Which draw.
    """

    kind: ClassVar[str] = "random"
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._at_least("seed", 0)

    def compute(self, store: ActivationStore) -> Floats:
        """A draw a sample."""
        return baselines.random(len(store), self.seed)


@dataclass(frozen=True, eq=False)
class StratifiedRandom(Scorer):
    """Random scores of which any top-k draws from every stratum in proportion (proportional allocation).

    The m samples of a stratum are put in random order; the one at position q from 0 scores 1 − (q + u)/m, with u
    uniform in [0, 1). So the scores above any threshold t are (1 − t)·m samples of each stratum, to within one.

    Attributes:
        seed: Which draw.
        by: What makes the strata. `length`: tenths of the samples ordered by tokens. Any other: the value of that field
            in the source's rows; those without it are a stratum of their own. The store must hold its text.
    """

    kind: ClassVar[str] = "stratified-random"
    seed: int = 0
    by: str = "length"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._at_least("seed", 0)

    def compute(self, store: ActivationStore) -> Floats:
        """A draw a sample, within its stratum."""
        strata = baselines.length_tenths(store.n_tokens, store.selectable)
        if self.by != "length":
            strata = np.where(store.selectable, self._labels(store), -1)
        return baselines.stratified(strata, self.seed)

    def _labels(self, store: ActivationStore) -> npt.NDArray[np.int64]:
        """Which value of the field each row has: (sample,); 0 where it has none."""
        codes: dict[str, int] = {json.dumps(None): 0}
        labels = np.empty(len(store), np.int64)
        for row, original in enumerate(store.originals(np.arange(len(store)))):
            value = json.dumps(original.get(self.by), sort_keys=True)
            labels[row] = codes.setdefault(value, len(codes))
        if len(codes) == 1:
            raise ScorerError(
                f"no row of {store.path} has a field {self.by!r} to sort it by; give another as `by`, or `length`"
            )
        return labels


@dataclass(frozen=True, eq=False)
class Length(Scorer):
    """The longer, the higher: number of tokens (Zhao et al. 2024, arXiv 2402.04833: the longest responses).

    Attributes:
        of: Whose tokens: the `response`'s, as in the paper, or the rendered `sample`'s.
    """

    kind: ClassVar[str] = "length"
    of: Literal["response", "sample"] = "response"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._one_of("of", ("response", "sample"))

    def compute(self, store: ActivationStore) -> Floats:
        """Tokens a sample."""
        return baselines.length(store.n_response_tokens if self.of == "response" else store.n_tokens)
