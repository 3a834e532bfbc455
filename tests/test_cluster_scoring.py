"""The workers of a real local cluster read a store as one process does, whoever dies meanwhile."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import time
from threading import Timer
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from clusters import wait_for, worker_pids
from remotes import BUCKET, Server
from test_cli import nait, refused
from test_store import read_all

from nait_widgets import Direction, capture, score
from nait_widgets.cluster import Workers, offered
from nait_widgets.errors import NaitError, StoreError
from nait_widgets.store import ActivationStore, open_store
from nait_widgets.store.statistics import neuron_statistics

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Row
    from distributed import Client

    from nait_widgets.models import CausalLM
    from nait_widgets.scored import Scored
    from nait_widgets.store.scan import Layers

    Floats = np.ndarray[Any, np.dtype[np.floating]]


@pytest.fixture(scope="module")
def blocks(lm: CausalLM, pool_rows: list[Row], tmp_path_factory: pytest.TempPathFactory) -> ActivationStore:
    """Of 22 blocks, so that both workers have some to do."""
    path = tmp_path_factory.mktemp("stores") / "pool.zarr"
    return capture(lm, pool_rows, path, pools=["mean", "response_mean"], template="plain", block_rows=32)


def test_scores_are_those_of_one_process(
    client: Client, blocks: ActivationStore, direction: Direction, robust: Direction
) -> None:
    """Dots, cosines about the pool's mean and z-scores, of captured and derived pools, and what other scorers say."""
    cosine = direction.named("cosine").scored_by(similarity="cosine", center="pool")
    other = direction.named("of responses").scored_by(pool="response_mean", similarity="zscore")
    scored: list[Scored | str] = [direction, cosine, robust, other, "diversity", "length"]
    alone, many = score(blocks, scored, client="local"), score(blocks, scored, client=client)
    for name in ("score", "layer_mean", "layer_scale"):
        assert many[name].values.tobytes() == alone[name].values.tobytes()
    assert np.isfinite(many["score"].values[blocks.selectable]).all()
    assert many.attrs["store"] is blocks
    assert alone.attrs["ran_on"].endswith("of this process (asked for)")
    assert many.attrs["ran_on"] == f"2 workers of {client.scheduler.address} (asked for)"


def test_whatever_streams_a_store_can_run_on_a_cluster(client: Client, blocks: ActivationStore, tmp_path: Path) -> None:
    there = blocks.on(Workers(client))
    for each, alone in zip(there.statistics("tail_mean"), blocks.statistics("tail_mean"), strict=True):
        assert each.tobytes() == alone.tobytes()
    own = neuron_statistics(there.pool("mean"), blocks.selectable)
    assert own.std.tobytes() == blocks.statistics("mean").std.tobytes()
    assert there.pool("mean").neurons(1, [3, 7]).tobytes() == blocks.pool("mean").neurons(1, [3, 7]).tobytes()
    copy = open_store(shutil.copytree(blocks.path, tmp_path / "copy.zarr"))
    shard = copy.path / "resid_post_mean/c/9/0/0"
    shard.write_bytes(b"\0" * 5 + shard.read_bytes()[5:])
    said = [store.verify().problems for store in (copy, copy.on(Workers(client)))]
    assert said[0]
    assert said[0] == said[1]
    with pytest.raises(StoreError, match=r"c/9/0/0 is damaged: the checksum of chunk"):
        score(copy, "diversity", client=client)


def test_a_worker_killed_meanwhile(client: Client, blocks: ActivationStore) -> None:
    expected, results = read_all(blocks.pool("mean")), []
    for rows, values in blocks.on(Workers(client)).pool("mean").map_chunks(slow()):
        results.append(values)
        if rows.start in (64, 256):
            os.kill(worker_pids(client)[0], signal.SIGKILL)
    assert np.concatenate(results).tobytes() == expected.tobytes()


def test_nothing_is_left_running_when_it_is_stopped(client: Client, blocks: ActivationStore) -> None:
    results = blocks.on(Workers(client)).pool("mean").map_chunks(slow())
    next(results)
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore Ctrl-C
    try:
        Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
        with pytest.raises(KeyboardInterrupt):
            list(results)
    finally:
        signal.signal(signal.SIGINT, handler)
    wait_for(lambda: not any(client.processing().values()))


def test_a_cluster_that_goes_away(empty: Client, blocks: ActivationStore) -> None:
    empty.cluster.scale(1)
    empty.wait_for_workers(1)
    results = blocks.on(Workers(empty)).pool("mean").map_chunks(slow())
    next(results)
    empty.cluster.close()
    with pytest.raises(NaitError, match="see that it runs, then start again"):
        list(results)


def test_work_that_is_too_large_for_a_message_is_sent_once(client: Client, blocks: ActivationStore) -> None:
    """Dask warns of what it takes for a mistake, and a warning is an error here."""
    weights = np.ones(3 << 20)
    sums = [found for _, found in blocks.on(Workers(client)).pool("mean").map_chunks(lambda *_: float(weights.sum()))]
    assert sums == [3 << 20] * 22


