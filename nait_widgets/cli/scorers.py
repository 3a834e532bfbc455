"""What scores are by, as it is typed: files, and scorers by the names of their kinds."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nait_widgets as nait
from nait_widgets.errors import ScorerError
from nait_widgets.scored import load
from nait_widgets.scorers import TargetScorer, find

if TYPE_CHECKING:
    import argparse

    from nait_widgets.scored import Scored


def scored_by(options: argparse.Namespace) -> list[Scored]:
    """The directions and scorers of the files that were given, then those of `--by`.

    Raises:
        NaitError: There is no such file or kind, targets that nothing is compared with, or two of a name.
    """
    kinds = [_parsed(text) for text in options.by]
    wanting = [kind for kind, _ in kinds if issubclass(find(kind), TargetScorer)]
    if options.targets and not wanting:
        raise ScorerError(f"--targets {options.targets}: nothing that is given by --by compares with targets")
    if wanting and not options.targets:
        raise ScorerError(f"--by {wanting[0]} compares with samples that show what is wanted: give --targets STORE")
    targets = nait.open_store(options.targets) if options.targets else None
    made = [nait.scorer(kind, targets if kind in wanting else None, **given) for kind, given in kinds]
    scored = [*map(_loaded, options.directions), *made]
    name, times = Counter(each.name for each in scored).most_common(1)[0] if scored else ("", 0)
    if times > 1:
        raise ScorerError(
            f"{times} columns would be named {name!r}: name each otherwise, as in `--by NAME=KIND:OPTION=VALUE` or "
            "`NAME=FILE`"
        )
    return scored


def _loaded(given: str) -> Scored:
    """What a file holds, FILE or NAME=FILE."""
    name, equals, path = given.partition("=")
    return load(path).named(name) if name and equals and not Path(given).exists() else load(given)


def _parsed(text: str) -> tuple[str, dict[str, Any]]:
    """A kind and its options: `ifd`, `ifd:form=perplexity`, `near=knn:k=5`, which is `knn:k=5,name=near`."""
    head, colon, rest = text.partition(":")
    name, equals, kind = head.rpartition("=")
    pairs = [("name", "=", name)] if equals else []
    pairs += [pair.partition("=") for pair in rest.split(",")] if colon else []
    if (wrong := next(("".join(pair) for pair in pairs if not all(pair)), None)) is not None:
        raise ScorerError(f"--by {text}: {wrong!r} is not of the form option=value, as in ifd:form=perplexity")
    option, times = Counter(name for name, _, _ in pairs).most_common(1)[0] if pairs else ("", 0)
    if times > 1:
        raise ScorerError(f"--by {text}: {option!r} is given {times} times")
    return kind, {name: value if name == "name" else _value(value) for name, _, value in pairs}


def _value(text: str) -> str | float | bool | None:
    """A number, true, false or null as JSON has them; anything else is text."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, int | float | None) else text
