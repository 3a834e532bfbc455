"""Captured straight into a bucket, a store is the one that a folder would have got, whatever happens to the server."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from captures import OPTIONS, assert_same
from conftest import make_rows
from remotes import BUCKET, SECRET, Server, serving, settle
from test_capture import overflowing
from test_store import flip

from nait_widgets import Direction, capture, open_store, score, select, select_from_fingerprint
from nait_widgets.cluster import cluster
from nait_widgets.errors import RemoteError, StoreError
from nait_widgets.models import CausalLM
from nait_widgets.store import ActivationStore
from nait_widgets.store.appearing import MARK
from nait_widgets.store.remote import Url

ROWS = 1_100


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    return make_rows(ROWS)


@pytest.fixture(scope="module")
def expected(lm: CausalLM, rows: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> ActivationStore:
    return capture(lm, rows, tmp_path_factory.mktemp("expected") / "s.zarr", extras="all", **OPTIONS)


@pytest.fixture
def bucket(s3: Server) -> Iterator[Path]:
    """The bucket's folder; what is put there goes with the test."""
    folder = s3.folder / BUCKET
    before = set(folder.iterdir())
    yield folder
    for path in set(folder.iterdir()) - before:
        shutil.rmtree(path)
    settle()


def captured(lm: CausalLM, rows: list[dict[str, Any]], server: Server, **more: Any) -> ActivationStore:
    options = {"extras": "all", "storage_options": server.options, **OPTIONS, **more}
    return capture(lm, rows, server.url("s.zarr"), **options)


