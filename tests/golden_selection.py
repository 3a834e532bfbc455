"""The golden vectors of the selection; `python tests/golden_selection.py` writes them anew from this reference."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path
from typing import Any

GOLDEN = Path(__file__).parent / "golden" / "selection.json"
DESCRIPTION = (
    "Golden vectors of the selection arithmetic, for every language that implements it. Each input has: name; scores, "
    "one list a sample with one number a direction, null for NaN (a quarantined sample is null in every direction); "
    "lengths, of the samples; adjusted, the scores under each adjustment, to the last bit; cases, each with wish, the "
    "fields of a wish that differ from its defaults (directions are named d0, d1...); left_out, positions that are no "
    "candidates; pinned, positions chosen at any rate; rows, the positions of the chosen samples, best first, then "
    "the pinned ones that were not chosen otherwise. k = max(1, floor(fraction * candidates + 0.5)) over the "
    "candidates that aren't null; a threshold is inclusive; ties go to the lower position; z-scores use the "
    "population standard deviation over all that aren't null, and a direction without spread gives 0. A direction of "
    "weight 0 isn't there; under union the others take max(1, floor(k * weight / heaviest + 0.5)) each; under "
    "round-robin the turn is the least (taken + 1) / weight's; mean-z and max weigh the z-scores. bottom takes the "
    "lowest, with a threshold those at or below it; random the highest of hash(position ^ hash(seed)), hash being "
    "lowbias32 over 32 bits. An adjustment comes before all this, for each direction over its n samples that aren't "
    "null: length-residual is s - b * (r - (n + 1) / 2), r being the mean rank of the length and b the sum of (r - (n "
    "+ 1) / 2) * (s - mean) over that of (r - (n + 1) / 2)^2, summed in the order of the samples, 0 among lengths "
    "that are equal; length-strata is 1 - (q + 0.5) / m, q being the place from 0 among the m samples of one stratum, "
    "highest first, and floor(p * S / n) the stratum of the sample at place p by length, S = min(10, n)."
)
Scores = list[list[float | None]]
Case = dict[str, Any]


# -- the reference: as slow and as plain as can be


def reference(scores: Scores, lengths: list[int], case: Case) -> list[int]:
    wish: dict[str, Any] = {
        "fraction": None,
        "k": None,
        "threshold": None,
        "merge": "union",
        "weights": {},
        "end": "top",
        "seed": 0,
        "adjust": "none",
    }
    wish |= case["wish"]
    chosen = unpinned(adjusted(scores, lengths, wish["adjust"]), wish, set(case["left_out"]))
    return chosen + sorted(set(case["pinned"]) - set(chosen))


def unpinned(scores: Scores, wish: dict[str, Any], left_out: set[int]) -> list[int]:
    weights = {d: w for d in range(len(scores[0])) if (w := wish["weights"].get(f"d{d}", 1.0)) > 0}
    scored = [row for row, values in enumerate(scores) if any(value is not None for value in values)]
    candidates = [row for row in scored if row not in left_out]
    count = wish["k"]
    if wish["fraction"] is not None:
        count = max(1, math.floor(wish["fraction"] * len(candidates) + 0.5)) if candidates else 0
    lowest = wish["end"] == "bottom"

    def order(column: dict[int, float]) -> list[int]:
        inside = [row for row in column if row not in left_out]
        return sorted(inside, key=lambda row: (column[row] if lowest else -column[row], row))

    def cut(column: dict[int, float], count: int | None) -> list[int]:
        if wish["threshold"] is None:
            return order(column)[:count]
        limit = wish["threshold"]
        return [row for row in order(column) if (column[row] <= limit if lowest else column[row] >= limit)]

    if wish["end"] == "random":
        return sorted(candidates, key=lambda row: (-hashed(row ^ hashed(wish["seed"])), row))[:count]
    columns: dict[int, dict[int, float]] = {
        d: {row: value for row in scored if (value := scores[row][d]) is not None} for d in weights
    }
    if len(columns) == 1:
        return next(cut(column, count) for column in columns.values())
    if wish["merge"] in ("mean-z", "max"):
        z = {d: standardised(column) for d, column in columns.items()}
        whole = [row for row in scored if all(row in column for column in z.values())]
        mean = wish["merge"] == "mean-z"
        merged = {
            row: sum(weights[d] * z[d][row] for d in z) / sum(weights.values())
            if mean
            else max(weights[d] * z[d][row] for d in z)
            for row in whole
        }
        return cut(merged, count)
    if wish["merge"] == "union":
        best: dict[int, int] = {}
        for d, column in columns.items():
            share = None
            if count is not None:
                share = max(1, math.floor(count * (weights[d] / max(weights.values())) + 0.5)) if count else 0
            for rank, row in enumerate(cut(column, share)):
                best[row] = min(rank, best.get(row, rank))
        return sorted(best, key=lambda row: (best[row], row))
    taken: list[int] = []
    turns = dict.fromkeys(columns, 0)
    while len(taken) < count and len(taken) < len(candidates):
        turn = min(turns, key=lambda d: ((turns[d] + 1) / weights[d], d))
        left = [row for row in order(columns[turn]) if row not in taken]
        if left:
            taken.append(left[0])
            turns[turn] += 1
        else:
            del turns[turn]
    return taken


def adjusted(scores: Scores, lengths: list[int], adjust: str) -> Scores:
    if adjust == "none":
        return scores
    how = without_length if adjust == "length-residual" else within_strata
    columns = [how([values[d] for values in scores], lengths) for d in range(len(scores[0]))]
    return [list(values) for values in zip(*columns, strict=True)]


def without_length(column: list[float | None], lengths: list[int]) -> list[float | None]:
    known = {row: value for row, value in enumerate(column) if value is not None and math.isfinite(value)}
    ranks = {}
    for row in known:
        shorter = sum(lengths[other] < lengths[row] for other in known)
        alike = sum(lengths[other] == lengths[row] for other in known)
        ranks[row] = shorter + (alike + 1) / 2 - (len(known) + 1) / 2
    # No `sum`, which makes good for rounding.
    total = across = along = 0.0
    for value in known.values():
        total += value
    for row, value in known.items():
        across += ranks[row] * (value - total / len(known))
        along += ranks[row] * ranks[row]
    slope = across / along if along else 0.0
    moved = {row: value - slope * ranks[row] for row, value in known.items()} if math.isfinite(slope) else {}
    return [moved.get(row, value) for row, value in enumerate(column)]


def within_strata(column: list[float | None], lengths: list[int]) -> list[float | None]:
    known = {row: value for row, value in enumerate(column) if value is not None}
    strata: dict[int, list[int]] = {}
    for place, row in enumerate(sorted(known, key=lambda row: (lengths[row], row))):
        strata.setdefault(place * min(10, len(known)) // len(known), []).append(row)
    found: list[float | None] = [None] * len(column)
    for rows in strata.values():
        for place, row in enumerate(sorted(rows, key=lambda row: (-known[row], row))):
            found[row] = 1 - (place + 0.5) / len(rows)
    return found


def hashed(x: int) -> int:
    x = ((x ^ (x >> 16)) * 0x7FEB352D) % 2**32
    x = ((x ^ (x >> 15)) * 0x846CA68B) % 2**32
    return x ^ (x >> 16)


def standardised(column: dict[int, float]) -> dict[int, float]:
    if not column:
        return {}
    mean = math.fsum(column.values()) / len(column)
    spread = math.sqrt(math.fsum((value - mean) ** 2 for value in column.values()) / len(column))
    return {row: (value - mean) / spread if spread else 0.0 for row, value in column.items()}


# -- golden vectors


def inputs() -> dict[str, Scores]:
    rng = random.Random(20260313)

    def drawn(n: int, m: int, values: list[int], nan: float) -> Scores:
        rows: Scores = [[float(rng.choice(values)) for _ in range(m)] for _ in range(n)]
        return [[None] * m if rng.random() < nan else row for row in rows]

    return {
        "distinct": [[float(v)] for v in rng.sample(range(-50, 50), 21)],
        "ties and NaN": drawn(30, 1, [0, 1, 2], 0.2),
        "all equal": [[1.5] for _ in range(9)],
        "one sample": [[-2.0]],
        "nothing valid": [[None], [None]],
        "one valid": [[None], [3.0], [None]],
        "half up": [[float(v)] for v in range(5)],
        "two directions": drawn(24, 2, list(range(-9, 10)), 0.0),
        "two directions, ties and NaN": drawn(30, 2, [0, 1, 2], 0.25),
        "three directions, NaN": drawn(40, 3, list(range(100)), 0.1),
        "two directions, one without spread": [[float(v), 4.0] for v in rng.sample(range(20), 12)],
        "two directions, nothing valid": [[None, None]] * 3,
        "two directions that agree": [[float(v), float(v)] for v in rng.sample(range(20), 10)],
        "two directions that oppose": [[float(v), float(-v)] for v in range(10)],
    }


def lengths_of(name: str, scores: Scores) -> list[int]:
    """Lengths of which some are alike, whatever the scores are."""
    rng = random.Random(name)
    return [rng.randrange(3 * len(scores) // 2) for _ in scores]


def cases(scores: Scores) -> list[Case]:
    n, n_directions = len(scores), len(scores[0])
    n_valid = sum(row[0] is not None for row in scores)
    sizes: list[dict[str, Any]] = [{"fraction": f} for f in (0.001, 0.1, 0.3, 0.5, 1.0)]
    sizes += [{"k": k} for k in (1, 2, 7) if k <= n_valid]
    sizes += [{"threshold": t} for t in (-1.0, 0.0, 1.0, 1000.0)]
    merges: list[dict[str, Any]] = [{}]
    if n_directions > 1:
        merges += [{"merge": merge} for merge in ("round-robin", "mean-z", "max")]
    wishes = [{**size, **merge} for merge in merges for size in sizes]
    wishes += [{**wish, "end": "bottom"} for wish in wishes]
    wishes += [{**size, "end": "random", "seed": seed} for size in sizes for seed in (0, 7) if "threshold" not in size]
    if n_directions > 1:
        uneven = {"d0": 0.25, "d1": 1.5}
        wishes += [{**size, **merge, "weights": uneven} for merge in merges for size in sizes]
        wishes += [{**size, "merge": "mean-z", "weights": {"d1": 0.0}} for size in sizes]
    # By places in strata, directions tie in ways that merged scores would break by rounding.
    for size in [{"fraction": 0.3}, {"threshold": 0.25}]:
        wishes += [{**size, "adjust": adjust} for adjust in ("length-residual", "length-strata")]
        wishes += [{**size, **merge, "adjust": "length-residual"} for merge in merges[1:]]
    wishes += [{"fraction": 0.5, "adjust": "length-strata", "end": "bottom"}]
    wishes = [wish for wish in wishes if not (wish.get("merge") == "round-robin" and "threshold" in wish)]
    everything: list[Case] = [{"wish": wish, "left_out": [], "pinned": []} for wish in wishes]
    left_out, pinned = list(range(0, n, 3)), [row for row in range(1, n, 7) if scores[row][0] is not None]
    everything += [{"wish": wish, "left_out": left_out, "pinned": pinned} for wish in wishes]
    return everything


def golden() -> dict[str, Any]:
    made: list[Case] = []
    for name, scores in inputs().items():
        lengths = lengths_of(name, scores)
        moved = {adjust: adjusted(scores, lengths, adjust) for adjust in ("length-residual", "length-strata")}
        answered: list[Case] = [{**case, "rows": reference(scores, lengths, case)} for case in cases(scores)]
        made.append({"name": name, "scores": scores, "lengths": lengths, "adjusted": moved, "cases": answered})
    return {"description": DESCRIPTION, "inputs": made}


if __name__ == "__main__":
    GOLDEN.parent.mkdir(exist_ok=True)
    lines = ",\n".join(json.dumps(made) for made in golden()["inputs"])
    GOLDEN.write_text(f'{{"description": {json.dumps(DESCRIPTION)}, "inputs": [\n{lines}\n]}}\n')
