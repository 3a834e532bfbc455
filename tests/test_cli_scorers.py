"""Scorers on the command line: named by `--by`, or read from files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from test_cli import nait, refused

import nait_widgets
from nait_widgets import Direction, capture, score, select
from nait_widgets.models import CausalLM
from nait_widgets.store import ActivationStore, open_store


@pytest.fixture(scope="module")
def place(
    lm: CausalLM,
    pool: ActivationStore,
    direction: Direction,
    in_domain_rows: Any,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A folder with candidates, samples of what is wanted, and a direction."""
    folder = tmp_path_factory.mktemp("cli-scorers")
    shutil.copytree(pool.path, folder / "pool.zarr")
    capture(lm, in_domain_rows, folder / "sums.zarr", template="plain", extras=["embedding"], monitor=False)
    direction.save(folder / "sums.direction")
    return folder


def test_from_kinds_to_a_subset_and_back(place: Path) -> None:
    store = open_store(place / "pool.zarr")
    by = ("--by", "length", "--by", "hard=ifd:form=perplexity", "--by", "knn:k=3", "--targets", "sums.zarr")
    scored = nait("score", "pool.zarr", "sums.direction", *by, "-o", "scores.parquet", "--save", "all", cwd=place)
    assert scored.returncode == 0, scored.stderr
    table = pd.read_parquet(place / "scores.parquet")
    assert list(table.columns[3:]) == ["sums", "length", "hard", "knn sums"]
    expected = score(store, [nait_widgets.scorer("ifd", form="perplexity")])["score"].values[:, 0]
    pd.testing.assert_series_equal(table["hard"], pd.Series(expected, name="hard"))
    shown = nait("info", "pool.zarr", cwd=place)
    assert "saved    scorers: hard, knn sums, length" in shown.stdout
    assert nait("verify", "pool.zarr", cwd=place).returncode == 0

    # From the store, by scores that are saved there: no file is needed.
    chosen = nait("select", "pool.zarr", "--scores", "all", "--k", 9, "--merge", "max", "-o", "all.jsonl", cwd=place)
    assert chosen.returncode == 0, chosen.stderr
    assert sorted(path.name for path in place.glob("all.*")) == ["all.card.md", "all.jsonl", "all.recipe.json"]
    # Of another option than the one that is saved: a file of its own, which another selection can take.
    longest = ("--by", "length:of=sample", "--fraction", 0.1, "-o")
    chosen = nait("select", "pool.zarr", *longest, "long.jsonl", "--columns", "rank", cwd=place)
    assert chosen.returncode == 0, chosen.stderr
    assert (place / "long.length.scorer").exists()
    for arguments in (("--recipe", "long.recipe.json"), ("pool.zarr", "long.length.scorer", "--fraction", 0.1)):
        again = nait("select", *arguments, "--columns", "rank", "-o", "again.jsonl", cwd=place)
        assert again.returncode == 0, again.stderr
        assert (place / "again.jsonl").read_bytes() == (place / "long.jsonl").read_bytes()
    ids = select(score(store, nait_widgets.scorer("length", of="sample")), fraction=0.1).ids
    assert {json.loads(line)["id"] for line in (place / "long.jsonl").read_text().splitlines()} == set(ids)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("score", "pool.zarr"), ["nothing to score by", "name a scorer"]),
        (("score", "pool.zarr", "--by", "wisdom"), ["no scorer 'wisdom'", "length"]),
        (("score", "pool.zarr", "--by", "length:of"), ["--by length:of", "option=value"]),
        (("score", "pool.zarr", "--by", "ifd:"), ["--by ifd:", "option=value"]),
        (("score", "pool.zarr", "--by", "=ifd"), ["--by =ifd", "option=value"]),
        (("score", "pool.zarr", "--by", "length:of=sample,of=response"), ["'of' is given 2 times"]),
        (("score", "pool.zarr", "--by", "a=length:name=b"), ["'name' is given 2 times"]),
        (("score", "pool.zarr", "--by", "length:of=prompt"), ["'prompt'", "response or sample"]),
        (("score", "pool.zarr", "--by", "length:off=response"), ["no option 'off'", "of"]),
        (("score", "pool.zarr", "--by", "knn"), ["--by knn", "--targets STORE"]),
        (("score", "pool.zarr", "--by", "length", "--targets", "sums.zarr"), ["--targets sums.zarr", "compares"]),
        (
            ("score", "pool.zarr", "--by", "length", "--by", "length"),
            ["2 columns would be named 'length'", "--by NAME=KIND"],
        ),
        (("score", "pool.zarr", "--by", "length", "--pool", "mean"), ["pool can only be said of directions"]),
        (("score", "sums.zarr", "--by", "loss"), ["'loss'", "--extras"]),
        (("score", "pool.zarr", "nothing.scorer"), ["no scorer file at nothing.scorer"]),
        (("select", "pool.zarr", "--scores", "x", "--by", "length", "--k", 3), ["'x'", "give no others"]),
        (("select", "--recipe", "x.recipe.json", "--by", "length"), ["leave --by out"]),
    ],
)
def test_what_is_wrong_is_said(place: Path, arguments: tuple[object, ...], words: list[str]) -> None:
    refused(nait(*arguments, "-o", "x.jsonl", cwd=place), *words)
    assert not list(place.glob("x.*"))


def test_a_scorer_explains_nothing(place: Path) -> None:
    nait_widgets.scorer("length").save(place / "length.scorer")
    told = nait("explain", "pool.zarr", open_store(place / "pool.zarr").sample_id[0], "length.scorer", cwd=place)
    refused(told, "'length' is a scorer of kind 'length'", "give a direction")
