"""What a store carries besides its activations, as files: whole, replaced whole, checked, and never half there."""

from __future__ import annotations

import json
import random
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import saves
import xarray as xr
import zarr
from test_store import flip

from nait_widgets import Direction, score
from nait_widgets.errors import StoreError
from nait_widgets.store import ActivationStore, StoreWriter, open_store
from nait_widgets.store.parts import Column, delete_part, part_damage, read_parts, write_part


def columns(n: int = 5) -> dict[str, Column]:
    return {
        "score": Column(np.linspace(-1, 1, n * 2).reshape(n, 2), ("sample", "direction"), (n, 1)),
        "sample_id": Column(np.array([f"é{i}" for i in range(n)], object), ("sample",)),
        "empty": Column(np.empty(0, np.int32), ("rank",)),
        "unknown": Column(np.array([np.nan, 0.0], np.float32), ("two",)),
    }


def named(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, **more}


def test_what_was_written_is_read(copy: ActivationStore) -> None:
    attributes = named("a set", nested={"a": [1, None, "é", 0.1]}, big=2**53)
    assert write_part(copy, "scores", attributes, columns()) == "a-set"
    for store in (copy, open_store(copy.path)):
        part = read_parts(store, "scores")["a set"]
        assert (part.key, part.attributes) == ("a-set", attributes)
        assert part.names == ["empty", "sample_id", "score", "unknown"]
        for name, column in columns().items():
            read = part.array(name)
            assert read.dtype == column.values.dtype
            assert read.tolist() == column.values.tolist() if read.dtype == object else True
            assert read.dtype == object or read.tobytes() == column.values.tobytes()
        assert read_parts(store, "selections") == {}
        assert list(part_damage(store)) == []


def test_zarr_xarray_and_browsers_find_it(copy: ActivationStore) -> None:
    write_part(copy, "scores", named("x"), columns())
    root = json.loads((copy.path / "zarr.json").read_text())
    members = root["consolidated_metadata"]["metadata"]
    assert members["scores/x"]["attributes"]["nait_scores"] == {"name": "x"}
    assert members["scores/x/score"]["chunk_grid"]["configuration"]["chunk_shape"] == [5, 1]
    codecs = {name: [codec["name"] for codec in members[f"scores/x/{name}"]["codecs"]] for name in columns()}
    assert codecs["score"] == ["bytes", "zstd", "crc32c"]
    assert codecs["sample_id"] == ["vlen-utf8", "zstd", "crc32c"]
    dataset = xr.open_zarr(copy.path, group="scores/x", chunks=None)
    assert dict(dataset.sizes) == {"sample": 5, "direction": 2, "rank": 0, "two": 2}
    assert "sample_id" in dataset.coords
    np.testing.assert_array_equal(dataset["score"], columns()["score"].values)
    assert dict(copy.dataset.sizes) == dict(open_store(copy.path).dataset.sizes)


def test_a_part_is_replaced_whole(copy: ActivationStore) -> None:
    write_part(copy, "scores", named("x", old=True), {**columns(9), "more": Column(np.zeros(3), ("n",))})
    write_part(copy, "scores", named("x"), columns(4))
    part = read_parts(copy, "scores")["x"]
    assert part.attributes == {"name": "x"}
    assert part.names == sorted(columns())
    assert part.array("score").shape == (4, 2)
    assert not (copy.path / "scores" / "x" / "more").exists()
    delete_part(copy, "scores", "x")
    assert read_parts(copy, "scores") == {}
    assert "scores/x" not in (copy.path / "zarr.json").read_text()
    assert [path.name for path in copy.path.parent.iterdir()] == [copy.path.name]
    with pytest.raises(StoreError, match=r"has no 'x' among its scores \(none\)"):
        delete_part(copy, "scores", "x")


def test_any_name_has_a_key_of_its_own(copy: ActivationStore) -> None:
    names = ["a b", "a-b", "A B", "a/b", "..", "__init__", "é" * 300, "e\u0301" * 300, "数学", "zarr.json", " x"]
    keys = [write_part(copy, "directions", named(name), {}) for name in names]
    assert keys[:4] == ["a-b", "a-b-2", "A-B-3", "a-b-4"]
    assert len({key.casefold() for key in keys}) == len(names)
    assert all(len(key.encode()) < 255 and not key.startswith((".", "__")) for key in keys)
    assert set(read_parts(copy, "directions")) == set(names)
    assert [write_part(copy, "directions", named(name), {}) for name in names] == keys
    for name in ("", "  ", "\ud800"):
        with pytest.raises(StoreError, match="can't be the name"):
            write_part(copy, "directions", named(name), {})


def test_what_a_browser_could_not_read_is_refused(copy: ActivationStore) -> None:
    with pytest.raises(StoreError, match=r"'x' can't be saved in .*not JSON compliant"):
        write_part(copy, "scores", named("x", threshold=float("inf")), {})
    assert read_parts(copy, "scores") == {}


