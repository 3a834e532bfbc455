"""A capture by the workers of a real local cluster gives the store of one process, whoever dies meanwhile."""

from __future__ import annotations

import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from captures import assert_same
from clusters import wait_for, worker_pids
from conftest import make_rows
from test_capture import overflowing
from tiny import tiny_model

from nait_widgets import capture, open_store
from nait_widgets.cluster import cluster
from nait_widgets.errors import Interrupted, ModelError, NaitError
from nait_widgets.methods import Direction
from nait_widgets.store import ActivationStore, Status
from nait_widgets.store.mapping import one_thread_each

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distributed import Client

OPTIONS: dict[str, Any] = {
    "pools": ["mean", "last"],
    "template": "plain",
    "block_rows": 64,
    "batch_tokens": 1024,
    "device": "cpu",
    "extras": "all",
}
ROWS = 2_000


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """As the workers have: sums of several threads round otherwise."""
    with one_thread_each():
        yield


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model's folder, which every process can read."""
    folder = tmp_path_factory.mktemp("model")
    lm = tiny_model("llama")
    lm.model.save_pretrained(folder)
    lm.tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("source") / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in make_rows(ROWS)))
    return path


@pytest.fixture(scope="module")
def alone(model: Path, source: Path, tmp_path_factory: pytest.TempPathFactory) -> ActivationStore:
    return capture(model, source, tmp_path_factory.mktemp("alone") / "s.zarr", **OPTIONS)


def test_two_workers_give_the_store_of_one_process(
    client: Client, model: Path, source: Path, alone: ActivationStore, tmp_path: Path
) -> None:
    store = capture(model, source, tmp_path / "s.zarr", client=client, **OPTIONS)
    assert store.complete
    assert store.verify().ok
    assert_same(store.path, alone.path)
    assert store.layout == alone.layout
    for section in ("model", "template", "source", "capture"):
        assert store.provenance[section] == alone.provenance[section]
    # A complete store is opened, whoever asks; what is damaged is made again, by whoever does.
    (store.path / "resid_post_mean/c/3/0/0").unlink()
    (store.path / "status/c/0").unlink()
    assert_same(capture(model, source, store.path, client=client, **OPTIONS).path, alone.path)


def test_scores_only(
    client: Client, model: Path, source: Path, direction: Direction, robust: Direction, tmp_path: Path
) -> None:
    """Each block's statistics are its worker's, so that those of the pool don't depend on who was first."""
    few = {"pools": None, "extras": (), "block_rows": 128, "rows": slice(0, 500)}
    options = {**OPTIONS, **few, "scores_only": [direction, robust]}
    stores = [
        capture(model, source, tmp_path / f"{name}.zarr", client=who, **options)
        for name, who in (("alone", None), ("cluster", client))
    ]
    assert stores[1].verify().ok
    assert_same(stores[1].path, stores[0].path)


def test_layers_that_float16_cannot_hold(client: Client, tmp_path: Path) -> None:
    """Any worker's rows may be the first that are too large; the driver alone adds arrays."""
    lm, source = overflowing("Z"), make_rows(640)
    source[280]["output"] = "ZZZZ ZZZZ ZZZZ"  # of the second window alone
    lm.model.save_pretrained(tmp_path / "model")
    lm.tokenizer.save_pretrained(tmp_path / "model")
    stores = [
        capture(tmp_path / "model", source, tmp_path / f"{name}.zarr", client=who, **OPTIONS)
        for name, who in (("alone", None), ("cluster", client))
    ]
    assert stores[0].info()["float32_layers"]
    assert_same(stores[1].path, stores[0].path)


def test_a_worker_killed_three_times(
    client: Client, model: Path, source: Path, alone: ActivationStore, tmp_path: Path
) -> None:
    path = tmp_path / "s.zarr"
    n_blocks = alone.layout.n_blocks
    killed: list[int] = []

    def kill() -> None:
        for done in (1, n_blocks // 3, 2 * n_blocks // 3):
            wait_for(partial(reached, path, done))
            pids = worker_pids(client)
            os.kill(pids[len(killed) % len(pids)], signal.SIGKILL)
            killed.append(blocks_done(path))

    with ThreadPoolExecutor(1) as other:
        killing = other.submit(kill)
        store = capture(model, source, path, client=client, **OPTIONS)
        killing.result()
    assert len(killed) == 3
    assert max(killed) < n_blocks
    assert store.verify().ok
    assert_same(path, alone.path)


def test_ctrl_c_leaves_a_store_that_goes_on(
    client: Client, model: Path, source: Path, alone: ActivationStore, tmp_path: Path
) -> None:
    path = tmp_path / "s.zarr"

    def interrupt() -> None:
        wait_for(partial(reached, path, 2))
        os.kill(os.getpid(), signal.SIGINT)

    handler = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore Ctrl-C
    try:
        with ThreadPoolExecutor(1) as other:
            other.submit(interrupt)
            with pytest.raises(Interrupted, match=r"rows are safe in .*; run the same command again to go on"):
                capture(model, source, path, client=client, **OPTIONS)
    finally:
        signal.signal(signal.SIGINT, handler)
    done = int(np.count_nonzero(open_store(path).status != Status.PENDING))
    assert 0 < done < ROWS
    assert_same(capture(model, source, path, **OPTIONS).path, alone.path)  # one process finishes it as well


def test_what_a_cluster_refuses(client: Client, empty: Client, model: Path, source: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="a loaded model can't be sent"):
        capture(tiny_model("llama"), source, tmp_path / "s.zarr", client=client, **OPTIONS)
    with pytest.raises(ModelError, match="site 'nonsense'"):
        capture(model, source, tmp_path / "s.zarr", client=client, **{**OPTIONS, "site": "nonsense"})
    with pytest.raises(ModelError, match="a tokenizer is for a loaded model"):
        capture(model, source, tmp_path / "s.zarr", client=client, tokenizer=tiny_model("llama").tokenizer, **OPTIONS)
    with pytest.raises(NaitError, match="has no workers yet"):
        capture(model, source, tmp_path / "s.zarr", client=empty, **OPTIONS)
    assert not (tmp_path / "s.zarr").exists()
    for asked, message in (
        (("tcp://127.0.0.1:1", None), "no Dask scheduler answers at tcp://127.0.0.1:1"),
        (("nowhere", 2), "not both"),
        ((None, 0), "at least 1"),
    ):
        with pytest.raises(NaitError, match=message), cluster(*asked):
            pass


def blocks_done(path: Path) -> int:
    return len(list(path.glob("status/c/*[0-9]")))


def reached(path: Path, blocks: int) -> bool:
    return blocks_done(path) >= blocks
