from __future__ import annotations

import csv
import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from conftest import Row, make_rows

from nait_widgets import Direction, Selection, capture, score, select
from nait_widgets.errors import NaitError, SelectionError
from nait_widgets.models import CausalLM
from nait_widgets.records import read_records
from nait_widgets.selection import Recipe
from nait_widgets.selection.card import card
from nait_widgets.store import ActivationStore

SUFFIXES = (".jsonl", ".json", ".parquet", ".csv", ".tsv", "")


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    """Rows of which only some have a note, with text that files find hard."""
    rows = [{"z": i, "output": row["output"], "instruction": row["instruction"]} for i, row in enumerate(make_rows(60))]
    for row in rows[20:]:
        row["note"] = 'é "quoted",\ta tab\nand a line ☃'
    return rows


@pytest.fixture(scope="module")
def plain_store(lm: CausalLM, rows: list[Row], tmp_path_factory: pytest.TempPathFactory) -> ActivationStore:
    return capture(lm, rows, tmp_path_factory.mktemp("plain") / "s.zarr", template="plain", block_rows=16)


@pytest.fixture
def chosen(plain_store: ActivationStore, direction: Direction) -> Selection:
    return select(score(plain_store, direction), fraction=0.5)


def read(path: Path) -> list[Row]:
    match path.suffix:
        case ".jsonl":
            return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        case ".json":
            rows: list[Row] = json.loads(path.read_text("utf-8"))
            return rows
        case ".parquet":
            import pyarrow.parquet as pq

            return list(pq.read_table(path).to_pylist())
        case ".csv" | ".tsv":
            with path.open(encoding="utf-8", newline="") as file:
                return list(csv.DictReader(file, delimiter="," if path.suffix == ".csv" else "\t"))
        case _:
            from datasets import load_from_disk

            return list(load_from_disk(str(path)))


