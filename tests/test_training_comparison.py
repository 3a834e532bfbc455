"""Comparisons of subsets: what they find, that they go on after anything, and what they refuse."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import Row, make_rows
from datasets import Dataset
from test_cli import nait, refused
from tiny import tiny_model

from nait_widgets import (
    ActivationStore,
    Direction,
    NaitError,
    SubsetComparison,
    compare_subsets,
    open_store,
    score,
    select,
)
from nait_widgets.errors import Interrupted
from nait_widgets.models import CausalLM
from nait_widgets.store.mapping import one_thread_each
from nait_widgets.training import Caution
from nait_widgets.training.runs import BASE

SUMS = "two three five sum add number"
OPTIONS: dict[str, Any] = {
    "template": "plain",
    "steps": 4,
    "response_tokens": 40,
    "learning_rate": 1e-2,
    "seeds": 2,
}


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """As a worker process has: the last digits depend on it."""
    with one_thread_each():
        yield


@pytest.fixture(scope="module")
def data() -> dict[str, list[Row]]:
    rows = {
        "top": make_rows(40, seed=11, vocabulary=SUMS),
        "random": make_rows(40, seed=12, vocabulary=f"{SUMS} river mill lake stone hill path"),
        "bottom": make_rows(40, seed=13),
        "sums": make_rows(20, seed=14, vocabulary=SUMS),
        "words": make_rows(20, seed=15),
    }
    # Numbered, so that no two are the same.
    return {name: [{**row, "instruction": f"{row['id']} {row['instruction']}"} for row in rows[name]] for name in rows}


@pytest.fixture(scope="module")
def subsets(data: dict[str, list[Row]]) -> dict[str, list[Row]]:
    return {name: data[name] for name in ("top", "random", "bottom")}


@pytest.fixture(scope="module")
def eval_sets(data: dict[str, list[Row]]) -> dict[str, list[Row]]:
    return {name: data[name] for name in ("sums", "words")}


@pytest.fixture(scope="module")
def found(
    lm: CausalLM,
    subsets: dict[str, list[Row]],
    eval_sets: dict[str, list[Row]],
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[SubsetComparison, Path]:
    out = tmp_path_factory.mktemp("comparison") / "out"
    return compare_subsets(lm, subsets, eval_sets, out=out, **OPTIONS), out


@pytest.fixture(scope="module")
def place(data: dict[str, list[Row]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the model of `lm` and the data, as the command line takes them."""
    folder = tmp_path_factory.mktemp("cli")
    lm = tiny_model("llama")
    lm.model.save_pretrained(folder / "model")
    lm.tokenizer.save_pretrained(folder / "model")
    for name, rows in data.items():
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def timeless(facts: Any) -> Any:
    """A comparison's JSON without how long its runs took, and without where the model came from."""
    if isinstance(facts, dict):
        return {k: timeless(v) for k, v in facts.items() if k not in ("seconds", "name")}
    return [timeless(fact) for fact in facts] if isinstance(facts, list) else facts


def test_a_subset_of_the_target_trains_it_better(found: tuple[SubsetComparison, Path]) -> None:
    result, _ = found
    base = result.values(BASE, "sums")[0]
    assert all(value < base for value in result.values("top", "sums"))
    assert result.pair("top", "sums").below == 2
    assert result.pair("top", "words").above == 2
    claim = result.claim("sums")
    assert claim is not None
    assert (claim.means, claim.seeds, claim.names) == (True, 2, ("top", "random", "bottom"))
    assert not result.claim("words").means  # type: ignore[union-attr]
    assert {run.response_tokens for run in result.runs} == {4 * 40}
    assert all(len(run.train_loss) == 4 and run.tokens > run.response_tokens for run in result.runs)


