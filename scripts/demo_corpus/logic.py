"""Logic puzzles: syllogisms, orderings, conditionals, and people who always lie."""

from __future__ import annotations

from itertools import pairwise
from random import Random
from typing import NamedTuple

from demo_corpus.draft import Draft, manner
from demo_corpus.world import COLOURS, PEOPLE

_KINDS = (
    "brons", "selts", "mivs", "dorps", "lanes", "quells",
    "zibs", "farns", "toves", "gimbles", "wabes", "raths",
)  # fmt: skip
_ORDERS = (
    ("taller", "tallest", "shortest"),
    ("older", "oldest", "youngest"),
    ("faster", "fastest", "slowest"),
    ("richer", "richest", "poorest"),
)
_RULES = (
    ("it rains", "the street is wet"),
    ("the bell rings", "the shop is open"),
    ("the lamp is lit", "somebody is at home"),
    ("it is a holiday", "the school is closed"),
    ("the wind is strong", "the boats stay in the harbour"),
    ("the kettle whistles", "the water boils"),
    ("the flag is up", "the pool is open"),
    ("the dog barks", "a stranger is at the gate"),
)


class _Puzzle(NamedTuple):
    """A puzzle, its answer, a rival answer, and the reason for the right one."""

    story: str
    answer: str
    rival: str
    reason: str


def _syllogism(rng: Random) -> _Puzzle:
    a, b, c = rng.sample(_KINDS, 3)
    kind = rng.randrange(4)
    if kind == 0:
        story, answer = f"All {a} are {b}. All {b} are {c}. Are all {a} {c}?", "Yes"
        reason = f"Every one of the {a} is among the {b}, and all of those are {c}."
    elif kind == 1:
        story, answer = f"All {a} are {b}. No {b} are {c}. Can any of the {a} be {c}?", "No"
        reason = f"The {a} lie wholly within the {b}, and these share nothing with the {c}."
    elif kind == 2:
        story, answer = f"All {a} are {b}. Some {b} are {c}. Must some {a} be {c}?", "No"
        reason = f"The {b} that are {c} may all be others than the {a}."
    else:
        story, answer = f"Some {a} are {b}. All {b} are {c}. Are some {a} {c}?", "Yes"
        reason = f"The {a} that are {b} must be {c} as well."
    return _Puzzle(story, answer, "No" if answer == "Yes" else "Yes", reason)


def _ordering(rng: Random) -> _Puzzle:
    people = rng.sample(PEOPLE, rng.choice((3, 3, 4, 5)))
    more, most, least = rng.choice(_ORDERS)
    clues = [f"{first} is {more} than {second}." for first, second in pairwise(people)]
    rng.shuffle(clues)
    top = rng.random() < 0.5
    answer, rival = (people[0], people[-1])[:: 1 if top else -1]
    reason = f"From {most} to {least} the order is {', '.join(people)}."
    return _Puzzle(f"{' '.join(clues)} Who is the {most if top else least}?", answer, rival, reason)


def _conditional(rng: Random) -> _Puzzle:
    cause, effect = rng.choice(_RULES)
    who, kind = rng.choice(PEOPLE), rng.randrange(4)
    rule = f"If {cause}, then {effect}."
    if kind == 0:
        seen, asked, answer, reason = cause, effect, "Yes", "The first part holds, so the second follows."
    elif kind == 1:
        seen, asked, answer = effect, cause, "Not necessarily"
        reason = "The second part may have another cause."
    elif kind == 2:
        seen, asked, answer = f"it is not the case that {effect}", cause, "No"
        reason = f"If it were so that {cause}, the second part would hold as well, and it does not."
    else:
        seen, asked, answer = f"it is not the case that {cause}", effect, "Not necessarily"
        reason = "The rule says nothing about what happens otherwise."
    rival = "Yes" if answer != "Yes" else "No"
    return _Puzzle(f"{rule} {who} knows that {seen}. Does it follow that {asked}?", answer, rival, reason)


def _liars(rng: Random) -> _Puzzle:
    honest, liar = rng.sample(PEOPLE, 2)
    colour, claimed = rng.sample(COLOURS, 2)
    speaker = rng.choice((honest, liar))
    said = f'{speaker} says: "The box is {claimed}."'
    story = f"{honest} always tells the truth and {liar} always lies. {said} "
    if rng.random() < 0.5:
        ask, truth = f"Is the box {claimed}?", speaker == honest
    else:
        ask, truth = f"The box is either {claimed} or {colour}. Is it {colour}?", speaker == liar
    habit = "tells the truth" if speaker == honest else "lies"
    reason = f"{speaker} always {habit}, so the box is {'' if speaker == honest else 'not '}{claimed}."
    return _Puzzle(story + ask, "Yes" if truth else "No", "No" if truth else "Yes", reason)


def _boxes(rng: Random) -> _Puzzle:
    things = rng.sample(("a ring", "a key", "a coin", "a letter", "a shell"), 3)
    a, b, c = rng.sample(COLOURS, 3)
    first, second, third = things
    story = (
        f"Three boxes are {a}, {b} and {c}. They hold {first}, {second} and {third}. The {a} box does not hold {first} "
        f"or {second}. The {b} box does not hold {first}. Which box holds {first}?"
    )
    reason = f"The {a} one must hold {third}, so {second} is in the {b} one and {first} is left for the {c} one."
    return _Puzzle(story, f"The {c} box", f"The {b} box", reason)


_PUZZLES = (_syllogism, _ordering, _conditional, _liars, _boxes)
_SHORT = ("{answer}", "{answer}.", "{answer}.", "The answer is: {answer}.")
_LONG = ("{answer}. {reason}", "{reason} So the answer is: {answer}.", "{reason} Therefore: {answer}")
_PREFACES = ("", "", "", "Here is a riddle. ", "Think about this. ", "Suppose the following. ")


def generate(rng: Random) -> Draft:
    """A puzzle with one answer, given alone or with its reason."""
    puzzle, detailed = rng.choice(_PUZZLES)(rng), rng.random() < 0.5
    shape = rng.choice(_LONG if detailed else _SHORT)
    output, wrong = (shape.format(answer=answer, reason=puzzle.reason) for answer in (puzzle.answer, puzzle.rival))
    return Draft(rng.choice(_PREFACES) + puzzle.story + manner(rng, detailed=detailed), "", output, wrong)
