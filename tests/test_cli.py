"""The command line as a person types it, on real files."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pytest
import torch
from tiny import tiny_model
from transformers import BertConfig, BertModel

from nait_widgets.cli import main

ROWS = [
    {
        "id": f"r{i}",
        "instruction": f"Add {i} and {i * 7 % 13}.",
        "input": "",
        "output": f"It is {i + i * 7 % 13}. " * (1 + i % 5),
        "topic": ("sum", "code")[i % 2],
    }
    for i in range(120)
]


class Result(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


def nait(*arguments: object, cwd: Path) -> Result:
    """Run the command line in this process, which has torch loaded already."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.chdir(cwd), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as stopped:
            status = int(stopped.code or 0)
    return Result(status, out.getvalue(), err.getvalue())


def refused(result: Result, *words: str) -> None:
    """One clear sentence on standard error, status 2, and no trace."""
    assert result.returncode == 2, result.stderr
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("nait: ")
    for word in words:
        assert word in lines[0]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two models, data, a store of each site, and directions, all made by the command line."""
    folder = tmp_path_factory.mktemp("cli")
    for name, seed in (("model", 0), ("other", 1)):
        torch.manual_seed(seed)
        lm = tiny_model("llama")
        with torch.no_grad():
            for parameter in lm.model.parameters():
                parameter.add_(0.01 * seed)
        lm.model.save_pretrained(folder / name)
        lm.tokenizer.save_pretrained(folder / name)
    (folder / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    (folder / "target.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS[:40]))
    for arguments in (
        ("capture", "model", "data.jsonl", "-o", "pool.zarr"),
        ("capture", "model", "data.jsonl", "-o", "neurons.zarr", "--site", "mlp_act"),
        ("fit", "model", "target.jsonl", "-o", "sums.direction"),
        ("fit", "model", "target.jsonl", "-o", "robust.direction", "--preset", "robust", "--background", "pool.zarr"),
        ("fit", "other", "target.jsonl", "-o", "foreign.direction"),
    ):
        result = nait(*arguments, cwd=folder)
        assert result.returncode == 0, result.stderr
    return folder


def test_from_store_to_subset_and_back(place: Path) -> None:
    scored = nait(
        "score", "pool.zarr", "sums.direction", "robust.direction", "-o", "scores.parquet", "--json", cwd=place
    )
    assert scored.returncode == 0, scored.stderr
    assert json.loads(scored.stdout)["scored"] == len(ROWS)
    table = pd.read_parquet(place / "scores.parquet")
    assert list(table.columns) == ["sample_id", "status", "n_tokens", "sums", "robust"]
    assert list(table["sample_id"]) == [row["id"] for row in ROWS]

    chosen = nait("select", "pool.zarr", "sums.direction", "--k", 10, "-o", "subset.jsonl", "--json", cwd=place)
    assert chosen.returncode == 0, chosen.stderr
    rows = [json.loads(line) for line in (place / "subset.jsonl").read_text().splitlines()]
    best = set(table.sort_values("sums", ascending=False)["sample_id"][:10])
    assert {row["id"] for row in rows} == best
    assert all(row in ROWS for row in rows)

    again = nait("select", "--recipe", "subset.recipe.json", "-o", "again.jsonl", cwd=place)
    assert again.returncode == 0, again.stderr
    assert (place / "again.jsonl").read_bytes() == (place / "subset.jsonl").read_bytes()

    told = nait("explain", "pool.zarr", rows[0]["id"], "sums.direction", "--neurons", 3, cwd=place)
    assert told.returncode == 0, told.stderr
    expected = float(table.loc[table["sample_id"] == rows[0]["id"], "sums"].iloc[0])
    assert float(told.stdout.split(" scores ")[1].split()[0]) == pytest.approx(expected, rel=1e-4)

    facts = nait("info", "pool.zarr", "--json", cwd=place)
    assert json.loads(facts.stdout)["samples"] == len(ROWS)
    checked = nait("verify", "pool.zarr", "--json", cwd=place)
    assert checked.returncode == 0
    assert json.loads(checked.stdout)["ok"] is True


def test_a_direction_from_a_store(place: Path) -> None:
    captured = nait("capture", "model", "target.jsonl", "-o", "target.zarr", "--pools", "last,first,mean", cwd=place)
    assert captured.returncode == 0, captured.stderr
    assert nait("fit", "target.zarr", "-o", "from-store.direction", cwd=place).returncode == 0
    refused(nait("fit", "target.zarr", "target.jsonl", "-o", "x.direction", cwd=place), "target.zarr", "target.jsonl")
    assert not (place / "x.direction").exists()


def test_bad_data_is_refused_before_anything_is_written(place: Path) -> None:
    (place / "empty.json").write_text("")
    (place / "hollow.json").write_text(json.dumps([{**row, "output": " "} for row in ROWS]))
    (place / "missing.jsonl").write_text(
        "".join(json.dumps(r) + "\n" for r in [*ROWS[:6], {"id": "x", "instruction": "hm"}])
    )
    many = [json.dumps({"instruction": "a", "input": "", "output": "b"})] * 31_500
    many[31_414] = '{"instruction": "a", "input": "", "output": '
    (place / "broken.json").write_text("[" + ",\n".join(many) + "]")
    (place / "broken.jsonl").write_text("\n".join(many))
    for data, *words in (
        ("nowhere.json", "nowhere.json"),
        ("empty.json", "empty.json"),
        ("hollow.json", "hollow.json", "empty"),
        ("missing.jsonl", "missing.jsonl", "row 7", "output"),
        ("broken.json", "broken.json", "31,415"),
        ("broken.jsonl", "broken.jsonl", "31,415"),
    ):
        refused(nait("capture", "model", data, "-o", "refused.zarr", cwd=place), *words)
    assert not list(place.glob("*refused*"))


def test_bad_models_are_refused(place: Path) -> None:
    (place / "hollow").mkdir()
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        (place / "hollow" / name).write_bytes((place / "model" / name).read_bytes())
    config = BertConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64, vocab_size=200
    )
    BertModel(config).save_pretrained(place / "encoder")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (place / "encoder" / name).write_bytes((place / "model" / name).read_bytes())
    for model in ("hollow", "encoder", "./nowhere"):
        refused(nait("capture", model, "data.jsonl", "-o", "refused.zarr", cwd=place), model.removeprefix("./"))
    assert not list(place.glob("*refused*"))


def test_what_does_not_belong_together_is_refused(place: Path) -> None:
    refused(nait("score", "pool.zarr", "foreign.direction", "-o", "x.parquet", cwd=place), "foreign", "model", "other")
    refused(
        nait("select", "neurons.zarr", "sums.direction", "--k", 3, "-o", "x.jsonl", cwd=place), "resid_post", "mlp_act"
    )
    refused(nait("capture", "other", "data.jsonl", "-o", "pool.zarr", cwd=place), "pool.zarr", "weights")
    refused(nait("fit", "model", "target.jsonl", "-o", "x.direction", "--preset", "robust", cwd=place), "--background")
    refused(nait("select", "pool.zarr", "sums.direction", "-o", "x.jsonl", cwd=place), "fraction")
    refused(nait("select", "pool.zarr", "sums.direction", "--k", 3, "-o", "x.docx", cwd=place), "x.docx", ".jsonl")
    refused(nait("explain", "pool.zarr", "nobody", "sums.direction", cwd=place), "nobody")
    refused(nait("info", "model", cwd=place), "model")
    assert not list(place.glob("x.*"))


def test_scores_and_selections_are_saved_in_the_store(place: Path) -> None:
    assert nait("capture", "model", "data.jsonl", "-o", "kept.zarr", cwd=place).returncode == 0
    scored = nait("score", "kept.zarr", "sums.direction", "--save", "dot", "--json", cwd=place)
    assert scored.returncode == 0, scored.stderr
    report = json.loads(scored.stdout)
    assert (report["output"], report["saved"], report["scored"]) == (None, "dot", len(ROWS))
    chosen = nait("select", "kept.zarr", "--scores", "dot", "--k", 7, "--save", "best", "-o", "best.jsonl", cwd=place)
    assert chosen.returncode == 0, chosen.stderr
    assert "saved in the store as 'best'" in chosen.stdout
    assert not (place / "best.sums.direction").exists()
    assert json.loads((place / "best.recipe.json").read_text())["directions"][0]["path"] is None
    fresh = nait("select", "kept.zarr", "sums.direction", "--k", 7, "-o", "fresh.jsonl", cwd=place)
    assert fresh.returncode == 0, fresh.stderr
    again = nait("select", "--recipe", "best.recipe.json", "-o", "again.jsonl", "--save", "again", cwd=place)
    assert again.returncode == 0, again.stderr
    for name in ("fresh", "again"):
        assert (place / f"{name}.jsonl").read_bytes() == (place / "best.jsonl").read_bytes()
    # By directions whose scores aren't saved yet, the scores go along, under the same name.
    both = nait("select", "kept.zarr", "robust.direction", "--k", 3, "--save", "robust best", "--json", cwd=place)
    assert both.returncode == 0, both.stderr
    assert json.loads(both.stdout)["written"] == []
    shown = nait("info", "kept.zarr", cwd=place)
    for line in ("directions: robust, sums", "scores: dot, robust best", "selections: again, best, robust best"):
        assert f"saved    {line}" in shown.stdout
    assert json.loads(nait("info", "kept.zarr", "--json", cwd=place).stdout)["saved"]["scores"] == [
        "dot",
        "robust best",
    ]
    assert nait("verify", "kept.zarr", cwd=place).returncode == 0
    for arguments, *words in (
        (("score", "kept.zarr", "sums.direction"), "-o", "--save"),
        (("select", "kept.zarr", "sums.direction", "--k", 3), "-o", "--save"),
        (("select", "kept.zarr", "--scores", "none", "--k", 3, "-o", "x.jsonl"), "'none'", "dot, robust best"),
        (("select", "kept.zarr", "sums.direction", "--scores", "dot", "--k", 3, "-o", "x.jsonl"), "'dot'", "give no"),
        (("select", "kept.zarr", "--scores", "dot", "--pool", "mean", "--k", 3, "-o", "x.jsonl"), "'dot'", "give no"),
        (("select", "--recipe", "best.recipe.json", "--scores", "dot", "-o", "x.jsonl"), "leave --scores out"),
        (("select", "kept.zarr", "robust.direction", "sums.direction", "--k", 3, "--save", "dot"), "'dot'", "another"),
        (("score", "kept.zarr", "sums.direction", "--similarity", "cosine", "--save", "cosine"), "'sums'", "delete"),
    ):
        refused(nait(*arguments, cwd=place), *words)
    (place / "kept.zarr/scores/dot/score/c/0/0").unlink()
    refused(nait("verify", "kept.zarr", cwd=place), "kept.zarr/scores/dot", "'score'", "missing")
    refused(nait("select", "kept.zarr", "--scores", "dot", "--k", 3, "-o", "x.jsonl", cwd=place), "scores/dot")
    assert not list(place.glob("x.*"))


def test_a_capture_with_extras(place: Path) -> None:
    asked = ("capture", "model", "data.jsonl", "-o", "extras.zarr", "--extras")
    assert nait(*asked, "ifd,nag", cwd=place).returncode == 0
    assert json.loads(nait("info", "extras.zarr", "--json", cwd=place).stdout)["extras"] == ["loss", "ifd", "nag"]
    assert "extras   loss, ifd, nag\n" in nait("info", "extras.zarr", cwd=place).stdout
    assert "extras" not in nait("info", "pool.zarr", cwd=place).stdout
    assert nait("verify", "extras.zarr", cwd=place).returncode == 0
    refused(nait(*asked, "nag,soul", cwd=place), "'soul'", "loss, ifd, embedding, nag, or all")


def test_a_capture_without_text(place: Path) -> None:
    assert nait("capture", "model", "data.jsonl", "-o", "bare.zarr", "--no-text", cwd=place).returncode == 0
    assert not (place / "bare.zarr" / "text").exists()
    assert json.loads(nait("info", "bare.zarr", "--json", cwd=place).stdout)["text"] is False
    chosen = nait("select", "bare.zarr", "sums.direction", "--k", 3, "-o", "bare.jsonl", "--save", "best", cwd=place)
    assert chosen.returncode == 0, chosen.stderr
    rows = [json.loads(line) for line in (place / "bare.jsonl").read_text().splitlines()]
    full = nait("select", "pool.zarr", "sums.direction", "--k", 3, "-o", "full.jsonl", cwd=place)
    assert full.returncode == 0, full.stderr
    expected = [json.loads(line)["id"] for line in (place / "full.jsonl").read_text().splitlines()]
    assert rows == [{"id": name} for name in expected]
    told = nait("explain", "bare.zarr", rows[0]["id"], "sums.direction", cwd=place)
    assert told.returncode == 0, told.stderr
    assert nait("verify", "bare.zarr", cwd=place).returncode == 0
    found = nait("select", "bare.zarr", "sums.direction", "--k", 3, "--text", "Add", "-o", "x.jsonl", cwd=place)
    refused(found, "bare.zarr", "without text")


def test_a_flipped_byte_is_found(place: Path) -> None:
    assert nait("capture", "model", "data.jsonl", "-o", "flipped.zarr", cwd=place).returncode == 0
    shard = place / "flipped.zarr" / "resid_post_mean" / "c" / "0" / "0" / "0"
    data = bytearray(shard.read_bytes())
    data[1000] ^= 1
    shard.write_bytes(data)
    refused(nait("verify", "flipped.zarr", cwd=place), "flipped.zarr/resid_post_mean/c/0/0/0")
    refused(
        nait("score", "flipped.zarr", "sums.direction", "-o", "x.parquet", cwd=place),
        "flipped.zarr/resid_post_mean/c/0/0/0",
    )


def test_a_full_disk(place: Path, small_disk: Path) -> None:
    (small_disk / "filler").write_bytes(bytes(900_000))
    refused(nait("capture", "model", "data.jsonl", "-o", small_disk / "pool.zarr", cwd=place), "disk", "pool.zarr")
    (small_disk / "more").write_bytes(bytes(140_000))
    chosen = nait("select", "pool.zarr", "sums.direction", "--fraction", 1, "-o", small_disk / "all.jsonl", cwd=place)
    refused(chosen, "No space left")
    (small_disk / "more").unlink()
    assert sorted(p.name for p in small_disk.iterdir()) == ["filler"]


def test_the_installed_command(place: Path) -> None:
    command = Path(sys.executable).with_name("nait")
    result = subprocess.run([command, "info", "pool.zarr"], cwd=place, capture_output=True, text=True, check=True)
    assert "120 ok" in result.stdout
    reader, writer = os.pipe()
    os.close(reader)  # as `head` does once it has its lines
    piped = subprocess.run([command, "info", "pool.zarr"], cwd=place, stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert (piped.returncode, piped.stderr) == (141, "")
    missing = subprocess.run([command, "info", "nowhere.zarr"], cwd=place, capture_output=True, text=True)
    refused(Result(missing.returncode, missing.stdout, missing.stderr), "nowhere.zarr")


def test_ctrl_c_says_how_to_go_on(place: Path) -> None:
    rows = [{**row, "id": f"{i}-{row['id']}"} for i in range(60) for row in ROWS]
    (place / "long.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    command = [sys.executable, "-m", "nait_widgets", "capture", "model", "long.jsonl", "-o", "long.zarr"]
    running = subprocess.Popen(
        command,
        cwd=place,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background jobs ignore Ctrl-C
    )
    status = place / "long.zarr" / "status" / "c" / "0"
    while not status.exists() and running.poll() is None:
        time.sleep(0.01)
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate(timeout=120)
    assert running.returncode == 130, errors
    assert "run the same command again" in errors
    resumed = nait(*command[3:], cwd=place)
    assert resumed.returncode == 0, resumed.stderr
    assert nait("verify", "long.zarr", cwd=place).returncode == 0


def test_what_is_typed_wrongly_is_said_in_one_sentence(place: Path) -> None:
    by_sums = ("select", "pool.zarr", "sums.direction", "-o", "x.jsonl")
    (place / "folder.csv").mkdir()
    for arguments, *words in (
        ((*by_sums, "--fraction", "10%"), "--fraction: '10%' is no number: write 0.1"),
        ((*by_sums, "--k", "ten"), "--k: 'ten' is no whole number"),
        ((*by_sums, "--k", 3, "--weight", "sums"), "--weight: 'sums' is not of the form NAME=VALUE"),
        ((*by_sums, "--k", 3, "--weight", "sums=much"), "--weight: 'much' is no number"),
        ((*by_sums, "--k", 3, "--seed", 1), "--seed", "--end random"),
        ((*by_sums, "--k", 3, "--text", "nowhere"), "nothing is selected", "leave no row"),
        ((*by_sums, "--threshold", 1e9), "nothing is selected", "as high as the threshold"),
        ((*by_sums, "--k", 3, "--label", "topic=prose"), "'prose' as its topic", "sum, code"),
        ((*by_sums, "--k", 3, "--direction", "sums"), "--scores NAME"),
        (("score", "pool.zarr", "sums.direction", "-o", "nowhere/s.csv"), "there is no folder nowhere"),
        (("score", "pool.zarr", "sums.direction", "-o", "data.jsonl/s.csv"), "data.jsonl is a file"),
        (("score", "pool.zarr", "sums.direction", "-o", "folder.csv"), "folder.csv is a folder: name a file"),
        (("score", "pool.zarr", "folder.csv", "-o", "x.csv"), "folder.csv is a folder; a direction or a scorer"),
        (("fit", "pool.zarr", "-o", "data.jsonl/x.direction"), "data.jsonl is a file"),
        (("score", "pool.zarr", "sums.direction", "sums.direction", "-o", "x.csv"), "'sums'", "NAME=FILE"),
        (("capture", "model", "data.jsonl", "-o", "pool.zarr", "--pools", "mean"), "(mean, response_mean, now mean)"),
    ):
        refused(nait(*arguments, cwd=place), *words)
    assert not list(place.glob("x.*"))


def test_columns_of_saved_scores(place: Path) -> None:
    files = ("again=sums.direction", "sums.direction", "robust.direction")
    assert nait("capture", "model", "data.jsonl", "-o", "columns.zarr", cwd=place).returncode == 0
    assert nait("score", "columns.zarr", *files, "--save", "three", cwd=place).returncode == 0
    by = ("select", "columns.zarr", "--scores", "three", "--fraction", 0.1, "-o", "columns.jsonl")
    assert "union of 3 columns: each gives its own 10 %" in nait(*by, cwd=place).stdout
    assert "max of 3 columns" in nait(*by, "--merge", "max", cwd=place).stdout
    one = nait(*by, "--direction", "robust", "--label", "topic=code", "--json", cwd=place)
    report = json.loads(one.stdout)
    assert (report["selected"], report["of"], report["selectable"]) == (6, 60, 120)
    assert "6 of 60 candidates (10.0%)" in (place / "columns.card.md").read_text()
    both = nait(*by, "--direction", "sums", "--direction", "again", cwd=place)
    assert "12 of 120 rows selected" in both.stdout
    assert "union of 2 columns: each gives its own 10 %" in both.stdout
    refused(nait(*by, "--direction", "none", cwd=place), "no column 'none'", "again, sums, robust")


def test_a_recipe_finds_its_store(place: Path) -> None:
    (place / "there").mkdir()
    assert nait("capture", "model", "data.jsonl", "-o", "moving.zarr", cwd=place).returncode == 0
    chosen = nait("select", "moving.zarr", "sums.direction", "--k", 7, "-o", "moving.jsonl", cwd=place)
    assert chosen.returncode == 0, chosen.stderr
    again = ("select", "--recipe", "moving.recipe.json", "-o", "moved.jsonl")
    (place / "moving.zarr").rename(place / "there/moving.zarr")
    refused(nait(*again, cwd=place), "no longer at", "moving.zarr.zip", "nait select STORE --recipe")
    refused(nait(*again, "there/moving.zarr", "sums.direction", "--k", 3, cwd=place), "leave files, --k out")
    packed = ("pack", "there/moving.zarr", "-o", "moving.zarr.zip")
    for before, arguments in ((None, ("there/moving.zarr",)), (packed, ())):
        assert before is None or nait(*before, cwd=place).returncode == 0
        assert nait(*again, *arguments, cwd=place).returncode == 0
        assert (place / "moved.jsonl").read_bytes() == (place / "moving.jsonl").read_bytes()
        (place / "moved.jsonl").unlink()
    refused(nait(*again, "neurons.zarr", cwd=place), "neurons.zarr")
