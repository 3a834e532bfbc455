"""How much to select: quality against the ratio on labelled rows and downstream, and the ratio that is suggested."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.evidence.downstream import (
    RANDOM,
    cautions,
    compare,
    difference,
    random_draws,
    reading,
    spread_of,
)
from benchmarks.evidence.labelled import Labelled, labelled
from benchmarks.evidence.measures import kept, side, top
from benchmarks.evidence.page import Section, details
from benchmarks.evidence.real import setting
from benchmarks.evidence.rivals import NAIT, directions
from benchmarks.evidence.study import SITES, Study
from benchmarks.evidence.transfer import FRACTION, Material, prepare
from benchmarks.report import table
from nait_widgets import demo, score, suggest_ratio
from nait_widgets.models import load_model
from nait_widgets.store.mapping import one_thread_each

if TYPE_CHECKING:
    from benchmarks.evidence.measures import Floats, Mask, Rows
    from nait_widgets.training import SubsetComparison

CURVE = (0.05, 0.10, 0.15, 0.20, 0.30, 0.40, 0.50, 0.75, 1.0)
DOWNSTREAM = (0.05, 0.10, 0.20, 0.30, 0.50)
TARGETS = ("GSM8K", "MBPP")
PRESET = "NAIT robust"
OPEN = f"{PRESET}, {SITES[1]}"


@dataclass(frozen=True)
class Suggested:
    """A suggestion, and what it would have been worth.

    Attributes:
        true: Share of the rows that truly carry the capability.
        ratio: The fraction suggested.
        precision: Share of the rows selected so that truly carry it.
        recall: Share of these that are selected.
        best: The highest F1 at any ratio in whole per cent.
        best_at: Where it is.
        unsure: Whether the suggestion comes with a caution.
    """

    true: float
    ratio: float
    precision: float
    recall: float
    best: float
    best_at: float
    unsure: bool

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return _f1(self.precision, self.recall)


def run(study: Study) -> Section:
    """The demo's labels, then the loss downstream."""
    section = Section()
    with one_thread_each():
        _tell_demo(section, labelled(study, load_model(demo.MODEL)))
    _tell_downstream(section, study)
    return section


def _tell_demo(section: Section, pool: Labelled) -> None:
    found: dict[str, dict[str, Suggested]] = {}
    curves: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for site in SITES:
        for target in demo.CAPABILITIES:
            fitted = directions(pool.targets[target][site], pool.stores[site], f", {site}")
            scores, true = score(pool.stores[site], list(fitted.values())), pool.true(target)
            for name in fitted:
                column = scores["score"].sel(direction=name).to_numpy()
                suggestion = suggest_ratio(scores, name)
                found.setdefault(name, {})[target] = _worth(
                    column, true, suggestion.suggested, unsure=bool(suggestion.caution)
                )
                curves.setdefault(name, {})[target] = [_at(column, true, ratio) for ratio in CURVE]
    order = [f"{preset}, {site}" for preset in NAIT for site in SITES]
    section.text += [
        "**Labelled rows**, the demo's pool: precision / recall of the rows that truly carry the capability, the mean "
        f"over {len(demo.CAPABILITIES)}.",
        table(
            ["direction", *(f"{ratio:.0%}" for ratio in CURVE)],
            [
                [name, *(" / ".join(f"{v:.2f}" for v in np.mean(curve, axis=0)) for curve in _by_ratio(curves[name]))]
                for name in order
            ],
        ),
        "**The suggestion** of `nait.suggest_ratio`, beside the share of such rows and the highest F1 (of precision "
        "and recall) that any ratio in whole per cent reaches; *unsure* where it comes with a caution.",
        *(
            _suggestion_table(found[name]) if name == OPEN else details(name, _suggestion_table(found[name]))
            for name in [OPEN, *(name for name in order if name != OPEN)]
        ),
    ]
    section.figures["suggested"] = {
        name: {target: [s.true, s.ratio, s.f1, s.best, s.best_at] for target, s in by_target.items()}
        for name, by_target in found.items()
    }
    for name in (OPEN, f"NAIT paper, {SITES[1]}"):
        section.verdicts.append(_verdict(name, list(found[name].values())))


def _verdict(name: str, suggested: list[Suggested]) -> str:
    off = float(np.mean([abs(s.ratio - s.true) for s in suggested]))
    f1, best = (float(np.mean(values)) for values in ([s.f1 for s in suggested], [s.best for s in suggested]))
    fixed = float(np.mean([s.best_at for s in suggested]))
    return (
        f"The ratio, {name}, demo: suggested ratios are {100 * off:.1f} percentage points from the true shares on the "
        f"mean and reach an F1 of {f1:.2f}, where the best ratio of each ({fixed:.0%} on the mean) reaches {best:.2f}; "
        f"{sum(s.unsure for s in suggested)} of {len(suggested)} come with a caution."
    )


