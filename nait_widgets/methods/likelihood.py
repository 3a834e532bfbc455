"""Scores of a sample by how likely the model finds its response."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.floating]

Form = Literal["loss", "perplexity"]


def perplexity(loss: Floats) -> npt.NDArray[np.float64]:
    """exp(L), of a mean negative log-likelihood L in nats a token: (sample,)."""
    return np.exp(loss.astype(np.float64))


def ifd(loss: Floats, alone: Floats, form: Form = "loss", *, at_most_one: bool = True) -> npt.NDArray[np.float64]:
    """Instruction-following difficulty: how little the instruction helps the model to the response.

    Args:
        loss: s(A|Q), mean negative log-likelihood of each response given its instruction, in nats a token: (sample,).
        alone: s(A), the same without the instruction: (sample,).
        form: `loss`: s(A|Q) / s(A). `perplexity`: exp(s(A|Q)) / exp(s(A)).
        at_most_one: Whether samples above 1, which the instruction hinders, are left out.

    Returns:
        (sample,); NaN where a loss is unknown, the response alone is certain (s(A) = 0), or a sample is left out.
    """
    given, without = loss.astype(np.float64), alone.astype(np.float64)
    if form == "loss":
        scores: npt.NDArray[np.float64] = given / np.where(without > 0, without, np.nan)
    else:
        scores = np.exp(given - without)
    return np.where(scores > 1, np.nan, scores) if at_most_one else scores
