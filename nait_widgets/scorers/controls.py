"""The standing controls: what a selection must beat to be worth its activations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from nait_widgets import methods
from nait_widgets.errors import ScorerError
from nait_widgets.scorers.base import Scorer

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from nait_widgets.store import ActivationStore


@dataclass(frozen=True, eq=False)
class Random(Scorer):
    """Uniform random scores in [0, 1): any top-k is a simple random sample.

    Attributes:
        seed: Which draw.
    """

    kind: ClassVar[str] = "random"
    seed: int = 0

    def compute(self, store: ActivationStore) -> npt.NDArray[np.float64]:
        """A draw a sample."""
        return methods.random(len(store), self.seed)


@dataclass(frozen=True, eq=False)
class Length(Scorer):
    """The longer, the higher: tokens of the response, or of the whole rendered sample (Zhao et al. 2024, 2402.04833).

    Attributes:
        of: `response` or `sample`.
    """

    kind: ClassVar[str] = "length"
    of: Literal["response", "sample"] = "response"

    def __post_init__(self) -> None:
        if self.of not in ("response", "sample"):
            raise ScorerError(f"of is {self.of!r}, but must be response or sample")
        super().__post_init__()

    def compute(self, store: ActivationStore) -> npt.NDArray[np.float64]:
        """Tokens a sample."""
        return methods.length(store.n_response_tokens if self.of == "response" else store.n_tokens)
