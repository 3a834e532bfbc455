"""Rows of JSON files, one at a time, so that a file may exceed memory and an error knows its row."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from nait_widgets.errors import RecordError
from nait_widgets.records.text_files import open_text

CHUNK = 2**20  # characters
LONGEST_LITERAL = 16  # "-Infinity" and "\ud83d\ude00" are the longest pieces that a window's end can cut in two
_decode = json.JSONDecoder().raw_decode
_space = re.compile(r"[ \t\r\n]*")


def json_rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a JSON list of objects, or of JSON Lines; the file's first character tells which.

    Raises:
        RecordError: A malformed row, a row that isn't an object, or a file that is one JSON object.
    """
    with open_text(path) as file:
        window = _Window(file)
        first = window.peek()
        if first == "{" and ".json" in (suffix.lower() for suffix in path.suffixes):
            _refuse_one_object(window, path)
    rows = _list_elements(path) if first == "[" else _lines(path)
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            raise RecordError(
                f"the row is of type {type(row).__name__}, not an object with named fields",
                source=str(path),
                row=number,
            )
        yield row


class _Window:
    """A piece of a file's text that moves forward."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._text = ""
        self._at = 0
        self._lines_passed = 0

    @property
    def line(self) -> int:
        return self._lines_passed + self._text.count("\n", 0, self._at) + 1

    def peek(self) -> str:
        """The next character that isn't white space; empty at the file's end."""
        while True:
            space = _space.match(self._text, self._at)
            assert space is not None
            self._at = space.end()
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._read_on():
                return ""

    def skip(self) -> None:
        self._at += 1

    def value(self) -> Any:
        """The JSON value that starts here."""
        while True:
            try:
                value, self._at = _decode(self._text, self._at)
            except json.JSONDecodeError as error:
                line = self._lines_passed + error.lineno
                cut_off = error.pos > len(self._text) - LONGEST_LITERAL or error.msg.startswith("Unterminated string")
                if not (cut_off and self._read_on()):
                    raise ValueError(f"{error.msg} on line {line:,}") from None
            else:
                return value

    def _read_on(self) -> bool:
        """Drops what has been passed and doubles what lies ahead, so that long rows take linear time."""
        more = self._file.read(max(CHUNK, len(self._text) - self._at))
        self._lines_passed += self._text.count("\n", 0, self._at)
        self._text = self._text[self._at :] + more
        self._at = 0
        return bool(more)


def _list_elements(path: Path) -> Iterator[Any]:
    with open_text(path) as file:
        window = _Window(file)
        window.peek()
        window.skip()
        number = 0
        while window.peek() != "]":
            number += 1
            if number > 1:
                if window.peek() != ",":
                    raise _malformed(path, number, f"Expecting ',' or ']' on line {window.line:,}")
                window.skip()
                window.peek()
            try:
                yield window.value()
            except (ValueError, RecursionError) as error:
                raise _malformed(path, number, str(error)) from None
        window.skip()
        if window.peek():
            raise _malformed(path, None, f"Extra text after the list on line {window.line:,}")


def _lines(path: Path) -> Iterator[Any]:
    with open_text(path) as file:
        filled = ((line, text) for line, text in enumerate(file, 1) if not text.isspace())
        for number, (line, text) in enumerate(filled, 1):
            try:
                yield json.loads(text)
            except json.JSONDecodeError as error:
                raise _malformed(path, number, f"{error.msg} on line {line:,}, column {error.colno:,}") from None
            except (ValueError, RecursionError) as error:
                raise _malformed(path, number, str(error)) from None


def _refuse_one_object(window: _Window, path: Path) -> None:
    """Many `.json` files hold JSON Lines; one that holds a single object has its rows somewhere inside."""
    try:
        value = window.value()
    except (ValueError, RecursionError):
        return
    if not window.peek():
        raise RecordError(
            f"the file is one JSON object with the keys {', '.join(map(repr, value))}, not a list of rows; "
            "save its rows as a JSON list or as JSON Lines",
            source=str(path),
        )


def _malformed(path: Path, row: int | None, what: str) -> RecordError:
    return RecordError(f"malformed JSON ({what}); mend or remove it", source=str(path), row=row)
