"""Peak memory of scoring and capture, each run in a process of its own, at two sizes that differ by 4."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks.inputs import Shape, corpus, load_tokenizer, random_directions, random_llama, random_store
from benchmarks.report import Cell, Report, Target
from benchmarks.scoring import STORE, shrunk

_SCORED = (8_192, 32, 1_024)  # samples, layers, neurons
_CAPTURED = 12_288  # rows: three windows of the capture, so that all its queues are full
_LLAMA = Shape(hidden=64, layers=2, heads=2, mlp=128, vocabulary=0, context=512)
_TIMES = 4
_MB = 1e6


class Peak(NamedTuple):
    """Resident memory of one process, in bytes."""

    imports: int
    peak: int

    @property
    def above(self) -> int:
        """What the work itself took."""
        return self.peak - self.imports


def run(workspace: Path, size: float) -> Iterator[Report]:
    """Measure scoring on the 2 GB store and on two that differ by 4, capture on two numbers of rows."""
    if not Path("/proc/self/clear_refs").exists():
        print("memory: skipped, since only Linux tells the peak of a process from a point on")
        return
    table: list[dict[str, Cell]] = []

    def measure(what: str, work: str, *arguments: Path) -> Peak:
        peak = _in_own_process(work, *arguments)
        row: dict[str, Cell] = {"work": what, "imports, MB": peak.imports / _MB, "peak, MB": peak.peak / _MB}
        table.append(row | {"above the imports, MB": peak.above / _MB})
        return peak

    def scored(shape: tuple[int, int, int]) -> Peak:
        store = random_store(workspace, *shape)
        return measure(
            f"score {shape[0]:,} × {shape[1]} × {shape[2]:,} ({len(store) * store.layout.bytes_per_row / 1e9:.2f} GB)",
            "score",
            store.path,
        )

    def captured(n: int) -> Peak:
        model, rows = _tiny_model(workspace), _rows(workspace, n)
        return measure(f"capture {n:,} rows, a tiny Llama", "capture", model, rows, workspace / f"captured-{n}.zarr")

    large = scored(shrunk(STORE, size))
    small_shape = shrunk(_SCORED, size)
    few, many = scored(small_shape), scored((_TIMES * small_shape[0], *small_shape[1:]))
    n = max(64, int(_CAPTURED * size))
    short, long = captured(n), captured(_TIMES * n)
    yield Report(
        "memory",
        "Resident memory of a fresh process: after `import` of nait_widgets, torch, xarray and zarr, and at its peak. "
        "Scoring: 8 directions, preset paper. Capture: rows from JSON Lines, Llama of 2 layers × 64.",
        table,
        [
            Target("MB above the imports, scoring the largest store", 200, large.above / _MB, at_most=True),
            Target("growth of scoring's peak, %, with 4 × the samples", 10, _growth(few, many), at_most=True),
            Target("growth of capture's peak, %, with 4 × the rows", 10, _growth(short, long), at_most=True),
        ],
    )


def _growth(small: Peak, large: Peak) -> float:
    return 100 * (large.peak / small.peak - 1)


def _in_own_process(work: str, *arguments: Path) -> Peak:
    command = [sys.executable, "-m", "benchmarks.memory", work, *map(str, arguments)]
    print(f"  {work} {arguments[-1].name}", file=sys.stderr, flush=True)
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=Path(__file__).parents[1])
    return Peak(**json.loads(done.stdout))


def _tiny_model(workspace: Path) -> Path:
    folder = workspace / "tiny"
    if not folder.exists():
        tokenizer = load_tokenizer(corpus().tokenizer)
        random_llama(_LLAMA._replace(vocabulary=len(tokenizer))).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    return folder


def _rows(workspace: Path, n: int) -> Path:
    """The corpus over and over, as a file of n rows."""
    rows, path = corpus().rows, workspace / f"rows-{n}.jsonl"
    with path.open("w") as file:
        file.writelines(json.dumps({**rows[i % len(rows)], "id": f"row-{i}"}) + "\n" for i in range(n))
    return path


def _score(store: Path) -> Callable[[], object]:
    import torch  # noqa: F401
    import xarray  # noqa: F401

    from nait_widgets.scoring import score
    from nait_widgets.store import open_store

    def work() -> object:
        opened = open_store(store)
        return score(opened, random_directions(opened))

    return work


def _capture(model: Path, rows: Path, store: Path) -> Callable[[], object]:
    import xarray  # noqa: F401
    from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: F401

    from nait_widgets.capturing import capture

    return lambda: capture(model, rows, store, device="cpu")


def resident(field: str) -> int:
    """A field of this process's status, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(f"{field}:"))


def _measure_here(work: str, *arguments: str) -> Peak:
    prepared: dict[str, Callable[..., Callable[[], object]]] = {"score": _score, "capture": _capture}
    run_it = prepared[work](*map(Path, arguments))
    Path("/proc/self/clear_refs").write_text("5")  # the peak is counted from here
    imports = resident("VmRSS")
    run_it()
    return Peak(imports, resident("VmHWM"))


if __name__ == "__main__":
    print(json.dumps(_measure_here(*sys.argv[1:])._asdict()))
