from __future__ import annotations

import csv
import gzip
import json
from collections import Counter
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shared import shared

from nait_widgets.errors import NaitError, RecordError
from nait_widgets.records import Record, Records, Turn, read_records

ALPACA: list[dict[str, Any]] = [
    {"instruction": "Add.", "input": "1 + 1", "output": "2", "score": 1.5},
    {"output": "Hello!", "input": "  ", "instruction": "Greet."},
    {"instruction": "Be silent.", "input": "", "output": " \n"},
]


def write_json(path: Path, rows: Any, **options: Any) -> Path:
    path.write_text(json.dumps(rows, ensure_ascii=False, **options), encoding="utf-8")
    return path


def write_lines(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def error_of(source: object, **options: Any) -> str:
    with pytest.raises(RecordError) as caught:
        read_records(source, **options).check()
    message = str(caught.value)
    assert "\n" not in message
    return message


# Formats


def test_alpaca_joins_the_input_and_keeps_the_row(tmp_path: Path) -> None:
    records = read_records(write_json(tmp_path / "a.json", ALPACA, indent=4))
    first, second, third = records
    assert records.format == "alpaca"
    assert records.fields == {"prompt": "instruction", "input": "input", "response": "output"}
    assert first.turns == (Turn("user", "Add.\n\n1 + 1"), Turn("assistant", "2"))
    assert (first.prompt, first.response) == ("Add.\n\n1 + 1", "2")
    assert second.prompt == "Greet."
    assert (first.defect, second.defect, third.defect) == (None, None, "empty")
    assert [record.row for record in records] == [0, 1, 2]
    assert [list(record.original.items()) for record in records] == [list(row.items()) for row in ALPACA]


@pytest.mark.parametrize(
    ("row", "format", "prompt", "response"),
    [
        ({"prompt": "p", "completion": "r"}, "completion", "p", "r"),
        ({"task_id": "T/0", "prompt": "p", "canonical_solution": "r", "test": "t"}, "completion", "p", "r"),
        ({"text": "p", "code": "r", "task_id": 7, "test_list": ["a"]}, "completion", "p", "r"),
        ({"instruction": "p", "response": "r"}, "completion", "p", "r"),
        ({"question": "p", "answer": 3}, "qa", "p", "3"),
        ({"query": "p", "response": "r"}, "qa", "p", "r"),
        ({"instruction": "p", "context": "c", "response": "r", "category": "x"}, "dolly", "p\n\nc", "r"),
        ({"text": "r"}, "text", "", "r"),
        (
            {"conversations": [{"from": "human", "value": "p"}, {"from": "gpt", "value": "r"}]},
            "sharegpt",
            "p",
            "r",
        ),
        ({"messages": [{"role": "user", "content": "p"}, {"role": "assistant", "content": "r"}]}, "messages", "p", "r"),
    ],
)
def test_formats_are_detected(row: dict[str, Any], format: str, prompt: str, response: str) -> None:  # noqa: A002
    records = read_records([row])
    (record,) = records
    assert (records.format, record.prompt, record.response) == (format, prompt, response)
    assert record.original is row


def test_fields_can_be_mapped_and_formats_named() -> None:
    rows = [{"question": "Which?", "choice0": "a", "answer": 0, "body": "b", "key": "k1", "system": "Be brief."}]
    mapped = read_records(rows, fields={"prompt": "body", "response": "choice0", "id": "key"})
    (record,) = mapped
    assert mapped.fields == {"prompt": "body", "response": "choice0", "system": "system", "id": "key"}
    assert (record.id, record.response) == ("k1", "a")
    assert record.prompt == "System: Be brief.\n\nUser: b"
    assert read_records(rows, fields={"text": "body"}).format == "text"
    assert read_records([{"text": "a", "meta": 1}], format="text").format == "text"
    assert "can't be told from the fields 'text', 'meta'" in error_of([{"text": "a", "meta": 1}])


def test_conversations_end_with_the_last_assistant_turn() -> None:
    def turns(*messages: dict[str, Any]) -> Record:
        (record,) = read_records([{"messages": list(messages)}])
        return record

    user, assistant = {"role": "user", "content": "u"}, {"role": "assistant", "content": "a"}
    parts = {"role": "assistant", "content": [{"type": "text", "text": "x"}, {"type": "text", "text": "y"}]}
    assert turns(user, assistant, user, parts, user).response == "xy"
    assert turns(user, assistant, user).prompt == "u"
    assert turns(user, assistant, user, parts).prompt == "User: u\n\nAssistant: a\n\nUser: u"
    assert turns(user).defect == "empty"
    assert turns(user).prompt == "u"
    assert turns().defect == "empty"
    assert turns(user, {"role": "assistant", "content": None}).defect == "empty"
    assert turns({"role": "system", "content": "s"}, user, assistant).turns[0] == Turn("system", "s")


def test_plain_text_has_a_sample_a_line(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xef\xbb\xbfone\r\n\n  two \x0b\x1b[31m\n")
    one, two = read_records(path)
    assert (one.original, one.prompt, one.response) == ({"text": "one"}, "", "one")
    assert two.response == "  two \x0b\x1b[31m"


def test_json_lines_under_a_json_suffix(tmp_path: Path) -> None:
    assert len(read_records(write_lines(tmp_path / "a.json", ALPACA))) == 3
    assert len(read_records(write_json(tmp_path / "b.jsonl", ALPACA))) == 3


def test_gzip(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(write_lines(tmp_path / "a.jsonl", ALPACA).read_bytes()))
    assert [record.original for record in read_records(path)] == ALPACA
    path.write_bytes(path.read_bytes()[:-20])
    assert "can't be read" in error_of(path)


@pytest.mark.parametrize(("suffix", "delimiter"), [(".csv", ","), (".tsv", "\t")])
def test_csv(tmp_path: Path, suffix: str, delimiter: str) -> None:
    path = tmp_path / f"a{suffix}"
    large = "x" * 300_000
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file, delimiter=delimiter).writerows([["question", "answer"], ["a,\t\nb", large], ["c", ""]])
    first, second = read_records(path)
    assert (first.prompt, first.response) == ("a,\t\nb", large)
    assert second.defect == "empty"


def test_parquet_keeps_types_and_order(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    messages = [[{"role": "user", "content": f"u{i}"}, {"role": "assistant", "content": f"a{i}"}] for i in range(3000)]
    pd.DataFrame({"z": range(3000), "messages": messages}).to_parquet(path)
    records = read_records(path)
    assert len(records) == 3000
    assert [record.response for record in records] == [f"a{i}" for i in range(3000)]
    assert list(next(iter(records)).original) == ["z", "messages"]
    assert read_records(pd.read_parquet(path)).check().rows == 3000


def test_frames_have_none_for_missing_values() -> None:
    frame = pd.DataFrame({"question": ["a", None], "answer": ["b", np.nan], "n": [1, 2]}, index=[5, 6])
    first, second = read_records(frame)
    assert first.original_json() == '{"question":"a","answer":"b","n":1}'
    assert second.original == {"question": None, "answer": None, "n": 2}
    assert second.defect == "empty"
    assert "twice" in error_of(pd.DataFrame([["a", "b"]], columns=["answer", "answer"]))


def test_datasets_and_their_folders(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    whole = datasets.Dataset.from_list([{"instruction": f"i{i}", "output": f"o{i}"} for i in range(10)])
    chosen = whole.select([7, 2]).with_format("numpy")
    assert [record.response for record in read_records(chosen)] == ["o7", "o2"]
    chosen.save_to_disk(tmp_path / "one")
    records = read_records(tmp_path / "one")
    assert [record.original for record in records] == [{"instruction": f"i{i}", "output": f"o{i}"} for i in (7, 2)]
    datasets.DatasetDict({"train": whole}).save_to_disk(tmp_path / "split")
    assert str(tmp_path / "split" / "train") in error_of(tmp_path / "split")
    assert "not one saved by datasets" in error_of(tmp_path)
    assert "'train'" in error_of(datasets.DatasetDict({"train": whole}))


# Ids, length, digests


def test_content_ids_do_not_depend_on_the_position() -> None:
    rows = [{"prompt": str(i % 4), "completion": "x"} for i in range(10)]
    ids = [record.id for record in read_records(rows)]
    assert len(set(ids)) == 10
    assert next(record.id for record in read_records(rows[1:])) == ids[1]
    assert ids[4] == f"{ids[0]}-2"
    assert ids[8] == f"{ids[0]}-3"


def test_own_ids() -> None:
    rows = [{"task_id": i, "prompt": "p", "completion": "c"} for i in (3, 5, 3)]
    message = error_of(rows)
    assert "row 3, field 'task_id'" in message
    assert "row 1" in message
    assert [record.id for record in read_records(rows[:2])] == ["3", "5"]
    assert [record.id[-2:] for record in read_records(rows, fields={"id": ""})][1:] == ["-2", "-3"]
    assert "row 2, field 'task_id'" in error_of([rows[0], {"prompt": "p", "completion": "c"}])


def test_a_list_of_records_is_read_as_its_rows() -> None:
    records = list(read_records(ALPACA))
    assert [(r.id, r.turns) for r in read_records(records[1:])] == [(r.id, r.turns) for r in records[1:]]
    renamed = list(read_records(ALPACA, fields={"prompt": "output", "response": "instruction"}))
    assert "row 1: the record was read in another way: give the `format` and `fields`" in error_of(renamed)


def test_limits_and_digests(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "a.jsonl", ALPACA)
    records = read_records(path)
    assert (len(records), len(records.head(2)), len(read_records(path, limit=9))) == (3, 2, 3)
    assert (len(read_records(ALPACA).head(2)), len(read_records(records, limit=1))) == (2, 1)
    inspection = records.check()
    assert (inspection.rows, inspection.defects) == (3, {"empty": 1})
    sources: list[Records] = [
        records,
        records.head(2),
        read_records(path, fields={"response": "input"}),
        read_records(ALPACA),
        read_records([*ALPACA[:2], ALPACA[0]]),
    ]
    assert len({source.check().digest for source in sources}) == len(sources)
    assert read_records(path).check() == inspection


# Bad input


@pytest.mark.parametrize("compact", [True, False])
def test_malformed_json_names_its_row(tmp_path: Path, compact: bool) -> None:
    rows = [{"instruction": f"Say {i}.", "input": "", "output": "x" * (i % 90)} for i in range(40_000)]
    text = json.dumps(rows, indent=None if compact else 1).replace('"Say 31414."', '"Say 31414.')
    (tmp_path / "a.json").write_text(text)
    assert "a.json, row 31,415: malformed JSON" in error_of(tmp_path / "a.json")
    lines = "\n".join(json.dumps(row) for row in rows).replace('"Say 31414."', '"Say 31414.')
    (tmp_path / "a.jsonl").write_text(lines)
    message = error_of(tmp_path / "a.jsonl")
    assert "a.jsonl, row 31,415: malformed JSON" in message
    assert "line 31,415" in message


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('[{"prompt": "a", "completion": "b"}', "row 2: malformed JSON"),
        ('[{"prompt": "a", "completion": "b"} {"prompt": "c"}]', "row 2: malformed JSON"),
        ('[{"prompt": "a", "completion": "b"}] x', "Extra text after the list"),
        ('[{"prompt": "a", "completion": "b"}, 5]', "row 2: the row is of type int"),
        ('[{"prompt": "a", "completion": ' + "[" * 100_000, "row 1: malformed JSON"),
        ('[{"prompt": "a", "completion": ' + "9" * 5_000 + "}]", "row 1: malformed JSON"),
        ("[", "row 1: malformed JSON"),
        ('{"version": 1, "data": [{"paragraphs": []}]}', "one JSON object with the keys 'version', 'data'"),
        ("", "no rows"),
        (" \n", "no rows"),
        ("[]", "no rows"),
        ("[{}, {}]", "rows without fields"),
    ],
)
def test_bad_json(tmp_path: Path, content: str, expected: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(content)
    assert expected in error_of(path)


def test_a_missing_field_is_an_error_and_an_empty_one_a_defect(tmp_path: Path) -> None:
    rows = [*ALPACA, {"instruction": "x", "input": ""}]
    assert "a.jsonl, row 4, field 'output': the row has no such field" in error_of(
        write_lines(tmp_path / "a.jsonl", rows)
    )
    assert read_records([{**ALPACA[0], "output": None}, ALPACA[0]]).check().defects == {"empty": 1}
    assert "no row has a response" in error_of([{"prompt": "a", "completion": ""}])
    assert "row 1, field 'output': the value is of type list" in error_of([{"instruction": "x", "output": [1]}])
    assert "field 'messages[0]': the role 'tool'" in error_of([{"messages": [{"role": "tool", "content": "x"}]}])


def test_bad_sources(tmp_path: Path) -> None:
    assert error_of(tmp_path / "none.json") == f"{tmp_path / 'none.json'}: there is no such file; check the path"
    (tmp_path / "a.xlsx").write_text("x")
    assert "'.xlsx' is not one of .json, .jsonl" in error_of(tmp_path / "a.xlsx")
    (tmp_path / "a.parquet").write_text("x")
    assert "can't be read" in error_of(tmp_path / "a.parquet")
    (tmp_path / "a.csv").write_text('question,answer\na,b\n"c\nd",e,f\n')
    assert "a.csv, row 2: the row that ends on line 4 has 3 values" in error_of(tmp_path / "a.csv")
    (tmp_path / "a.csv").write_text('question,answer\na,b\n"c,d\n')
    assert "a.csv, row 2: malformed CSV" in error_of(tmp_path / "a.csv")
    assert "can't be read again" in error_of(iter(ALPACA))
    assert "can't be read again" in error_of(7)
    assert "row 1: the row is of type int" in error_of([1])
    assert "the format 'alpacca' is not one of" in error_of(ALPACA, format="alpacca")
    assert "unknown role 'answer'" in error_of(ALPACA, fields={"answer": "output"})
    assert "field 'out': fields maps 'response'" in error_of(ALPACA, fields={"response": "out"})
    assert "of the format 'qa' can't be told" in error_of(ALPACA, format="qa")
    assert issubclass(RecordError, NaitError)


def test_undecodable_bytes_are_a_defect_of_their_row(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    good = b'{"prompt": "p", "completion": "c"}\n'
    path.write_bytes(good + b'{"prompt": "p", "completion": "\xff"}\n' + b'{"prompt": "\\ud800", "completion": "c"}\n')
    records = list(read_records(path))
    assert [record.defect for record in records] == [None, "undecodable", "undecodable"]
    assert json.loads(records[1].original_json()) == records[1].original
    records[1].original_json().encode()


def test_hostile_text_is_only_text(tmp_path: Path) -> None:
    texts = ["\x00", "\x1b[2J\u202e", "<script>", "x" * 2_000_000, "\u2028\x85", "{" * 10_000]
    rows = [{"prompt": text, "completion": text} for text in texts]
    for path in (write_json(tmp_path / "a.json", rows), write_lines(tmp_path / "a.jsonl", rows)):
        assert [record.response for record in read_records(path)] == texts


# Originals


def test_original_json_converts_what_json_lacks() -> None:
    row = {"prompt": "p", "completion": "é", "t": datetime(2024, 1, 2), "d": Decimal("1.10"), "b": b"\x00"}  # noqa: DTZ001
    (record,) = read_records([{**row, "n": np.float32(0.5), "a": np.arange(2)}])
    assert record.original_json() == (
        '{"prompt":"p","completion":"é","t":"2024-01-02T00:00:00","d":"1.10","b":"AA==","n":0.5,"a":[0,1]}'
    )
    assert "row 1, field 'bad'" in error_of([{**row, "bad": object()}])


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=3)
    ),
    max_leaves=6,
)
TEXT = st.text(st.characters(codec="utf-8"))
ROWS = st.lists(
    st.fixed_dictionaries({"prompt": TEXT, "completion": TEXT, "extra": VALUES}).flatmap(
        lambda row: st.permutations(list(row.items())).map(dict)
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS, lines=st.booleans(), indent=st.sampled_from([None, 2]), ascii_only=st.booleans())
def test_rows_come_back_unchanged(
    tmp_path: Path, rows: list[dict[str, Any]], lines: bool, indent: int | None, ascii_only: bool
) -> None:
    path = tmp_path / ("a.jsonl" if lines else "a.json")
    if lines:
        text = "\n".join(json.dumps(row, ensure_ascii=ascii_only) for row in rows)
    else:
        text = json.dumps(rows, indent=indent, ensure_ascii=ascii_only)
    path.write_bytes(text.encode())
    back = [record.original_json() for record in read_records(path)]
    assert back == [json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows]


@settings(max_examples=40, deadline=None)
@given(rows=ROWS, chunk=st.integers(1, 60))
def test_a_json_list_may_be_read_in_pieces_of_any_size(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]], chunk: int
) -> None:
    path = tmp_path_factory.mktemp("pieces") / "a.json"
    path.write_bytes(json.dumps(rows).encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nait_widgets.records.json_files.CHUNK", chunk)
        assert [record.original for record in read_records(path)] == rows


# Real files


@pytest.mark.parametrize(
    ("file", "format", "rows", "defects"),
    [
        (("alpaca52k", "alpaca_data.json"), "alpaca", 52_002, {"empty": 28}),
        (("dolly15k", "dolly.jsonl"), "dolly", 15_011, {}),
        (("gsm8k", "train.jsonl"), "qa", 7_473, {}),
        (("mbpp", "mbpp.jsonl"), "completion", 974, {}),
        (("humaneval", "HumanEval.jsonl"), "completion", 164, {}),
    ],
)
def test_real_files(file: tuple[str, ...], format: str, rows: int, defects: dict[str, int]) -> None:  # noqa: A002
    records = read_records(shared("data", *file))
    inspection = records.check()
    assert (records.format, inspection.rows, inspection.defects) == (format, rows, defects)
    assert Counter(record.turns[-1].role for record in records) == {"assistant": rows}


def test_real_csv_and_nested_json() -> None:
    path = sorted(shared("data", "mmlu", "test").glob("*.csv"))[0]
    records = read_records(path, fields={"prompt": "question", "response": "answer"})
    assert {record.response for record in records} == {"0", "1", "2", "3"}
    assert "one JSON object" in error_of(shared("data", "tydiqa", "korean_tydiqa_dev.json"))