def _suggestion_table(by_target: dict[str, Suggested]) -> str:
    return table(
        ["target", "true share", "suggested", "precision", "recall", "F1", "best F1 (at)", "unsure"],
        [
            [
                target,
                f"{s.true:.1%}",
                f"{s.ratio:.0%}",
                f"{s.precision:.2f}",
                f"{s.recall:.2f}",
                f"{s.f1:.2f}",
                f"{s.best:.2f} ({s.best_at:.0%})",
                "yes" if s.unsure else "",
            ]
            for target, s in by_target.items()
        ],
    )


def _worth(column: Floats, true: Mask, ratio: float, *, unsure: bool) -> Suggested:
    every = [percent / 100 for percent in range(1, 101)]
    f1 = [_f1(*_at(column, true, at)) for at in every]
    precision, recall = _at(column, true, ratio)
    best = int(np.argmax(f1))
    share = float(true[~np.isnan(column)].mean())
    return Suggested(share, ratio, precision, recall, f1[best], every[best], unsure)


def _at(column: Floats, true: Mask, ratio: float) -> tuple[float, float]:
    """Precision and recall."""
    rows = top(column, ratio)
    return float(true[rows].mean()), kept(rows, true)


def _f1(precision: float, recall: float) -> float:
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _by_ratio(curves: dict[str, list[tuple[float, float]]]) -> list[list[tuple[float, float]]]:
    return [[curve[i] for curve in curves.values()] for i in range(len(CURVE))]


def _tell_downstream(section: Section, study: Study) -> None:
    """The loss after as many response tokens from ever more of the ranking; 100 % are random rows."""
    shared = setting(study)
    material = prepare(study, shared)
    seeds = study.seeds(shared.seeds)
    subsets: dict[str, Rows | list[Rows]] = {RANDOM: random_draws(material.valid, material.k, seeds)}
    names = {target: {ratio: _name(target, ratio) for ratio in DOWNSTREAM} for target in TARGETS}
    for target, by_ratio in names.items():
        subsets |= {name: top(material.aimed[target][PRESET], ratio) for ratio, name in by_ratio.items()}
    result = compare(study, shared.model, shared.files, material.rows, subsets, material.held_out, seeds, shared.recipe)
    section.text += [
        f"**Downstream**, {shared.name}, {PRESET}, {len(material.valid):,} rows of Alpaca: loss on the own target's "
        f"held-out rows after {shared.recipe.words(study)}, against random rows (which are what 100 % is), "
        f"{len(seeds)} seeds. The tokens are the same at every ratio, so this asks which rows are better, not whether "
        f"more of them are. {reading(result)}",
        table(
            ["target", *(f"{ratio:.0%}" for ratio in DOWNSTREAM), "100%"],
            [
                [
                    target,
                    *(difference(result.pair(name, target)) for name in by_ratio.values()),
                    spread_of(result.values(RANDOM, target)),
                ]
                for target, by_ratio in names.items()
            ],
        ),
        *cautions({"by ratio": result}),
        _real_suggestions(material),
    ]
    for target, by_ratio in names.items():
        section.verdicts.append(f"The ratio downstream, {shared.name}, {_told(result, target, by_ratio)}")


def _told(result: SubsetComparison, target: str, by_ratio: dict[float, str]) -> str:
    """Which ratios are worse than the one of the lowest mean loss, by paired intervals over the seeds."""
    names = by_ratio | {1.0: RANDOM}
    best = min(names, key=lambda ratio: float(np.mean(result.values(names[ratio], target))))
    others = {ratio: result.pair(name, target, reference=names[best]) for ratio, name in names.items() if ratio != best}
    worse = [f"{ratio:.0%}" for ratio, pair in others.items() if side(pair) > 0]
    alike = [f"{ratio:.0%}" for ratio, pair in others.items() if side(pair) <= 0]
    parts = [f"worse beyond the interval: {', '.join(worse)}"] if worse else []
    parts += [f"no difference shown to {', '.join(alike)}"] if alike else []
    return f"{target}: the lowest mean loss is that of {best:.0%}; {'; '.join(parts)}."


def _name(target: str, ratio: float) -> str:
    """A subset's; that of the usual ratio is what the part `real` calls it, so that its runs serve here too."""
    return f"{PRESET}, top, {target}" + ("" if ratio == FRACTION else f", {ratio:.0%}")


def _real_suggestions(material: Material) -> str:
    """What is suggested for the real sets."""
    rows = []
    for target, fitted in material.directions.items():
        suggestion = suggest_ratio(score(material.store, fitted[PRESET]))
        rows.append([target, f"{suggestion.suggested:.0%}", suggestion.why, suggestion.caution])
    return table([PRESET, "suggested", "why", "caution"], rows)
