"""Captures into a bucket of an S3-compatible server on loopback, and the readers of what they give."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.cluster import same_arrays
from benchmarks.inputs import SHARED, corpus, random_directions
from benchmarks.report import Cell, Report, Target
from nait_widgets import Direction, capture, open_store, score
from nait_widgets.errors import RemoteError
from nait_widgets.store import ActivationStore

_ROWS, _KILLED_AT, _AWAY = 20_000, 0.5, 3  # rows; share of the blocks; seconds
_PATIENCE = "NAIT_PATIENCE"


def run(workspace: Path, size: float) -> Iterator[Report]:
    """Measure with the shared model on real rows, where both are at hand."""
    if not (SHARED / "model").exists():
        return
    sys.path.append(str(Path(__file__).parents[1] / "tests"))  # where the servers of the tests lie
    from remotes import BUCKET, serving

    source = corpus()
    rows = workspace / "rows.jsonl"
    rows.write_text("".join(json.dumps(row) + "\n" for row in source.sample(int(_ROWS * size))))
    bucket = workspace / "served" / BUCKET
    bucket.mkdir(parents=True)
    with serving("s3", bucket.parent) as server:
        os.environ |= server.environment
        captured, equal = _captures(rows, workspace, bucket, server)
        local = open_store(workspace / "local.zarr")
        setting = (
            f"{len(local):,} rows of {source.name}, the shared model, `resid_post`, default pools; rclone's S3 server "
            "on loopback, on the same processors. Once each."
        )
        yield Report("remote_capture", setting, captured, [Target("stores equal to the local one, of 3", 3, equal)])
        directions = random_directions(local)
        for direction in directions:
            direction.save(workspace / f"{direction.name}.direction")
        expected = score(local, directions)["score"].to_numpy()
        found = {
            "a folder": _read(local.path, workspace),
            "S3": _read(server.url("whole.zarr"), workspace),
            "S3, cache empty": _read(server.url("whole.zarr"), workspace, cache=True),
            "S3, cache filled": _read(server.url("whole.zarr"), workspace, cache=True),
        }
    alike = sum(np.load(workspace / f"{each['scores']}.npy").tobytes() == expected.tobytes() for each in found.values())
    columns = ("open", "score", "score again", "explain", "verify")
    table: list[dict[str, Cell]] = [
        {"store in": name, **{f"{column}, s": each[column] for column in columns}, "score, GB/s": each["rate"]}
        for name, each in found.items()
    ]
    setting = (
        f"The stores of the captures, {found['a folder']['bytes'] / 1e6:,.0f} MB of activations in the pool that is "
        "scored, each row in a process of its own; 8 directions, preset `paper`; explained is one sample."
    )
    sound = sum(each["ok"] for each in found.values())
    targets = [Target("scores equal bit for bit, of 4", 4, alike), Target("stores verified, of 4", 4, sound)]
    yield Report("remote_reading", setting, table, targets)


def _captures(rows: Path, workspace: Path, bucket: Path, server: Any) -> tuple[list[dict[str, Cell]], int]:
    capture(SHARED / "model", rows, workspace / "warm.zarr", rows=slice(0, 256), device="cpu")
    table: list[dict[str, Cell]] = []

    def measured(name: str, work: Callable[[], ActivationStore]) -> ActivationStore:
        begun = time.perf_counter()
        store = work()
        seconds = time.perf_counter() - begun
        table.append({"capture": name, "seconds": seconds, "rows/s": len(store) / seconds})
        return store

    def into(path: Path | str) -> ActivationStore:
        return capture(SHARED / "model", rows, path, device="cpu")

    local = measured("into a folder", lambda: into(workspace / "local.zarr"))
    measured("into S3", lambda: into(server.url("whole.zarr")))
    with _away(server, bucket / "waited.zarr", local.layout.n_blocks, back_after=_AWAY):
        measured(f"the server killed half-way, back after {_AWAY} s", lambda: into(server.url("waited.zarr")))

    def in_two() -> ActivationStore:
        os.environ[_PATIENCE] = "2"
        try:
            with _away(server, bucket / "resumed.zarr", local.layout.n_blocks, back_after=None):
                into(server.url("resumed.zarr"))
        except RemoteError as error:
            print(f"  {error}", file=sys.stderr)
        finally:
            del os.environ[_PATIENCE]
        server.start()
        return into(server.url("resumed.zarr"))

    measured("the server killed half-way, the command ended and given again", in_two)
    names = ("whole", "waited", "resumed")
    return table, sum(same_arrays(local, open_store(bucket / f"{name}.zarr")) for name in names)


@contextmanager
def _away(server: Any, path: Path, n_blocks: int, back_after: float | None) -> Iterator[None]:
    """Kill a server while a capture runs, once a share of the blocks is there."""

    def kill() -> None:
        while len(list(path.glob("status/c/*"))) < _KILLED_AT * n_blocks:
            time.sleep(0.01)
        server.kill()
        if back_after is not None:
            time.sleep(back_after)
            server.start()

    thread = threading.Thread(target=kill, daemon=True)
    thread.start()
    yield
    thread.join()


def _read(path: Path | str, workspace: Path, *, cache: bool = False) -> dict[str, Any]:
    """What another process finds there."""
    arguments = [str(path), str(workspace), *(["cache"] if cache else [])]
    done = subprocess.run([sys.executable, "-m", "benchmarks.remote", *arguments], stdout=subprocess.PIPE, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _tell(path: str, workspace: Path, cache: Path | None) -> None:
    """Open, score, explain and verify a store, and print how long each took."""
    seconds: dict[str, Any] = {}

    def timed(name: str, work: Callable[[], Any]) -> Any:
        begun = time.perf_counter()
        result = work()
        seconds[name] = time.perf_counter() - begun
        return result

    import torch  # noqa: F401 - what a first scoring imports is no matter of the store

    directions = [Direction.load(file) for file in sorted(workspace.glob("*.direction"))]
    store = timed("open", lambda: open_store(path, cache=cache))
    scores = timed("score", lambda: score(store, directions))
    timed("score again", lambda: score(store, directions))
    timed("explain", lambda: store.explain(str(store.sample_id[1]), directions[0]))
    sound = timed("verify", lambda: store.verify().ok)
    n_bytes = len(store) * len(store.layout.layers) * store.layout.n_neurons * 2
    name = f"scores-{os.getpid()}"
    np.save(workspace / f"{name}.npy", scores["score"].to_numpy())
    rate = n_bytes / 1e9 / seconds["score"]
    print(json.dumps({**seconds, "rate": rate, "bytes": n_bytes, "ok": sound, "scores": name}))


if __name__ == "__main__":
    _tell(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[2]) / "cache" if "cache" in sys.argv[3:] else None)
