"""The command that fine-tunes on subsets and compares them."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import nait_widgets as nait
from nait_widgets.cli.common import complain, quiet_transformers, tell
from nait_widgets.errors import NaitError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

PASSED_ON = (
    *("seeds", "steps", "response_tokens", "learning_rate", "schedule", "lora", "answer_tokens", "reference"),
    *("workers", "batch_tokens", "max_length", "template", "dtype", "device", "attention", "revision"),
    "trust_remote_code",
)


def compare(options: argparse.Namespace) -> int:
    """Base + subsets -> which of them trains it better, by fine-tuning on each alike."""
    from nait_widgets.training import Caution

    quiet_transformers()
    subsets: dict[str, Any] = {}
    for name, file in options.subset:
        subsets.setdefault(name, []).append(file)
    given = {name: value for name in PASSED_ON if (value := getattr(options, name)) is not None}
    with warnings.catch_warnings():
        warnings.simplefilter("always", Caution)
        show = warnings.showwarning

        def tell_caution(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
            if issubclass(category, Caution):
                complain(f"caution: {message}", 0)
            else:
                show(message, category, *place, **more)

        warnings.showwarning = tell_caution
        result = nait.compare_subsets(
            options.model,
            {name: files if len(files) > 1 else files[0] for name, files in subsets.items()},
            _once("eval set", options.eval),
            out=options.out,
            answers=_once("check of answers", options.answers),
            order=options.order,
            **given,
        )
    written = [str(options.out / name) for name in ("comparison.json", "report.html")]
    reuse = result.reuse and result.reuse._asdict()
    tell(
        options,
        result.to_json() | {"reuse": reuse, "written": written},
        [str(result), "", *(f"  {path}" for path in written)],
    )
    return 0


def _once(what: str, pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """What was given by name, each name once."""
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        raise NaitError(f"more than one {what} is named {max(names, key=names.count)!r}: name each otherwise")
    return dict(pairs)