def test_the_same_call_gives_the_same_figures(
    found: tuple[SubsetComparison, Path],
    lm: CausalLM,
    subsets: dict[str, list[Row]],
    eval_sets: dict[str, list[Row]],
    tmp_path: Path,
) -> None:
    again = compare_subsets(lm, subsets, eval_sets, out=tmp_path / "again", **OPTIONS)
    assert timeless(again.to_json()) == timeless(found[0].to_json())
    assert again.values("top", "sums")[0] != again.values("top", "sums")[1]


def test_what_is_written_is_what_was_found(found: tuple[SubsetComparison, Path]) -> None:
    result, out = found
    assert SubsetComparison.load(out).to_json() == result.to_json()
    facts = json.loads((out / "comparison.json").read_text())
    assert facts["claims"][0] == {
        "eval_set": "sums",
        "measure": "loss",
        "names": ["top", "random", "bottom"],
        "means": True,
        "seeds": 2,
        "n": 2,
    }
    assert facts["format"] == "nait-comparison-1"
    top = next(s for s in facts["summary"] if s["subset"] == "top" and s["eval_set"] == "sums")
    assert top["mean"] == np.mean(result.values("top", "sums"))
    assert {pair["subset"] for pair in facts["against_reference"]} == {"top", "bottom"}
    assert facts["reference"] == "random"
    frame = result.to_frame()
    assert len(frame) == (1 + 3 * 2) * 2
    assert frame.query("subset == 'top' and eval_set == 'sums'")["value"].tolist() == result.values("top", "sums")
    with pytest.raises(NaitError, match="no finished comparison"):
        SubsetComparison.load(out / "runs")


def test_the_table_and_the_page_tell_it(found: tuple[SubsetComparison, Path]) -> None:
    result, out = found
    text = str(result)
    assert f"{np.mean(result.values('top', 'sums')):.4f} ±" in text
    assert "top > random > bottom on sums: holds for the means, and at 2 of 2 seeds\n" in text
    assert "can't give a p below 0.50" in text
    assert "Give one draw a seed" in text
    label: Any = result.figure("sums").yaxis[0].axis_label
    assert label.text == "response loss, nats a token"
    with pytest.raises(NaitError, match="no exact of subset"):
        result.figure("sums", "exact")
    page = (out / "report.html").read_text()
    assert "http-equiv" in page
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=.https?:", page)
    for name in ("top", "random", "bottom", "sums", "words"):
        assert name in page


def test_further_seeds_and_subsets_add_to_what_is_there(
    found: tuple[SubsetComparison, Path],
    lm: CausalLM,
    subsets: dict[str, list[Row]],
    eval_sets: dict[str, list[Row]],
    tmp_path: Path,
) -> None:
    first = compare_subsets(lm, {"top": subsets["top"]}, eval_sets, out=tmp_path, **OPTIONS | {"seeds": 1})
    files = {file: file.stat().st_mtime_ns for file in (tmp_path / "runs").iterdir()}
    more = compare_subsets(lm, subsets, eval_sets, out=tmp_path, **OPTIONS)
    assert timeless(more.to_json()) == timeless(found[0].to_json())
    assert len(list((tmp_path / "runs").iterdir())) == 1 + 3 * 2
    assert {file: file.stat().st_mtime_ns for file in files} == files
    assert more.runs[0].seconds == first.runs[0].seconds


def test_other_rows_under_the_same_name_are_run_anew(
    lm: CausalLM, subsets: dict[str, list[Row]], eval_sets: dict[str, list[Row]], tmp_path: Path
) -> None:
    """The digest in a run's name tells them apart."""
    options = OPTIONS | {"seeds": 1, "steps": 1}
    first = compare_subsets(lm, {"x": subsets["top"]}, eval_sets, out=tmp_path, **options)
    with pytest.warns(Caution, match="keeps 1 run of other rows, .* of its own 2 runs, 1 done before and 1 new"):
        other = compare_subsets(lm, {"x": subsets["bottom"]}, eval_sets, out=tmp_path, **options)
    with pytest.warns(Caution, match="2 done before and 0 new"):
        back = compare_subsets(lm, {"x": subsets["top"]}, eval_sets, out=tmp_path, **options)
    assert [result.reuse for result in (first, other, back)] == [(0, 2, 0), (1, 1, 1), (2, 0, 1)]
    assert str(other).endswith(
        "Runs: 1 reused from an earlier call, 1 new; kept in the folder, but no part of this: 1 of other rows, subsets "
        "or seeds."
    )
    assert str(SubsetComparison.load(tmp_path)) == str(back).partition("\n\nRuns: ")[0]
    assert first.values("x", "sums") == back.values("x", "sums") != other.values("x", "sums")


