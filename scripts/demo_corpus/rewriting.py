"""Rewriting: tense, voice, negation, questions, tone, shortening, joining."""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from demo_corpus.draft import Draft, capital, fill, manner
from demo_corpus.world import COLOURS, PEOPLE, THINGS

# base, third person, past, participle, -ing
_VERBS = (
    ("carry", "carries", "carried", "carried", "carrying"),
    ("paint", "paints", "painted", "painted", "painting"),
    ("sell", "sells", "sold", "sold", "selling"),
    ("clean", "cleans", "cleaned", "cleaned", "cleaning"),
    ("bring", "brings", "brought", "brought", "bringing"),
    ("take", "takes", "took", "taken", "taking"),
    ("hide", "hides", "hid", "hidden", "hiding"),
    ("choose", "chooses", "chose", "chosen", "choosing"),
    ("repair", "repairs", "repaired", "repaired", "repairing"),
    ("buy", "buys", "bought", "bought", "buying"),
)
_WHERE = ("at the market", "in the kitchen", "behind the house", "at the harbour", "near the old mill", "on the hill")
_WHEN = ("every morning", "after school", "before lunch", "on Fridays", "in the evening", "twice a week")


class _Sentence(NamedTuple):
    """The parts of one sentence; `verb` is a row of `_VERBS`."""

    who: str
    verb: tuple[str, str, str, str, str]
    what: str
    tail: str

    def say(self, verb: str) -> str:
        """The sentence with `verb` as its verb, without a full stop."""
        return f"{self.who} {verb} {self.what}{self.tail}"


class _Rewrite(NamedTuple):
    """What is asked, the text, the right and a wrong answer, and a remark."""

    ask: str
    text: str
    output: str
    wrong: str
    remark: str


def _sentence(rng: Random) -> _Sentence:
    colour, (_, things) = rng.choice(COLOURS), rng.choice(THINGS)
    what = f"{rng.choice(('the', 'some', 'two'))} {rng.choice((colour + ' ', '', ''))}{things}"
    places = [rng.choice(_WHERE)] if rng.random() < 0.6 else []
    times = [rng.choice(_WHEN)] if rng.random() < 0.5 else []
    return _Sentence(rng.choice(PEOPLE), rng.choice(_VERBS), what, "".join(f" {part}" for part in places + times))


def _tense(rng: Random) -> _Rewrite:
    rows = [_sentence(rng) for _ in range(rng.randint(1, 3))]
    now, before, later = (
        " ".join(row.say(form) + "." for row, form in zip(rows, forms, strict=True))
        for forms in ([r.verb[1] for r in rows], [r.verb[2] for r in rows], ["will " + r.verb[0] for r in rows])
    )
    if rng.random() < 0.5:
        ask = rng.choice(
            ("Put this into the past tense.", "Rewrite this as if it were over.", "Tell this in the past.")
        )
        return _Rewrite(ask, now, before, later, "Only the form of the verb changes.")
    ask = rng.choice(("Put this into the future.", "Rewrite this with will.", "Say that this is going to happen."))
    return _Rewrite(ask, now, later, before, "The verb now has the word will before it.")


def _voice(rng: Random) -> _Rewrite:
    row = _sentence(rng)
    passive = capital(f"{row.what} were {row.verb[3]} by {row.who}{row.tail}.")
    ask = rng.choice(("Rewrite this in the passive voice.", "Make this sentence passive.", "Start with the object."))
    wrong = capital(f"{row.what} {row.verb[2]} {row.who}{row.tail}.")
    return _Rewrite(ask, row.say(row.verb[2]) + ".", passive, wrong, "The object has become the subject.")


def _negation(rng: Random) -> _Rewrite:
    row = _sentence(rng)
    ask = rng.choice(("Make this sentence negative.", "Say the opposite with not.", "Negate the following."))
    return _Rewrite(
        ask, row.say(row.verb[1]) + ".", row.say(f"does not {row.verb[0]}") + ".",
        row.say(f"not {row.verb[1]}") + ".", "English needs the help of does here.",
    )  # fmt: skip


