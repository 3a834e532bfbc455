"""A comparison in words: tables and sentences, for a terminal and for the report."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nait_widgets.training.runs import BASE
from nait_widgets.training.statistics import MOST_FLIPS, smallest_p

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nait_widgets.training.result import Measure, SubsetComparison

MEASURES = {"loss": "response loss, nats a token", "exact": "exactly right answers"}


class Grid(NamedTuple):
    """A table as text; the first column names the row."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str


def means(result: SubsetComparison, measure: Measure) -> Grid:
    """Mean and spread of each subset on each eval set."""
    sets = [name for kind, name in result.measures if kind == measure]
    rows = [
        [name, *(spread(result.values(name, eval_set, measure), measure) for eval_set in sets)]
        for name in (BASE, *result.subsets)
    ]
    caption = f"{MEASURES[measure]}: mean ± standard deviation over {seeds(result)}"
    return Grid(["", *sets], rows, caption)


def tests(result: SubsetComparison) -> Grid:
    """Each subset against the reference."""
    rows = []
    for measure, eval_set in result.measures:
        for name in result.subsets:
            if name == result.reference:
                continue
            pair = result.pair(name, eval_set, measure)
            better = pair.below if measure == "loss" else pair.above
            rows.append(
                [
                    f"{name}, {eval_set}" + (" (exact)" if measure == "exact" else ""),
                    figure(pair.mean, measure, sign=True),
                    "" if pair.n == 1 else f"{figure(pair.low, measure, True)} to {figure(pair.high, measure, True)}",
                    p_value(pair.p_t),
                    p_value(pair.p_flip),
                    f"{better} of {pair.n}",
                ]
            )
    columns = ["", "difference", "95 % interval", "p (t-test)", "p (sign flips)", "seeds better"]
    return Grid(columns, rows, f"against {result.reference}, seed by seed")


def work(result: SubsetComparison) -> Grid:
    """What each subset is, and what was done with it."""
    rows = []
    for name, draws in result.subsets.items():
        runs = [run for run in result.runs if run.subset == name]
        several = f" × {len(draws)}" if len(draws) > 1 else ""
        rows.append(
            [
                name,
                f"{_mean([facts['usable'] for facts in draws]):,.0f}{several}",
                f"{_mean([facts['response_tokens'] for facts in draws]):,.0f}",
                f"{_mean([run.response_tokens for run in runs]):,.0f}",
                f"{_mean([run.tokens for run in runs]):,.0f}",
                f"{_mean([run.epochs for run in runs]):.2f}",
                f"{_mean([run.seconds for run in runs]):,.1f}",
            ]
        )
    columns = ["", "rows", "their response tokens", "trained on", "tokens read", "epochs", "seconds a run"]
    return Grid(columns, rows, "subsets and work, means of the seeds")


def claims(result: SubsetComparison) -> list[str]:
    """On each eval set whether the claimed order holds."""
    out = []
    for measure, eval_set in result.measures:
        if (claim := result.claim(eval_set, measure)) is None:
            continue
        out.append(
            f"{' > '.join(claim.names)} on {eval_set}{' (exact)' if measure == 'exact' else ''}: "
            f"{'holds' if claim.means else 'does not hold'} for the means, and at {claim.seeds} of {seeds(result)}"
        )
    return out


def limits(result: SubsetComparison) -> list[str]:
    """What the figures can't show."""
    n = len(result.seeds)
    out = ["No p is corrected for the number of comparisons."]
    if n <= MOST_FLIPS:
        out.append(
            f"{seeds(result)}: the sign-flip test can't give a p below {p_value(smallest_p(n))}, "
            "however clear the difference."
        )
    if len(result.subsets[result.reference]) == 1:
        out.append(
            f"Seeds change the order of the rows, not which rows {result.reference} holds: the spread says nothing of "
            "how another draw would have done. Give one draw a seed for that."
        )
    return out


def cautions(result: SubsetComparison) -> list[str]:
    """What the figures themselves warn of."""
    out = []
    n = len(result.seeds)
    for eval_set in result.eval_sets:
        changes = [result.pair(name, eval_set, reference=BASE) for name in result.subsets]
        if n > 1 and all(change.low <= 0 <= change.high for change in changes):
            out.append(
                f"no subset moves the loss on {eval_set} beyond the noise of {n} seeds: train for more steps, at a "
                "higher learning rate, or with more seeds"
            )
        elif all(change.mean > 0 for change in changes):
            out.append(
                f"every subset leaves the loss on {eval_set} worse than the untouched base's: if that is what they are "
                "to improve, lower the learning rate or train for fewer steps"
            )
    return out


def text(result: SubsetComparison) -> str:
    """Everything, for a terminal."""
    blocks = [_aligned(means(result, "loss"))]
    if result.base.exact:
        blocks.append(_aligned(means(result, "exact")))
    if len(result.subsets) > 1:
        blocks.append(_aligned(tests(result)))
    blocks += ["\n".join(claims(result)), _aligned(work(result))]
    blocks.append("\n".join([*limits(result), *(f"Caution: {caution}." for caution in result.cautions)]))
    blocks.append(reuse(result))
    return "\n\n".join(block for block in blocks if block)


def reuse(result: SubsetComparison) -> str:
    """What was done before and what now; empty where that isn't known."""
    if result.reuse is None:
        return ""
    reused, new, others = result.reuse
    beside = f"; kept in the folder, but no part of this: {others:,} of other rows, subsets or seeds" if others else ""
    return f"Runs: {reused:,} reused from an earlier call, {new:,} new{beside}."


def seeds(result: SubsetComparison) -> str:
    """How many there are."""
    n = len(result.seeds)
    return f"{n:,} seed{'s' if n > 1 else ''}"


def spread(values: Sequence[float], measure: Measure) -> str:
    """Mean ± standard deviation; one value as it is."""
    mean = figure(float(np.mean(values)), measure)
    return mean if len(values) == 1 else f"{mean} ± {figure(float(np.std(values, ddof=1)), measure)}"


def figure(value: float, measure: Measure, sign: bool = False) -> str:
    """A value in the measure's form: four decimals, or per cent."""
    written = format(value, ("+" if sign else "") + (".1%" if measure == "exact" else ".4f"))
    return written.replace("-", "−")


def p_value(p: float) -> str:
    """A probability with two figures; an em dash where there is none."""
    return "—" if np.isnan(p) else "< .0001" if p < 1e-4 else f"{p:.2g}" if p < 0.1 else f"{p:.2f}"


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))


def _aligned(grid: Grid) -> str:
    cells = [list(grid.columns), *(list(row) for row in grid.rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(grid.columns))]
    lines = [
        "  ".join([first.ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(others, widths[1:], strict=True))])
        for first, *others in cells
    ]
    return "\n".join([grid.caption, *(f"  {line}".rstrip() for line in lines)])
