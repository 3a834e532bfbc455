"""The main job on real data: Alpaca 52 K, directions from GSM8K and MBPP, the top 10 % exported and checked.

    NAIT_SHARED=/path/to/shared python -m benchmarks.real_data OUT

The folder must hold `data/` and `model/`; what is selected is written to OUT and is not part of the project.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from itertools import islice
from pathlib import Path

import numpy as np

import nait_widgets as nait

SHARED = Path(os.environ.get("NAIT_SHARED", Path(__file__).parents[2] / "shared"))
MODEL = SHARED / "model"
POOL = SHARED / "data" / "alpaca52k" / "alpaca_data.json"
TARGETS = {"math": SHARED / "data" / "gsm8k" / "train.jsonl", "code": SHARED / "data" / "mbpp" / "mbpp.jsonl"}
IN_DOMAIN_ROWS = 256
FRACTION = 0.10
SHOWN = 20


def main(out: Path) -> None:
    """Run, check and report."""
    out.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    pool = nait.capture(MODEL, POOL, out / "alpaca.zarr", overwrite=True)
    seconds = time.perf_counter() - started
    counts = pool.info()["status"]
    print(
        f"captured {len(pool):,} rows ({counts}) in {seconds:.0f} s: {len(pool) / seconds:.0f} rows/s, "
        f"{pool.n_tokens.sum() / seconds:,.0f} tokens/s, {pool.info()['bytes'] / 1e6:.0f} MB"
    )

    source = json.loads(POOL.read_text(encoding="utf-8"))
    assert len(source) == len(pool)
    assert len(set(pool.sample_id)) == len(pool)
    kept = sum(counts[label] for label in ("ok", "truncated"))
    assert kept == int(pool.selectable.sum())
    assert counts["empty"] == sum(not row["output"].strip() for row in source)
    print(f"{len(source):,} rows in = {kept:,} selectable + {len(pool) - kept:,} quarantined; ids unique")

    for preset in ("paper", "robust"):
        directions = [
            nait.fit_direction(
                MODEL, nait.read_records(path, limit=IN_DOMAIN_ROWS), name=name, preset=preset, background=pool
            )
            for name, path in TARGETS.items()
        ]
        started = time.perf_counter()
        scores = nait.score(pool, directions)
        print(
            f"{preset}: scored {len(pool):,} rows under {len(directions)} directions in "
            f"{time.perf_counter() - started:.1f} s"
        )
        for direction in directions:
            chosen = nait.select(scores.sel(direction=[direction.name]), fraction=FRACTION)
            target = out / f"{preset}-{direction.name}.jsonl"
            chosen.export(target, columns=["score", "rank"])
            check(target, chosen, source)
            show(out / f"{preset}-{direction.name}.txt", pool, scores["score"].sel(direction=direction.name).to_numpy())
            lengths = pool.n_tokens[chosen.rows]
            print(
                f"  {direction.name}: {len(chosen):,} rows exported and equal to the source's; tokens a row "
                f"{lengths.mean():.0f} (pool {pool.n_tokens[pool.selectable].mean():.0f}); "
                f"sign margin {direction.margin.round(2).tolist()}"
            )
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def check(path: Path, chosen: nait.Selection, source: list[dict[str, str]]) -> None:
    """The exported rows are the source's, key order included."""
    exported = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    expected = [source[row] for row in np.sort(chosen.rows)]
    assert len(exported) == len(expected) == len(chosen)
    for ours, theirs in zip(exported, expected, strict=True):
        assert list(ours.items())[: len(theirs)] == list(theirs.items())


def show(path: Path, pool: nait.ActivationStore, scores: np.ndarray[tuple[int], np.dtype[np.float64]]) -> None:
    """Write the best and the worst rows for a person to read."""
    order = np.argsort(-scores, kind="stable")
    order = order[~np.isnan(scores[order])]
    with path.open("w", encoding="utf-8") as file:
        for title, rows in (("top", order[:SHOWN]), ("bottom", order[-SHOWN:])):
            texts = zip(rows, pool.text("prompt", rows), pool.text("response", rows), strict=True)
            for row, prompt, response in islice(texts, SHOWN):
                file.write(
                    f"{title} {scores[row]:+.2f} {int(pool.n_tokens[row])} tokens | {prompt!r} -> {response!r}\n"
                )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
