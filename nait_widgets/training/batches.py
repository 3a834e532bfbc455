"""Which response tokens each step trains on."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nait_widgets.records import Rendered


@dataclass(frozen=True, slots=True)
class Piece:
    """A sample with the tokens of it that a step trains on.

    Attributes:
        sample: The whole sample, which the model reads up to `stop`.
        start: First token that is predicted, 1 or later.
        stop: One beyond the last.
    """

    sample: Rendered
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start


def whole(sample: Rendered) -> Piece:
    """All of a sample that can be trained on: the response but a first token of the sample, which nothing predicts."""
    start, stop = sample.response
    return Piece(sample, max(start, 1), max(stop, 1))


def steps(samples: Sequence[Rendered], n_steps: int, response_tokens: int, seed: int) -> Iterator[list[Piece]]:
    """Deal samples out to steps of exactly as many response tokens each.

    The samples come in a shuffled order, drawn anew for each epoch. A sample that doesn't fit into what a step has
    left is trained on in two parts: its first response tokens in that step, the others in the next, where they follow
    the same text. So every step is the mean over the same number of tokens, and an epoch holds each token once.

    Args:
        samples: Each with a response token at least.
        n_steps: How many steps.
        response_tokens: Of each step.
        seed: Of the order, which depends on it and on the number of samples alone.
    """
    stream = _stream(samples, seed)
    rest: Piece | None = None
    for _ in range(n_steps):
        step: list[Piece] = []
        room = response_tokens
        while room:
            piece = rest or next(stream)
            cut = min(piece.stop, piece.start + room)
            step.append(Piece(piece.sample, piece.start, cut))
            rest = Piece(piece.sample, cut, piece.stop) if cut < piece.stop else None
            room -= cut - piece.start
        yield step


def _stream(samples: Sequence[Rendered], seed: int) -> Iterator[Piece]:
    for epoch in count():
        for i in np.random.default_rng([seed, epoch]).permutation(len(samples)):
            yield whole(samples[i])
