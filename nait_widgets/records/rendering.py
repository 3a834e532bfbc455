"""Records as token ids, with the response's span of tokens."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from nait_widgets.errors import ModelError, RecordError
from nait_widgets.records.record import Record, is_unicode
from nait_widgets.records.templates import (
    NAMED,
    TEMPLATES,
    Passage,
    ResponseLostError,
    render_chat,
    with_fixed_clock,
)

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

DEFAULT_MAX_LENGTH = 2048
LARGEST_MAX_LENGTH = 1_000_000  # tokenizers that know no limit say 1e30

TokenIds = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Rendered:
    """A record as the model reads it.

    Attributes:
        input_ids: Token ids (T,), cut on the right to the renderer's `max_length`; empty for a record that came with
            a defect.
        response: Span `[start, stop)` of the tokens that hold any of the response's text, its end-of-turn token left
            out, within T.
        truncated: Whether tokens were cut off.
        defect: The record's own; `"undecodable"`; `"too_long"` where the cut left no response token; `"empty"` where
            the template or the tokenizer leaves nothing of the response.
    """

    input_ids: TokenIds
    response: tuple[int, int]
    truncated: bool
    defect: str | None


class Renderer:
    """Renders records through one template and tokenizes them.

    The text is tokenized once, as the template wrote it: no special tokens are added, and several BOS at its
    beginning become one. Named templates are preceded by the tokenizer's BOS and followed by its EOS,
    where it has them. A record without a user turn is rendered plain, since chat templates have no place for it.
    Templates that write today's date are given a fixed one.

    Args:
        tokenizer: A transformers tokenizer. One that reports no offsets (a slow one) is asked to tokenize the text
            before and after the response too, and a span's edge may then be off by one token.
        template: One of `TEMPLATES`; None is `"chat"` where the tokenizer has a chat template, else `"alpaca"`.
        max_length: Largest number of tokens; None is the tokenizer's own limit, or 2,048 where it has none.

    Attributes:
        name: The template's name.
        max_length: Largest number of tokens.
        digest: SHA-256 of all that shapes the text: the templates and the special tokens. Not of `max_length`.

    Raises:
        ModelError: An unknown template, no chat template where one is asked for, or a `max_length` below 1.
    """

    name: str
    max_length: int
    digest: str

    def __init__(
        self, tokenizer: PreTrainedTokenizerBase, *, template: str | None = None, max_length: int | None = None
    ) -> None:
        if template is not None and template not in TEMPLATES:
            raise ModelError(f"The template {template!r} is not one of {', '.join(TEMPLATES)}.")
        if template == "chat" and not tokenizer.chat_template:
            raise ModelError("The tokenizer has no chat template; choose the template 'alpaca' or 'plain'.")
        if max_length is not None and max_length < 1:
            raise ModelError(f"max_length is {max_length}; give 1 or more, or None for the tokenizer's own.")
        self.name = template or ("chat" if tokenizer.chat_template else "alpaca")
        self.max_length = max_length or _own_max_length(tokenizer)
        self._tokenizer = tokenizer
        self._chat = with_fixed_clock(tokenizer.get_chat_template()) if self.name == "chat" else None
        self._bos: str = tokenizer.bos_token or ""
        self._eos: str = tokenizer.eos_token or ""
        self.digest = self._digest()

    def render(self, records: Sequence[Record]) -> list[Rendered]:
        """Renders a batch of records, in their order.

        Raises:
            RecordError: The chat template refuses a record, or its response can't be found in what it made of it.
        """
        out = [Rendered(np.zeros(0, np.int32), (0, 0), False, record.defect or "undecodable") for record in records]
        sound = [i for i, record in enumerate(records) if record.defect is None and _is_sound(record)]
        passages = [self._passage(records[i]) for i in sound]
        for i, (ids, span) in zip(sound, self._tokenize(passages), strict=True):
            out[i] = self._cut(ids, span)
        return out

    def _passage(self, record: Record) -> Passage:
        talks = any(turn.role == "user" for turn in record.turns)
        if self._chat is None or not talks:
            named = NAMED[self.name if talks else "plain"]
            return _single_bos(named.render(record.turns, self._bos, self._eos), self._bos)
        import jinja2

        try:
            passage = render_chat(self._tokenizer, self._chat, record.turns)
        except (jinja2.TemplateError, ResponseLostError, TypeError, ValueError, LookupError) as error:
            raise RecordError(
                f"the chat template can't render the row ({error}); remove it or use the template 'alpaca' or 'plain'",
                source=f"record {record.id!r}",
                row=record.row + 1,
            ) from error
        return _single_bos(passage, self._bos)

    def _tokenize(self, passages: Sequence[Passage]) -> list[tuple[TokenIds, tuple[int, int]]]:
        """Token ids and response span of each passage."""
        if not passages:
            return []
        encoded = self._tokenizer(
            [passage.text for passage in passages],
            add_special_tokens=False,
            return_attention_mask=False,
            return_token_type_ids=False,
            return_offsets_mapping=self._tokenizer.is_fast,
            verbose=False,
        )
        ids = [np.array(sequence, np.int32) for sequence in encoded["input_ids"]]
        if self._tokenizer.is_fast:
            spans = [
                _overlapping(offsets, passage)
                for offsets, passage in zip(encoded["offset_mapping"], passages, strict=True)
            ]
        else:
            spans = [self._span_without_offsets(*pair) for pair in zip(ids, passages, strict=True)]
        return list(zip(ids, spans, strict=True))

    def _span_without_offsets(self, ids: TokenIds, passage: Passage) -> tuple[int, int]:
        before = self._ids(passage.text[: passage.start])
        after = self._ids(passage.text[passage.stop :])
        start = _common_prefix(ids, before)
        return start, max(start, len(ids) - _common_prefix(ids[::-1], after[::-1]))

    def _ids(self, text: str) -> TokenIds:
        return np.array(self._tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"], np.int32)

    def _cut(self, ids: TokenIds, span: tuple[int, int]) -> Rendered:
        kept = ids[: self.max_length]
        truncated = len(kept) < len(ids)
        start, stop = (min(edge, len(kept)) for edge in span)
        defect = None if start < stop else "too_long" if truncated else "empty"
        return Rendered(kept, (start, stop), truncated, defect)

    def _digest(self) -> str:
        shape = {
            "name": self.name,
            "chat": self._chat,
            "named": {name: asdict(template) for name, template in NAMED.items()},
            "special_tokens": {name: str(token) for name, token in self._tokenizer.special_tokens_map.items()},
        }
        return hashlib.sha256(json.dumps(shape, sort_keys=True).encode()).hexdigest()


def _own_max_length(tokenizer: PreTrainedTokenizerBase) -> int:
    own = tokenizer.model_max_length
    return int(own) if 0 < own <= LARGEST_MAX_LENGTH else DEFAULT_MAX_LENGTH


def _is_sound(record: Record) -> bool:
    return all(is_unicode(turn.content) for turn in record.turns)


def _single_bos(passage: Passage, bos: str) -> Passage:
    """The passage with one BOS where it begins with several; the first is the sample's, never the response's."""
    surplus = 0
    while bos and passage.text.startswith(bos * 2, surplus):
        surplus += len(bos)
    if not surplus:
        return passage
    start, stop = (max(len(bos), edge - surplus) for edge in (passage.start, passage.stop))
    return Passage(passage.text[surplus:], start, stop)


def _overlapping(offsets: Sequence[tuple[int, int]], passage: Passage) -> tuple[int, int]:
    """The tokens that hold any character of the response; (T, T) where none does."""
    edges = np.array(offsets).reshape(-1, 2).clip(passage.start, passage.stop)
    held = np.flatnonzero(edges[:, 0] < edges[:, 1])
    return (int(held[0]), int(held[-1]) + 1) if held.size else (len(edges), len(edges))


def _common_prefix(a: TokenIds, b: TokenIds) -> int:
    length = min(len(a), len(b))
    differ = np.flatnonzero(a[:length] != b[:length])
    return int(differ[0]) if differ.size else length
