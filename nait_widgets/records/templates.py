"""A conversation as text, with the place of its response."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nait_widgets.records.record import Turn

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

TEMPLATES = ("chat", "alpaca", "plain")
SENTINEL = "\ue000response\ue001"

# Some chat templates write today's date, and a capture must render the same tomorrow. This date is the one that
# Llama 3.1 writes where it is told none.
FIXED_DATE = {"%Y": "2024", "%y": "24", "%m": "07", "%d": "26", "%B": "July", "%b": "Jul", "%A": "Friday", "%a": "Fri"}
FIXED_CLOCK = (
    "{%- macro strftime_now(format) -%}{{ format"
    + "".join(f" | replace({code!r}, {value!r})" for code, value in FIXED_DATE.items())
    + " }}{%- endmacro -%}"
)


class ResponseLostError(ValueError):
    """The response can't be found in what a chat template made of it."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A rendered sample; the response is `text[start:stop]`."""

    text: str
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class NamedTemplate:
    """A layout for models without a chat template: each turn under its heading, a blank line between turns."""

    system: str
    headings: Mapping[str, str]

    def render(self, turns: Sequence[Turn], bos: str, eos: str) -> Passage:
        """Text of a conversation whose last turn is the assistant's."""
        *before, response = turns
        if self.system and not any(turn.role == "system" for turn in before):
            before = [Turn("system", self.system), *before]
        pieces = [self.headings[turn.role] + turn.content for turn in before]
        filled = [piece for piece in pieces if piece]
        head = bos + "\n\n".join([*filled, self.headings["assistant"]])
        return Passage(head + response.content + eos, len(head), len(head) + len(response.content))


NAMED = {
    "alpaca": NamedTemplate(
        "Below is an instruction that describes a task. Write a response that appropriately completes the request.",
        {"system": "", "user": "### Instruction:\n", "assistant": "### Response:\n"},
    ),
    "plain": NamedTemplate("", {"system": "", "user": "", "assistant": ""}),
}


def with_fixed_clock(template: str) -> str:
    """A chat template that writes `FIXED_DATE` wherever it asks for the time."""
    return FIXED_CLOCK + template if "strftime_now" in template else template


def render_chat(tokenizer: PreTrainedTokenizerBase, template: str, turns: Sequence[Turn]) -> Passage:
    """Renders a conversation and finds its response, however the template trims or wraps it.

    The conversation is rendered a second time with a sentinel as the response. What surrounds the sentinel surrounds
    the response too. A template that looks into the response, as those that set off `<think>` blocks do, may write
    something else before it; then the response has to end where the sentinel did, white space aside. A template that
    writes nothing of a response gives an empty span.

    Raises:
        ResponseLostError: The template drops the turn, repeats it or rewrites it.
        jinja2.TemplateError: The template refuses the conversation.
    """
    text = _apply(tokenizer, template, turns)
    response = turns[-1].content
    around = _apply(tokenizer, template, [*turns[:-1], Turn("assistant", SENTINEL)]).split(SENTINEL)
    if len(around) != 2 or not text.endswith(around[1]):
        raise ResponseLostError("it leaves the response out, repeats or rewrites it")
    start, stop = len(around[0]), len(text) - len(around[1])
    if start > stop or not text.startswith(around[0]):
        start, stop = _find_at_end(text[:stop], response)
    if "".join(text[start:stop].split()) not in "".join(response.split()):
        raise ResponseLostError("it leaves the response out or rewrites it")
    return Passage(text, start, stop)


def _apply(tokenizer: PreTrainedTokenizerBase, template: str, turns: Sequence[Turn]) -> str:
    messages = [{"role": turn.role, "content": turn.content} for turn in turns]
    text = tokenizer.apply_chat_template(messages, chat_template=template, tokenize=False)
    assert isinstance(text, str)
    return text


def _find_at_end(text: str, wanted: str) -> tuple[int, int]:
    """The end of `text` that equals `wanted` but for white space.

    Raises:
        ResponseLostError: It ends otherwise.
    """
    inked = [place for place, character in enumerate(text) if not character.isspace()]
    packed = "".join(wanted.split())
    if not "".join(text.split()).endswith(packed):
        raise ResponseLostError("it leaves the response out or rewrites it")
    return inked[-len(packed)], inked[-1] + 1
