"""What `select_from_fingerprint` reads and takes, and whether its rows are the scan's, on all of Alpaca.

The pool is captured for it, which takes minutes; NAIT_POOL=STORE.zarr names one that is there, which is left as it is.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

from benchmarks.fingerprints import fitted
from benchmarks.inputs import SHARED, corpus
from benchmarks.report import Cell, Report, Target
from benchmarks.timing import Spread
from nait_widgets import capture, join, open_store, score, select, select_from_fingerprint
from nait_widgets.fingerprints import COMPONENTS
from nait_widgets.methods import PRESETS, Direction
from nait_widgets.store import ActivationStore

FRACTIONS = (0.05, 0.1, 0.2, 0.3)
AT = 0.1
MOST_READ = 25  # % of a scan's bytes
STAGES = (COMPONENTS, (64,), (128,), (192,), (64, 192), (64, 384))
ROWS = 52_002


def run(workspace: Path, size: float) -> Iterator[Report]:
    """Measure with the stages that are kept, and with simpler ones."""
    if not (SHARED / "model").exists():
        return
    store = _pool(workspace, size)
    directions = fitted(store)
    scans = {direction.name: _scan(store, direction) for direction in directions}
    table: list[dict[str, Cell]] = []
    targets: list[Target] = []
    for components in STAGES:
        begun = perf_counter()
        made = store.make_fingerprint(components=components)
        kept: dict[str, Cell] = {
            "components": ", then ".join(map(str, made.basis.components)),
            "bytes a sample": sum(made.basis.n_bytes),
            "made in, s": perf_counter() - begun,
        }
        for preset in PRESETS:
            own = [direction for direction in directions if direction.preset == preset]
            found = {fraction: [_selected(store, each, scans, fraction) for each in own] for fraction in FRACTIONS}
            shares = {fraction: [share for _, share, _ in lines] for fraction, lines in found.items()}
            table.append(
                {**kept, "preset": preset}
                | {f"read at {fraction:.0%}, %": Spread.of(shares[fraction]) for fraction in FRACTIONS}
                | {f"s at {AT:.0%}": Spread.of([seconds for _, _, seconds in found[AT]])}
                | {"a scan, s": Spread.of([scans[each.name][1] for each in own])}
            )
            same = sum(same for lines in found.values() for same, _, _ in lines)
            asked = len(own) * len(FRACTIONS)
            what = f"{kept['components']}, {preset}: of {asked} selections those whose ids are the scan's"
            targets.append(Target(what, asked, same))
            if components == COMPONENTS:
                worst = f"{preset}: read at {AT:.0%}, %, the worst direction"
                targets.append(Target(worst, MOST_READ, max(shares[AT]), at_most=True))
    layout = store.layout
    yield Report(
        "exact_selection",
        f"{int(store.selectable.sum()):,} selectable samples of {len(store):,}, {len(layout.layers)} layers × "
        f"{layout.n_neurons} neurons, {layout.site}; directions {', '.join(dict.fromkeys(map(_set, directions)))}, "
        "medians over them with the lowest and the highest. Bytes are all that are asked for: basis, covariance, "
        "records, rows; the scan's are those of the activations. Files in the page cache.",
        table,
        targets,
    )


def _pool(workspace: Path, size: float) -> ActivationStore:
    """All of Alpaca, or a part, through the shared model; its files are shared with a store that is there."""
    if there := os.environ.get("NAIT_POOL"):
        return join([open_store(there)], workspace / "pool.zarr")
    return capture(SHARED / "model", corpus().sample(int(ROWS * size)), workspace / "pool.zarr", pools=("mean",))


def _scan(store: ActivationStore, direction: Direction) -> tuple[dict[float, str], float]:
    """Digests of what a scan selects, and the seconds that it takes."""
    score(store, direction)  # from here on its files are in memory
    begun = perf_counter()
    scores = score(store, direction)
    seconds = perf_counter() - begun
    return {fraction: select(scores, fraction=fraction).ids_digest for fraction in FRACTIONS}, seconds


def _selected(
    store: ActivationStore, direction: Direction, scans: dict[str, tuple[dict[float, str], float]], fraction: float
) -> tuple[bool, float, float]:
    """Whether the ids are the scan's, the share that was read in %, and seconds."""
    begun = perf_counter()
    found = select_from_fingerprint(store, direction, fraction=fraction)
    seconds = perf_counter() - begun
    assert found.read is not None
    return found.ids_digest == scans[direction.name][0][fraction], 100 * found.read.share, seconds


def _set(direction: Direction) -> str:
    return direction.name.split(", ")[0]