def test_a_folder_of_another_comparison_is_refused(
    lm: CausalLM,
    subsets: dict[str, list[Row]],
    eval_sets: dict[str, list[Row]],
    found: tuple[SubsetComparison, Path],
    tmp_path: Path,
) -> None:
    out = found[1]
    with pytest.raises(NaitError, match=r"another comparison \(training steps 4, now 5\): name another folder"):
        compare_subsets(lm, subsets, eval_sets, out=out, **OPTIONS | {"steps": 5})
    with pytest.raises(NaitError, match=r"another comparison \(eval_sets words given, now none\)"):
        compare_subsets(lm, subsets, {"sums": eval_sets["sums"]}, out=out, **OPTIONS)
    with pytest.raises(NaitError, match=r"\(model weights_hash \w{8}, now \w{8}\)"):
        compare_subsets(tiny_model("llama", seed=1), subsets, eval_sets, out=out, **OPTIONS)
    (tmp_path / "notes.txt").touch()
    with pytest.raises(NaitError, match="holds no comparison"):
        compare_subsets(lm, subsets, eval_sets, out=tmp_path, **OPTIONS)


@pytest.mark.parametrize("text", ["[1, 2]", '{"format": ', "{}", ""])
def test_a_damaged_plan_is_named_and_its_runs_are_taken_up(
    text: str, lm: CausalLM, subsets: dict[str, list[Row]], eval_sets: dict[str, list[Row]], tmp_path: Path
) -> None:
    options = OPTIONS | {"seeds": 1, "steps": 1}
    compare_subsets(lm, {"x": subsets["top"]}, eval_sets, out=tmp_path, **options)
    (tmp_path / "plan.json").write_text(text)
    with pytest.raises(NaitError, match=r"plan\.json is damaged, .*: delete it and start again"):
        compare_subsets(lm, {"x": subsets["top"]}, eval_sets, out=tmp_path, **options)
    (tmp_path / "plan.json").unlink()
    again = compare_subsets(lm, {"x": subsets["top"]}, eval_sets, out=tmp_path, **options)
    assert again.reuse == (2, 0, 0)


def test_a_selection_and_its_export_are_the_same_subset(
    lm: CausalLM, pool: ActivationStore, direction: Direction, eval_sets: dict[str, list[Row]], tmp_path: Path
) -> None:
    selection = select(score(pool, direction), k=30)
    selection.export(tmp_path / "subset.jsonl")
    packed = open_store(pool.pack(tmp_path / "pool.zarr.zip", text=False))
    options = OPTIONS | {"seeds": 1, "steps": 1}
    both = {"selection": selection, "export": tmp_path / "subset.jsonl"}
    result = compare_subsets(lm, both, eval_sets, out=tmp_path / "out", **options)
    assert result.values("selection", "sums") == result.values("export", "sums")
    assert result.subsets["selection"] == result.subsets["export"]
    assert result.reference == "selection"
    textless = select(score(packed, direction), k=30)
    with pytest.raises(NaitError, match="keeps no text"):
        compare_subsets(lm, {"x": textless}, eval_sets, out=tmp_path / "other", **options)


