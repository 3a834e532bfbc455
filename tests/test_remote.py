"""A store at a URL reads as the same store in a folder, from a real S3-compatible server and over HTTP."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from conftest import make_rows
from remotes import BUCKET, MoodyServer, Server, settle
from test_store import read_all

import nait_widgets as nait
from nait_widgets import Direction, open_store, score, select
from nait_widgets.cli import main
from nait_widgets.errors import StoreError
from nait_widgets.models import CausalLM
from nait_widgets.store import ActivationStore
from nait_widgets.store.cache import Cache


@pytest.fixture(scope="module")
def directions(direction: Direction, robust: Direction) -> list[Direction]:
    return [direction, robust]


@pytest.fixture(scope="module")
def here(pool: ActivationStore, directions: list[Direction], s3: Server) -> ActivationStore:
    """A copy of `pool` with scores and a selection, in a folder that both servers serve."""
    store = open_store(shutil.copytree(pool.path, s3.folder / BUCKET / "pool.zarr"))
    scores = score(store, directions)
    store.save_scores(scores, "kept")
    store.save_selection(select(scores, k=9), "best")
    settle()
    return store


@pytest.fixture(scope="module", params=["s3", "web"])
def there(request: pytest.FixtureRequest, here: ActivationStore) -> ActivationStore:
    """The same store by its URL."""
    server: Server = request.getfixturevalue(request.param)
    return open_store(server.url(here.path.name), storage_options=server.options)


def test_what_is_said_of_it_is_the_same(here: ActivationStore, there: ActivationStore) -> None:
    expected, found = here.info(), there.info()
    assert found.pop("path") == str(there.path) != expected.pop("path")
    n_bytes = expected.pop("bytes")
    assert found.pop("bytes") == (n_bytes if str(there.path).startswith("s3") else None)
    assert found == expected
    assert there.dataset.identical(here.dataset)
    assert there.verify().ok
    assert not there.is_same(here)
    assert there.is_same(open_store(there.path))


def test_activations_and_texts_are_the_same_bits(here: ActivationStore, there: ActivationStore) -> None:
    for name in ("mean", "content_last"):
        mine, its = here.pool(name), there.pool(name)
        assert its.direct
        assert read_all(its).tobytes() == read_all(mine).tobytes()
        for layer in range(3):
            pairs = zip(mine.chunks(layer), its.chunks(layer), strict=True)
            assert all(a[0] == b[0] and a[1].tobytes() == b[1].tobytes() for a, b in pairs)
    rows = [699, 3, 3, 511]
    assert list(there.originals(rows)) == list(here.originals(rows))
    assert there.pool("last").take(np.array(rows)).tobytes() == here.pool("last").take(np.array(rows)).tobytes()


def test_scores_explanations_and_selections_are_the_same(
    here: ActivationStore, there: ActivationStore, directions: list[Direction], tmp_path: Path
) -> None:
    scores = score(there, directions)
    assert scores["score"].to_numpy().tobytes() == score(here, directions)["score"].to_numpy().tobytes()
    sample = str(here.sample_id[7])
    np.testing.assert_array_equal(
        there.explain(sample, directions[0]).by_layer, here.explain(sample, directions[0]).by_layer
    )
    assert there.selection("best").ids_digest == here.selection("best").ids_digest
    np.testing.assert_array_equal(there.scores("kept")["score"], here.scores("kept")["score"])
    chosen = select(scores, fraction=0.1)
    chosen.export(tmp_path / "chosen.jsonl")
    recipe = nait.Recipe.load(tmp_path / "chosen.recipe.json")
    assert recipe.store["path"] == str(there.path)
    assert (
        recipe.repeat(there).ids_digest == chosen.ids_digest == select(score(here, directions), fraction=0.1).ids_digest
    )


def test_packed_from_there_it_is_the_same_file_and_is_read_where_it_lies(
    here: ActivationStore, there: ActivationStore, directions: list[Direction], tmp_path: Path, s3: Server
) -> None:
    mine = here.pack(tmp_path / "pool.zarr.zip")
    (tmp_path / "its").mkdir()
    its = there.pack(tmp_path / "its" / "pool.zarr.zip")
    assert its.read_bytes() == mine.read_bytes()
    shutil.copy(mine, s3.folder / BUCKET / "pool.zarr.zip")
    settle()
    packed = open_store(there.path.with_name("pool.zarr.zip"))
    expected = score(here, directions)["score"].to_numpy()
    assert score(packed, directions)["score"].to_numpy().tobytes() == expected.tobytes()
    assert packed.info()["bytes"] == mine.stat().st_size
    assert packed.verify().ok
    with pytest.raises(StoreError, match="is packed, so nothing can be saved into it"):
        packed.save_direction(directions[0])
    unpacked = nait.unpack(packed.path, tmp_path / "unpacked.zarr")
    assert score(unpacked, directions)["score"].to_numpy().tobytes() == expected.tobytes()


def test_rows_of_it_make_a_store_in_a_folder(here: ActivationStore, there: ActivationStore, tmp_path: Path) -> None:
    small = nait.subset(there, "best", tmp_path / "small.zarr")
    assert sorted(small.sample_id) == sorted(here.selection("best").ids)
    assert nait.join([there], tmp_path / "joined.zarr").verify().ok
    for write in (
        lambda: nait.subset(there, "best", str(there.path) + "2"),
        lambda: nait.append(there, small),
        lambda: there.pack(str(there.path) + ".zip"),
    ):
        with pytest.raises(StoreError, match="is a URL, where this can't be written"):
            write()


def test_the_commands_take_a_url(
    here: ActivationStore,
    directions: list[Direction],
    s3: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    url, file = s3.url("pool.zarr"), tmp_path / "d.direction"
    directions[0].save(file)
    assert main(["info", url, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["samples"] == 700
    assert main(["verify", url]) == 0
    assert main(["score", url, str(file), "-o", "scores.csv", "--cache", "copies"]) == 0
    assert main(["select", url, str(file), "--k", "5", "-o", "five.jsonl", "--cache", "copies"]) == 0
    assert main(["select", "--recipe", "five.recipe.json", "-o", "again.jsonl"]) == 0
    assert Path("five.jsonl").read_bytes() == Path("again.jsonl").read_bytes()
    assert main(["explain", url, str(here.sample_id[0]), str(file)]) == 0
    assert main(["pack", url]) == 0
    assert open_store("pool.zarr.zip").verify().ok
    assert len(list(Path("copies").glob("*/*"))) > 10


def test_one_row_takes_a_small_part_of_the_bytes(
    pool: ActivationStore, directions: list[Direction], moody: MoodyServer
) -> None:
    shutil.copytree(pool.path, moody.folder / "pool.zarr")
    store = open_store(f"{moody.address}/pool.zarr")
    store.status, store.ids  # noqa: B018 - read once by whatever comes first
    moody.sent = 0
    store.explain(str(store.sample_id[100]), directions[0])
    shard = (moody.folder / "pool.zarr/resid_post_mean/c/0/0/0").stat().st_size
    assert 0 < moody.sent < shard
    moody.sent, moody.requests = 0, 0
    score(store, directions[0])
    assert moody.requests <= 6  # a shard each, and the columns that go with scores
    moody.ranges = False  # a server that has only heard of whole files gives the same, at its price
    assert score(open_store(store.path), directions[0]).equals(score(pool, directions[0]))


def test_the_cache_is_used_and_is_never_stale(
    lm: CausalLM, pool: ActivationStore, directions: list[Direction], moody: MoodyServer, tmp_path: Path
) -> None:
    served = shutil.copytree(pool.path, moody.folder / "pool.zarr")
    url, folder = f"{moody.address}/pool.zarr", tmp_path / "copies"
    expected = score(open_store(url, cache=folder), directions)["score"].to_numpy()
    moody.sent = 0
    again = score(open_store(url, cache=folder), directions)["score"].to_numpy()
    assert again.tobytes() == expected.tobytes()
    assert moody.sent == 0  # only asked whether anything has changed
    other = nait.capture(lm, make_rows(700, seed=5), tmp_path / "other.zarr", block_rows=512, template="plain")
    shutil.rmtree(served)
    shutil.copytree(other.path, served)
    fresh = score(open_store(url, cache=folder), directions[0])["score"].to_numpy()
    assert fresh.tobytes() == score(other, directions[0])["score"].to_numpy().tobytes()
    assert fresh.tobytes() != expected[:, :1].tobytes()


def test_the_cache_keeps_to_its_size_and_to_what_can_be_told_apart(
    pool: ActivationStore, directions: list[Direction], moody: MoodyServer, tmp_path: Path
) -> None:
    shutil.copytree(pool.path, moody.folder / "pool.zarr")
    url = f"{moody.address}/pool.zarr"
    expected = score(pool, directions)["score"].to_numpy().tobytes()
    small = Cache(tmp_path / "small", max_bytes=200_000)
    store = open_store(url, cache=small)
    for _ in range(2):
        assert score(store, directions)["score"].to_numpy().tobytes() == expected
    kept = [file.stat().st_size for file in small.folder.glob("*/*")]
    assert 0 < sum(kept) <= 200_000
    moody.tags = False
    nowhere = tmp_path / "nowhere"
    assert score(open_store(url, cache=nowhere), directions)["score"].to_numpy().tobytes() == expected
    assert not list(nowhere.glob("*/*"))
    with pytest.raises(StoreError, match="is no URL, so it has no storage options and needs no cache"):
        open_store(pool.path, cache=nowhere)
