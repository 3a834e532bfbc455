"""How what is typed is read, and how it is said that it can't be: in one sentence, as every other error."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, NoReturn

from nait_widgets.store.places import is_url


class Parser(argparse.ArgumentParser):
    """A parser whose errors are a sentence, without the list of all options before it."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.register("type", int, whole)
        self.register("type", float, number)

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and leave with status 2."""
        self.exit(2, f"nait: {message.removeprefix('argument ')}; see `{self.prog} --help`\n")


def names(text: str) -> list[str]:
    """A list of names, as in `loss, ifd`."""
    return [name.strip() for name in text.split(",")]


def place(text: str) -> Path | str:
    """A path, or a URL as it is: a path would lose one of its slashes."""
    return text if is_url(text) else Path(text)


def pair(text: str) -> tuple[str, str]:
    """NAME=VALUE."""
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form NAME=VALUE")
    return name, value


def weight(text: str) -> tuple[str, float]:
    """NAME=NUMBER."""
    name, value = pair(text)
    return name, number(value)


def span(text: str) -> slice:
    """FROM:TO, counted from 0; either may be left out."""
    first, colon, end = text.partition(":")
    if not colon or not (first or end):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form FROM:TO")
    return slice(whole(first) if first else None, whole(end) if end else None)


def whole(text: str) -> int:
    """A whole number."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number") from None


def number(text: str) -> float:
    """A number."""
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number{_of_percent(text)}") from None


def _of_percent(text: str) -> str:
    try:
        return f": write {float(text.removesuffix('%')) / 100:g}" if text.endswith("%") else ""
    except ValueError:
        return ""
