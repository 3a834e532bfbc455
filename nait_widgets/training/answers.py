"""When an answer is right."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from nait_widgets.errors import NaitError

Check = Callable[[str, str], bool]
"""(answer, reference) -> whether the answer is right."""

_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?|-?\.\d+")


def final_number(text: str) -> Decimal | None:
    """The first number after the first `####`, as GSM8K marks it; without that mark the last number of the text."""
    _, mark, after = text.partition("####")
    numbers = _NUMBER.findall(after if mark else text)
    if not numbers:
        return None
    return Decimal(numbers[0 if mark else -1].replace(",", ""))


def same_number(answer: str, reference: str) -> bool:
    """Whether both end in the same number; thousands separators and trailing zeros don't matter."""
    found = final_number(answer)
    return found is not None and found == final_number(reference)


def same_text(answer: str, reference: str) -> bool:
    """Whether both are the same text; case and the amount of white space don't matter."""
    return answer.casefold().split() == reference.casefold().split()


CHECKS: Mapping[str, Check] = {"final-number": same_number, "text": same_text}


def find_check(answer: str | Check) -> tuple[str, Check]:
    """A check with the name that it goes by in results.

    Raises:
        NaitError: There is none of that name.
    """
    if callable(answer):
        return f"{answer.__module__}.{getattr(answer, '__qualname__', type(answer).__qualname__)}", answer
    if answer not in CHECKS:
        raise NaitError(f"there is no check of answers {answer!r}; choose {', '.join(CHECKS)}, or pass a function")
    return answer, CHECKS[answer]


def require_checkable(name: str, check: Check, references: Sequence[str]) -> None:
    """Raise where a reference wouldn't pass as its own answer.

    Raises:
        NaitError: Names the first one.
    """
    for row, reference in enumerate(references):
        if not check(reference, reference):
            raise NaitError(
                f"the answer check of eval set {name!r} does not accept usable row {row + 1}'s own response "
                f"({reference[:60]!r}): leave that row or the check out"
            )