def _question(rng: Random) -> _Rewrite:
    row = _sentence(rng)
    ask = rng.choice(("Turn this into a question.", "Ask whether this is so.", "Rewrite this as a yes or no question."))
    return _Rewrite(
        ask, row.say(row.verb[2]) + ".", f"Did {row.say(row.verb[0])}?", f"Did {row.say(row.verb[2])}?",
        "The verb goes back to its base form after did.",
    )  # fmt: skip


def _polite(rng: Random) -> _Rewrite:
    row = _sentence(rng)
    rude = capital(f"{row.verb[0]} {row.what}{row.tail}{rng.choice(('!', ' now!', ', quick!'))}")
    ask = rng.choice(("Make this more polite.", "Rewrite this in a friendly tone.", "Say this to a guest."))
    shape = rng.choice(
        (
            "Could you please {verb} {what}{tail}?",
            "Would you mind {ing} {what}{tail}?",
            "It would be very kind if you could {verb} {what}{tail}. Thank you.",
        )
    )
    nice = shape.format(verb=row.verb[0], ing=row.verb[4], what=row.what, tail=row.tail)
    return _Rewrite(
        ask, rude, nice, f"You must {row.verb[0]} {row.what}{row.tail}.", "A request sounds kinder than an order."
    )


def _shorten(rng: Random) -> _Rewrite:
    rows = [_sentence(rng) for _ in range(rng.randint(1, 3))]
    long = " ".join(
        f"{rng.choice(('As a matter of fact, ', 'It should be said that ', 'It is well known that '))}"
        f"{row.say(row.verb[1])}, {rng.choice(('as people say', 'more or less', 'one might add', 'in a way'))}."
        for row in rows
    )
    short = " ".join(f"{row.who} {row.verb[1]} {row.what}." for row in rows)
    wrong = " ".join(f"{row.who} {row.verb[1]}." for row in rows)
    ask = rng.choice(("Shorten this.", "Cut this down to what matters.", "Say the same in fewer words."))
    return _Rewrite(ask, long, short, wrong, "The empty phrases are gone.")


def _join(rng: Random) -> _Rewrite:
    first = _sentence(rng)
    second = _sentence(rng)._replace(who=first.who)
    ask = rng.choice(("Join these into one sentence.", "Combine the two sentences.", "Make one sentence of these."))
    text = f"{first.say(first.verb[2])}. {second.say(second.verb[2])}."
    output = f"{first.say(first.verb[2])} and {second.verb[2]} {second.what}{second.tail}."
    wrong = f"{first.who} {second.verb[2]} {second.what}{second.tail}."
    return _Rewrite(ask, text, output, wrong, "The subject is named only once.")


_REWRITES = (_tense, _tense, _voice, _negation, _question, _polite, _shorten, _join)
_SHAPES = ("{text}", "{text}", '"{text}"', "Here is the new text: {text}")
_REMARKS = ("{text}\n\n{remark}", "{text} ({remark})", "{remark} So it becomes: {text}")


def generate(rng: Random) -> Draft:
    """One to three sentences to rewrite, with a remark now and then."""
    rewrite, detailed = rng.choice(_REWRITES)(rng), rng.random() < 0.35
    shape = rng.choice(_REMARKS if detailed else _SHAPES)
    output, wrong = (shape.format(text=text, remark=rewrite.remark) for text in (rewrite.output, rewrite.wrong))
    ask = rewrite.ask + manner(rng, detailed=detailed)
    if rng.random() < 0.3:
        return Draft(fill(rng, ('{ask} "{text}"', "{ask} {text}"), ask=ask, text=rewrite.text), "", output, wrong)
    return Draft(ask, rewrite.text, output, wrong)
