from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shared import shared

from nait_widgets.errors import ModelError, RecordError
from nait_widgets.records import TEMPLATES, Record, Rendered, Renderer, Turn, read_records

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

    from nait_widgets.records.rendering import TokenIds

CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>' + '\n' }}{% endfor %}"
)
# Trims, writes its own BOS, has no system role and insists on alternation.
LLAMA2 = (
    "{{ bos_token }}{% for m in messages %}"
    "{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Roles must alternate!') }}{% endif %}"
    "{% if m['role'] == 'user' %}{{ '[INST] ' + m['content'].strip() + ' [/INST]' }}"
    "{% else %}{{ ' ' + m['content'].strip() + ' ' + eos_token }}{% endif %}{% endfor %}"
)
ALPACA_LIKE = (
    "{{ bos_token }}{{ bos_token }}{% for m in messages %}"
    "{% if m['role'] == 'assistant' %}{{ '### Response:\n' + (m['content'] | trim) + eos_token }}"
    "{% else %}{{ '### Instruction:\n' + (m['content'] | trim) + '\n\n' }}{% endif %}{% endfor %}"
)
# Sets off what an assistant thinks, with white space of its own.
THINKING = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' }}"
    "{% if m['role'] == 'assistant' %}"
    "{% set thought = m['content'].split('</think>')[0].split('<think>')[-1] if '</think>' in m['content'] else '' %}"
    "{{ '<think>\n' + thought.strip() + '\n</think>\n\n' + m['content'].split('</think>')[-1].strip() }}"
    "{% else %}{{ m['content'] }}{% endif %}{{ '<|im_end|>\n' }}{% endfor %}"
)
FORGETFUL = "{% for m in messages %}{{ m['content'].split('</think>')[-1] | trim }}{{ eos_token }}{% endfor %}"
DROPS_RESPONSE = "{% for m in messages %}{% if m['role'] == 'user' %}{{ m['content'] }}{% endif %}{% endfor %}"
SHOUTS = "{% for m in messages %}{{ m['content'] | upper }}{{ eos_token }}{% endfor %}"
DATED = "{{ strftime_now('%d %b %Y') }}{% for m in messages %}{{ m['content'] }}{% endfor %}"


