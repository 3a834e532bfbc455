"""What is asked of a comparison before any work is done."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from operator import index
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nait_widgets.errors import NaitError
from nait_widgets.paths import written_whole
from nait_widgets.training.result import REPORT, RESULT
from nait_widgets.training.runs import BASE, decisive

if TYPE_CHECKING:
    from nait_widgets.training.answers import Check
    from nait_widgets.training.options import Training
    from nait_widgets.training.samples import Samples

_DIGEST = 64  # digits of a SHA-256
_NAMED = 3  # changes that an error names
ORDER = ("top", "random", "bottom")


class Caution(UserWarning):
    """Something that doesn't stop a comparison, but should be known before its figures are believed."""


def seeds(given: int | Sequence[int]) -> list[int]:
    """The seeds that are asked for.

    Raises:
        NaitError: There is none, or one twice.
    """
    try:
        chosen = [index(seed) for seed in given] if isinstance(given, Iterable) else list(range(index(given)))
    except TypeError:
        chosen = []
    if not chosen or len(set(chosen)) < len(chosen) or min(chosen) < 0:
        raise NaitError(f"seeds is {given!r}; give how many, 1 or more, or different whole numbers from 0 on")
    return chosen


def require_counts(**given: int | None) -> None:
    """Check numbers of things, where they are given.

    Raises:
        NaitError: One is below 1.
    """
    for what, n in given.items():
        if n is not None and n < 1:
            raise NaitError(f"{what} is {n}; give 1 or more")


def require_named(**given: object) -> None:
    """Check that each of several things has a name.

    Raises:
        NaitError: They are no mapping.
    """
    for what, things in given.items():
        if not isinstance(things, Mapping):
            raise NaitError(
                f"{what} is of type {type(things).__name__}, but must be a dict with a name for each, as in "
                '{"a name": …}'
            )


def claims(
    subsets: Mapping[str, Any],
    eval_sets: Mapping[str, Any],
    answers: Mapping[str, Any],
    reference: str | None,
    order: Sequence[str] | None,
) -> tuple[str, tuple[str, ...]]:
    """The subset that others are held against, and the claimed order, both of subsets that are there.

    Raises:
        NaitError: A name stands for nothing, or there is nothing to compare.
    """
    if not subsets or not eval_sets:
        raise NaitError(f"there is no {'eval set' if subsets else 'subset'} to compare: name one at least")
    if BASE in subsets:
        raise NaitError(f"a subset can't be called {BASE!r}, as the untouched model is: give it another name")
    if reference is None:
        reference = "random" if "random" in subsets else next(iter(subsets))
    if order is None:
        order = ORDER if set(ORDER) <= set(subsets) else ()
    for name, kind, there in (
        *((name, "eval set", eval_sets) for name in answers),
        *((name, "subset", subsets) for name in (reference, *order)),
    ):
        if name not in there:
            raise NaitError(f"there is no {kind} {name!r} among {', '.join(there)}: check the name")
    if len(order) == 1 or len(set(order)) < len(order):
        raise NaitError(f"order is {', '.join(order)}; name two different subsets or more")
    return reference, tuple(order)


def require_picklable(workers: int, source: str | None, answers: Mapping[str, str | Check]) -> None:
    """Check that what the runs need can be given to as many processes.

    Raises:
        NaitError: It can't.
    """
    if workers > 1 and source is None:
        raise NaitError("a loaded model can't be given to several processes: use workers=1, or give its path")
    if workers > 1 and not all(isinstance(answer, str) for answer in answers.values()):
        raise NaitError("a function that checks answers can't be given to several processes: use workers=1")


def cautions(
    subsets: Mapping[str, Mapping[int, Samples]],
    eval_sets: Mapping[str, Samples],
    training: Training,
    max_length: int,
) -> list[str]:
    """What should be known of the data before the figures are believed."""
    found = []
    for what, draws in (
        *(
            (f"subset {name!r}", {draw.digest: draw for draw in draws.values()}.values())
            for name, draws in subsets.items()
        ),
        *((f"eval set {name!r}", [samples]) for name, samples in eval_sets.items()),
    ):
        rows, usable = (sum(counts) for counts in zip(*((draw.rows, len(draw)) for draw in draws), strict=True))
        if lost := rows - usable:
            found.append(
                f"{lost:,} of {rows:,} rows of {what} {'has' if lost == 1 else 'have'} no response within the first "
                f"{max_length:,} tokens and {'was' if lost == 1 else 'were'} left out"
            )
    for name, by_seed in subsets.items():
        fewest = min(samples.response_tokens for samples in by_seed.values())
        if fewest < training.response_tokens:
            found.append(
                f"subset {name!r} has {fewest:,} response tokens, fewer than the {training.response_tokens:,} of one "
                "step, so every step repeats its rows"
            )
        texts = frozenset[bytes]().union(*(samples.texts for samples in by_seed.values()))
        for other, samples in eval_sets.items():
            if shared := len(texts & samples.texts):
                found.append(
                    f"eval set {other!r} holds {shared:,} of the samples of subset {name!r}, so its loss there is "
                    "partly that of rows it was trained on"
                )
    return found


def open_folder(folder: Path, plan: Mapping[str, Any]) -> None:
    """Make the folder, or check that it holds runs of the same plan.

    Raises:
        NaitError: It holds another comparison, or something else, or can't be written; or its plan is damaged.
    """
    file = folder / "plan.json"
    if folder.exists() and not file.exists() and not _is_ours(folder):
        raise NaitError(f"{folder} is there and holds no comparison: name another folder")
    if file.exists() and (changes := _changes(_plan_in(file), decisive(plan))):
        more = "; …" if len(changes) > _NAMED else ""
        raise NaitError(f"{folder} holds another comparison ({'; '.join(changes[:_NAMED])}{more}): name another folder")
    try:
        (folder / "runs").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NaitError(f"{folder} can't be made a folder: {error.strerror or error}") from error
    with written_whole(file) as temporary:
        temporary.write_text(json.dumps(plan, indent=2, ensure_ascii=False), encoding="utf-8")


def _is_ours(folder: Path) -> bool:
    """Whether a folder is empty, or holds a comparison whose plan is missing: each run's name still tells its plan."""
    return folder.is_dir() and {path.name for path in folder.glob("[!.]*")} <= {"runs", RESULT, REPORT}


def _plan_in(file: Path) -> dict[str, Any]:
    """What decides the plan that a file holds.

    Raises:
        NaitError: It holds none.
    """
    try:
        return decisive(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise NaitError(
            f"{file} is damaged, or no plan of a comparison ({error}): delete it and start again, and the runs beside "
            "it that were done for the same plan are taken up; or name another folder"
        ) from error


def _changes(then: Any, now: Any, name: str = "") -> list[str]:
    """What differs between two plans: the names that lead there, and both values."""
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        keys = {**then, **now}
        return [change for key in keys for change in _changes(then.get(key), now.get(key), f"{name} {key}".strip())]
    return [] if then == now else [f"{name} {_brief(then)}, now {_brief(now)}"]


def _brief(value: Any) -> str:
    """A value as an error names it."""
    if value is None:
        return "none"
    if isinstance(value, Mapping):
        return "given"
    return value[:8] if isinstance(value, str) and len(value) == _DIGEST else str(value)
