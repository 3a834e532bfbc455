"""A store in one file: packed, read as it is, and unpacked again."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import stat
import subprocess
import time
import zipfile
from hashlib import sha256
from pathlib import Path
from typing import Any

import packings
import pytest
import xarray as xr
import zarr
from test_store import read_all
from zips import MANIFEST, contents, visible

from nait_widgets import Direction, Recipe, capture, explain, fit_direction, open_store, score, select, unpack
from nait_widgets.cli import main
from nait_widgets.errors import NaitError, StoreError
from nait_widgets.models import CausalLM
from nait_widgets.store import POOLS, ActivationStore, StoreWriter


def test_packed_and_unpacked_it_is_the_same_byte_for_byte(
    pool: ActivationStore, packed: ActivationStore, tmp_path: Path
) -> None:
    files = contents(pool.path)
    with zipfile.ZipFile(packed.path) as archive:
        infos = archive.infolist()
        assert archive.testzip() is None
        manifest = json.loads(archive.read(MANIFEST))
    assert [info.filename for info in infos] == [MANIFEST, *sorted(files)]
    assert {(i.compress_type, i.date_time, i.external_attr >> 16) for i in infos} == {
        (zipfile.ZIP_STORED, (1980, 1, 1, 0, 0, 0), stat.S_IFREG | 0o644)
    }
    assert manifest == {
        "format": "nait-manifest-1",
        "name": "pool.zarr",
        "files": {n: {"bytes": len(d), "sha256": sha256(d).hexdigest()} for n, d in files.items()},
    }
    unpacked = unpack(packed.path, tmp_path / "again.zarr")
    assert contents(unpacked.path) == files
    assert unpacked.verify().ok
    assert visible(tmp_path) == [p.name for p in tmp_path.iterdir()] == ["again.zarr"]


def test_the_same_store_gives_the_same_bytes(pool: ActivationStore, packed: ActivationStore, tmp_path: Path) -> None:
    copy = tmp_path / "pool.zarr"
    files = list(contents(pool.path).items())
    random.Random(0).shuffle(files)
    for name, data in files:
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_bytes(data)
        os.utime(copy / name, (1e9, 1e9))
    # What isn't the store's stays behind.
    (copy / "notes.txt").write_text("private")
    (copy / "status" / "c" / "0.1234.partial").write_text("half")
    (copy / ".DS_Store").write_text("")
    assert open_store(copy).pack() == tmp_path / "pool.zarr.zip"
    assert (tmp_path / "pool.zarr.zip").read_bytes() == packed.path.read_bytes()
    again = packed.pack(tmp_path / "again.zip")  # from the archive itself
    assert again.read_bytes() == packed.path.read_bytes()


def test_a_packed_store_is_read_like_its_folder(pool: ActivationStore, packed: ActivationStore) -> None:
    for name in POOLS:
        assert packed.pool(name).direct
        assert read_all(packed.pool(name)).tobytes() == read_all(pool.pool(name)).tobytes()
    assert packed.dataset.identical(pool.dataset)
    assert packed.dataset["resid_post_mean"][::100, 1].equals(pool.dataset["resid_post_mean"][::100, 1])
    assert packed.verify() == pool.verify()
    assert packed.info() == {**pool.info(), "path": str(packed.path), "bytes": packed.path.stat().st_size}
    rows = [699, 0, 600]
    assert list(packed.originals(rows)) == list(pool.originals(rows))
    group: Any = zarr.open_group(zarr.storage.ZipStore(packed.path), mode="r")  # which every other reader sees too
    assert group.metadata.consolidated_metadata is not None
    assert xr.open_zarr(zarr.storage.ZipStore(packed.path, read_only=True), chunks=None).identical(pool.dataset)


def test_scores_choices_and_explanations_are_the_folders(
    pool: ActivationStore, packed: ActivationStore, direction: Direction, robust: Direction, tmp_path: Path
) -> None:
    here, there = (score(store, [direction, robust]) for store in (pool, packed))
    assert here["score"].values.tobytes() == there["score"].values.tobytes()
    written = select(there, fraction=0.1, filters={"text": "mill"}).export(tmp_path / "subset.jsonl")
    select(here, fraction=0.1, filters={"text": "mill"}).export(tmp_path / "folder.jsonl")
    assert (tmp_path / "subset.jsonl").read_bytes() == (tmp_path / "folder.jsonl").read_bytes()
    assert Recipe.load(written[1]).repeat().store.path.samefile(packed.path)
    sample = select(here, k=1).ids[0]
    assert explain(packed, sample, robust).score == explain(pool, sample, robust).score


def test_a_packed_store_serves_as_background_and_as_samples(
    pool: ActivationStore, packed: ActivationStore, in_domain_rows: list[Any], lm: CausalLM, tmp_path: Path
) -> None:
    captured = capture(lm, in_domain_rows, tmp_path / "in.zarr", template="plain", pools=POOLS)
    samples = open_store(captured.pack())
    directions = [
        fit_direction(store, name="sums", preset="robust", background=background)
        for store, background in ((captured, pool), (samples, packed))
    ]
    assert directions[0].vectors.tobytes() == directions[1].vectors.tobytes()


def test_nothing_is_written_into_an_archive(
    packed: ActivationStore, lm: CausalLM, pool_rows: list[Any], direction: Direction
) -> None:
    before = packed.path.read_bytes()
    with pytest.raises(StoreError, match=r"pool.zarr.zip is packed.*nait unpack"):
        capture(lm, pool_rows, packed.path, template="plain")
    with pytest.raises(StoreError, match="is a file; a store is a folder"):
        capture(lm, pool_rows, packed.path, template="plain", overwrite=True)
    array: Any = packed.array("status")
    with pytest.raises(StoreError, match="is packed, so nothing can be saved into it; unpack it"):
        packed.save_direction(direction)
    with pytest.raises(ValueError, match="read-only"):
        array[...] = 0
    assert packed.path.read_bytes() == before


@pytest.mark.parametrize("file", ["resid_post_mean/c/1/0/0", "status/c/1", "text/response/c/1", "neuron_mean/c/0/0/0"])
def test_verify_names_what_is_damaged_in_an_archive(packed: ActivationStore, tmp_path: Path, file: str) -> None:
    path = tmp_path / "pool.zarr.zip"
    data = bytearray(packed.path.read_bytes())
    with zipfile.ZipFile(packed.path) as archive:
        info = archive.getinfo(file)
    data[info.header_offset + 30 + len(file) + info.file_size // 2] ^= 0x10
    path.write_bytes(data)
    problems = open_store(path).verify().problems
    assert problems
    assert all(f"{path}/{file}" in problem for problem in problems), problems
    with pytest.raises(StoreError, match=f"entry '{file}' is damaged"):
        unpack(path, tmp_path / "x.zarr")
    assert visible(tmp_path) == ["pool.zarr.zip"]


def test_what_can_not_be_packed(pool: ActivationStore, copy: ActivationStore, tmp_path: Path) -> None:
    begun = StoreWriter.create(tmp_path / "new.zarr", pool.layout, pool.provenance).store
    with pytest.raises(StoreError, match=r"incomplete \(0 of 700 rows\).*again to finish"):
        begun.pack()
    taken = tmp_path / "taken.zip"
    taken.write_text("precious")
    with pytest.raises(StoreError, match="is there already"):
        pool.pack(taken)
    assert taken.read_text() == "precious"
    with pytest.raises(StoreError, match=r"NAME\.zarr\.zip, and not pool\.tar"):
        pool.pack(tmp_path / "pool.tar")
    with pytest.raises(NaitError, match="there is no folder"):
        pool.pack(tmp_path / "nowhere" / "pool.zarr.zip")
    (tmp_path / "folder.zip").mkdir()
    with pytest.raises(StoreError, match="is a folder"):
        pool.pack(tmp_path / "folder.zip", overwrite=True)
    (copy.path / "sketch/c/1/0").unlink()
    with pytest.raises(StoreError, match="sketch/c/1/0 is missing; run `nait verify"):
        copy.pack()
    assert zipfile.is_zipfile(pool.pack(taken, overwrite=True))
    assert visible(tmp_path) == ["copy.zarr", "folder.zip", "new.zarr", "taken.zip"]


def test_names_that_differ_by_case_alone_are_not_packed(copy: ActivationStore, tmp_path: Path) -> None:
    group: Any = zarr.open_group(copy.path, mode="r+", use_consolidated=False)
    for name in ("Mine", "mine"):
        group.create_array(name, shape=(3,), dtype="int32")
    with pytest.raises(StoreError, match=r"entry '[Mm]ine/zarr.json' differs from '[Mm]ine/zarr.json' by case alone"):
        copy.pack()
    assert visible(tmp_path) == ["copy.zarr"]


def test_unpacking_replaces_a_store_only_where_asked(packed: ActivationStore, tmp_path: Path) -> None:
    archive = tmp_path / "pool (1).zarr.zip"
    shutil.copy(packed.path, archive)
    store = unpack(archive)
    assert store.path == tmp_path / "pool (1).zarr"
    (store.path / "extra").write_text("")
    with pytest.raises(StoreError, match="is there already"):
        unpack(archive)
    assert not (unpack(archive, overwrite=True).path / "extra").exists()
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letter").write_text("dear")
    with pytest.raises(StoreError, match="is no store, and only a store is overwritten"):
        unpack(archive, tmp_path / "home", overwrite=True)
    assert (tmp_path / "home" / "letter").read_text() == "dear"
    with pytest.raises(StoreError, match="there is no archive"):
        unpack(tmp_path / "none.zip")
    with pytest.raises(NaitError, match="there is no folder"):
        unpack(archive, tmp_path / "a" / "b")
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_zip64(pool: ActivationStore, packed: ActivationStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The format of large archives, had of a small one by lower limits."""
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 2000)
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 10)
    large = open_store(pool.pack(tmp_path / "pool.zarr.zip"))
    monkeypatch.undo()
    data = large.path.read_bytes()
    assert b"PK\x06\x06" in data[-200:]  # the end of a ZIP64 directory
    assert len(data) > packed.path.stat().st_size
    assert large.verify().ok
    assert contents(unpack(large.path, tmp_path / "x.zarr").path) == contents(pool.path)
    if tester := shutil.which("unzip"):
        subprocess.run([tester, "-tq", str(large.path)], check=True, capture_output=True)


