"""What is asked of a comparison before any work is done, and what its figures warn of."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from conftest import Row, make_rows

from nait_widgets import ActivationStore, Direction, NaitError, compare_subsets, score, select
from nait_widgets.errors import RecordError
from nait_widgets.models import CausalLM
from nait_widgets.training import Caution

SUMS = "two three five sum add number"
OPTIONS: dict[str, Any] = {"template": "plain", "steps": 1, "response_tokens": 40, "seeds": 1}


@pytest.fixture(scope="module")
def subsets() -> dict[str, list[Row]]:
    return {name: make_rows(40, seed) for seed, name in enumerate(("top", "random", "bottom"))}


@pytest.fixture(scope="module")
def eval_sets() -> dict[str, list[Row]]:
    return {"sums": make_rows(10, seed=9, vocabulary=SUMS)}


def test_what_should_be_known_is_told_before_the_work(
    lm: CausalLM, subsets: dict[str, list[Row]], eval_sets: dict[str, list[Row]], tmp_path: Path
) -> None:
    shouted = {**eval_sets["sums"][0], "output": eval_sets["sums"][0]["output"].upper(), "id": "again"}
    overlapping = {"few": [shouted, subsets["top"][0]]}
    with pytest.warns(Caution) as told:
        result = compare_subsets(lm, overlapping, eval_sets, out=tmp_path, **OPTIONS)
    few, shared = [str(warning.message) for warning in told]
    assert result.cautions[:2] == (few, shared)
    assert "fewer than the 40 of one step" in few
    assert "eval set 'sums' holds 1 of the samples of subset 'few'" in shared
    assert f"Caution: {shared}." in str(result)


def test_rows_without_a_response_are_told(
    lm: CausalLM, subsets: dict[str, list[Row]], eval_sets: dict[str, list[Row]], tmp_path: Path
) -> None:
    silent = {"instruction": "say", "output": "", "id": "silent"}
    cut = {"instruction": "say " * 300, "output": "it", "id": "cut"}
    with pytest.warns(Caution) as told:
        result = compare_subsets(
            lm,
            {"top": [*subsets["top"], silent]},
            {"sums": [*eval_sets["sums"], silent, cut]},
            out=tmp_path,
            **OPTIONS,
        )
    assert (
        [str(warning.message) for warning in told]
        == list(result.cautions[:2])
        == [
            "1 of 41 rows of subset 'top' has no response within the first 256 tokens and was left out",
            "2 of 12 rows of eval set 'sums' have no response within the first 256 tokens and were left out",
        ]
    )
    assert "mean ± standard deviation over 1 seed\n" in str(result)


def test_wrong_calls_are_refused_before_the_work(
    lm: CausalLM, subsets: dict[str, list[Row]], eval_sets: dict[str, list[Row]], tmp_path: Path
) -> None:
    def compare(subsets: Any = subsets, eval_sets: Any = eval_sets, **options: Any) -> None:
        compare_subsets(lm, subsets, eval_sets, out=tmp_path / "never", **OPTIONS | options)

    empty = [{"instruction": "say", "output": " "}]
    calls: dict[str, dict[str, Any]] = {
        "no subset to compare": {"subsets": {}},
        "subsets is of type list, but must be a dict with a name for each": {"subsets": subsets["top"]},
        "eval_sets is of type list, but must be a dict": {"eval_sets": eval_sets["sums"]},
        "answers is of type str, but must be a dict": {"answers": "final-number"},
        "no eval set to compare": {"eval_sets": {}},
        "'base', as the untouched model is": {"subsets": {"base": subsets["top"]}},
        "no subset 'best' among top, random, bottom": {"reference": "best"},
        "no subset 'worst'": {"order": ["top", "worst"]},
        "two different subsets": {"order": ["top"]},
        "seeds is 0": {"seeds": 0},
        "seeds is \\[1, 1\\]": {"seeds": [1, 1]},
        "seeds is '5'; give how many, 1 or more, or different whole": {"seeds": "5"},
        "seeds is 2.5": {"seeds": 2.5},
        "answer_tokens is 0": {"answer_tokens": 0},
        "batch_tokens is -1": {"batch_tokens": -1},
        "lora is 0; give a whole number from 1 on, the rank of adapters, or none": {"lora": 0},
        "lora is True": {"lora": True},
        "steps is 0": {"steps": 0},
        "workers is 0": {"workers": 0},
        "a loaded model can't be given to several": {"workers": 2},
        "subset 'x': none of its 1 rows": {"subsets": {"x": empty}},
        "eval set 'y': none of its 1 rows": {"eval_sets": {"y": empty}},
    }
    for words, call in calls.items():
        with pytest.raises(NaitError, match=words):
            compare(**call)
    with pytest.raises(RecordError, match=r"^subset 'x': list: there are no rows"):
        compare(subsets={"x": []})
    with pytest.raises(RecordError, match=r"^eval set 'y': list, row 11, field 'id': the row has no id"):
        compare(eval_sets={"y": [*eval_sets["sums"], *empty]})
    assert not (tmp_path / "never").exists()


def test_a_part_of_a_selection_is_not_taken_for_it(
    lm: CausalLM, pool: ActivationStore, direction: Direction, eval_sets: dict[str, list[Row]], tmp_path: Path
) -> None:
    scores = score(pool, direction)
    selection = select(scores, k=5)
    for given, words in (
        (selection.ids, f"is a list of text of which '{selection.ids[0]}' is no file: give paths, or .* the Selection"),
        (["what a text says " * 99], "is a list of text of which 'what .* is no file"),
        (selection.rows, "is numbers: where these are a selection's rows, give the Selection itself"),
        (selection.rows.tolist(), "is numbers"),
        (selection.mask, "is numbers"),
        (scores, "is scores, which choose no rows: give the Selection that `select` makes"),
        (scores["score"], "is scores"),
    ):
        for seeds in (1, 5):
            with pytest.raises(NaitError, match=f"subset 'top' {words}"):
                compare_subsets(lm, {"top": given}, eval_sets, out=tmp_path / "x", **OPTIONS | {"seeds": seeds})
        with pytest.raises(NaitError, match=f"eval set 'test' {words}"):
            compare_subsets(lm, {"top": selection}, {"test": given}, out=tmp_path / "x", **OPTIONS)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"seeds": 2, "learning_rate": 1e-9}, "no subset moves the loss on sums beyond the noise of 2 seeds: train"),
        ({"steps": 4, "learning_rate": 0.5}, "every subset leaves the loss on sums worse than the untouched base's: "),
        ({"seeds": 2, "steps": 4, "learning_rate": 1e-2}, ""),
    ],
)
def test_figures_that_tell_nothing_are_told(
    options: dict[str, Any],
    words: str,
    lm: CausalLM,
    subsets: dict[str, list[Row]],
    eval_sets: dict[str, list[Row]],
    tmp_path: Path,
) -> None:
    given = {"words": subsets["top"], "more words": subsets["bottom"]}
    if not words:
        given["sums"] = make_rows(40, seed=8, vocabulary=SUMS)
    result = compare_subsets(lm, given, eval_sets, out=tmp_path, **OPTIONS | options)
    assert [caution[: len(words)] for caution in result.cautions] == ([words] if words else [])
    assert (tmp_path / "comparison.json").read_text().count(words or "beyond the noise") == len(result.cautions)


def test_adapters_need_peft(
    lm: CausalLM,
    subsets: dict[str, list[Row]],
    eval_sets: dict[str, list[Row]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)  # as where it isn't installed
    with pytest.raises(NaitError, match=r"peft is needed .* pip install 'nait-widgets\[train\]'"):
        compare_subsets(lm, subsets, eval_sets, out=tmp_path, lora=2, **OPTIONS)


def test_names_that_files_write_alike_are_two_subsets(
    lm: CausalLM, subsets: dict[str, list[Row]], eval_sets: dict[str, list[Row]], tmp_path: Path
) -> None:
    alike = {"top a": subsets["top"], "top-a": subsets["top"]}
    for _ in range(2):
        result = compare_subsets(lm, alike, eval_sets, out=tmp_path, **OPTIONS)
        assert [run.subset for run in result.runs] == ["top a", "top-a"]
    assert len(list((tmp_path / "runs").glob("top-a-*.json"))) == 2


def test_what_answers_are_checked_against_is_part_of_an_eval_set(
    lm: CausalLM, subsets: dict[str, list[Row]], tmp_path: Path
) -> None:
    def compare(answer: str) -> None:
        row = {"instruction": "add", "output": f"{'two and three make five ' * 9}#### {answer}"}
        options = {**OPTIONS, "max_length": 40, "answers": {"sums": "final-number"}, "answer_tokens": 2}
        compare_subsets(lm, {"top": subsets["top"]}, {"sums": [row]}, out=tmp_path, **options)

    compare("5")
    with pytest.raises(NaitError, match="another comparison"):
        compare("7")  # beyond the maximum length


def test_figures_of_two_devices_or_versions_are_not_mixed(
    lm: CausalLM, subsets: dict[str, list[Row]], eval_sets: dict[str, list[Row]], tmp_path: Path
) -> None:
    compare_subsets(lm, subsets, eval_sets, out=tmp_path, **OPTIONS)
    plan = tmp_path / "plan.json"
    facts = json.loads(plan.read_text())
    assert facts["versions"] == {"torch": torch.__version__.partition("+")[0], "transformers": transformers.__version__}
    for changes, words in (
        ({"device": "cuda"}, "device cuda, now cpu"),
        ({"versions": {**facts["versions"], "torch": "1.0"}}, r"versions torch 1\.0, now \d"),
    ):
        plan.write_text(json.dumps(facts | changes))
        with pytest.raises(NaitError, match=rf"another comparison \({words}.*name another folder"):
            compare_subsets(lm, subsets, eval_sets, out=tmp_path, **OPTIONS)


def test_a_damaged_run_is_named(
    lm: CausalLM, subsets: dict[str, list[Row]], eval_sets: dict[str, list[Row]], tmp_path: Path
) -> None:
    compare_subsets(lm, subsets, eval_sets, out=tmp_path, **OPTIONS)
    damaged = next((tmp_path / "runs").glob("top-*.json"))
    damaged.write_text("{")
    with pytest.raises(NaitError, match=rf"{damaged.name} is no result of a run .* delete it"):
        compare_subsets(lm, subsets, eval_sets, out=tmp_path, **OPTIONS)
    damaged.unlink()
    assert len(compare_subsets(lm, subsets, eval_sets, out=tmp_path, **OPTIONS).runs) == 3
