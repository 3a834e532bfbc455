"""One instruction sample: its turns, and the row that it came from."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np

from nait_widgets.errors import RecordError


@dataclass(frozen=True, slots=True)
class Turn:
    """What one speaker says.

    Attributes:
        role: `"system"`, `"user"` or `"assistant"`.
        content: The text as the source has it, untrimmed.
    """

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Record:
    """One sample of a source.

    Attributes:
        id: Stable and unique in its source: the source's own, or made from the content.
        row: Position among the rows that are read, from 0.
        turns: The conversation up to and including the response. The last turn is the assistant's,
            except where a conversation has no assistant turn (defect `"empty"`).
        original: The source's row, unchanged, in its key order; `{"text": line}` for plain text.
        defect: None; `"empty"` where the response is blank or missing from a conversation;
            `"undecodable"` where a turn's bytes are not UTF-8 or hold lone surrogates.
    """

    id: str
    row: int
    turns: tuple[Turn, ...]
    original: Mapping[str, Any]
    defect: str | None = None

    @property
    def prompt(self) -> str:
        """All that comes before the response, for people to read; one user turn is shown without its role."""
        before = self.turns[:-1] if self._responds else self.turns
        if len(before) == 1 and before[0].role == "user":
            return before[0].content
        return "\n\n".join(f"{turn.role.capitalize()}: {turn.content}" for turn in before)

    @property
    def response(self) -> str:
        """The last assistant turn's text; empty where there is none."""
        return self.turns[-1].content if self._responds else ""

    @property
    def _responds(self) -> bool:
        return bool(self.turns) and self.turns[-1].role == "assistant"

    def original_json(self) -> str:
        """The original row as compact JSON on one line, keys in their order.

        Text is written as it is, and escaped to ASCII only where it can't be encoded as UTF-8. Values that JSON has
        no form for are written as: dates and times in ISO 8601, durations in seconds, decimals and UUIDs as text,
        bytes in base64, NumPy scalars and arrays as numbers and lists. NaN and infinities are written as Python's
        json reads them.

        Raises:
            RecordError: A value of another kind; the message names the field.
        """
        row = dict(self.original)
        try:
            text = _encode(row)
        except (TypeError, ValueError, RecursionError) as error:
            raise RecordError(
                f"the value can't be written as JSON ({error}); convert it or drop the field",
                source=f"record {self.id!r}",
                row=self.row + 1,
                field=next((name for name, value in row.items() if not _encodes(value)), None),
            ) from None
        return text if is_unicode(text) else _encode_ascii(row)


def is_unicode(text: str) -> bool:
    """Whether a text can be encoded as UTF-8: false where it has lone surrogates, as undecodable bytes leave."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _plain(value: object) -> object:
    """The nearest thing to a value that JSON has a form for."""
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Decimal | UUID):
        return str(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"JSON has no form for type {type(value).__name__}")


def _encodes(value: object) -> bool:
    try:
        _encode(value)
    except (TypeError, ValueError, RecursionError):
        return False
    return True


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=_plain).encode
_encode_ascii = json.JSONEncoder(separators=(",", ":"), default=_plain).encode
