"""Formatting: the same facts as JSON, CSV, a table, bullets or labelled lines; and small changes of case and date."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from random import Random
from typing import NamedTuple

from demo_corpus.draft import Draft, capital, joined, manner
from demo_corpus.world import COLOURS, PEOPLE, THINGS, WORDS, towns

_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


class _Change(NamedTuple):
    """What is asked, the text, the right and a wrong answer, and a remark."""

    ask: str
    text: str
    output: str
    wrong: str
    remark: str


Row = dict[str, str]


def _record(rng: Random) -> Row:
    return {
        "name": rng.choice(PEOPLE),
        "age": str(rng.randint(18, 80)),
        "town": rng.choice(towns()).name,
        "item": rng.choice(THINGS)[0],
        "colour": rng.choice(COLOURS),
        "price": str(rng.randint(2, 90)),
    }


def _prose(row: Row) -> str:
    return ", ".join(f"the {key} is {value}" for key, value in row.items())


def _json(rows: Sequence[Row]) -> str:
    return json.dumps(rows[0] if len(rows) == 1 else list(rows))


def _csv(rows: Sequence[Row]) -> str:
    return "\n".join([",".join(rows[0]), *(",".join(row.values()) for row in rows)])


def _table(rows: Sequence[Row]) -> str:
    lines = [list(rows[0]), ["---"] * len(rows[0]), *(list(row.values()) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _bullets(rows: Sequence[Row]) -> str:
    return "\n".join(f"- {', '.join(row.values())}" for row in rows)


def _labels(rows: Sequence[Row]) -> str:
    return "\n\n".join("\n".join(f"{capital(key)}: {value}" for key, value in row.items()) for row in rows)


_FORMS: tuple[tuple[str, Callable[[Sequence[Row]], str]], ...] = (
    ("JSON", _json),
    ("CSV with a header", _csv),
    ("a Markdown table", _table),
    ("a bulleted list", _bullets),
    ("labelled lines", _labels),
)
_ASKS = ("Format this as {form}.", "Write this as {form}.", "Turn these details into {form}.", "Show this as {form}.")


def _records(rng: Random) -> _Change:
    """One to three records, from prose or from one form to another."""
    keys = sorted(rng.sample(list(_record(rng)), rng.randint(2, 4)))
    rows = [{key: row[key] for key in keys} for row in (_record(rng) for _ in range(rng.choice((1, 1, 2, 3))))]
    form, write = rng.choice(_FORMS)
    sources = [capital(" ".join(capital(_prose(row)) + "." for row in rows))]
    sources += [_csv(rows)] if write is not _csv else [_json(rows)]
    bad = [dict(row) for row in rows]
    bad[0][keys[0]], bad[0][keys[1]] = bad[0][keys[1]], bad[0][keys[0]]
    remark = f"The fields are {joined(keys)}."
    return _Change(rng.choice(_ASKS).format(form=form), rng.choice(sources), write(rows), write(bad), remark)


def _list(rng: Random) -> _Change:
    words = rng.sample(WORDS, rng.randint(3, 8))
    numbered = "\n".join(f"{i}. {word}" for i, word in enumerate(words, 1))
    bulleted = "\n".join(f"- {word}" for word in words)
    if rng.random() < 0.5:
        ask = rng.choice(("Write these as a numbered list.", "Number the items, one a line."))
        return _Change(ask, joined(words), numbered, bulleted, f"There are {len(words)} lines.")
    ask = rng.choice(("Write these as a bulleted list.", "Put each on its own line with a dash."))
    return _Change(ask, joined(words), bulleted, numbered, "Each line starts with a dash.")


def _case(rng: Random) -> _Change:
    words = rng.sample(WORDS, rng.randint(2, 9))
    forms = {
        "title case": " ".join(capital(word) for word in words),
        "capital letters": " ".join(words).upper(),
        "snake case": "_".join(words),
        "kebab case": "-".join(words),
        "camel case": words[0] + "".join(capital(word) for word in words[1:]),
    }
    name, rival = rng.sample(list(forms), 2)
    ask = rng.choice(("Write this in {name}.", "Convert the words to {name}.", "I need this in {name}."))
    return _Change(ask.format(name=name), " ".join(words), forms[name], forms[rival], f"This form is called {name}.")


def _date(rng: Random) -> _Change:
    dates = [(rng.randint(1, 28), rng.randint(1, 12), rng.randint(1990, 2030)) for _ in range(rng.randint(1, 4))]
    long = "\n".join(f"{day} {_MONTHS[month - 1]} {year}" for day, month, year in dates)
    iso = "\n".join(f"{year}-{month:02}-{day:02}" for day, month, year in dates)
    swapped = "\n".join(f"{year}-{day:02}-{month + 1:02}" for day, month, year in dates)
    ask = rng.choice(("Write the dates as year-month-day.", "Convert to ISO dates.", "Use the form YYYY-MM-DD."))
    return _Change(ask, long, iso, swapped, "Month and day have two digits.")


_CHANGES = (_records, _records, _records, _list, _case, _date)
_SHAPES = ("{text}", "{text}", "{text}", "Here it is:\n{text}")
_REMARKS = ("{text}\n\n{remark}", "{remark}\n\n{text}")


def generate(rng: Random) -> Draft:
    """Some material to bring into another form, with a remark now and then."""
    change, detailed = rng.choice(_CHANGES)(rng), rng.random() < 0.35
    shape = rng.choice(_REMARKS if detailed else _SHAPES)
    output, wrong = (shape.format(text=text, remark=change.remark) for text in (change.output, change.wrong))
    ask, material = change.ask + manner(rng, detailed=detailed), change.text
    if "\n" not in material and rng.random() < 0.3:
        return Draft(f"{ask} {material}", "", output, wrong)
    return Draft(ask, material, output, wrong)
