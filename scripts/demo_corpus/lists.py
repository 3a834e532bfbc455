"""List manipulation: sort, filter, count, pick, combine; of words or numbers, in several notations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import NamedTuple

from demo_corpus.draft import Draft, fill, manner
from demo_corpus.world import PEOPLE, THINGS, WORDS


class _Operation(NamedTuple):
    """What is asked of a list, the list it gives, and how it is done."""

    asks: tuple[str, ...]
    result: Callable[[list[str]], list[str]]
    how: str


def _rank(item: str) -> tuple[int, str]:
    """Numbers by value, words by the alphabet."""
    return (int(item), "") if item.isdigit() else (0, item)


_ANY = (
    _Operation(
        ("Sort this list in rising order.", "Put these in order, from first to last.", "Order the items, least first."),
        lambda items: sorted(items, key=_rank),
        "I compare the items and put the least one first.",
    ),
    _Operation(
        ("Sort this list in falling order.", "Order these from last to first.", "Sort the items backwards."),
        lambda items: sorted(items, key=_rank, reverse=True),
        "I compare the items and put the greatest one first.",
    ),
    _Operation(
        ("Reverse this list.", "Turn the list around.", "Write the items in the opposite order."),
        lambda items: items[::-1],
        "I read the list from its end to its start.",
    ),
    _Operation(
        ("Remove the duplicates from this list.", "Keep each item only once.", "Drop the repeated items."),
        lambda items: list(dict.fromkeys(items)),
        "I keep an item the first time and skip it after that.",
    ),
    _Operation(
        ("Swap the first and the last item.", "Exchange the two ends of this list."),
        lambda items: [items[-1], *items[1:-1], items[0]],
        "Only the two items at the ends change places.",
    ),
    _Operation(
        ("Keep every second item, starting with the first.", "Take the items at positions 1, 3, 5 and so on."),
        lambda items: items[::2],
        "I take one item and leave out the next.",
    ),
    _Operation(
        ("Give the first three items.", "Shorten the list to its first three items."),
        lambda items: items[:3],
        "I stop after the third item.",
    ),
    _Operation(
        ("How many items are in this list?", "Count the items.", "What is the length of this list?"),
        lambda items: [str(len(items))],
        "I count the items one after another.",
    ),
    _Operation(
        ("Which item comes last?", "What is the last item here?"),
        lambda items: items[-1:],
        "It stands at the end of the list.",
    ),
    _Operation(
        ("Move the first item to the end.", "Rotate the list by one to the left."),
        lambda items: [*items[1:], items[0]],
        "The first item goes behind all others.",
    ),
)
_OF_NUMBERS = (
    _Operation(
        ("Keep only the even numbers.", "Filter out the odd numbers."),
        lambda items: [item for item in items if int(item) % 2 == 0],
        "An even number can be divided by two.",
    ),
    _Operation(
        ("Keep the numbers above 20.", "Which of these numbers are greater than 20?"),
        lambda items: [item for item in items if int(item) > 20],
        "I compare each number with 20.",
    ),
    _Operation(
        ("Add one to each number.", "Increase all the numbers by one."),
        lambda items: [str(int(item) + 1) for item in items],
        "Each number grows by one, and the order stays.",
    ),
)
_OF_WORDS = (
    _Operation(
        ("Keep the words of more than five letters.", "Which of these words have more than five letters?"),
        lambda items: [item for item in items if len(item) > 5],
        "I count the letters of each word.",
    ),
    _Operation(
        ("Give the first letter of each word.", "List the initial letters."),
        lambda items: [item[0] for item in items],
        "I take the letter that each word starts with.",
    ),
    _Operation(
        ("Sort the words by length, shortest first.", "Order these words by how long they are."),
        lambda items: sorted(items, key=len),
        "Words of the same length keep their order.",
    ),
)
_NOTATIONS: tuple[Callable[[Sequence[str]], str], ...] = (
    ", ".join,
    lambda items: f"[{', '.join(items)}]",
    lambda items: "\n".join(f"- {item}" for item in items),
    "; ".join,
    " ".join,
)
_LONG = (
    "{how} The result: {answer}",
    "{answer}\n\n{how}",
    "{how}\n\n{answer}",
    "The list has {n} items. {how}\n\n{answer}",
)
_SHORT = ("{answer}", "{answer}", "{answer}", "Result: {answer}")


def _items(rng: Random) -> tuple[list[str], tuple[_Operation, ...]]:
    """A list, with a repeated item now and then, and what can be asked of it."""
    size = rng.randint(4, 10)
    if rng.random() < 0.45:
        items, operations = [str(rng.randint(1, 60)) for _ in range(size)], (*_ANY, *_OF_NUMBERS)
    else:
        bank = rng.choice((WORDS, PEOPLE, [plural for _, plural in THINGS]))
        items, operations = rng.sample(bank, size), (*_ANY, *_OF_WORDS)
    if rng.random() < 0.4:
        items[rng.randrange(1, size)] = items[0]
    return items, operations


def generate(rng: Random) -> Draft:
    """One operation on one list."""
    items, operations = _items(rng)
    operation, notation = rng.choice(operations), rng.choice(_NOTATIONS)
    answer, detailed = operation.result(items), rng.random() < 0.35
    shuffled = answer[1:] + answer[:1] if len(set(answer)) > 1 else [*answer, rng.choice(items)]
    shape = rng.choice(_LONG if detailed else _SHORT)
    output, wrong = (
        shape.format(answer=notation(line) or "none", how=operation.how, n=len(items)) for line in (answer, shuffled)
    )
    ask, given = rng.choice(operation.asks) + manner(rng, detailed=detailed), notation(items)
    if "\n" not in given and rng.random() < 0.3:
        return Draft(
            fill(rng, ("{ask} {given}", "{ask} The list is: {given}"), ask=ask, given=given), "", output, wrong
        )
    return Draft(ask, given, output, wrong)
