"""The embedded demo's data and model: as the generator makes them, labelled truly, and small enough to ship."""

from __future__ import annotations

import json
from collections import Counter
from itertools import islice
from pathlib import Path
from random import Random

import pytest
from demo_corpus import GENERATORS, POOL_SHARES, QUALITIES, in_domain, pool, training

from nait_widgets import demo
from nait_widgets.errors import RecordError

Row = dict[str, str]


def read(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def asked(row: Row) -> tuple[str, str]:
    return row["instruction"], row["input"]


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return read(demo.POOL)


def test_shipped_data_are_what_the_generator_makes(rows: list[Row]) -> None:
    assert rows == pool()
    made = in_domain()
    assert tuple(made) == demo.CAPABILITIES == tuple(GENERATORS)
    for capability in demo.CAPABILITIES:
        assert read(demo.in_domain(capability)) == made[capability]


def test_shipped_bytes_are_what_the_generator_writes() -> None:
    assert demo.POOL.read_bytes() == "".join(json.dumps(row) + "\n" for row in pool()).encode()


def test_pool_shares(rows: list[Row]) -> None:
    assert len(rows) == 5_000
    counts = Counter(row["capability"] for row in rows)
    assert {name: count / len(rows) for name, count in counts.items()} == pytest.approx(POOL_SHARES)
    qualities = Counter(row["quality"] for row in rows)
    assert set(qualities) == set(QUALITIES)
    assert 0.12 <= 1 - qualities["clean"] / len(rows) <= 0.20


def test_ids_are_unique_and_pool_and_in_domain_share_no_question(rows: list[Row]) -> None:
    samples = [row for capability in demo.CAPABILITIES for row in read(demo.in_domain(capability))]
    assert len(samples) == 256 * len(demo.CAPABILITIES)
    assert len({row["id"] for row in [*rows, *samples]}) == len(rows) + len(samples)
    assert not {asked(row) for row in rows} & {asked(row) for row in samples}
    assert len({asked(row) for row in samples}) == len(samples)


def test_defects_are_what_their_labels_say(rows: list[Row]) -> None:
    clean = {(row["output"], row["input"], row["capability"]) for row in rows if row["quality"] == "clean"}
    for row in rows:
        if row["quality"] == "empty":
            assert row["output"] == ""
        else:
            assert row["output"]
        if row["quality"] == "duplicate":
            assert (row["output"], row["input"], row["capability"]) in clean
    originals = [row for row in rows if row["quality"] not in ("duplicate",)]
    assert len({asked(row) for row in originals}) == len(originals)


@pytest.mark.parametrize("capability", GENERATORS)
def test_every_wrong_answer_differs_from_the_right_one(capability: str) -> None:
    rng = Random(11)
    drafts = [GENERATORS[capability](rng) for _ in range(500)]
    same = [draft for draft in drafts if draft.output == draft.wrong]
    assert len(same) < 5  # such drafts are drawn again when rows are made
    assert len({(draft.instruction, draft.input) for draft in drafts}) > 300


def test_length_does_not_tell_the_capability(rows: list[Row]) -> None:
    median = sorted(len(row["output"]) for row in rows)[len(rows) // 2]
    for capability in demo.CAPABILITIES:
        long = [len(row["output"]) > median for row in rows if row["capability"] == capability]
        assert 0.2 < sum(long) / len(long) < 0.8, capability


def test_training_text_holds_no_shipped_question(rows: list[Row]) -> None:
    shipped = {asked(row) for row in rows}
    shipped |= {asked(row) for capability in demo.CAPABILITIES for row in read(demo.in_domain(capability))}
    drafts = list(islice(training(), 4_000))
    assert not {(draft.instruction, draft.input) for draft in drafts} & shipped
    assert all(draft.output for draft in drafts)


def test_unknown_capability_is_named() -> None:
    with pytest.raises(RecordError, match="no capability 'cooking'; take one of arithmetic, "):
        demo.in_domain("cooking")


def test_sizes() -> None:
    data = sum(path.stat().st_size for path in demo.POOL.parent.rglob("*.jsonl"))
    model = sum(path.stat().st_size for path in demo.MODEL.iterdir())
    assert data < 3e6
    assert model < 6e6


def test_chat_template_renders_each_turn_once() -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(demo.MODEL)
    turns = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "2 + 2?"},
        {"role": "assistant", "content": "4"},
    ]
    text = str(tokenizer.apply_chat_template(turns, tokenize=False))
    assert text == "<|bos|><|system|>Be brief.<|user|>2 + 2?<|assistant|>4<|eos|>"
    asked_only = tokenizer.apply_chat_template(turns[:2], tokenize=False, add_generation_prompt=True)
    assert text == f"{asked_only}4<|eos|>"
    ids = tokenizer.encode(text)
    assert ids.count(tokenizer.bos_token_id) == 1
    assert ids[-1] == tokenizer.eos_token_id
    assert tokenizer.decode(ids) == text


def test_model_has_learnt_its_corpus() -> None:
    from demo_corpus import Draft
    from demo_model import encode, load, response_loss
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(demo.MODEL)
    model = load(demo.MODEL)
    assert 1e6 < sum(weight.numel() for weight in model.parameters()) < 3e6

    for capability in demo.CAPABILITIES:
        samples = read(demo.in_domain(capability))[:32]
        right = [Draft(row["instruction"], row["input"], row["output"], "") for row in samples]
        shuffled = [draft._replace(output=right[i - 1].output) for i, draft in enumerate(right)]
        encoded = [[encode(tokenizer, draft) for draft in drafts] for drafts in (right, shuffled)]
        own, foreign = (response_loss(model, rows) for rows in encoded)
        assert own < 1.5, capability  # nats a token; 7.6 would be a blind guess
        assert own < 0.9 * foreign, capability
