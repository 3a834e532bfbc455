"""What guards found: as a sentence, as a table, as a file, and in a selection."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from contaminated import BENCHMARK, OTHER, QUESTION, row

import nait_widgets as nait
from nait_widgets.cli import main
from nait_widgets.errors import NaitError, SelectionError
from nait_widgets.guarding import read_report
from nait_widgets.models import CausalLM
from nait_widgets.store import ActivationStore


def test_texts_are_shown_as_one_line(contaminated: ActivationStore) -> None:
    nasty = [{"id": "\x1b[31m", "question": f"{QUESTION}\n\x1b]0;owned\x07\u202e", "answer": "28"}]
    report = nait.contamination(contaminated, {"na\nme": nasty})
    table = str(report)
    assert "verbatim ~ na me" in table
    assert not set("\x1b\x07\u202e") & set(table)
    assert all(len(line) < 400 for line in table.splitlines())


def test_what_both_measures_find_is_shown_once(contaminated: ActivationStore) -> None:
    report = nait.contamination(contaminated, {"quiz": BENCHMARK})
    lines = str(report).splitlines()
    assert [line for line in lines if " ~ " in line] == [
        "verbatim ~ quiz q1: jaccard 1.00, containment 1.00",
        "shouted ~ quiz q1: jaccard 1.00, containment 1.00",
        "inside ~ quiz q1: containment 1.00",
        "leaked ~ quiz q2: containment 1.00",
        "changed ~ quiz q1: containment 0.92, jaccard 0.89",
    ]
    assert report.table(listed=2).splitlines()[-1] == "… and 3 more of quiz"


def test_one_row_is_told_of_in_the_singular(contaminated: ActivationStore, lm: CausalLM, tmp_path: Path) -> None:
    report = nait.contamination(contaminated, {"quiz": [BENCHMARK[1]]})
    assert report.summary == "1 of 67 rows resembles samples: 1 of quiz (1 of its 1 samples)."
    twins = nait.capture(lm, [row(name, QUESTION, OTHER) for name in "ab"], tmp_path / "twins.zarr", template="plain")
    summary = nait.near_duplicates(twins).summary
    assert summary == "1 of 2 rows nearly repeats one of 1 before them, 1 of them word for word."


def test_a_report_itself_is_no_list_of_ids(contaminated: ActivationStore) -> None:
    report = nait.contamination(contaminated, {"quiz": BENCHMARK})
    scores = nait.score(contaminated, "random")
    for given in (report, nait.select(scores, k=3)):
        with pytest.raises(SelectionError, match=r"excluded is <.*>, but must be a list: give its `ids`"):
            nait.select(scores, k=3, excluded=given)  # type: ignore[arg-type]


def test_a_report_goes_into_a_selection_and_its_card(contaminated: ActivationStore, tmp_path: Path) -> None:
    report = nait.contamination(contaminated, {"quiz": BENCHMARK})
    saved = report.save(tmp_path / "report.json")
    assert json.loads(saved.read_text()) == report.as_json()
    assert read_report(saved, contaminated) == (report.ids, report.summary)
    scores = nait.score(contaminated, "random")
    chosen = nait.select(scores, fraction=0.5, excluded=report.ids, note=report.summary)
    assert not set(chosen.ids) & set(report.ids)
    _, recipe, card, *_ = chosen.export(tmp_path / "subset.jsonl")
    assert "| note | 5 of 67 rows resemble samples: 5 of quiz" in card.read_text()
    assert nait.Recipe.load(recipe).repeat().ids == chosen.ids


def test_samples_too_short_to_be_found_are_no_clean_bill(
    contaminated: ActivationStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    short = tmp_path / "short.jsonl"
    short.write_text("\n".join(json.dumps({"question": f"Who is {i}?", "answer": "x"}) for i in range(3)))
    store = str(contaminated.path)
    assert main(["guard", store, str(short)]) == 0
    told = capsys.readouterr()
    assert told.out.startswith("None of 67 rows resembles a sample of short (3 of its 3 samples are too short")
    assert "nait: caution: 3 of 3 samples of short fall short of 8 words" in told.err
    assert main(["guard", store, str(short), "--n", "3"]) == 0
    assert "caution" not in capsys.readouterr().err
    with pytest.raises(NaitError, match="a report is written as JSON"):
        nait.near_duplicates(contaminated).save(tmp_path / "report.csv")
    assert not (tmp_path / "report.csv").exists()


def test_a_report_about_other_data_is_refused(
    contaminated: ActivationStore, pool: ActivationStore, tmp_path: Path
) -> None:
    saved = nait.contamination(contaminated, {"quiz": BENCHMARK}).save(tmp_path / "report.json")
    with pytest.raises(SelectionError, match="is about other data than"):
        read_report(saved, pool)
    with pytest.raises(SelectionError, match="there is no report at"):
        read_report(tmp_path / "none.json", pool)
    for content, message in (
        ("[]", "is not a report of format"),
        ("{", "can't be read"),
        ("[" * 99_999, "can't be read"),
    ):
        saved.write_text(content)
        with pytest.raises(SelectionError, match=message):
            read_report(saved, pool)
    saved.write_text(json.dumps({"format": "nait-guard-1", "ids": "abc", "pool": {}, "summary": ""}))
    with pytest.raises(SelectionError, match="is not a whole report"):
        read_report(saved, pool)


def test_the_command_line(contaminated: ActivationStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    quiz, out, store = tmp_path / "quiz.jsonl", tmp_path / "report.json", str(contaminated.path)
    quiz.write_text("\n".join(map(json.dumps, BENCHMARK)))
    assert main(["guard", store, str(quiz), f"again={quiz}", "-o", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "5 of 67 rows resemble samples: 5 of quiz" in printed
    assert "again" in printed
    assert f"nait select --exclude {out}" in printed
    assert main(["guard", store, "--json", "--compare", "prompt"]) == 0
    within = json.loads(capsys.readouterr().out)
    assert within["kind"] == "near-duplicates"
    assert "shouted" in within["ids"]
    subset = tmp_path / "subset.jsonl"
    select = ["select", store, "--by", "length", "--fraction", "1", "-o", str(subset)]
    assert main([*select, "--exclude", str(out)]) == 0
    ids = [json.loads(line)["id"] for line in subset.read_text().splitlines()]
    assert len(ids) == 67 - 5
    assert not {"verbatim", "leaked"} & set(ids)
    assert "Left out by a guard: 5 of 67 rows" in subset.with_suffix(".card.md").read_text()
    assert main(["select", "--recipe", str(subset.with_suffix(".recipe.json")), "-o", str(tmp_path / "b.jsonl")]) == 0
    assert (tmp_path / "b.jsonl").read_bytes() == subset.read_bytes()
    capsys.readouterr()
    for wrong, message in (
        (["guard", store, str(quiz), str(quiz)], "two files are named 'quiz'"),
        (["guard", store, f"={quiz}"], "lacks a name or a file: say NAME=FILE, or FILE alone"),
        (["guard", store, "quiz="], "'quiz=' lacks a name or a file"),
        (["guard", store, str(quiz), "-o", str(tmp_path / "report.csv")], "so give a name that ends in .json"),
        (["guard", store, str(quiz), "-o", str(tmp_path / "no" / "report.json")], "there is no folder"),
        (["guard", store, "--n", "8"], "--n is about files to compare with"),
        (["guard", store, str(quiz), "--n", "0"], "n is 0, but must be at least 2 words"),
        (["guard", store, "none.jsonl"], "there is no such file"),
        ([*select, "--exclude", str(quiz)], "can't be read as a report"),
    ):
        assert main(wrong) == 2
        assert message in capsys.readouterr().err
