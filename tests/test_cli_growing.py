"""Stores made of stores on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from captures import assert_same
from test_cli import ROWS, nait, refused
from tiny import tiny_model

from nait_widgets import open_store


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model, data, and stores of the whole and of two parts."""
    folder = tmp_path_factory.mktemp("growing")
    lm = tiny_model("llama")
    lm.model.save_pretrained(folder / "model")
    lm.tokenizer.save_pretrained(folder / "model")
    for name, rows in (("whole", ROWS), ("a", ROWS[:70]), ("b", ROWS[70:])):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        result = nait("capture", "model", f"{name}.jsonl", "-o", f"{name}.zarr", cwd=folder)
        assert result.returncode == 0, result.stderr
    return folder


def test_parts_are_joined_and_appended(place: Path) -> None:
    joined = nait("join", "a.zarr", "b.zarr", "-o", "joined.zarr", cwd=place)
    assert joined.stdout == "joined.zarr: 120 rows (0 of 1 blocks as they were, 1 written anew)\n"
    again = nait("join", "a.zarr", "b.zarr", "-o", "joined.zarr", cwd=place)
    refused(again, "joined.zarr is there already")
    again = nait("join", "a.zarr", "-o", "joined.zarr", "--overwrite", "--json", cwd=place)
    assert json.loads(again.stdout) == {"output": "joined.zarr", "rows": 70, "blocks": 1, "blocks_written": 0}
    longer = nait("append", "joined.zarr", "b.zarr", "--json", cwd=place)
    assert json.loads(longer.stdout) == {"output": "joined.zarr", "rows": 120, "blocks": 1, "blocks_written": 1}
    store, whole = open_store(place / "joined.zarr"), open_store(place / "whole.zarr")
    assert store.verify().ok
    assert store.sample_id.tolist() == whole.sample_id.tolist()
    assert [part["source"]["name"] for part in store.provenance["parts"]] == ["a.jsonl", "b.jsonl"]
    refused(nait("append", "joined.zarr", "b.zarr", cwd=place), "sample 'r70' is in joined.zarr and in b.zarr too")


def test_a_subset_by_selection_recipe_and_ids(place: Path) -> None:
    chosen = nait("select", "whole.zarr", "--by", "length", "--k", 9, "--save", "nine", "-o", "nine.jsonl", cwd=place)
    assert chosen.returncode == 0, chosen.stderr
    ids = [json.loads(line)["id"] for line in (place / "nine.jsonl").read_text().splitlines()]
    (place / "ids.txt").write_text("\n".join(ids) + "\n")
    for given, name in (
        (("--selection", "nine"), "s"),
        (("--recipe", "nine.recipe.json"), "r"),
        (("--ids", "ids.txt"), "i"),
    ):
        result = nait("subset", "whole.zarr", *given, "-o", f"{name}.zarr", "--json", cwd=place)
        assert result.returncode == 0, result.stderr
        assert json.loads(result.stdout)["rows"] == 9
        store = open_store(place / f"{name}.zarr")
        assert store.sample_id.tolist() == ids
        assert store.verify().ok
        assert_same(store.path, place / "s.zarr")
    refused(
        nait("subset", "whole.zarr", "--ids", "nowhere.txt", "-o", "x.zarr", cwd=place), "nowhere.txt can't be read"
    )
    refused(nait("subset", "whole.zarr", "-o", "x.zarr", cwd=place), "--selection --recipe --ids is required")
    assert not (place / "x.zarr").exists()
