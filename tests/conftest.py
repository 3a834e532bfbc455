"""Stores that many tests share: captured once from a tiny random model."""

from __future__ import annotations

import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tiny import tiny_model

from nait_widgets import Direction, capture, fit_direction
from nait_widgets.models import CausalLM
from nait_widgets.store import POOLS, ActivationStore, open_store

pytest_plugins = ["browser_fixtures", "clusters", "contaminated", "curating", "labelled", "parts", "remotes", "saved"]

Row = dict[str, Any]
EMPTY_ROW, LONG_ROW = 5, 300
LONGEST = ("test_notebooks", "test_browser", "test_cluster", "test_resume", "test_remote", "test_scoring", "test_demo")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where several processes share the files, those that take longest come first, so that none is left for the end."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: not item.path.name.startswith(LONGEST))


def make_rows(n: int, seed: int = 0, vocabulary: str = "river mill lake stone hill path tree cloud") -> list[Row]:
    """Alpaca rows of 5 to 60 tokens with an id, and fields that nobody reads."""
    rng = random.Random(seed)
    words = vocabulary.split()

    def phrase(most: int) -> str:
        return " ".join(rng.choice(words) for _ in range(rng.randint(1, most)))

    return [
        {
            "meta": {"z": i, "a": [None, 1.5, "é\n"]},
            "instruction": phrase(4),
            "input": phrase(3) if rng.random() < 0.4 else "",
            "output": phrase(6),
            "id": f"row-{seed}-{i:04}",
        }
        for i in range(n)
    ]


@pytest.fixture(scope="session")
def lm() -> CausalLM:
    return tiny_model("llama")


@pytest.fixture(scope="session")
def pool_rows() -> list[Row]:
    """700 rows, of which one is empty and one too long for its response to be reached."""
    rows = make_rows(700)
    rows[EMPTY_ROW]["output"] = " "
    rows[LONG_ROW]["instruction"] = "stone " * 300
    return rows


@pytest.fixture(scope="session")
def in_domain_rows() -> list[Row]:
    return make_rows(40, seed=1, vocabulary="two three five sum add number")


@pytest.fixture(scope="session")
def pool(lm: CausalLM, pool_rows: list[Row], tmp_path_factory: pytest.TempPathFactory) -> ActivationStore:
    """Every pool of two blocks, the second with two row chunks, the last of these not full."""
    path = tmp_path_factory.mktemp("stores") / "pool.zarr"
    return capture(lm, pool_rows, path, pools=POOLS, extras="all", template="plain", block_rows=512)


@pytest.fixture(scope="session")
def packed(pool: ActivationStore, tmp_path_factory: pytest.TempPathFactory) -> ActivationStore:
    """`pool` in one file."""
    return open_store(pool.pack(tmp_path_factory.mktemp("packed") / "pool.zarr.zip"))


@pytest.fixture
def copy(pool: ActivationStore, tmp_path: Path) -> ActivationStore:
    """A copy of `pool` to be broken."""
    return open_store(shutil.copytree(pool.path, tmp_path / "copy.zarr"))


@pytest.fixture(scope="session")
def direction(lm: CausalLM, in_domain_rows: list[Row]) -> Direction:
    return fit_direction(lm, in_domain_rows, name="sums", template="plain")


@pytest.fixture(scope="session")
def robust(lm: CausalLM, in_domain_rows: list[Row], pool: ActivationStore) -> Direction:
    return fit_direction(lm, in_domain_rows, name="robust sums", preset="robust", background=pool)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"a small disk can't be mounted here: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)
