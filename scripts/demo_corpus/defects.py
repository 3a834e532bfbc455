"""Planted defects: what real instruction data has wrong with it, and how often it is planted here."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from demo_corpus.draft import Draft

SHARES = {"wrong_answer": 0.05, "truncated": 0.035, "boilerplate": 0.035, "duplicate": 0.03, "empty": 0.01}

_BOILERPLATE = (
    "As an AI language model, I am not able to help with that. Please consult a professional.",
    "Thank you for your question! I am here to help. Let me know if there is anything else that you need.",
    "I'm sorry, but I can't answer this without more information. Could you tell me more about your request?",
    "There are many ways to look at this, and the best one depends on your needs. I hope this helps!",
    "This is an important topic. It is always good to do your own research and to ask an expert.",
    "Great question! In today's world it matters more than ever. In conclusion, there is a lot to think about.",
)


def _truncated(rng: Random, draft: Draft) -> str:
    """The answer, cut off somewhere between a fifth and four fifths of it."""
    return draft.output[: max(1, int(len(draft.output) * rng.uniform(0.2, 0.8)))].rstrip()


def _boilerplate(rng: Random, draft: Draft) -> str:
    """A stock phrase or two, with a bit of the answer now and then."""
    said = " ".join(rng.sample(_BOILERPLATE, rng.choice((1, 1, 2))))
    return f"{said} {draft.output}" if rng.random() < 0.2 else said


_ANSWERS: dict[str, Callable[[Random, Draft], str]] = {
    "clean": lambda _, draft: draft.output,
    "wrong_answer": lambda _, draft: draft.wrong,
    "truncated": _truncated,
    "boilerplate": _boilerplate,
    "duplicate": lambda _, draft: draft.output,
    "empty": lambda _rng, _draft: "",
}
QUALITIES = ("clean", *SHARES)


def answer(rng: Random, draft: Draft, quality: str) -> str:
    """The answer of `draft` at `quality`."""
    return _ANSWERS[quality](rng, draft)


def near_copy(rng: Random, instruction: str) -> str:
    """`instruction` with one of the small changes that a second scrape of the same page makes."""
    return rng.choice(
        (
            instruction + " ",
            instruction.rstrip(".?") + rng.choice(("", "!", " ?", "..")),
            "  " + instruction,
            instruction[:1].lower() + instruction[1:],
            instruction.replace(". ", ".  ").replace("? ", "?  ") + "\n",
        )
    )