def test_incomplete_and_packed_stores_are_refused(pool: ActivationStore, tmp_path: Path) -> None:
    begun = StoreWriter.create(tmp_path / "new.zarr", pool.layout, pool.provenance).store
    with pytest.raises(StoreError, match="is incomplete"):
        write_part(begun, "scores", named("x"), {})
    packed = open_store(pool.pack(tmp_path / "pool.zarr.zip"))
    with pytest.raises(StoreError, match=r"is packed, so nothing can be saved into it; unpack it"):
        write_part(packed, "scores", named("x"), {})
    with pytest.raises(StoreError, match="is packed"):
        delete_part(packed, "scores", "x")


def test_a_packed_store_gives_its_parts(copy: ActivationStore, tmp_path: Path) -> None:
    write_part(copy, "selections", named("é x"), columns())
    packed = open_store(copy.pack(tmp_path / "packed.zarr.zip"))
    part = read_parts(packed, "selections")["é x"]
    np.testing.assert_array_equal(part.array("score"), columns()["score"].values)
    assert list(part_damage(packed)) == []


@pytest.mark.parametrize("damage", ["first byte", "middle", "last byte", "cut", "deleted"])
@pytest.mark.parametrize("file", ["score/c/0/1", "sample_id/c/0", "unknown/c/0"])
def test_damage_is_found_and_named(copy: ActivationStore, file: str, damage: str) -> None:
    write_part(copy, "scores", named("x"), columns())
    write_part(copy, "scores", named("y"), columns())
    path = copy.path / "scores" / "x" / file
    match damage:
        case "cut":
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        case "deleted":
            path.unlink()
        case _:
            flip(path, {"first byte": 0, "middle": 0.5, "last byte": 0.99999}[damage])
    (problem,) = part_damage(copy)
    assert f"{copy.path}/scores/x is damaged" in problem
    assert repr(file.split("/")[0]) in problem


def test_damaged_metadata_is_named(copy: ActivationStore) -> None:
    write_part(copy, "scores", named("x"), columns())
    for damaged in ('{"zarr_format": 3, "node_type": "group", "attributes": {"nait_scores": {}}}', "{"):
        (copy.path / "scores" / "x" / "zarr.json").write_text(damaged)
        with pytest.raises(StoreError, match=r"metadata of something in .*/scores is damaged"):
            read_parts(copy, "scores")
        assert len(list(part_damage(copy))) == 1
    with pytest.raises(StoreError, match=r"metadata of something in .* is damaged"):
        write_part(copy, "selections", named("y"), columns())
    shutil.rmtree(copy.path / "scores" / "x")
    write_part(copy, "selections", named("y"), columns())
    assert list(part_damage(copy)) == []


def test_other_peoples_groups_are_left_alone(copy: ActivationStore) -> None:
    group: Any = zarr.open_group(copy.path, mode="r+", use_consolidated=False)
    group.create_group("scores/theirs").attrs["note"] = "mine"
    write_part(copy, "scores", named("x"), columns())
    assert list(read_parts(copy, "scores")) == ["x"]
    assert write_part(copy, "scores", named("theirs"), columns()) == "theirs-2"
    assert group["scores/theirs"].attrs["note"] == "mine"


def test_a_full_disk_keeps_what_was_there(pool: ActivationStore, small_disk: Path) -> None:
    small = StoreWriter.create(small_disk / "s.zarr", pool.layout, pool.provenance).store.path
    root = json.loads((small / "zarr.json").read_text())
    root["attributes"]["nait"]["state"] = "complete"
    (small / "zarr.json").write_text(json.dumps(root))
    store = open_store(small)
    write_part(store, "scores", named("x"), columns())
    large = {"x": Column(np.random.default_rng(0).random(1_000_000), ("n",))}
    with pytest.raises(StoreError, match=r"nothing can be saved in .*No space left"):
        write_part(store, "scores", named("x"), large)
    assert read_parts(store, "scores")["x"].names == sorted(columns())
    assert list(part_damage(store)) == []
    assert [path.name for path in small_disk.iterdir()] == ["s.zarr"]


def test_a_writer_killed_at_any_moment_leaves_a_store_that_opens_and_verifies(
    copy: ActivationStore, direction: Direction, robust: Direction, tmp_path: Path
) -> None:
    scores = score(copy, [direction, robust])
    copy.save_scores(scores, "kept")
    rng = random.Random(20261122)
    for attempt in range(5):
        started = tmp_path / f"started-{attempt}"
        process = saves.start(copy.path, started)
        deadline = time.monotonic() + 60
        while not started.exists():
            assert process.is_alive()
            assert time.monotonic() < deadline
            time.sleep(0.002)
        time.sleep(rng.random() * 0.4)
        process.kill()
        process.join()
        store = open_store(copy.path)
        verification = store.verify()
        assert verification.ok, verification.problems
        assert set(store.score_sets()) <= {"kept", "again"}
        np.testing.assert_array_equal(store.scores("kept")["score"], scores["score"])
        for name in store.selections():
            assert len(store.selection(name)) in (3, 395)  # 300 of each direction
        xr.open_zarr(copy.path, chunks=None).load()
        xr.open_zarr(copy.path, group="scores/kept", chunks=None).load()
    store.save_scores(scores, "again")
    assert set(open_store(copy.path).score_sets()) == {"kept", "again"}
