"""Translation between English and Veshti."""

from __future__ import annotations

from random import Random

from demo_corpus.draft import Draft, capital, fill, joined, manner, other
from demo_corpus.lexicon import GLOSSES, Phrase, noun_phrase, sentence

_ASK = (
    "Translate into {to}:",
    "Translate this from {source} to {to}.",
    "How do you say this in {to}?",
    "Put the following {source} text into {to}.",
    "What is this in {to}?",
    "Give the {to} for the {source} below.",
    "I need the {to} version of this.",
)
_INLINE = (
    'How do you say "{text}" in {to}?',
    'Translate "{text}" into {to}.',
    'What is the {to} for "{text}"?',
    'Someone wrote "{text}". What is that in {to}?',
)
_SHORT = ("{answer}", "{answer}", "In {to}: {answer}", '"{answer}"', 'You say "{answer}"')
_GLOSS = (
    "{answer}\n\nWord by word: {gloss}.",
    "The words are {gloss}. Together that gives: {answer}",
    "Start from the words: {gloss}. In the right order, this is {answer}",
)


def _pairs(phrase: Phrase, *, to_veshti: bool) -> str:
    return joined([f"{a} = {b}" if to_veshti else f"{b} = {a}" for a, b in phrase.pairs])


def _spoilt(rng: Random, phrase: Phrase) -> Phrase:
    """The phrase with one of its words taken for another."""
    english, veshti = rng.choice(phrase.pairs)
    base = other(rng, [word for word in GLOSSES if GLOSSES[word] not in veshti and word not in english], than=english)
    return Phrase(phrase.english.replace(english, base), phrase.veshti.replace(veshti, GLOSSES[base]), phrase.pairs)


def _text(rng: Random, count: int) -> list[Phrase]:
    return [sentence(rng) for _ in range(count)] if count else [noun_phrase(rng)[0]]


def generate(rng: Random) -> Draft:
    """A word, a phrase or up to three sentences to translate, with or without a gloss."""
    to_veshti = rng.random() < 0.6
    source, to = ("English", "Veshti") if to_veshti else ("Veshti", "English")
    phrases = _text(rng, rng.choice((0, 1, 1, 1, 2, 2, 3)))
    detailed = len(phrases) < 3 and rng.random() < 0.4
    stop = "." if len(phrases) > 1 or rng.random() < 0.7 else ""
    capitals = bool(stop)

    def written(rows: list[Phrase], *, veshti: bool) -> str:
        texts = [row.veshti if veshti else row.english for row in rows]
        return " ".join((capital(text) if capitals else text) + stop for text in texts)

    text, answer = written(phrases, veshti=not to_veshti), written(phrases, veshti=to_veshti)
    spoilt = list(phrases)
    place = rng.randrange(len(phrases))
    spoilt[place] = _spoilt(rng, phrases[place])
    bad = written(spoilt, veshti=to_veshti)
    shape = rng.choice(_GLOSS if detailed else _SHORT)
    gloss = "; ".join(_pairs(row, to_veshti=to_veshti) for row in phrases)
    output, wrong = (shape.format(answer=line, gloss=gloss, to=to) for line in (answer, bad))
    how = manner(rng, detailed=detailed)
    if len(phrases) == 1 and rng.random() < 0.4:
        return Draft(fill(rng, _INLINE, text=text, to=to) + how, "", output, wrong)
    return Draft(fill(rng, _ASK, source=source, to=to) + how, text, output, wrong)
