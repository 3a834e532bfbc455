"""Which few bytes a sample tell its score best: what a fingerprint could be, compared (`exact_selection` measures it).

    NAIT_SHARED=/path/to/shared python -m benchmarks.fingerprints STORE

The store holds the pool `mean` of the shared model. Directions are fitted to 256 rows each of GSM8K, MBPP, TyDiQA, MMLU
and Dolly under both presets.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import nait_widgets as nait
from benchmarks.evidence.data import Row, outside_text, splits
from benchmarks.evidence.measures import top
from benchmarks.evidence.study import IN_DOMAIN
from benchmarks.fingerprints_bases import Family, Pool, families
from benchmarks.fingerprints_codes import Code, Strongest
from benchmarks.inputs import SHARED
from benchmarks.machine import in_words, machine
from benchmarks.report import Cell, Report, Target, replace_part
from benchmarks.timing import Spread
from nait_widgets.methods import PRESETS, Direction
from nait_widgets.selection.arithmetic import size
from nait_widgets.selection.deciding import Known

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

FRACTIONS = (0.05, 0.1, 0.2, 0.3)
AT = 0.1
MOST_READ = 25  # % of the activations' bytes
ROUNDING = 1e-5  # of the scores' spread: what float32 may differ by between two ways of adding up
FEW, MANY = 18, 6
SHARES = (18, 9, 6, 3)  # of the dimensions, one in so many is kept
READ, READ_IN_ORDER = "read at 10%, %", "read at 10% for the order, %"
ALONE = "what is kept is read of all, then whole samples until the selection is certain."


@dataclass(frozen=True, slots=True)
class Scored:
    """A direction and the scores under it, which are affine in the projection of each sample's mean.

    Attributes:
        name: The capability.
        preset: Which.
        weights: Of each dimension of the pool: (dimension,).
        factor, offset: Of each sample: (sample,).
        exact: (sample,).
    """

    name: str
    preset: str
    weights: npt.NDArray[np.float32]
    factor: Floats
    offset: Floats
    exact: Floats


def fitted(store: nait.ActivationStore) -> list[Direction]:
    """Every set's direction under every preset."""
    sets: dict[str, list[Row]] = {name: split.in_domain for name, split in splits(SHARED, IN_DOMAIN, 0).items()}
    sets["Dolly"] = outside_text(SHARED)[0][:IN_DOMAIN]
    return [
        nait.fit_direction(SHARED / "model", rows, name=f"{name}, {preset}", preset=preset, background=store)
        for preset in PRESETS
        for name, rows in sets.items()
    ]


def scored(pool: Pool, directions: list[Direction]) -> list[Scored]:
    """Score the store in full."""
    scores = nait.score(pool.store, directions)
    n = np.maximum(pool.store.n_tokens, 2).astype(np.float64)
    first = np.asarray(pool.store.array("first_token"), np.float64)
    found = []
    for column, direction in enumerate(directions):
        own = scores.isel(direction=column)
        vectors = direction.vectors / own["layer_scale"].to_numpy()[:, None]
        offset = np.full(len(n), np.einsum("ld,ld->", pool.mean, vectors))
        factor = np.ones(len(n))
        if direction.score.pool == "tail_mean":  # the mean of all tokens but the first
            factor = n / (n - 1)
            offset = factor * offset - np.einsum("ld,ld->", first, vectors) / (n - 1)
        offset -= (own["layer_mean"].to_numpy() / own["layer_scale"].to_numpy()).sum()
        weights = (vectors * pool.scale[:, None]).astype(np.float32).ravel()
        name, preset = direction.name.split(", ")
        found.append(Scored(name, preset, weights, factor, offset, own["score"].to_numpy()))
    return found


