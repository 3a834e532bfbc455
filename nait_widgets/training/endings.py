"""Where a generated answer ends."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from nait_widgets.errors import RecordError
from nait_widgets.records import Record, Renderer, Turn

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nait_widgets.models import CausalLM

_QUESTION, _ANSWER = "thequestionasked", "theanswergiven"  # text that no template writes of its own
_ANY_LENGTH = 1_000_000


@dataclass(frozen=True, slots=True)
class Ending:
    """What ends an answer, besides its longest length.

    Attributes:
        tokens: Ids of the tokens that do.
        marks: Regular expressions of the text that does.
    """

    tokens: tuple[int, ...]
    marks: tuple[str, ...]

    def cut(self, answer: str) -> str:
        """An answer up to the first mark."""
        found = [match.start() for mark in self.marks if (match := re.search(mark, answer, re.MULTILINE))]
        return answer[: min(found, default=None)]

    def facts(self) -> dict[str, Any]:
        """As JSON."""
        return {name: list(values) for name, values in asdict(self).items()}


def ending(lm: CausalLM, template: str) -> Ending:
    """What ends an answer to a prompt that is rendered through a template.

    Training leaves out the token that ends a turn, so a base that never learnt it goes on into the next turn. So
    besides the model's and the tokenizer's own end tokens, an answer ends at what the template writes between a
    response and the next user turn: at each special token of it, at the text that ends a turn, and at the heading of
    the next. `plain` writes nothing there: only end tokens and the longest length end its answers.

    Args:
        lm: The model.
        template: The name of a `Renderer`'s template.
    """
    tokenizer, model = lm.tokenizer, lm.model
    own: Any = model.generation_config.eos_token_id if model.generation_config is not None else None
    special = dict(zip(tokenizer.all_special_ids, tokenizer.all_special_tokens, strict=True))
    special |= {i: token.content for i, token in tokenizer.added_tokens_decoder.items() if token.special}

    end = _after_answer(lm, template, [])
    between = _after_answer(lm, template, [Turn("user", _QUESTION), Turn("assistant", _ANSWER)])
    between = between.partition(_QUESTION)[0]
    tokens = {i for i, text in special.items() if text in end + between}
    tokens |= {tokenizer.eos_token_id, *(own if isinstance(own, list) else [own])} - {None}
    texts = ((end, end), (between.removeprefix(end), between))
    marks = (_mark(*text, tokenizer.bos_token, special.values()) for text in texts)
    return Ending(tuple(sorted(tokens)), tuple(mark for mark in marks if mark))


def _after_answer(lm: CausalLM, template: str, further: list[Turn]) -> str:
    """What follows the first answer of a conversation, as the tokenizer decodes it."""
    turns = (Turn("user", _QUESTION), Turn("assistant", _ANSWER), *further)
    renderer = Renderer(lm.tokenizer, template=template, max_length=_ANY_LENGTH)
    try:
        rendered = renderer.render([Record("conversation", 0, turns, {})])[0]
    except RecordError:  # a template for a single turn, which has no next one
        return ""
    text = lm.tokenizer.decode(rendered.input_ids, skip_special_tokens=False)
    assert isinstance(text, str)
    return text.partition(_ANSWER)[2]


def _mark(text: str, written: str, bos: str | None, special: Iterable[str]) -> str:
    """The expression that finds a text in an answer; empty where there is nothing to find, or a token ends it first.

    Args:
        text: What the template writes, with white space around it.
        written: That, and what is before it: a text on a line of its own is found only there.
        bos: A token that a turn may begin with, and that an answer without an end wouldn't hold.
        special: What isn't in the text of an answer.
    """
    words = text.strip().removeprefix(bos or "").strip()
    if not words or any(token in words for token in special):
        return ""
    on_new_line = written[: written.rindex(words)].rstrip(" \t").endswith("\n")
    return ("^[ \t]*" if on_new_line else "") + re.escape(words)
