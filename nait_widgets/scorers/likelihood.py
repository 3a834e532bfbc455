"""Scorers that go by how likely the model finds a response."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, get_args

from nait_widgets.methods import likelihood
from nait_widgets.methods.likelihood import Form
from nait_widgets.scorers.base import Scorer

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from nait_widgets.store import ActivationStore

    Floats = npt.NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class Loss(Scorer):
    """Mean negative log-likelihood of the response given its prompt, in nats a token; the less likely, the higher.

    s(A|Q) = −1/K · Σ_t ln p(a_t | Q, a_<t), over the K tokens of the response. To keep what the model finds likely,
    select the lowest scores.
    """

    kind: ClassVar[str] = "loss"
    needs: ClassVar[tuple[str, ...]] = ("loss",)

    def compute(self, store: ActivationStore) -> Floats:
        """Nats a token."""
        return store.response_loss


@dataclass(frozen=True, eq=False)
class Perplexity(Scorer):
    """Perplexity of the response given its prompt, exp(s(A|Q)): `loss` on another scale, in the same order."""

    kind: ClassVar[str] = "perplexity"
    needs: ClassVar[tuple[str, ...]] = ("loss",)

    def compute(self, store: ActivationStore) -> Floats:
        """Perplexities."""
        return likelihood.perplexity(store.response_loss)


@dataclass(frozen=True, eq=False)
class IFD(Scorer):
    """Instruction-following difficulty (Li et al. 2024, arXiv 2308.12032): how little the instruction helps.

    `loss`: IFD = s(A|Q) / s(A); `perplexity`: exp(s(A|Q)) / exp(s(A)). s(A|Q) is the mean negative log-likelihood of
    the response given its prompt, s(A) that of the response alone, both in nats a token.

    The paper and the scores of its code (tianyi-lab/Cherry_LLM) are the ratio of losses; Superfiltering (arXiv
    2402.00530) by the same authors takes that of perplexities. Their code leaves out what is above 1, where the
    instruction hinders, and keeps the highest of the rest: `at_most_one`, which is the default here too. For s(A) their
    code puts the words `### Response:` before the response; here, as in the paper's formula, nothing stands before it
    but the BOS where the tokenizer has one (else the first token isn't predicted and doesn't count in s(A)).

    Attributes:
        form: `loss` or `perplexity`.
        at_most_one: Whether samples above 1 are left out (NaN).
    """

    kind: ClassVar[str] = "ifd"
    needs: ClassVar[tuple[str, ...]] = ("loss", "ifd")
    form: Form = "loss"
    at_most_one: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self._one_of("form", get_args(Form))

    def compute(self, store: ActivationStore) -> Floats:
        """Ratios."""
        losses = store.response_loss, store.response_alone_loss
        return likelihood.ifd(*losses, self.form, at_most_one=self.at_most_one)