def test_a_list_of_sources_is_a_draw_for_each_seed(
    lm: CausalLM, subsets: dict[str, list[Row]], eval_sets: dict[str, list[Row]], tmp_path: Path
) -> None:
    drawn = [subsets["random"], subsets["bottom"]]
    result = compare_subsets(lm, {"random": drawn}, eval_sets, out=tmp_path / "out", **OPTIONS | {"seeds": [3, 7]})
    alone = compare_subsets(lm, {"random": drawn[1]}, eval_sets, out=tmp_path / "one", **OPTIONS | {"seeds": [7]})
    assert result.values("random", "sums")[1] == alone.values("random", "sums")[0]
    assert len(result.subsets["random"]) == 2
    assert "Give one draw a seed" not in str(result)
    for seeds, words in ((5, "2 draws for 5 seeds:"), (1, "2 draws for 1 seed:")):
        with pytest.raises(NaitError, match=words):
            compare_subsets(lm, {"random": drawn}, eval_sets, out=tmp_path / "other", **OPTIONS | {"seeds": seeds})
    frames = [pd.DataFrame(rows)[["instruction", "input", "output"]] for rows in drawn]
    tables = tuple(Dataset.from_pandas(frame) for frame in frames)
    for kind, draws in (("frames", frames), ("tables", tables)):
        again = compare_subsets(lm, {"random": draws}, eval_sets, out=tmp_path / kind, **OPTIONS | {"seeds": [3, 7]})
        assert again.values("random", "sums") == result.values("random", "sums")


def test_answers_are_checked_where_asked_for(
    lm: CausalLM, subsets: dict[str, list[Row]], eval_sets: dict[str, list[Row]], tmp_path: Path
) -> None:
    options = OPTIONS | {"seeds": 1, "steps": 1, "answer_tokens": 4}

    def long_enough(answer: str, reference: str) -> bool:
        return answer == reference or len(reference) > 12

    result = compare_subsets(
        lm, {"top": subsets["top"]}, eval_sets, out=tmp_path, answers={"sums": long_enough}, **options
    )
    share = np.mean([len(row["output"]) > 12 for row in eval_sets["sums"]])
    assert result.values("top", "sums", "exact") == result.values(BASE, "sums", "exact") == [share]
    assert result.measures == [("loss", "sums"), ("loss", "words"), ("exact", "sums")]
    assert f"{share:.1%}" in str(result)
    with pytest.raises(NaitError, match="does not accept"):
        compare_subsets(lm, subsets, eval_sets, out=tmp_path / "b", answers={"sums": "final-number"}, **options)
    with pytest.raises(NaitError, match="no check of answers 'number'"):
        compare_subsets(lm, subsets, eval_sets, out=tmp_path / "b", answers={"sums": "number"}, **options)
    with pytest.raises(NaitError, match="no eval set 'gsm8k'"):
        compare_subsets(lm, subsets, eval_sets, out=tmp_path / "b", answers={"gsm8k": "text"}, **options)


def test_adapters_are_compared_too(
    lm: CausalLM, subsets: dict[str, list[Row]], eval_sets: dict[str, list[Row]], tmp_path: Path
) -> None:
    before = lm.identity.weights_hash
    result = compare_subsets(lm, subsets, eval_sets, out=tmp_path, lora=2, **OPTIONS | {"seeds": 1})
    assert result.values("top", "sums")[0] < result.values(BASE, "sums")[0]
    assert "adapters of rank 2" in (tmp_path / "report.html").read_text()
    assert lm.identity.weights_hash == before


COMMAND = (
    *("compare", "model", "--subset", "top=top.jsonl", "--subset", "random=random.jsonl", "--eval", "sums=sums.jsonl"),
    *("--template", "plain", "--response-tokens", 40, "--lr", 0.01),
)