def as_table(rows: list[Row]) -> list[Row]:
    """Rows as a table has them: every field in every row."""
    fields = dict.fromkeys(key for row in rows for key in row)
    return [{field: row.get(field) for field in fields} for row in rows]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_originals_come_back_unchanged(chosen: Selection, rows: list[Row], suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"out{suffix}"
    files = chosen.export(path)
    assert [file.name for file in files] == [
        path.name, "out.recipe.json", "out.card.md", "out.sums.direction"
    ]  # fmt: skip
    assert sorted(tmp_path.iterdir()) == sorted(files)
    expected = [rows[i] for i in np.sort(chosen.rows)]
    assert 0 < sum("note" in row for row in expected) < len(expected) == 30
    match suffix:
        case ".jsonl" | ".json":
            assert [list(row.items()) for row in read(path)] == [list(row.items()) for row in expected]
        case ".csv" | ".tsv":
            texts = [{k: "" if v is None else str(v) for k, v in row.items()} for row in as_table(expected)]
            assert read(path) == texts
        case _:
            assert read(path) == as_table(expected)
            assert list(read(path)[0]) == list(as_table(expected)[0])
    assert len(read_records(path)) == 30


def test_jsonl_is_the_sources_own_text(
    pool: ActivationStore, pool_rows: list[Row], direction: Direction, tmp_path: Path
) -> None:
    chosen = select(score(pool, direction), k=25)
    path, *_ = chosen.export(tmp_path / "out.jsonl", order="rank")
    expected = [json.dumps(pool_rows[i], ensure_ascii=False) for i in chosen.rows]
    assert path.read_text("utf-8").splitlines() == expected


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("order", ["source", "rank"])
def test_columns_and_order(chosen: Selection, rows: list[Row], suffix: str, order: Any, tmp_path: Path) -> None:
    path, *_ = chosen.export(tmp_path / f"out{suffix}", columns=["reason", "score", "rank"], order=order)
    ranks = range(30) if order == "rank" else np.argsort(chosen.rows)
    for row, rank in zip(read(path), ranks, strict=True):
        assert int(row["z"]) == rows[chosen.rows[rank]]["z"]
        assert list(row)[-3:] == ["nait_reason", "nait_score", "nait_rank"] or "note" in row
        assert float(row["nait_score"]) == chosen.scores[rank]
        assert (int(row["nait_rank"]), row["nait_reason"]) == (rank + 1, f"sums #{rank + 1}")


def test_an_empty_selection_is_an_empty_file(
    plain_store: ActivationStore, direction: Direction, tmp_path: Path
) -> None:
    nothing = select(score(plain_store, direction), threshold=1e9)
    for suffix in SUFFIXES:
        path, _, card, _ = nothing.export(tmp_path / f"out{suffix}")
        assert path.is_dir() or read(path) == []
        assert "no row was chosen" in card.read_text("utf-8")


def test_rows_that_a_table_can_not_hold_are_named(pool: ActivationStore, direction: Direction, tmp_path: Path) -> None:
    chosen = select(score(pool, direction), k=5)  # their `meta` mixes numbers and text in a list
    for suffix in (".parquet", ""):
        with pytest.raises(SelectionError, match=r"the rows don't fit .*export them as \.jsonl"):
            chosen.export(tmp_path / f"out{suffix}")
    assert list(tmp_path.iterdir()) == []


def test_text_that_is_no_unicode_survives_in_json_alone(lm: CausalLM, direction: Direction, tmp_path: Path) -> None:
    rows = [{"instruction": "mill", "output": "lake", "note": "\ud800 é"}, {"instruction": "hill", "output": "stone"}]
    store = capture(lm, rows, tmp_path / "s.zarr", template="plain")
    chosen = select(score(store, direction), k=2)
    for suffix in (".jsonl", ".json"):
        assert read(chosen.export(tmp_path / f"out{suffix}")[0]) == rows
    for suffix in (".csv", ".parquet", ""):
        with pytest.raises(SelectionError, match=r"\.jsonl"):
            chosen.export(tmp_path / f"other{suffix}")
    assert not list(tmp_path.glob("*other*"))


# -- recipe and card


def test_a_recipe_repeats_the_selection_wherever_it_is_moved(
    copy: ActivationStore, direction: Direction, robust: Direction, tmp_path: Path
) -> None:
    chosen = select(score(copy, [direction, robust], pool="last"), fraction=0.07, merge="round-robin")
    (tmp_path / "out").mkdir()
    _, recipe, _, *directions = chosen.export(tmp_path / "out" / "rows.jsonl", columns=["rank"])
    assert [file.name for file in directions] == ["rows.sums.direction", "rows.robust-sums.direction"]
    values = json.loads(recipe.read_text())
    assert values["format"] == "nait-recipe-1"
    assert values["store"]["path"] == "../copy.zarr"
    assert str(tmp_path) not in recipe.read_text()
    assert values["wish"] == {"fraction": 0.07, "merge": "round-robin"}
    assert values["export"] == {"columns": ["rank"], "order": "source"}
    assert values["result"]["rows"] == len(chosen)
    again = Recipe.load(recipe).repeat()
    assert again.ids == chosen.ids
    assert again.reasons == chosen.reasons
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for name in ("out", "copy.zarr"):
        shutil.move(tmp_path / name, moved / name)
    assert Recipe.load(moved / "out" / "rows.recipe.json").repeat().ids == chosen.ids


def test_a_recipe_notices_what_has_changed(
    lm: CausalLM, copy: ActivationStore, direction: Direction, tmp_path: Path
) -> None:
    chosen = select(score(copy, direction), k=9)
    _, recipe, _, file = chosen.export(tmp_path / "rows.jsonl")
    (-direction).save(file)
    with pytest.raises(SelectionError, match=r"rows.sums.direction is not the direction that the recipe was made with"):
        Recipe.load(recipe).repeat()
    direction.save(file)
    group: Any = zarr.open_group(copy.path, mode="r+", use_consolidated=False)
    group["resid_post_mean"][:256] = group["resid_post_mean"][:256][::-1]
    with pytest.raises(SelectionError, match=r"gives 9 rows that are not the 9 of its time.*activations have changed"):
        Recipe.load(recipe).repeat()
    capture(lm, make_rows(30), copy.path, template="plain", overwrite=True)
    with pytest.raises(SelectionError, match="holds other data than the recipe was made on"):
        Recipe.load(recipe).repeat()
    shutil.rmtree(copy.path)
    with pytest.raises(SelectionError, match=r"no longer at .*copy.zarr, nor packed at copy.zarr.zip: say where"):
        Recipe.load(recipe).repeat()


def test_files_that_are_no_recipe(tmp_path: Path) -> None:
    with pytest.raises(SelectionError, match="there is no recipe at"):
        Recipe.load(tmp_path / "absent.json")
    file = tmp_path / "x.recipe.json"
    for text, message in (
        ("{", "can't be read as a recipe"),
        ("[]", "is not a recipe of format"),
        ('{"format": "nait-recipe-2"}', "is not a recipe of format nait-recipe-1"),
        ('{"format": "nait-recipe-1", "store": {}}', "is not a whole recipe"),
    ):
        file.write_text(text)
        with pytest.raises(SelectionError, match=message):
            Recipe.load(file)


def test_the_card_tells_a_person(
    pool: ActivationStore, direction: Direction, robust: Direction, tmp_path: Path
) -> None:
    chosen = select(score(pool, [direction, robust]), fraction=0.1, merge="max")
    card = chosen.export(tmp_path / "rows.jsonl")[2].read_text("utf-8")
    tokens = int(pool.n_tokens[chosen.rows].sum())
    for piece in (
        "# rows.jsonl",
        "70 of 698 candidates (10.0%)",
        f"{tokens:,} tokens",
        "fraction 0.1, merged by max",
        "1 empty, 1 too_long",
        chosen.ids_digest[:16],
        pool.provenance["model"]["weights_hash"][:16],
        "| sums | paper | 40 |",
        "| robust sums | robust | 40 |",
        "resid_post, 3 layers × 32 neurons",
    ):
        assert piece in card, piece


def test_a_strangers_words_are_no_markup_of_the_card(
    copy: ActivationStore, direction: Direction, tmp_path: Path
) -> None:
    scores = score(copy, direction.named("a|b"))
    scores["c|d"] = "sample", np.array(["p|q", "<img src=x>"])[np.arange(len(copy)) % 2]
    chosen = select(scores, k=698, filters={"labels": {"c|d": ["p|q", "<img src=x>"]}, "text": "o"})
    lines = chosen.export(tmp_path / "rows|.jsonl")[2].read_text("utf-8").splitlines()
    assert "# rows\\|.jsonl" in lines
    assert "| asked for | top k 698 |" in lines
    assert "| only among | text 'o', c\\|d p\\|q or \\<img src=x> |" in lines
    assert any(line.startswith("| a\\|b | paper | 40 |") for line in lines)
    million = replace(chosen, wish=replace(chosen.wish, k=1_234_567))
    assert "| asked for | top k 1,234,567 |" in card(million, "x")


# -- failures


def test_a_folder_in_the_place_of_a_file_is_found_before_anything_is_written(chosen: Selection, tmp_path: Path) -> None:
    for name in ("rows.card.md", "rows.recipe.json", "rows.sums.direction"):
        (tmp_path / name).mkdir()
        with pytest.raises(NaitError, match=f"{name} is a folder: name a file"):
            chosen.export(tmp_path / "rows.jsonl")
        assert [path.name for path in tmp_path.iterdir()] == [name]
        (tmp_path / name).rmdir()


def test_failures_leave_nothing_behind(chosen: Selection, tmp_path: Path) -> None:
    refused: list[tuple[str, dict[str, Any], str]] = [
        ("rows.xlsx", {}, r"can be written as \.jsonl, \.json, \.parquet, \.csv, \.tsv, or without suffix"),
        ("absent/rows.jsonl", {}, "there is no folder"),
        ("rows.jsonl", {"columns": ["size"]}, "column 'size' is unknown; choose among score, rank, reason"),
        ("rows.jsonl", {"order": "random"}, "order is 'random', but must be source or rank"),
    ]
    for name, asked, message in refused:
        with pytest.raises(NaitError, match=message):
            chosen.export(tmp_path / name, **asked)
    assert list(tmp_path.iterdir()) == []


def test_of_a_store_without_text_the_ids_are_exported(lm: CausalLM, direction: Direction, tmp_path: Path) -> None:
    store = capture(lm, make_rows(9), tmp_path / "s.zarr", template="plain", text=False)
    chosen = select(score(store, direction), k=3)
    rows, _, card, _ = chosen.export(tmp_path / "rows.jsonl", columns=["reason"])
    expected = dict(zip(chosen.ids, chosen.reasons, strict=True))
    assert {row["id"]: row["nait_reason"] for row in read(rows)} == expected
    assert {tuple(row) for row in read(rows)} == {("id", "nait_reason")}
    assert "The store has no text, so a row here is its `id` in the source" in card.read_text("utf-8")


def test_a_folder_is_replaced_only_where_an_export_wrote_it(chosen: Selection, tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    for thesis in (None, project / "thesis.tex"):
        if thesis:
            thesis.write_text("x")
        for given in (project, f"{project}/", tmp_path / "project.jsonl"):
            if str(given).endswith(".jsonl"):
                Path(given).mkdir(exist_ok=True)
            with pytest.raises(SelectionError, match="is a folder, and none that an export wrote"):
                chosen.export(given)
    own, *_ = chosen.export(tmp_path / "own")
    (own / "notes.md").write_text("x")
    with pytest.raises(SelectionError, match="none that an export wrote"):
        chosen.export(own)
    assert sorted(file.name for file in project.iterdir()) == ["thesis.tex"]
    assert (own / "notes.md").exists()


def test_a_slash_says_a_folder_whatever_dots_its_name_has(chosen: Selection, tmp_path: Path) -> None:
    from datasets import load_from_disk

    files = chosen.export(f"{tmp_path}/alpaca.v2.rows/")
    beside = [f"alpaca.v2.rows{end}" for end in ("", ".recipe.json", ".card.md", ".sums.direction")]
    assert [file.name for file in files] == beside
    assert len(load_from_disk(str(files[0]))) == 30
    with pytest.raises(SelectionError, match="with a slash at the end"):
        chosen.export(tmp_path / "alpaca.v2")
    for nothing in ("", ".", "/"):
        with pytest.raises(SelectionError, match="names no file to export to"):
            chosen.export(nothing)


def test_directions_of_like_names_have_files_of_their_own(
    copy: ActivationStore, direction: Direction, robust: Direction, tmp_path: Path
) -> None:
    names = ["c++", "c**", "c---2"]
    alike = [one.named(name) for one, name in zip((direction, robust, -direction), names, strict=True)]
    chosen = select(score(copy, alike), k=9)
    files = chosen.export(tmp_path / "rows.jsonl")
    assert len(set(files)) == 6
    assert Recipe.load(files[1]).repeat().ids == chosen.ids


def test_an_export_replaces_the_one_before(chosen: Selection, tmp_path: Path) -> None:
    for suffix in SUFFIXES:
        for _ in range(2):
            chosen.export(tmp_path / f"out{suffix}")
        assert len(read(tmp_path / f"out{suffix}")) == 30
    assert not list(tmp_path.glob("*partial*"))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_full_disk_keeps_what_was_there(chosen: Selection, suffix: str, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", disk], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    try:
        (disk / "out.recipe.json").write_text("an earlier recipe")
        (disk / "large").write_bytes(bytes(4096 * 13))
        with pytest.raises(NaitError, match="can't be written: No space left on device"):
            chosen.export(disk / f"out{suffix}")
        assert sorted(file.name for file in disk.iterdir()) == ["large", "out.recipe.json"]
        assert (disk / "out.recipe.json").read_text() == "an earlier recipe"
    finally:
        subprocess.run(["umount", disk], check=True)
