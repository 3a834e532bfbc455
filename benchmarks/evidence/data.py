"""The real data: each capability's set in three disjoint parts, the candidates, and text that is none of these.

A set's first part is for a base model to be trained on, the second for a direction to be fitted to, the third to be
held out. GSM8K's first half of train is in the training data of the shared model too, so the second part is taken from
its second half, and the third from its test set.
"""

from __future__ import annotations

import csv
import json
import random
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

Row = dict[str, Any]
T = TypeVar("T")

CAPABILITIES = {"GSM8K": "maths", "MBPP": "code", "TyDiQA": "reading", "MMLU": "knowledge"}
OPENING = 120  # characters by which questions about one passage, or of one template, are known
LONGEST = 900  # characters of a passage or question: with its response it fits the small models' 512 tokens
_LETTERS = "ABCD"
_NOT_TEXT = {"test", "tests", "site-packages", "lib2to3", "idlelib", "turtledemo", "encodings", "__pycache__"}


@dataclass(frozen=True, slots=True)
class Split:
    """A set's rows as instruction, input and output.

    Attributes:
        base: For training a base model.
        in_domain: For fitting a direction.
        held_out: For evaluation; none opens as a row of the others does, so none is about the same passage.
        opened_alike: Rows that are not held out because they do.
        resembling: Rows that are not held out because the guard finds them in text that is trained on or fitted to.
    """

    base: list[Row]
    in_domain: list[Row]
    held_out: list[Row]
    opened_alike: int
    resembling: int = 0


def missing(shared: Path) -> str | None:
    """What of the real data isn't there, in words; None where all is."""
    needed = ("data/alpaca52k", "data/dolly15k", "data/gsm8k", "data/mbpp", "data/mmlu", "data/tydiqa", "model")
    absent = [name for name in needed if not (shared / name).exists()]
    return f"{', '.join(absent)} not found in {shared.name}/ (set NAIT_SHARED)" if absent else None


def candidates(shared: Path) -> list[Row]:
    """The 52,002 rows of Alpaca."""
    rows: list[Row] = json.loads((shared / "data/alpaca52k/alpaca_data.json").read_text(encoding="utf-8"))
    return rows


def splits(shared: Path, in_domain: int, held_out: int) -> dict[str, Split]:
    """Each capability's set, shuffled once within its parts.

    Args:
        shared: The folder of shared data.
        in_domain: Rows of each to fit to.
        held_out: Rows of each that may be evaluated on, before those that open alike are left out.
    """
    data = shared / "data"
    gsm8k, mbpp, mmlu = _gsm8k(data / "gsm8k/train.jsonl"), _mbpp(data / "mbpp/mbpp.jsonl"), _mmlu(data / "mmlu")
    tydiqa = _tydiqa(data / "tydiqa/english_tydiqa_train.json")
    whole = {
        "GSM8K": (*_halves(gsm8k), _gsm8k(data / "gsm8k/test.jsonl")),
        "MBPP": _halves(mbpp),
        "TyDiQA": (*_halves(tydiqa), _tydiqa(data / "tydiqa/english_tydiqa_dev.json")),
        "MMLU": _halves(_shuffled(mmlu)),
    }
    return {name: _split(parts, in_domain, held_out) for name, parts in whole.items()}


def outside_text(shared: Path) -> tuple[list[Row], list[str]]:
    """Text that is neither candidate nor evaluated on: Dolly's rows, and the source of Python's standard library."""
    dolly = [
        {"instruction": row["instruction"], "input": row["context"], "output": row["response"]}
        for row in _lines(shared / "data/dolly15k/dolly.jsonl")
    ]
    library = Path(sysconfig.get_paths()["stdlib"])
    files = [path for path in library.rglob("*.py") if not _NOT_TEXT & set(path.relative_to(library).parts)]
    modules = [path.read_text(encoding="utf-8", errors="ignore") for path in sorted(files)]
    return _shuffled(dolly), _shuffled(modules)


def _split(parts: tuple[list[Row], ...], in_domain: int, held_out: int) -> Split:
    """The parts of one set; where a set has no file of its own to hold out, that is what fitting leaves."""
    base, rest = parts[0], _shuffled(parts[1])
    evaluated = _shuffled(parts[2]) if len(parts) > 2 else rest[in_domain:]
    known = {_opening(row) for row in (*base, *rest[:in_domain])}
    looked_at = evaluated[:held_out]
    fresh = [row for row in looked_at if _opening(row) not in known]
    return Split(_shuffled(base), rest[:in_domain], fresh, len(looked_at) - len(fresh))


def _opening(row: Row) -> str:
    """How a row's passage begins; where it has none of its own, the question, which MMLU's passages come before."""
    return " ".join((row["input"] or row["instruction"]).split())[:OPENING].casefold()


def _gsm8k(path: Path) -> list[Row]:
    return [{"instruction": row["question"], "input": "", "output": row["answer"]} for row in _lines(path)]


def _mbpp(path: Path) -> list[Row]:
    return [
        {"instruction": row["text"], "input": "", "output": row["code"].replace("\r\n", "\n")} for row in _lines(path)
    ]


def _tydiqa(path: Path) -> list[Row]:
    """Questions about a passage that holds the answer."""
    rows = []
    for article in json.loads(path.read_text(encoding="utf-8"))["data"]:
        for paragraph in article["paragraphs"]:
            for asked in paragraph["qas"]:
                if len(paragraph["context"]) <= LONGEST:
                    question = f"Answer the question from the passage. {asked['question']}"
                    output = asked["answers"][0]["text"]
                    rows.append({"instruction": question, "input": paragraph["context"], "output": output})
    return rows


def _mmlu(folder: Path) -> list[Row]:
    """Questions with four choices; the response is the letter and the choice's text."""
    rows = []
    for path in sorted(folder.glob("*/*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                choices = [f"{letter}. {row[f'choice{i}']}" for i, letter in enumerate(_LETTERS)]
                question = "\n".join([row["question"], *choices])
                if len(question) <= LONGEST:
                    rows.append({"instruction": question, "input": "", "output": choices[int(row["answer"])]})
    return rows


def _lines(path: Path) -> list[Row]:
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def _halves(rows: list[Row]) -> tuple[list[Row], list[Row]]:
    middle = len(rows) // 2
    return rows[:middle], rows[middle:]


def _shuffled(rows: list[T]) -> list[T]:
    order = list(rows)
    random.Random(0).shuffle(order)
    return order


def spread(rows: list[Row], n: int) -> list[Row]:
    """N rows spread evenly over a list; all where it has fewer."""
    n = min(n, len(rows))
    return [rows[i * len(rows) // n] for i in range(n)]
