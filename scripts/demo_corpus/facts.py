"""Questions over the invented knowledge base of towns."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import NamedTuple

from demo_corpus.draft import Draft, fill, joined, manner, other
from demo_corpus.world import Town, towns


class _Relation(NamedTuple):
    """One attribute: how to read it, ask for it, and state it."""

    value: Callable[[Town], str]
    questions: tuple[str, ...]
    statement: str


_RELATIONS = (
    _Relation(
        lambda town: town.region,
        ("In which region is {town}?", "Where is the town of {town}?", "Which region does {town} belong to?"),
        "{town} is in {value}",
    ),
    _Relation(
        lambda town: f"the {town.river}",
        ("Which river runs through {town}?", "What river is {town} on?", "Name the river at {town}."),
        "{town} lies on {value}",
    ),
    _Relation(
        lambda town: town.craft,
        ("What is {town} known for?", "Which goods is {town} famous for?", "What do people make in {town}?"),
        "{town} is known for {value}",
    ),
    _Relation(
        lambda town: town.festival,
        ("Which festival is held in {town}?", "What do they celebrate in {town}?", "Name the festival of {town}."),
        "{town} celebrates {value}",
    ),
    _Relation(
        lambda town: town.founder,
        ("Who founded {town}?", "Which person founded the town of {town}?", "By whom was {town} founded?"),
        "{town} was founded by {value}",
    ),
    _Relation(
        lambda town: str(town.founded),
        ("When was {town} founded?", "In what year was {town} founded?", "How old is {town}? Give its first year."),
        "{town} was founded in {value}",
    ),
    _Relation(
        lambda town: str(town.bridges),
        ("How many bridges does {town} have?", "What number of bridges is there in {town}?"),
        "{town} has {value} bridges",
    ),
)
_ABOUT = ("Tell me about {town}.", "What do you know about {town}?", "Describe {town}.", "Write a note about {town}.")
_SAME = ("What do {a} and {b} have in common?", "Name something that {a} and {b} share.")
_CHECK = ("Is it true that {claim}?", "True or false: {claim}.", "Someone says that {claim}. Is that right?")


def _question(rng: Random) -> Draft:
    """One attribute of one town, told in a word, a sentence, or with its surroundings."""
    town, relation, detailed = rng.choice(towns()), rng.choice(_RELATIONS), rng.random() < 0.4
    value = relation.value(town)
    bad = other(rng, [relation.value(place) for place in towns()], than=value)
    more = rng.sample([extra for extra in _RELATIONS if extra is not relation], 2)
    rest = ", and ".join(extra.statement.format(town="it", value=extra.value(town)) for extra in more)
    shape = fill(rng, ("{said}. Also, {rest}.", "{said}. As for the rest, {rest}."), said="{said}", rest=rest)
    if not detailed:
        shape = rng.choice(("{value}", "{value}.", "{said}.", "{said}."))
    output, wrong = (
        shape.format(value=line, said=relation.statement.format(town=town.name, value=line)) for line in (value, bad)
    )
    return Draft(fill(rng, relation.questions, town=town.name) + manner(rng, detailed=detailed), "", output, wrong)


def _portrait(rng: Random) -> Draft:
    """Several facts of one town."""
    town = rng.choice(towns())
    first, *rest = rng.sample(_RELATIONS, rng.randint(3, 5))
    tail = [relation.statement.format(town="It", value=relation.value(town)) for relation in rest]
    bad = other(rng, [first.value(place) for place in towns()], than=first.value(town))
    output, wrong = (
        ". ".join([first.statement.format(town=town.name, value=value), *tail]) + "."
        for value in (first.value(town), bad)
    )
    return Draft(fill(rng, _ABOUT, town=town.name), "", output, wrong)


def _check(rng: Random) -> Draft:
    """A claim that holds or not."""
    town, relation, holds = rng.choice(towns()), rng.choice(_RELATIONS), rng.random() < 0.5
    value = relation.value(town)
    bad = other(rng, [relation.value(place) for place in towns()], than=value)
    claim = relation.statement.format(town=town.name, value=value if holds else bad)
    fact = relation.statement.format(town=town.name, value=value)
    right, other_way = (f"Yes, {fact}.", f"No. In fact, {fact}.")[:: 1 if holds else -1]
    if rng.random() < 0.3:
        right, other_way = ("Yes", "No")[:: 1 if holds else -1]
    return Draft(fill(rng, _CHECK, claim=claim), "", right, other_way)


def _common(rng: Random) -> Draft:
    """What two towns share."""
    relation, town = rng.choice(_RELATIONS[:5]), rng.choice(towns())
    twins = [place for place in towns() if place != town and relation.value(place) == relation.value(town)]
    if not twins:
        return _question(rng)
    twin, value = rng.choice(twins), relation.value(town)
    bad = other(rng, [relation.value(place) for place in towns()], than=value)
    both = joined([town.name, twin.name])
    output, wrong = (
        f"Both share one thing: {relation.statement.format(town=town.name, value=line)}, "
        f"and {relation.statement.format(town=twin.name, value=line)}."
        for line in (value, bad)
    )
    return Draft(
        fill(rng, _SAME, a=town.name, b=twin.name) if rng.random() < 0.8 else f"Compare {both}.", "", output, wrong
    )


def generate(rng: Random) -> Draft:
    """A question about one town or two."""
    return rng.choice((_question, _question, _question, _portrait, _check, _common))(rng)
