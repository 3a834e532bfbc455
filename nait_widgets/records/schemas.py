"""Rows as conversations: what each field of a row says, and who says it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from typing import Any

import numpy as np

from nait_widgets.errors import RecordError
from nait_widgets.records.record import Turn

ESSENTIAL = frozenset({"prompt", "response", "messages", "text"})  # roles that every row must have a field for
SPEAKERS = {
    "system": "system",
    "user": "user",
    "human": "user",
    "prompter": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "bot": "assistant",
    "model": "assistant",
}
SCALARS = (str, int, float, Decimal, date, time, np.generic)


@dataclass(frozen=True, slots=True)
class Schema:
    """How the rows of one source are read.

    Attributes:
        source: What messages call the source.
        format: The format's name, one of `FORMATS`.
        fields: Role to the field that plays it.
    """

    source: str
    format: str
    fields: Mapping[str, str]

    def turns(self, row: Mapping[str, Any], number: int) -> tuple[Turn, ...]:
        """The conversation of a row, up to and including the last assistant turn.

        Args:
            row: The row.
            number: Its number, from 1, for messages.

        Raises:
            RecordError: A field is missing or holds no text.
        """
        if "text" in self.fields:
            return (Turn("assistant", self._text(row, "text", number)),)
        system = self._text(row, "system", number)
        opening = (Turn("system", system),) if system.strip() else ()
        if "messages" in self.fields:
            turns = self._conversation(row, number)
            return turns if turns and turns[0].role == "system" else opening + turns
        prompt, extra = self._text(row, "prompt", number), self._text(row, "input", number)
        if extra.strip():
            prompt = f"{prompt}\n\n{extra}"
        return (*opening, Turn("user", prompt), Turn("assistant", self._text(row, "response", number)))

    def own_id(self, row: Mapping[str, Any], number: int) -> str:
        """The id that the row carries.

        Raises:
            RecordError: The row has none.
        """
        name = self.fields["id"]
        value = row.get(name)
        if isinstance(value, bool) or not isinstance(value, SCALARS) or not str(value).strip():
            raise self._error(
                'the row has no id here; fill it in, or make ids from the content with fields={"id": ""}', number, name
            )
        return str(value).encode(errors="backslashreplace").decode()

    def _text(self, row: Mapping[str, Any], role: str, number: int) -> str:
        name = self.fields.get(role)
        if name is None:
            return ""
        if name not in row and role in ESSENTIAL:
            raise self._error(
                f"the row has no such field for the {role}; add it (empty is allowed) or remove the row", number, name
            )
        return self._scalar(row.get(name), name, number)

    def _scalar(self, value: object, name: str, number: int) -> str:
        if isinstance(value, str):
            return value
        if value is None or (isinstance(value, float | np.floating) and np.isnan(value)):
            return ""
        if isinstance(value, SCALARS):
            return str(value)
        raise self._error(
            f"the value is of type {type(value).__name__}, not text; map another field with fields={{...}}",
            number,
            name,
        )

    def _conversation(self, row: Mapping[str, Any], number: int) -> tuple[Turn, ...]:
        name = self.fields["messages"]
        if name not in row:
            raise self._error("the row has no such field for its turns; add it or remove the row", number, name)
        messages = [] if row[name] is None else row[name]
        if isinstance(messages, np.ndarray):
            messages = messages.tolist()
        if not isinstance(messages, Sequence) or not all(isinstance(message, Mapping) for message in messages):
            raise self._error(
                "the value is not a list of turns such as {'role': 'user', 'content': '...'}", number, name
            )
        turns = [self._turn(message, f"{name}[{position}]", number) for position, message in enumerate(messages)]
        last = max((i for i, turn in enumerate(turns) if turn.role == "assistant"), default=len(turns) - 1)
        return tuple(turns[: last + 1])

    def _turn(self, message: Mapping[str, Any], place: str, number: int) -> Turn:
        speaker = message.get("from", message.get("role"))
        role = SPEAKERS.get(str(speaker).lower())
        if role is None:
            raise self._error(
                f"the role {speaker!r} is not one of {', '.join(SPEAKERS)}; rename it or remove the row", number, place
            )
        content = message["value"] if "value" in message else message.get("content")
        if isinstance(content, list | np.ndarray):
            return Turn(role, "".join(self._part(part, place, number) for part in content))
        return Turn(role, self._scalar(content, place, number))

    def _part(self, part: object, place: str, number: int) -> str:
        if isinstance(part, str):
            return part
        if isinstance(part, Mapping) and part.get("type", "text") == "text":
            return self._scalar(part.get("text"), place, number)
        kind = part.get("type") if isinstance(part, Mapping) else type(part).__name__
        raise self._error(
            f"the turn holds a part of type {kind!r}, and only text can be read; remove the row", number, place
        )

    def _error(self, message: str, number: int, name: str) -> RecordError:
        return RecordError(message, source=self.source, row=number, field=name)