def single(pool: Pool, bases: dict[str, Family]) -> Iterator[Code]:
    """What is compared, each alone before the samples themselves."""
    n_layers, n_neurons = pool.mean.shape
    for name in ("random, a layer", "random, all layers", "principal, a layer", "principal, all layers"):
        for share in FEW, MANY:
            yield bases[name].code((pool.n_dimensions // bases[name].groups // share, 8))
    for share in SHARES:
        count = pool.n_dimensions // share  # a quarter at 16 bits: their steps are the largest
        yield bases["principal, all layers"].code((count // 4, 16), (count - count // 4, 8))
    for share in 2 * FEW, 2 * MANY:
        yield Strongest(n_neurons // share, n_layers)
    for bits in (4, 8):
        yield bases["every neuron"].code((pool.n_dimensions, bits))


def measure(pool: Pool, code: Code, targets: list[Scored]) -> Iterator[tuple[str, list[dict[str, float]]]]:
    """Every preset with what is measured of its directions."""
    project = code.on(np.stack([target.weights for target in targets], axis=1))
    chunks = list(pool.stream(project))
    told, bounds = (np.concatenate([found[i] for _, found in chunks]).astype(np.float64) for i in range(2))
    valid = pool.store.selectable
    for preset, of_preset in groupby(range(len(targets)), lambda i: targets[i].preset):
        lines = []
        for i in of_preset:
            target = targets[i]
            exact = target.exact[valid]
            scores = (target.factor * told[:, i] + target.offset)[valid]
            bound = (target.factor * bounds[:, i])[valid] + ROUNDING * exact.std()
            lines.append(_told(scores, bound, exact) | _read(code, Known(scores, bound), exact, pool.n_bytes))
        yield preset, lines


def _told(told: Floats, bound: Floats, exact: Floats) -> dict[str, float]:
    """How well a code tells the scores under one direction."""
    found = np.intersect1d(top(told, AT), top(exact, AT))
    line = {
        "rank correlation": float(np.corrcoef(_ranks(told), _ranks(exact))[0, 1]),
        "of the top 10 %, %": 100 * len(found) / size(AT, len(exact)),
        "largest error / bound": float(np.max(np.abs(told - exact) / bound)),
    }
    known = Known(told, bound)
    for fraction in FRACTIONS:
        line[f"undecided at {fraction:.0%}, %"] = 100 * float(known.undecided(size(fraction, len(exact))).mean())
    return line


def _read(code: Code, known: Known, exact: Floats, whole: int) -> dict[str, float]:
    """Bytes that an exact selection reads, in % of those of the activations."""
    k = size(AT, len(exact))
    read, right = np.zeros(len(exact), np.bool_), np.argsort(-exact, kind="stable")[:k]
    while len(now := known.to_read(k, ~read)):
        known.told[now], known.error[now], read[now] = exact[now], 0, True
    assert set(np.argsort(-known.told, kind="stable")[:k]) == set(right), "another selection"
    line = {READ: 100 * (code.n_bytes / whole + float(read.mean()))}
    read[right] = True
    return line | {READ_IN_ORDER: 100 * (code.n_bytes / whole + float(read.mean()))}


def _ranks(values: Floats) -> npt.NDArray[np.int64]:
    return np.argsort(np.argsort(values, kind="stable"), kind="stable")


def compared(pool: Pool, made: Iterator[Code], targets: list[Scored]) -> Report:
    """A table of codes, two lines each."""
    whole = pool.n_bytes
    table: list[dict[str, Cell]] = []
    least = dict.fromkeys(PRESETS, np.inf)
    for code in made:
        print(f"  {code.name}", file=sys.stderr, flush=True)
        for preset, lines in measure(pool, code, targets):
            spreads: dict[str, Cell] = {column: Spread.of([line[column] for line in lines]) for column in lines[0]}
            kept: dict[str, Cell] = {
                "kept": code.name,
                "bytes": code.n_bytes,
                "%": 100 * code.n_bytes / whole,
            }
            table.append(kept | {"preset": preset} | spreads)
            least[preset] = min(least[preset], max(line[READ] for line in lines))
    targets_met = [
        Target(f"{READ} of the activations' bytes, the worst direction of {preset}", MOST_READ, found, at_most=True)
        for preset, found in least.items()
    ]
    layout = pool.store.layout
    setting = (
        f"{int(pool.store.selectable.sum()):,} samples × {len(layout.layers)} layers × {layout.n_neurons} neurons, "
        f"{layout.site}, {whole:,} bytes each; {ALONE} Median over {', '.join(dict.fromkeys(t.name for t in targets))},"
        " with the lowest and the highest."
    )
    return Report("fingerprints", setting, table, targets_met)


def main() -> None:
    """Measure one store."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fingerprints", description=__doc__)
    parser.add_argument("store", type=Path)
    results = Path(__file__).with_name("results")
    parser.add_argument("--out", type=Path, default=results, help="folder of the JSON (default: %(default)s)")
    asked = parser.parse_args()
    os.environ["TQDM_DISABLE"] = "1"
    here = machine()
    pool = Pool.of(nait.open_store(asked.store))
    targets, bases = scored(pool, fitted(pool.store)), families(pool)
    report = compared(pool, single(pool, bases), targets)
    report.save(asked.out, here)
    told = f"{in_words(here)}.\n\n{report.markdown()}"
    print(told, flush=True)
    if asked.out == results:
        replace_part(Path(__file__).with_name("RESULTS.md"), "fingerprints", told)


if __name__ == "__main__":
    main()
