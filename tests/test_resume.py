"""A capture that is killed, stopped, damaged or repeated ends as if nothing had happened, or is refused."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import captures
import numpy as np
import pytest
from captures import assert_same
from conftest import make_rows
from test_store import flip
from tiny import tiny_model

from nait_widgets import capture
from nait_widgets.errors import ModelError, NaitError, RecordError, StoreError
from nait_widgets.models import CausalLM
from nait_widgets.store import POOLS, ActivationStore, Status, open_store


def blocks_done(path: Path) -> int:
    return len(list(path.glob("status/c/*[0-9]")))


@pytest.fixture(scope="module")
def long_source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("source") / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in make_rows(7_200)))
    return path


@pytest.fixture(scope="module")
def uninterrupted(long_source: Path, tmp_path_factory: pytest.TempPathFactory) -> ActivationStore:
    folder = tmp_path_factory.mktemp("uninterrupted")
    process = captures.start(long_source, folder / "s.zarr", folder / "report")
    process.join()
    assert (folder / "report").read_text() == "complete"
    return open_store(folder / "s.zarr")


def wait_for(condition: Any, process: Any) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert process.is_alive()
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_a_capture_killed_five_times_ends_as_if_it_never_was(
    uninterrupted: ActivationStore, long_source: Path, tmp_path: Path
) -> None:
    path, report = tmp_path / "s.zarr", tmp_path / "report"
    rng = random.Random(20260313)
    n_blocks = uninterrupted.layout.n_blocks
    before, seen = 0, []
    for _ in range(5):
        process = captures.start(long_source, path, report)
        # Somewhere from the first new block on, perhaps in the midst of writing another.
        target = before + rng.randint(1, 3)
        wait_for(lambda target=target: blocks_done(path) >= target, process)
        time.sleep(rng.uniform(0, 0.03))
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        before = blocks_done(path)
        assert 0 < before < n_blocks
        seen.append(before)
        assert not open_store(path).complete
        assert not open_store(path).verify().ok
    assert seen == sorted(set(seen))  # each run kept what was there and added to it
    process = captures.start(long_source, path, report)
    process.join()
    assert report.read_text() == "complete"
    assert open_store(path).verify().ok
    assert not list(path.rglob("*.partial"))
    assert_same(path, uninterrupted.path)


def test_ctrl_c_says_how_to_go_on(uninterrupted: ActivationStore, long_source: Path, tmp_path: Path) -> None:
    path, report = tmp_path / "s.zarr", tmp_path / "report"
    process = captures.start(long_source, path, report)
    wait_for(lambda: blocks_done(path) >= 1, process)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGINT)
    process.join()
    assert process.exitcode == 0
    message = report.read_text()
    done = int(np.count_nonzero(open_store(path).status != Status.PENDING))
    assert 0 < done < 7_200
    assert message == (
        f"Interrupted: stopped: {done:,} of 7,200 rows are safe in {path}; run the same command again to go on"
    )
    process = captures.start(long_source, path, report)
    process.join()
    assert report.read_text() == "complete"
    assert_same(path, uninterrupted.path)


@pytest.mark.parametrize(
    "file",
    [
        "resid_post_mean/c/0/0/0",
        "resid_post_last/c/2/0/0",
        "status/c/1",
        "status/c/2",
        "text/prompt/c/2",
        "sample_id/c/0",
    ],
)
@pytest.mark.parametrize("damage", ["flipped", "cut", "deleted"])
def test_a_damaged_block_is_captured_again(lm: CausalLM, file: str, damage: str, tmp_path: Path) -> None:
    rows = make_rows(80)
    path = tmp_path / "s.zarr"
    options: dict[str, Any] = {
        "template": "plain", "block_rows": 32, "pools": ["mean", "last"], "deterministic": True
    }  # fmt: skip
    capture(lm, rows, path, **options)
    sound = {f: f.read_bytes() for f in path.rglob("*") if f.is_file() and f.name != "zarr.json"}
    shard = path / file
    if damage == "flipped":
        flip(shard)
    elif damage == "cut":
        shard.write_bytes(shard.read_bytes()[:-7])
    else:
        shard.unlink()
    store = capture(lm, rows, path, **options)
    assert store.complete
    assert {f: f.read_bytes() for f in path.rglob("*") if f.is_file() and f.name != "zarr.json"} == sound


def test_damaged_statistics_are_computed_again(lm: CausalLM, tmp_path: Path) -> None:
    rows, path = make_rows(20), tmp_path / "s.zarr"
    capture(lm, rows, path, template="plain")
    before = {name: (path / name).read_bytes() for name in ("neuron_std/c/0/0/0", "first_token/c/0/0", "pool/c/0")}
    for name in before:
        flip(path / name)
    assert capture(lm, rows, path, template="plain").verify().ok
    assert {name: (path / name).read_bytes() for name in before} == before


def test_a_complete_store_is_left_as_it_is(lm: CausalLM, tmp_path: Path) -> None:
    rows, path = make_rows(20), tmp_path / "s.zarr"
    capture(lm, rows, path, template="plain")
    files = {file: file.stat().st_mtime_ns for file in path.rglob("*")}
    assert capture(lm, rows, path, template="plain").complete
    assert {file: file.stat().st_mtime_ns for file in path.rglob("*")} == files


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": 1}, r"other model weights \(\w+ [0-9a-f]{8}, now \w+ [0-9a-f]{8}\)"),
        ({"template": "alpaca"}, r"another template \(plain [0-9a-f]{8}, now alpaca [0-9a-f]{8}\)"),
        ({"site": "mlp_act"}, r"another site \(resid_post, now mlp_act\)"),
        ({"pools": ["last"]}, r"other pools \(.*mean.*, now .*last.*\)"),
        ({"layers": [1]}, r"other layers \(0, 1, 2, now 1\)"),
        ({"max_length": 99}, r"another maximum length \(256, now 99\)"),
        ({"data": 1}, r"other rows \(list [0-9a-f]{8}, now list [0-9a-f]{8}\)"),
        ({"extras": "loss"}, r"other extras \(none, now loss\)"),
        ({"store_dtype": "float32"}, r"another dtype \(float16, now float32\)"),
        ({"deterministic": True}, r"another deterministic mode \(False, now True\)"),
    ],
)
def test_going_on_with_something_else_is_refused_naming_both(
    lm: CausalLM, change: dict[str, Any], message: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "refused.zarr"
    asked: dict[str, Any] = {"model": lm, "data": make_rows(5), "path": path, "template": "plain"}
    capture(**asked)
    if "model" in change:
        change = {"model": tiny_model("llama", seed=1)}
    if "data" in change:
        change = {"data": make_rows(5, seed=9)}
    with pytest.raises(StoreError, match=f"{path} was begun with {message}; capture into another store, or replace"):
        capture(**asked | change)
    assert open_store(path).verify().ok


def test_overwriting_replaces_a_store_and_nothing_else(lm: CausalLM, tmp_path: Path) -> None:
    path = tmp_path / "s.zarr"
    capture(lm, make_rows(5), path, template="plain")
    assert len(capture(lm, make_rows(6), path, template="alpaca", overwrite=True)) == 6
    thesis = tmp_path / "work" / "thesis.txt"
    thesis.parent.mkdir()
    thesis.write_text("all my work")
    with pytest.raises(StoreError, match="only a store is overwritten"):
        capture(lm, make_rows(5), thesis.parent, template="plain", overwrite=True)
    with pytest.raises(StoreError, match="is a file; a store is a folder"):
        capture(lm, make_rows(5), thesis, template="plain", overwrite=True)
    with pytest.raises(StoreError, match="not a Zarr v3 group"):
        capture(lm, make_rows(5), thesis.parent, template="plain")
    assert thesis.read_text() == "all my work"


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"pools": ["median"]}, StoreError, "pool 'median' is unknown; choose among mean, "),
        ({"pools": []}, StoreError, "no pool is given; choose among mean, "),
        ({"path": "absent/s.zarr"}, NaitError, "there is no folder absent"),
        ({"max_length": 1}, ModelError, "needs at least 2"),
        ({"max_length": 257}, ModelError, "the model's context is 256"),
        ({"site": "soul"}, ModelError, "no site 'soul'"),
        ({"template": "chat"}, ModelError, "no chat template"),
        ({"data": [{"instruction": "a", "output": ""}]}, RecordError, "no row has a response"),
    ],
)
def test_what_can_not_be_captured_is_refused(
    lm: CausalLM, options: dict[str, Any], error: type[Exception], message: str, tmp_path: Path
) -> None:
    asked: dict[str, Any] = {"data": make_rows(3), "path": tmp_path / "s.zarr", "template": "plain"}
    with pytest.raises(error, match=message):
        capture(lm, **asked | options)
    assert not (tmp_path / "s.zarr").exists()


def test_a_full_disk_is_told_and_the_capture_goes_on_elsewhere(lm: CausalLM, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=700k", "none", disk], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    try:
        options: dict[str, Any] = {"template": "plain", "block_rows": 256, "pools": ["mean"]}
        with pytest.raises(StoreError, match=r"the disk is full: [\d,]+ of 2,500 rows are safe.*free some space"):
            capture(lm, make_rows(2_500), disk / "s.zarr", **options)
        subprocess.run(["mount", "-o", "remount,size=9m", disk], check=True)
        assert capture(lm, make_rows(2_500), disk / "s.zarr", **options).verify().ok
        with pytest.raises(
            StoreError, match=r"the activations take [\d.]+ MB and .* has [\d.]+ [kM]B free; choose another disk"
        ):
            capture(lm, make_rows(60_000), disk / "large.zarr", pools=POOLS, template="plain")
    finally:
        subprocess.run(["umount", disk], check=True)
