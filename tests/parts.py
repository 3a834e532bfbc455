"""Rows that were captured in one place and in four, and what stores made of stores are held to."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Row, make_rows

from nait_widgets import capture, read_records
from nait_widgets.models import CausalLM
from nait_widgets.store import ActivationStore

OPTIONS: dict[str, Any] = {
    "pools": ["mean", "last"],
    "template": "plain",
    "block_rows": 32,
    "batch_tokens": 1024,
    "extras": "all",
}
N = 470
CUTS = (0, 128, 256, 384, N)  # each part but the last fills a window of four blocks


@dataclass
class Told:
    """What `report` was told: blocks that were linked, and all."""

    linked: int = -1
    blocks: int = -1

    def __call__(self, linked: int, blocks: int) -> None:
        self.linked, self.blocks = linked, blocks


@pytest.fixture(scope="session")
def part_rows() -> list[Row]:
    """Rows without ids, a third of them twins of others, so that an id depends on the rows before."""
    rows = make_rows(N)
    for i, row in enumerate(rows):
        del row["id"]
        if i % 3 == 2:
            rows[i] = dict(rows[i // 2])
    rows[40]["output"] = rows[469]["output"] = " "
    return rows


@pytest.fixture(scope="session")
def whole(lm: CausalLM, part_rows: list[Row], tmp_path_factory: pytest.TempPathFactory) -> ActivationStore:
    return capture(lm, part_rows, tmp_path_factory.mktemp("whole") / "whole.zarr", **OPTIONS)


@pytest.fixture(scope="session")
def parts(lm: CausalLM, part_rows: list[Row], tmp_path_factory: pytest.TempPathFactory) -> list[ActivationStore]:
    """The same rows, captured in four places."""
    folder, records = tmp_path_factory.mktemp("parts"), read_records(part_rows)
    return [
        capture(lm, records.part(slice(*end)), folder / f"{i}.zarr", **OPTIONS) for i, end in enumerate(pairwise(CUTS))
    ]


def data_files(store: ActivationStore) -> dict[str, Path]:
    """The files that aren't metadata, by their keys."""
    files = (file for file in store.path.rglob("*") if file.is_file() and file.name != "zarr.json")
    return {str(file.relative_to(store.path)): file for file in files}


def inodes(stores: list[ActivationStore]) -> set[int]:
    return {file.stat().st_ino for store in stores for file in data_files(store).values()}


def assert_rows(store: ActivationStore, expected: list[tuple[ActivationStore, list[int]]]) -> None:
    """A store holds just these rows, every array of them bit for bit, and is sound."""
    assert store.verify().ok
    every = np.arange(len(store))
    for name in store.layout.columns:
        there = [np.asarray(source.array(name)[...])[rows] for source, rows in expected]
        values = np.asarray(store.array(name)[...])
        assert values.dtype == there[0].dtype
        assert values.tolist() == np.concatenate(there).tolist() or values.tobytes() == np.concatenate(there).tobytes()
    for pool in store.layout.pools:
        for reader in (0, -1):  # with the float32 layers, and the float16 array itself
            values = store.parts(pool)[reader].take(every)
            there = [source.parts(pool)[reader].take(np.array(rows)) for source, rows in expected]
            if reader == -1 or all(source.wide_layers.keys() == store.wide_layers.keys() for source, _ in expected):
                assert values.tobytes() == np.concatenate(there).tobytes()
        chosen = store.pool(pool).take(every[store.selectable]).astype(np.float64)
        np.testing.assert_allclose(store.statistics(pool).mean, chosen.mean(0), rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(store.statistics(pool).std, chosen.std(0), rtol=1e-4, atol=1e-5)