def test_who_reads_is_chosen_and_told(client: Client, blocks: ActivationStore, direction: Direction) -> None:
    assert offered(blocks) == (None, "no cluster is at hand")
    assert score(blocks, direction).attrs["ran_on"].endswith("of this process (no cluster is at hand)")
    with client.as_current():
        why = "of this process (the store is local and fits its memory)"
        assert score(blocks, direction).attrs["ran_on"].endswith(why)
        workers, told = offered(blocks, memory=1000)
        assert str(workers) == f"2 workers of {client.scheduler.address}"
        assert told == "268.8 kB of activations, 1.0 kB of memory here"
        there = score(blocks.on(Workers(client)), direction).attrs["ran_on"]
        assert there == f"2 workers of {client.scheduler.address} (asked for)"


def test_a_store_at_a_url_is_read_by_the_workers(
    client: Client, blocks: ActivationStore, robust: Direction, s3: Server
) -> None:
    """Chosen without being asked; what the driver was told to reach it by goes along."""
    shutil.copytree(blocks.path, s3.folder / BUCKET / "blocks.zarr")
    there = open_store(s3.url("blocks.zarr"), storage_options=s3.options)
    with client.as_current():
        scores = score(there, robust)
    assert scores.attrs["ran_on"] == f"2 workers of {client.scheduler.address} (the store is remote)"
    assert scores["score"].values.tobytes() == score(blocks, robust)["score"].values.tobytes()
    assert there.on(Workers(client)).verify().ok


def test_a_store_that_the_workers_have_not(
    client: Client, lm: CausalLM, pool_rows: list[Row], blocks: ActivationStore, direction: Direction, tmp_path: Path
) -> None:
    moved = open_store(shutil.copytree(blocks.path, tmp_path / "s.zarr"))
    reader = moved.on(Workers(client)).pool("mean")
    shutil.rmtree(moved.path)
    with pytest.raises(StoreError, match=r"can't read .*s\.zarr \(there is no store at"):
        next(reader.map_chunks(slow()))
    capture(lm, pool_rows[:32], moved.path, template="plain")
    with client.as_current():
        workers, told = offered(moved, memory=1000)
        assert workers is None
        assert "tcp://" in told
        assert "can't take it" in told
        assert f"has another store at {moved.path}" in told
    with pytest.raises(StoreError, match="has another store at"):
        score(moved, direction, client=client)


def test_what_is_refused(client: Client, empty: Client, blocks: ActivationStore, direction: Direction) -> None:
    wrong: Any = client.scheduler.address
    with pytest.raises(NaitError, match="must be a distributed client"):
        score(blocks, direction, client=wrong)
    with pytest.raises(NaitError, match="threads of this process"):
        score(blocks, direction, client=client, workers=2)
    with pytest.raises(NaitError, match="has no workers yet"):
        score(blocks, direction, client=empty)

    async def asynchronously() -> None:
        async with type(client)(wrong, asynchronous=True, set_as_default=False) as waiting:
            with pytest.raises(NaitError, match="an asynchronous client"):
                score(blocks, direction, client=waiting)

    asyncio.run(asynchronously())
    with empty.as_current():
        assert offered(blocks, memory=1000) == (None, "no cluster is at hand")


def test_by_command(client: Client, blocks: ActivationStore, direction: Direction, tmp_path: Path) -> None:
    direction.save(tmp_path / "sums.direction")
    where = ("--scheduler", client.scheduler.address)
    told = nait("score", blocks.path, "sums.direction", "-o", "s.csv", *where, cwd=tmp_path)
    assert f"  scored on 2 workers of {client.scheduler.address} (asked for)" in told.stdout.splitlines(), told.stderr
    for name, more in (("alone", ()), ("many", where)):
        chosen = nait(
            "select", blocks.path, "sums.direction", "--k", 9, "-o", f"{name}.jsonl", "--json", *more, cwd=tmp_path
        )
        assert chosen.returncode == 0, chosen.stderr
        assert ("workers of" in json.loads(chosen.stdout)["ran_on"]) == (name == "many")
    assert (tmp_path / "alone.jsonl").read_text() == (tmp_path / "many.jsonl").read_text()
    again = nait("select", "--recipe", "alone.recipe.json", "-o", "again.jsonl", *where, cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    both = ("--scheduler", "x", "--workers", 2)
    refused(nait("score", blocks.path, "sums.direction", "-o", "s.csv", *both, cwd=tmp_path), "not both")
    refused(nait("select", blocks.path, "--scores", "kept", "-o", "s.jsonl", *where, cwd=tmp_path), "'kept'")


def slow() -> Callable[[slice, Layers], Floats]:
    """Work by which a worker is still busy when it is killed; sent as code, since workers have no tests."""

    def work(_: slice, layers: Layers) -> Floats:
        time.sleep(0.05)
        return np.stack([values.copy() for _, values in layers], axis=1)

    return work