def test_a_capture_into_a_bucket_is_that_into_a_folder(
    lm: CausalLM, rows: list[dict[str, Any]], expected: ActivationStore, bucket: Path, s3: Server
) -> None:
    store = captured(lm, rows, s3)
    assert store.complete
    assert store.verify().ok
    assert_same(bucket / "s.zarr", expected.path)
    assert open_store(bucket / "s.zarr").dataset.equals(expected.dataset)
    ours, local = ({p.relative_to(r) for p in r.rglob("*") if p.is_file()} for r in (bucket / "s.zarr", expected.path))
    assert ours == local  # nothing is left of how it was made
    assert not [path for path in bucket.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
    again = captured(lm, rows, s3)  # is complete already
    assert again.provenance["created"] == store.provenance["created"]


def test_a_server_killed_half_way_and_started_again_leaves_no_trace(
    lm: CausalLM, rows: list[dict[str, Any]], expected: ActivationStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / BUCKET).mkdir()
    monkeypatch.setenv("NAIT_PATIENCE", "0.5")
    with serving("s3", tmp_path) as server:

        def kill_after(n: int) -> None:
            while len(list(tmp_path.glob(f"{BUCKET}/s.zarr/status/c/*"))) < n:
                time.sleep(0.001)
            server.kill()

        for n in (1, 3):
            killer = threading.Thread(target=kill_after, args=(n,))
            killer.start()
            with pytest.raises(RemoteError, match="what was written is safe: run the same command again to go on"):
                captured(lm, rows, server)
            killer.join()
            server.start()
            assert not open_store(tmp_path / BUCKET / "s.zarr").complete
        store = captured(lm, rows, server)
        assert store.verify().ok
        assert_same(tmp_path / BUCKET / "s.zarr", expected.path)


def test_a_server_that_is_away_for_a_moment_is_waited_for(
    lm: CausalLM, rows: list[dict[str, Any]], expected: ActivationStore, tmp_path: Path
) -> None:
    (tmp_path / BUCKET).mkdir()
    with serving("s3", tmp_path) as server:

        def restart() -> None:
            while not (tmp_path / BUCKET / "s.zarr/status/c/0").exists():
                time.sleep(0.001)
            server.kill()
            time.sleep(0.3)
            server.start()

        thread = threading.Thread(target=restart)
        thread.start()
        captured(lm, rows, server)
        thread.join()
        assert_same(tmp_path / BUCKET / "s.zarr", expected.path)


def test_a_creation_that_was_interrupted_is_made_again(
    lm: CausalLM, rows: list[dict[str, Any]], expected: ActivationStore, bucket: Path, s3: Server
) -> None:
    half = bucket / "s.zarr"
    (half / "status/c").mkdir(parents=True)
    (half / MARK).write_text("")
    shutil.copy(expected.path / "status/zarr.json", half / "status/zarr.json")
    (half / "status/c/0").write_bytes(b"of a store that was being deleted")
    settle()
    captured(lm, rows, s3)
    assert_same(half, expected.path)
    assert not (half / MARK).exists()


def test_damage_is_captured_again_and_layers_become_float32(
    rows: list[dict[str, Any]], bucket: Path, s3: Server, tmp_path: Path
) -> None:
    lm = overflowing("cloud")
    local = capture(lm, rows, tmp_path / "s.zarr", extras="all", **OPTIONS)
    store = captured(lm, rows, s3)
    assert store.wide_layers == local.wide_layers != {}
    flip(bucket / "s.zarr/resid_post_mean/c/2/0/0", 0.2)
    (bucket / "s.zarr/sample_id/c/4").unlink()
    settle()
    assert len(open_store(store.path).verify().problems) == 1  # without its ids no more can be told
    again = captured(lm, rows, s3)
    assert again.verify().ok
    assert_same(bucket / "s.zarr", tmp_path / "s.zarr")


def test_only_a_store_is_replaced(lm: CausalLM, rows: list[dict[str, Any]], bucket: Path, s3: Server) -> None:
    (bucket / "s.zarr").mkdir()
    (bucket / "s.zarr" / "diary.txt").write_text("mine")
    settle()
    for overwrite in (False, True):
        with pytest.raises(StoreError, match=r"holds other things \(diary.txt…\), and only a store is replaced"):
            captured(lm, rows[:10], s3, overwrite=overwrite)
    assert (bucket / "s.zarr" / "diary.txt").read_text() == "mine"
    Url(s3.url("s.zarr/diary.txt"), s3.options).unlink()
    captured(lm, rows[:10], s3)
    with pytest.raises(StoreError, match="was begun with"):
        captured(lm, rows[:20], s3)
    assert len(captured(lm, rows[:20], s3, overwrite=True)) == 20


def test_what_is_saved_there_appears_whole_and_is_never_replaced(
    lm: CausalLM, rows: list[dict[str, Any]], bucket: Path, s3: Server, direction: Direction
) -> None:
    store = captured(lm, rows, s3)
    early = open_store(store.path)
    scores = score(store, direction)
    store.save_scores(scores, "main")
    store.save_selection(select(scores, k=5), "best")
    assert store.selections() == ("best",)
    assert early.selections() == ()  # it sees what was there when it was opened
    fresh = open_store(store.path)
    assert fresh.selection("best").ids_digest == select(scores, k=5).ids_digest
    np.testing.assert_array_equal(fresh.scores("main")["score"], scores["score"])
    assert fresh.verify().ok
    assert open_store(bucket / "s.zarr").verify().ok
    with pytest.raises(StoreError, match=r"at a URL nothing can be replaced in one step: delete them first"):
        store.save_scores(scores * 2, "main")
    (bucket / "s.zarr/scores/half/score").mkdir(parents=True)
    (bucket / "s.zarr/scores/half/score/zarr.json").write_text("{")  # somebody was killed
    settle()
    store.save_direction(direction, "half")
    store.save_scores(scores, "half")
    assert open_store(store.path).score_sets() == ("half", "main")
    store.delete("selections", "best")
    store.delete("scores", "main")
    assert open_store(store.path).score_sets() == ("half",)
    assert not (bucket / "s.zarr/scores/main/zarr.json").exists()
    assert store.verify().ok


def test_the_workers_of_a_cluster_write_there(
    lm: CausalLM, rows: list[dict[str, Any]], expected: ActivationStore, bucket: Path, s3: Server, tmp_path: Path
) -> None:
    lm.model.save_pretrained(tmp_path)
    lm.tokenizer.save_pretrained(tmp_path)
    with cluster(None, 1) as client:
        options = {**OPTIONS, "client": client, "storage_options": s3.options, "device": "cpu", "extras": "all"}
        store = capture(str(tmp_path), rows, s3.url("s.zarr"), **options)
    assert store.verify().ok
    assert_same(bucket / "s.zarr", expected.path)


@pytest.mark.usefixtures("bucket")
def test_a_fingerprint_is_made_and_used_there(
    lm: CausalLM, rows: list[dict[str, Any]], expected: ActivationStore, s3: Server, direction: Direction
) -> None:
    store = captured(lm, rows, s3)
    store.make_fingerprint()
    fresh = open_store(store.path)
    chosen = select_from_fingerprint(fresh, direction, fraction=0.1)
    assert chosen.ids_digest == select(score(expected, direction), fraction=0.1).ids_digest
    approximate = score(fresh, direction, approximate=True)["score"].to_numpy()[fresh.selectable, 0]
    exact = score(expected, direction)["score"].to_numpy()[fresh.selectable, 0]
    assert np.corrcoef(approximate, exact)[0, 1] > 0.99
    assert fresh.verify().ok
