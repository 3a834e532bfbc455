"""Stores of some rows of another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from captures import assert_same
from parts import Told, assert_rows
from tiny import tiny_model

from nait_widgets import capture, join, score, select, subset
from nait_widgets.errors import StoreError
from nait_widgets.store import ActivationStore, open_store


def test_a_subset_is_by_row_by_id_or_by_selection(pool: ActivationStore, direction: Any, tmp_path: Path) -> None:
    scores = score(pool, direction)
    selection = select(scores, fraction=0.1)
    rows = sorted(selection.rows.tolist())
    by_selection = subset(pool, selection, tmp_path / "selection.zarr")
    assert_rows(by_selection, [(pool, rows)])
    assert by_selection.layout.block_rows == pool.layout.block_rows
    assert by_selection.provenance["source"]["rows"] == len(rows)
    assert by_selection.provenance["subset_of"] == pool.provenance["source"]
    again = score(by_selection, direction)["score"].to_numpy()
    np.testing.assert_allclose(again, scores["score"].to_numpy()[rows], rtol=1e-5, atol=1e-6)
    by_id = subset(pool.path, iter(selection.ids), tmp_path / "ids.zarr")
    assert_same(by_id.path, by_selection.path)
    assert by_id.provenance["source"] == by_selection.provenance["source"]
    by_row = subset(pool, selection.rows, tmp_path / "ids.zarr", overwrite=True)
    assert_same(by_row.path, by_selection.path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ids.zarr", "selection.zarr"]


def test_a_subset_by_a_saved_selection_of_a_packed_store(copy: ActivationStore, direction: Any, tmp_path: Path) -> None:
    scores = score(copy, direction)
    copy.save_scores(scores, "sums")
    copy.save_selection(select(scores, k=9), "nine")
    packed = open_store(copy.pack())
    store = subset(packed, "nine", tmp_path / "nine.zarr")
    assert_rows(store, [(copy, sorted(copy.selection("nine").rows.tolist()))])
    assert store.score_sets() == ()
    with pytest.raises(StoreError, match="no 'ten' among its selections"):
        subset(packed, "ten", tmp_path / "ten.zarr")


def test_blocks_that_stay_whole_are_linked(parts: list[ActivationStore], tmp_path: Path) -> None:
    told, source = Told(), parts[3]  # of 86 rows
    kept = [row for row in range(86) if row != 40]
    store = subset(source, kept, tmp_path / "s.zarr", report=told)
    assert (told.linked, told.blocks) == (1, 3)
    assert_rows(store, [(source, kept)])
    tail = subset(source, range(64, 86), tmp_path / "tail.zarr", report=told)  # one block, and not a full one
    assert (told.linked, told.blocks) == (1, 1)
    assert_rows(tail, [(source, list(range(64, 86)))])


def test_a_first_token_that_nobody_knows_is_not_said_to_be_shared(tmp_path: Path) -> None:
    lm = tiny_model("llama")
    lm.tokenizer.bos_token = None
    rows = [{"instruction": word, "output": "lake"} for word in ("mill", "mill", "stone", "path")]
    rows = [{**row, "id": str(i)} for i, row in enumerate(rows)]
    store = capture(lm, rows, tmp_path / "s.zarr", template="plain")
    assert not store.shared_first_token
    alike = subset(store, [0, 1], tmp_path / "alike.zarr")
    assert len(set(alike.column("first_token_id").tolist())) == 1
    assert not alike.shared_first_token
    assert alike.verify().ok
    assert join([alike, subset(store, [2], tmp_path / "one.zarr")], tmp_path / "joined.zarr").verify().ok


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "no row of .* is named"),
        ([3, 700], r"there is no row 700 in .*pool\.zarr: they count from 0 to 699"),
        ([-1], "there is no row -1 in"),
        ([5, 7, 5], r"row 5 of .* \(row-0-0005\) is named twice"),
        (["row-0-0005", "row-0-0005"], r"row 5 of .* is named twice"),
        (["row-0-0005", "mill"], "has no sample 'mill'"),
        ([0.5], "rows are named by whole numbers or by sample ids, but these are float64"),
        ([True, False], "but these are bool"),
    ],
)
def test_rows_that_are_not_there_are_refused(pool: ActivationStore, rows: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=message):
        subset(pool, rows, tmp_path / "x.zarr")
    assert not list(tmp_path.iterdir())


def test_a_selection_of_another_store_is_refused(
    pool: ActivationStore, copy: ActivationStore, direction: Any, tmp_path: Path
) -> None:
    with pytest.raises(StoreError, match=r"the selection is of .*copy\.zarr, and not of .*pool\.zarr"):
        subset(pool, select(score(copy, direction), k=3), tmp_path / "x.zarr")
