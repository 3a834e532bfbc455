"""A store that grows by others."""

from __future__ import annotations

import random
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import growths
import pytest
import zarr
from captures import assert_same
from parts import OPTIONS, N, Told, assert_rows, data_files
from test_store import read_all

from nait_widgets import append, capture, fit_direction, join, read_records, score, select
from nait_widgets.errors import StoreError
from nait_widgets.models import CausalLM
from nait_widgets.store import ActivationStore, open_store


@pytest.fixture
def short(lm: CausalLM, part_rows: list[dict[str, Any]], tmp_path: Path) -> ActivationStore:
    """The first 140 rows: a window, and a block that isn't full."""
    return capture(lm, read_records(part_rows).part(slice(0, 140)), tmp_path / "short.zarr", **OPTIONS)


@pytest.fixture(scope="module")
def rest(lm: CausalLM, part_rows: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> ActivationStore:
    """The rows behind them."""
    return capture(
        lm, read_records(part_rows).part(slice(140, N)), tmp_path_factory.mktemp("rest") / "r.zarr", **OPTIONS
    )


def test_a_store_grows_by_another(
    short: ActivationStore, rest: ActivationStore, whole: ActivationStore, lm: CausalLM, in_domain_rows: Any
) -> None:
    direction = fit_direction(lm, in_domain_rows, name="sums", template="plain")
    short.save_direction(direction)
    full = {key: file.stat().st_ino for key, file in data_files(short).items() if "/c/4" not in key and "/c/" in key}
    full = {key: inode for key, inode in full.items() if key.split("/c/")[0] in short.block_arrays}
    before = read_all(short.pool("mean"))
    twin = shutil.copytree(short.path, short.path.with_name("twin.zarr"))
    expected = join([twin, rest], short.path.with_name("expected.zarr"))
    told = Told()
    longer = append(short, rest, report=told)
    assert (told.linked, told.blocks) == (4, 15)
    assert longer.path == short.path
    assert longer.sample_id.tolist() == whole.sample_id.tolist()
    assert_rows(longer, [(open_store(twin), list(range(140))), (rest, list(range(N - 140)))])
    assert {key: (longer.path / key).stat().st_ino for key in full} == full
    assert longer.direction("sums").digest == direction.digest
    longer.delete("directions", "sums")
    shutil.rmtree(longer.path / "directions")
    assert_same(longer.path, expected.path)
    assert longer.provenance["parts"] == expected.provenance["parts"]
    assert read_all(short.pool("mean")).tobytes() == before.tobytes()  # opened before, it sees its own rows
    assert not list(short.path.parent.glob(".*"))


def test_a_store_grows_by_one_path_after_another(
    parts: list[ActivationStore], whole: ActivationStore, tmp_path: Path
) -> None:
    path = shutil.copytree(parts[0].path, tmp_path / "s.zarr")
    (tmp_path / "link.zarr").symlink_to(path)
    for part in parts[1:]:
        append(tmp_path / "link.zarr", part.path)
    assert (tmp_path / "link.zarr").is_symlink()
    assert open_store(path).verify().ok
    assert_same(path, whole.path)


def test_what_can_not_grow_is_refused_and_left_as_it_was(
    short: ActivationStore, rest: ActivationStore, lm: CausalLM, in_domain_rows: Any
) -> None:
    with pytest.raises(StoreError, match="is packed, so nothing can be saved into it"):
        append(short.pack(), rest)
    scores = score(short, fit_direction(lm, in_domain_rows, name="sums", template="plain"))
    short.save_scores(scores, "first")
    with pytest.raises(StoreError, match=r"scores 'first' of .* are of its rows as they are: delete them first"):
        append(open_store(short.path), rest)
    short.save_selection(select(scores, k=3), "three")
    with pytest.raises(StoreError, match="selections 'three' of"):
        append(open_store(short.path), rest)
    short.delete("selections", "three")
    short.delete("scores", "first")
    group: Any = zarr.open_group(short.path, mode="r+", use_consolidated=False)
    group.create_array("quality", shape=(140,), dtype="float32")
    with pytest.raises(StoreError, match=r"holds 'quality', which somebody has added"):
        append(short.path, rest)
    del group["quality"]
    with pytest.raises(StoreError, match=r"is in .*short\.zarr and in .*short\.zarr too"):
        append(short.path, short.path)
    assert len(open_store(short.path)) == 140
    assert len(append(short.path, rest)) == N


def test_appending_that_is_killed_leaves_the_old_store_or_the_new(
    short: ActivationStore, rest: ActivationStore, tmp_path: Path
) -> None:
    rng, lengths, halfway = random.Random(20260313), [], 0
    started = tmp_path / "started"
    took = 1.0
    for attempt in range(4):
        path = Path(shutil.copytree(short.path, tmp_path / f"{attempt}.zarr"))
        before = {key: file.read_bytes() for key, file in data_files(open_store(path)).items()}
        process = growths.start(path, rest.path, started)
        while not started.exists():
            assert process.is_alive()
            time.sleep(0.002)
        begun = time.monotonic()
        if attempt:
            process.join(rng.uniform(0, took))
            process.kill()
        process.join()
        took = time.monotonic() - begun if attempt == 0 else took
        assert process.exitcode in (0, -signal.SIGKILL)
        started.unlink()
        store = open_store(path)
        assert store.complete
        assert store.verify().ok
        lengths.append(len(store))
        if len(store) == 140:
            assert {key: file.read_bytes() for key, file in data_files(store).items()} == before
            halfway += bool(list(tmp_path.glob(f".*{attempt}.zarr*")))
    assert lengths[0] == N
    assert set(lengths) == {140, N}
    assert halfway
    assert len(append(tmp_path / f"{lengths.index(140)}.zarr", rest)) == N
