"""What every generator returns, and the few words that all of them share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import NamedTuple


class Draft(NamedTuple):
    """One instruction sample, before a quality is given to it.

    Attributes:
        instruction: What is asked.
        input: The material it is asked about; may be empty.
        output: The right answer.
        wrong: A plausible answer of the same form that is not right.
    """

    instruction: str
    input: str
    output: str
    wrong: str


Generator = Callable[[Random], Draft]

BRIEF = ("Answer briefly.", "Give only the answer.", "Keep it short.", "One line is enough.", "No explanation, please.")
DETAILED = (
    "Explain your answer.",
    "Show how you get there.",
    "Go step by step.",
    "Please give your reasons.",
    "Add a short explanation.",
)
ASIDES = (
    "I am preparing a lesson for Monday.",
    "This is for a small school project.",
    "My sister asked me this yesterday.",
    "I am not sure about this one.",
    "We talked about this at lunch.",
    "A friend and I disagree here.",
    "I have little time today.",
    "This came up at work.",
    "It is for the notice board in our hall.",
    "I found this in an old notebook.",
)
OPENINGS = ("Sure.", "Of course.", "Certainly.", "Here you are.", "Gladly.")


def fill(rng: Random, templates: Sequence[str], **slots: object) -> str:
    """One of `templates`, with its slots filled in."""
    return rng.choice(templates).format(**slots)


def manner(rng: Random, *, detailed: bool) -> str:
    """A request for a short or a long answer, with its leading blank; often nothing."""
    return " " + rng.choice(DETAILED if detailed else BRIEF) if rng.random() < 0.4 else ""


def joined(words: Sequence[str], conjunction: str = "and") -> str:
    """`a`, `a and b`, or `a, b and c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {conjunction} {words[-1]}"


def capital(text: str) -> str:
    """`text` with its first letter in upper case and the rest untouched."""
    return text[:1].upper() + text[1:]


def article(noun: str) -> str:
    """`noun` with the indefinite article before it."""
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def other(rng: Random, options: Sequence[str], *, than: str) -> str:
    """One of `options` that is not `than`."""
    return rng.choice([option for option in options if option != than])


def framed(rng: Random, draft: Draft) -> Draft:
    """Sometimes sets an aside before the question or an opening before the answer, whatever the capability."""
    instruction, material, output, wrong = draft
    if rng.random() < 0.15:
        instruction = f"{rng.choice(ASIDES)} {instruction}"
    if rng.random() < 0.08:
        opening = rng.choice(OPENINGS)
        output, wrong = f"{opening} {output}", f"{opening} {wrong}"
    return Draft(instruction, material, output, wrong)
