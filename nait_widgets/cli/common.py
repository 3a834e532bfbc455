"""What several commands share: options that are read alike, and how they report."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import nait_widgets as nait
from nait_widgets.errors import NaitError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

SCORE_OPTIONS = ("pool", "center", "similarity")


def scoring(options: argparse.Namespace) -> dict[str, Any]:
    """The `ScoreOptions` that were given."""
    return {name: value for name in SCORE_OPTIONS if (value := getattr(options, name))} | layers(options)


def opened(options: argparse.Namespace) -> nait.ActivationStore:
    """The store that a command reads."""
    return nait.open_store(options.store, cache=options.cache)


def layers(options: argparse.Namespace) -> dict[str, list[int]]:
    """The layers, where they were given."""
    if not options.layers:
        return {}
    try:
        return {"layers": [int(layer) for layer in options.layers.split(",")]}
    except ValueError:
        raise NaitError(f"--layers is {options.layers!r}, but must be numbers such as 0,1,2") from None


def tell(options: argparse.Namespace, facts: dict[str, Any], lines: Sequence[str]) -> None:
    """Print facts as JSON where that was asked for, else lines."""
    if options.json:
        print(json.dumps(facts, indent=2, ensure_ascii=False))
    else:
        for line in lines:
            print(line)


def quiet_transformers() -> None:
    """Our own progress is the one that counts; loading bars and advice are for developers of models."""
    from transformers.utils import logging as transformers_logging

    logging: Any = transformers_logging  # it has no type annotations
    logging.set_verbosity_error()
    logging.disable_progress_bar()


def complain(message: object, status: int) -> int:
    """Say what is wrong on standard error, and give the status back."""
    print(f"nait: {message}", file=sys.stderr)
    return status
