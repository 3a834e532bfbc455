"""Veshti, an invented language: its words, and the few rules that make a sentence of them.

A sentence runs subject, object, verb; an adjective follows its noun; `-en` marks a plural noun, `-sa` a past verb.
"""

from __future__ import annotations

from random import Random
from typing import NamedTuple

NOUNS = {
    "woman": "tila", "man": "rovo", "child": "miku", "farmer": "gardo", "teacher": "lesma", "sailor": "navro",
    "king": "dorun", "dog": "bafi", "cat": "mishka", "horse": "kavo", "bird": "pilu", "fish": "sorri",
    "house": "domi", "boat": "velka", "tree": "arbo", "river": "fluma", "bread": "panu", "letter": "skriva",
    "song": "kanti", "lamp": "lumo", "door": "porti", "stone": "petru", "book": "libra", "garden": "hortu",
}  # fmt: skip
PLURALS = {"woman": "women", "man": "men", "child": "children", "fish": "fish", "bread": "breads"}
VERBS = {
    "see": ("sees", "saw", "vira"), "find": ("finds", "found", "trova"), "carry": ("carries", "carried", "porta"),
    "buy": ("buys", "bought", "kompa"), "sell": ("sells", "sold", "venda"), "love": ("loves", "loved", "amira"),
    "paint": ("paints", "painted", "kolora"), "follow": ("follows", "followed", "segua"),
    "hear": ("hears", "heard", "odira"), "clean": ("cleans", "cleaned", "pulira"),
}  # fmt: skip
ADJECTIVES = {
    "big": "grondi", "small": "pikol", "old": "vetu", "young": "juvi", "red": "rosso", "white": "blanki",
    "happy": "felu", "quiet": "silni", "strong": "fortu", "new": "novi",
}  # fmt: skip
PLACES = {
    "in the garden": "na hortu", "by the river": "pe fluma", "at night": "na nokti", "in winter": "na vinteru",
    "today": "odi", "every morning": "omi matina",
}  # fmt: skip
GLOSSES = {
    **NOUNS, **ADJECTIVES, **{verb: forms[2] for verb, forms in VERBS.items()}, **PLACES,
}  # fmt: skip


class Phrase(NamedTuple):
    """The same words in both languages, and the pairs that link them."""

    english: str
    veshti: str
    pairs: tuple[tuple[str, str], ...]


def plural(noun: str) -> str:
    """The English plural of one of `NOUNS`."""
    return PLURALS.get(noun, noun + "s")


def noun_phrase(rng: Random) -> tuple[Phrase, bool]:
    """A noun with its article and perhaps an adjective; and whether it is plural."""
    noun, many = rng.choice(list(NOUNS)), rng.random() < 0.3
    english, veshti = (plural(noun), NOUNS[noun] + "en") if many else (noun, NOUNS[noun])
    pairs = [(english, veshti)]
    if rng.random() < 0.5:
        adjective = rng.choice(list(ADJECTIVES))
        pairs.append((adjective, ADJECTIVES[adjective]))
        english, veshti = f"{adjective} {english}", f"{veshti} {ADJECTIVES[adjective]}"
    return Phrase(f"the {english}", veshti, tuple(pairs)), many


def sentence(rng: Random) -> Phrase:
    """A sentence in both languages, without its full stop."""
    (subject, many), (target, _) = noun_phrase(rng), noun_phrase(rng)
    verb = rng.choice(list(VERBS))
    singular, past, stem = VERBS[verb]
    if rng.random() < 0.4:
        english, veshti = past, stem + "sa"
    else:
        english, veshti = (verb if many else singular), stem
    place = [rng.choice(list(PLACES))] if rng.random() < 0.35 else []
    return Phrase(
        " ".join([subject.english, english, target.english, *place]),
        " ".join([subject.veshti, target.veshti, veshti, *(PLACES[where] for where in place)]),
        (*subject.pairs, *target.pairs, (english, veshti), *((where, PLACES[where]) for where in place)),
    )