def tokenizer_with(chat_template: str | None, **options: Any) -> PreTrainedTokenizerFast:
    """A byte-level BPE with a BOS and an EOS."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    special = ["<s>", "</s>", "<|im_start|>", "<|im_end|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    bpe.train_from_iterator(
        ["### Instruction: the user asks, the assistant answers. ### Response: the end"] * 3, trainer
    )
    tokenizer: PreTrainedTokenizerFast = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=bpe, bos_token="<s>", eos_token="</s>", **options
    )
    tokenizer.chat_template = chat_template
    return tokenizer


def record(prompt: str, response: str, row: int = 0) -> Record:
    (made,) = read_records([{"prompt": prompt, "completion": response}])
    return Record(made.id, row, made.turns, made.original, made.defect)


def decoded(tokenizer: PreTrainedTokenizerBase, ids: TokenIds) -> str:
    text = tokenizer.decode(ids)
    assert isinstance(text, str)
    return text


def response_of(tokenizer: PreTrainedTokenizerBase, rendered: Rendered) -> str:
    start, stop = rendered.response
    return decoded(tokenizer, rendered.input_ids[start:stop])


@pytest.mark.parametrize("template", [CHATML, LLAMA2, ALPACA_LIKE, None])
def test_the_span_is_the_response(template: str | None) -> None:
    tokenizer = tokenizer_with(template)
    renderer = Renderer(tokenizer)
    assert renderer.name == ("chat" if template else "alpaca")
    (rendered,) = renderer.render([record("What is the answer?", "  The answer: é 🙂.\n")])
    assert rendered.defect is None
    assert response_of(tokenizer, rendered).strip() == "The answer: é 🙂."
    assert rendered.input_ids.dtype == np.int32
    whole = decoded(tokenizer, rendered.input_ids)
    assert whole.count("<s>") == (0 if template == CHATML else 1)
    assert not whole.startswith("<s><s>")
    after = decoded(tokenizer, rendered.input_ids[rendered.response[1] :])
    assert after.strip() == ("<|im_end|>" if template == CHATML else "</s>")


CHATS = {template: tokenizer_with(template) for template in (CHATML, LLAMA2, ALPACA_LIKE, None)}
TEXTS = st.text(st.characters(codec="utf-8") | st.sampled_from("ae <|s>/\n\ue000\ue001"), max_size=40)


@settings(max_examples=150, deadline=None)
@given(prompt=TEXTS, response=TEXTS.filter(str.strip), template=st.sampled_from(list(CHATS)))
def test_the_span_decodes_to_the_response(prompt: str, response: str, template: str | None) -> None:
    tokenizer = CHATS[template]
    (rendered,) = Renderer(tokenizer, max_length=4096).render([record(prompt, response)])
    assert response_of(tokenizer, rendered).strip() == response.strip()


def test_the_response_is_found_where_the_prompt_repeats_it() -> None:
    tokenizer = tokenizer_with(CHATML)
    (rendered,) = Renderer(tokenizer).render([record("user im_end i", "i")])
    assert response_of(tokenizer, rendered) == "i"
    assert decoded(tokenizer, rendered.input_ids[: rendered.response[0]]).endswith("assistant\n")


@pytest.mark.parametrize(
    ("template", "expected"),
    [(THINKING, "<think>\nso\n</think>\n\nThe answer."), (FORGETFUL, "The answer."), (CHATML, None)],
)
def test_templates_that_look_into_the_response(template: str, expected: str | None) -> None:
    tokenizer = tokenizer_with(template)
    response = "<think>so</think>The answer."
    thinking, plain = Renderer(tokenizer).render([record("Ask.", response), record("Ask.", "The answer.")])
    assert response_of(tokenizer, thinking) == (expected or response)
    assert response_of(tokenizer, plain) == "The answer."


def test_a_response_of_which_the_template_leaves_nothing_is_empty() -> None:
    only_thought = record("Ask.", "<think>so</think>")
    (rendered,) = Renderer(tokenizer_with(FORGETFUL)).render([only_thought])
    assert (rendered.defect, rendered.truncated) == ("empty", False)


@pytest.mark.parametrize("template", [DROPS_RESPONSE, SHOUTS])
def test_templates_that_lose_the_response_are_refused(template: str) -> None:
    with pytest.raises(
        RecordError, match=r"row 8: the chat template can't render the row \(it leaves the response out"
    ):
        Renderer(tokenizer_with(template)).render([record("say hello", "hello", row=7)])


def test_the_templates_own_refusal_is_told() -> None:
    turns = (Turn("system", "s"), Turn("user", "u"), Turn("assistant", "a"))
    with pytest.raises(RecordError, match=r"row 3: .*Roles must alternate!"):
        Renderer(tokenizer_with(LLAMA2)).render([Record("x", 2, turns, {})])


def test_named_templates() -> None:
    tokenizer = tokenizer_with(CHATML)
    turns = (Turn("user", "u"), Turn("assistant", "a"), Turn("user", "v"), Turn("assistant", "b"))

    def text(template: str, *said: Turn) -> str:
        (rendered,) = Renderer(tokenizer, template=template).render([Record("x", 0, said, {})])
        return decoded(tokenizer, rendered.input_ids)

    assert text("plain", *turns) == "<s>u\n\na\n\nv\n\nb</s>"
    assert text("alpaca", Turn("system", "S"), *turns) == (
        "<s>S\n\n### Instruction:\nu\n\n### Response:\na\n\n### Instruction:\nv\n\n### Response:\nb</s>"
    )
    assert text("alpaca", *turns).startswith("<s>Below is an instruction")
    assert text("chat", Turn("assistant", "only text")) == "<s>only text</s>"
    assert set(TEMPLATES) == {"chat", "alpaca", "plain"}


def test_a_bos_in_the_data_is_not_a_second_bos() -> None:
    tokenizer = tokenizer_with(None)
    prompted, bare, nothing = Renderer(tokenizer, template="plain").render(
        [record("<s>p", "r"), record("", "<s>r"), record("", "<s>")]
    )
    for rendered in (prompted, bare):
        assert rendered.input_ids.tolist().count(tokenizer.bos_token_id) == 1
        assert response_of(tokenizer, rendered) == "r"
    assert nothing.defect == "empty"


def test_truncation() -> None:
    tokenizer = tokenizer_with(CHATML)
    sample = record("Ask.", "one two three four")
    (whole,) = Renderer(tokenizer).render([sample])
    start, stop = whole.response
    for length in range(1, len(whole.input_ids) + 2):
        (cut,) = Renderer(tokenizer, max_length=length).render([sample])
        assert cut.input_ids.tolist() == whole.input_ids[:length].tolist()
        assert cut.response == (min(start, length), min(stop, length))
        assert cut.truncated == (length < len(whole.input_ids))
        assert cut.defect == ("too_long" if length <= start else None)


def test_max_length_comes_from_the_tokenizer_where_it_has_one() -> None:
    assert Renderer(tokenizer_with(CHATML)).max_length == 2048
    assert Renderer(tokenizer_with(CHATML, model_max_length=77)).max_length == 77
    assert Renderer(tokenizer_with(CHATML), max_length=5).max_length == 5


def test_defects_keep_their_place() -> None:
    tokenizer = tokenizer_with(CHATML)
    records = [
        record("p", ""),
        record("p", "r"),
        record("\ud800", "r"),
        Record("x", 3, (Turn("assistant", "\udcff"),), {}),
    ]
    rendered = Renderer(tokenizer).render(records)
    assert [one.defect for one in rendered] == ["empty", None, "undecodable", "undecodable"]
    assert [len(one.input_ids) > 0 for one in rendered] == [False, True, False, False]
    assert Renderer(tokenizer).render([]) == []


def test_hostile_text() -> None:
    tokenizer = tokenizer_with(LLAMA2)
    for text in ("\x00", "\x1b[2J", "\u202eabc", "{{ 7 * 7 }}", "{% raw %}", "xy " * 300_000 + "x" * 100_000, "\u200b"):
        (rendered,) = Renderer(tokenizer, max_length=2_000_000).render([record("p", text)])
        assert rendered.defect is None
        assert response_of(tokenizer, rendered).strip() == text


def test_the_digest_tells_templates_apart_and_not_lengths() -> None:
    digests = {
        Renderer(tokenizer_with(CHATML)).digest,
        Renderer(tokenizer_with(LLAMA2)).digest,
        Renderer(tokenizer_with(CHATML), template="plain").digest,
        Renderer(tokenizer_with(CHATML), template="alpaca").digest,
        Renderer(tokenizer_with(CHATML, pad_token="<|im_end|>"), template="plain").digest,
    }
    assert len(digests) == 5
    assert Renderer(tokenizer_with(CHATML), max_length=9).digest in digests


def test_dates_in_templates_are_fixed() -> None:
    tokenizer = tokenizer_with(DATED)
    (rendered,) = Renderer(tokenizer).render([record("p", "r")])
    assert decoded(tokenizer, rendered.input_ids) == "26 Jul 2024pr"


def test_a_tokenizer_without_offsets() -> None:
    from transformers import ByT5Tokenizer

    tokenizer = ByT5Tokenizer()
    tokenizer.chat_template = CHATML
    assert not tokenizer.is_fast
    for template in TEMPLATES:
        (rendered,) = Renderer(tokenizer, template=template).render([record("Ask.", "Ünswer")])
        assert response_of(tokenizer, rendered) == "Ünswer"


def test_bad_arguments() -> None:
    with pytest.raises(ModelError, match="'chatml' is not one of chat, alpaca, plain"):
        Renderer(tokenizer_with(CHATML), template="chatml")
    with pytest.raises(ModelError, match="has no chat template"):
        Renderer(tokenizer_with(None), template="chat")
    with pytest.raises(ModelError, match="max_length is 0"):
        Renderer(tokenizer_with(CHATML), max_length=0)


@pytest.mark.parametrize(
    "file",
    [("alpaca52k", "alpaca_data.json"), ("mbpp", "mbpp.jsonl"), ("gsm8k", "train.jsonl"), ("dolly15k", "dolly.jsonl")],
)
def test_real_rows_through_a_real_tokenizer(file: tuple[str, str]) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(shared("model"))
    records = list(islice(read_records(shared("data", *file)), 500))
    renderer = Renderer(tokenizer)
    assert (renderer.name, renderer.max_length) == ("chat", 512)
    for one, rendered in zip(records, Renderer(tokenizer, max_length=100_000).render(records), strict=True):
        assert rendered.defect == one.defect
        if not one.defect:
            assert response_of(tokenizer, rendered).strip() == one.response.strip()
            assert rendered.input_ids[rendered.response[1] :].tolist() == [tokenizer.eos_token_id]