def test_a_killed_packer_leaves_the_old_or_the_new(pool: ActivationStore, tmp_path: Path) -> None:
    archive, folder = tmp_path / "pool.zarr.zip", tmp_path / "pool.zarr"
    expected = pool.pack(archive).read_bytes()
    unpack(archive)
    for delay in (0.02, 0.11, 0.23):
        process = packings.start(pool.path, archive, folder)
        begun = time.monotonic()
        while not (list(tmp_path.glob(".*")) and time.monotonic() - begun > delay) and process.is_alive():
            time.sleep(0.005)
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        assert archive.read_bytes() == expected
        assert not folder.exists() or contents(folder) == contents(pool.path)
        assert set(visible(tmp_path)) <= {"pool.zarr.zip", "pool.zarr"}
    assert unpack(archive, overwrite=True).verify().ok


def test_commands(pool: ActivationStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = shutil.copytree(pool.path, tmp_path / "pool.zarr")

    def nait(*arguments: object) -> tuple[int, str, str]:
        status = main([str(argument) for argument in arguments])
        return status, *capsys.readouterr()

    status, out, _ = nait("pack", store)
    archive = tmp_path / "pool.zarr.zip"
    assert (status, out) == (0, f"{archive}: 700 rows with their text, {archive.stat().st_size / 1e6:,.1f} MB\n")
    status, out, error = nait("pack", store)
    assert (status, out) == (2, "")
    assert "is there already" in error
    status, out, _ = nait("pack", store, "-o", tmp_path / "bare.zarr.zip", "--without-text", "--json")
    bare = tmp_path / "bare.zarr.zip"
    facts = {"output": str(bare), "rows": 700, "bytes": bare.stat().st_size, "text": False}
    assert (status, json.loads(out)) == (0, facts)
    assert nait("pack", store, "--overwrite")[0] == 0
    assert nait("unpack", archive)[0] == 2
    assert nait("unpack", archive, "--overwrite")[0] == 0
    status, out, _ = nait("unpack", bare, "-o", tmp_path / "bare", "--json")
    assert (status, json.loads(out)["output"]) == (0, str(tmp_path / "bare"))
    status, out, _ = nait("info", archive, "--json")
    assert (status, json.loads(out)["samples"]) == (0, 700)
    status, out, _ = nait("verify", archive)
    assert (status, out) == (0, f"{archive}: 700 rows are whole, complete and finite\n")
    status, out, error = nait("unpack", store / "zarr.json", "-o", tmp_path / "x")
    assert (status, out) == (2, "")
    assert "is no zip archive" in error