def test_the_command_line(place: Path) -> None:
    command = (*COMMAND, "--subset", "bottom=bottom.jsonl", "--steps", 2, "--seeds", 2, "--out", "cli")
    result = nait(*command, cwd=place)
    assert result.returncode == 0, result.stderr
    assert "top > random > bottom on sums: holds" in result.stdout
    assert (place / "cli" / "report.html").exists()
    again = nait(*command, "--json", cwd=place)
    facts = json.loads(again.stdout)
    assert facts["seeds"] == [0, 1]
    assert len(facts["runs"]) == 6
    drawn = nait(
        *COMMAND[:4], "--subset", "top=random.jsonl", *COMMAND[6:], "--steps", 1, "--seeds", 2, "--out", "draws",
        "--json", cwd=place,
    )  # fmt: skip
    assert len(json.loads(drawn.stdout)["subsets"]["top"]) == 2


def test_mistakes_on_the_command_line(place: Path) -> None:
    refused(nait(*COMMAND, "--out", "x", "--seeds", 0, cwd=place), "seeds is 0")
    refused(nait(*COMMAND, "--out", "x", "--answers", "gsm8k=text", cwd=place), "gsm8k")
    refused(nait(*COMMAND, "--out", "x", "--subset", "y=nowhere.jsonl", cwd=place), "nowhere.jsonl")
    refused(nait(*COMMAND, "--out", "x", "--schedule", "linear", cwd=place), "linear", "cosine or constant")
    refused(nait(*COMMAND, "--out", "top.jsonl", cwd=place), "top.jsonl", "name another folder")
    refused(nait(*COMMAND, "--out", "x", "--eval", "sums=words.jsonl", cwd=place), "more than one eval set", "'sums'")
    assert not (place / "x").exists()
    told = nait(*COMMAND, "--out", "few", "--steps", 1, "--seeds", 1, "--response-tokens", 2_000, cwd=place)
    assert told.returncode == 0
    assert "nait: caution: subset 'top' has" in told.stderr


def runs_in(out: Path) -> list[Path]:
    return list(out.glob("runs/[!.]*.json"))


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_a_comparison_in_two_processes_that_is_killed_goes_on_in_one(place: Path) -> None:
    command = [str(word) for word in (*COMMAND, "--steps", 60, "--seeds", 2)]
    process = subprocess.Popen(
        [sys.executable, "-m", "nait_widgets", *command, "--out", "killed", "--workers", "2"],
        cwd=place,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    out = place / "killed"
    while len(runs_in(out)) < 2:
        assert process.poll() is None
        time.sleep(0.005)
    workers = children(process.pid)
    process.kill()
    process.wait()
    killed = {file: file.read_bytes() for file in runs_in(out)}
    assert 2 <= len(killed) < 5
    assert not (out / "comparison.json").exists()
    deadline = time.monotonic() + 60
    while alive := [pid for pid in workers if Path(f"/proc/{pid}").exists()]:
        assert time.monotonic() < deadline, alive
        time.sleep(0.05)

    resumed, whole = (json.loads(nait(*command, "--json", "--out", name, cwd=place).stdout) for name in ("killed", "w"))
    assert resumed["reuse"] == {"reused": len(killed), "new": 5 - len(killed), "others": 0}
    for facts in (resumed, whole):
        del facts["written"], facts["reuse"]
    assert timeless(resumed) == timeless(whole)
    assert all(file.read_bytes() == content for file, content in killed.items())


def test_ctrl_c_keeps_what_was_done(
    lm: CausalLM, subsets: dict[str, list[Row]], eval_sets: dict[str, list[Row]], tmp_path: Path
) -> None:
    asked = []

    def stop(answer: str, reference: str) -> bool:
        asked.append((answer, reference))
        if len(asked) == 50:  # 20 references, then 20 answers of the base; the first run is cut short
            raise KeyboardInterrupt
        return True

    options: dict[str, Any] = OPTIONS | {"answers": {"sums": stop}, "answer_tokens": 1, "out": tmp_path}
    with pytest.raises(Interrupted, match="1 of 7 runs are safe"):
        compare_subsets(lm, subsets, eval_sets, **options)
    result = compare_subsets(lm, subsets, eval_sets, **options)
    assert result.values("top", "sums", "exact") == [1.0, 1.0]
