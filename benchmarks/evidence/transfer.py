"""The paper's shape of result on real data: top 10 % against random against bottom 10 %, own capability and others."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.evidence.base import files_of
from benchmarks.evidence.captured import captured
from benchmarks.evidence.data import CAPABILITIES, candidates, spread
from benchmarks.evidence.downstream import (
    RANDOM,
    Recipe,
    cautions,
    compare,
    counted,
    difference,
    random_draws,
    reading,
    spread_of,
    values,
    without_steps,
)
from benchmarks.evidence.figure import Range, ranges
from benchmarks.evidence.measures import some, told_apart, top
from benchmarks.evidence.page import Section, details
from benchmarks.evidence.rivals import aimed_scorers, columns, directions, free_scorers
from benchmarks.evidence.study import SITES, Study
from benchmarks.report import table
from nait_widgets import contamination
from nait_widgets.models import load_model
from nait_widgets.paths import slug
from nait_widgets.training.statistics import paired

if TYPE_CHECKING:
    from benchmarks.evidence.data import Row
    from benchmarks.evidence.measures import Floats, Rows
    from nait_widgets.methods import Direction
    from nait_widgets.store import ActivationStore
    from nait_widgets.training import SubsetComparison

FRACTION = 0.10
EVALUATED = 64  # held-out rows of each set
PRESETS = ("NAIT paper", "NAIT robust")


_LOSS = {-1: "lower", 1: "higher"}  # by a rival's side
_COUNTS = ("below random", "beyond the interval", "below the bottom")
SMALL = Recipe(steps=10, response_tokens=1_024, learning_rate=3e-4)  # for models of some million parameters


@dataclass(frozen=True)
class Setting:
    """What is run.

    Attributes:
        name: What the text calls the model.
        model: Its folder or hub id.
        rows: Candidates.
        seeds: Of each subset.
        rivals: The scorers besides NAIT's presets, as the tables call them.
        recipe: How runs are fine-tuned.
    """

    name: str
    model: Path | str
    rows: int
    seeds: int
    rivals: tuple[str, ...]
    recipe: Recipe = SMALL

    @property
    def slug(self) -> str:
        """The name as pictures have it."""
        return slug(self.name)

    @property
    def files(self) -> str:
        """The name as stores and runs have it."""
        return files_of(self.name, self.model)


@dataclass(frozen=True)
class Material:
    """The candidates with their scores.

    Attributes:
        store: The candidates.
        rows: Their texts.
        valid: Rows that may be selected: sound, and like no held-out row.
        left_out: Sound rows that are left out because they resemble a held-out one.
        free: Columns of the scorers without a target.
        aimed: Columns by target and scorer.
        directions: NAIT's, by target and preset.
        held_out: What is evaluated on.
    """

    store: ActivationStore
    rows: list[Row]
    valid: Rows
    left_out: int
    free: dict[str, Floats]
    aimed: dict[str, dict[str, Floats]]
    directions: dict[str, dict[str, Direction]]
    held_out: dict[str, list[Row]]

    @property
    def k(self) -> int:
        """Rows of a subset."""
        return len(top(np.zeros(len(self.valid)), FRACTION))


def run_setting(study: Study, setting: Setting, material: Material) -> Section:
    """Fine-tune on the top and the bottom of everything, and tell."""
    seeds = study.seeds(setting.seeds)
    subsets: dict[str, Rows | list[Rows]] = {RANDOM: random_draws(material.valid, material.k, seeds)}
    for target, (preset, end) in product(material.aimed, product(PRESETS, ("top", "bottom"))):
        column = material.aimed[target][preset]
        subsets[f"{preset}, {end}, {target}"] = top(column if end == "top" else -column, FRACTION)
    for name in setting.rivals:
        if name in material.free:
            subsets[name] = top(material.free[name], FRACTION)
        else:
            subsets |= {f"{name}, {target}": top(by[name], FRACTION) for target, by in material.aimed.items()}
    result = compare(
        study, setting.model, setting.files, material.rows, subsets, material.held_out, seeds, setting.recipe
    )
    section = Section(figures={"comparison": without_steps(result), "left out": material.left_out})
    section.figures["row"] = _row(setting, result)
    _tell_setting(section, study, setting, material, result)
    _tell_own(section, setting, result)
    _tell_transfer(section, result)
    if setting.rivals:
        _tell_all(section, setting, material, subsets, result)
    section.text += cautions({setting.name: result})
    return section


def _row(setting: Setting, result: SubsetComparison) -> dict[str, str]:
    """The comparison in a line: what each preset's top is on its own targets."""
    row = {"model": setting.name, "seeds": str(len(result.seeds))}
    for preset in PRESETS:
        tops = {target: f"{preset}, top, {target}" for target in result.eval_sets}
        pairs = [result.pair(name, target) for target, name in tops.items()]
        below = [
            result.pair(name, target, reference=f"{preset}, bottom, {target}").mean < 0 for target, name in tops.items()
        ]
        row[f"{preset}: top − random"] = f"{np.mean([pair.mean for pair in pairs]):+.3f}".replace("-", "−")
        row["below random"] = f"{sum(pair.mean < 0 for pair in pairs)} of {len(pairs)}"
        row["beyond the interval"] = f"{sum(pair.high < 0 for pair in pairs)} of {len(pairs)}"
        row["below the bottom"] = f"{sum(below)} of {len(pairs)}"
        row |= {f"{preset}: {name}": row.pop(name) for name in _COUNTS}
    return row


def prepare(study: Study, setting: Setting) -> Material:
    """The candidates of a setting, scored by everything that it compares."""
    n = study.rows(setting.rows, 400)
    sets = captured(study, load_model(setting.model), setting.files, SITES[0], n, ("mean",), "all")
    held_out = {name: split.held_out[: study.rows(EVALUATED, 16)] for name, split in study.splits.items()}
    valid = sets.pool.selectable.copy()
    alike = [sets.pool.index(row) for row in set(contamination(sets.pool, held_out).ids)]
    valid[alike] = False

    def only_valid(found: dict[str, Floats]) -> dict[str, Floats]:
        return {name: np.where(valid, column, np.nan) for name, column in found.items()}

    wanted = (*PRESETS, *setting.rivals)
    free = {name: one for name, one in free_scorers().items() if name in wanted}
    aimed, fitted = {}, {}
    for target, in_domain in sets.in_domain.items():
        fitted[target] = directions(in_domain, sets.pool)
        scorers = fitted[target] | aimed_scorers(in_domain)
        aimed[target] = only_valid(columns(sets.pool, {k: one for k, one in scorers.items() if k in wanted}))
    return Material(
        store=sets.pool,
        rows=spread(candidates(study.shared), n),
        valid=np.flatnonzero(valid),
        left_out=int(sets.pool.selectable.sum() - valid.sum()),
        free=only_valid(columns(sets.pool, free)) if free else {},
        aimed=aimed,
        directions=fitted,
        held_out=held_out,
    )


def _tell_setting(section: Section, study: Study, setting: Setting, material: Material, result: Any) -> None:
    fitted = len(next(iter(study.splits.values())).in_domain)
    sizes = ", ".join(
        f"{name} ({CAPABILITIES[name]}) {facts['usable']} rows, {facts['response_tokens']:,} response tokens"
        for name, facts in result.plan["eval_sets"].items()
    )
    section.text.append(
        f"{len(material.store):,} rows of Alpaca, {len(material.valid):,} selectable ({material.left_out} were left "
        f"out because they resemble a held-out row), `{SITES[0]}`, {fitted} in-domain rows a direction, "
        f"{material.k:,} rows a subset; {setting.recipe.words(study)}; {len(study.seeds(setting.seeds))} seeds, random "
        f"with a draw of its own for each. {reading(result)} Held out: {sizes}. Loss in nats a response token, "
        "lower is better; differences to random are paired by seed, with 95 % intervals by Student's t, **bold** where "
        "they leave out zero."
    )


def _tell_own(section: Section, setting: Setting, result: SubsetComparison) -> None:
    """The top, random and bottom of each preset on its own target."""
    rows: list[list[str]] = []
    figure: dict[str, dict[str, Range]] = {}
    n = len(result.eval_sets)
    for preset in PRESETS:
        better, worse, sure = [], [], []
        for target in result.eval_sets:
            names = [f"{preset}, {end}, {target}" for end in ("top", "bottom")]
            pairs = [result.pair(name, target) for name in names]
            against = result.pair(names[0], target, reference=names[1])
            shown = ["base", names[0], RANDOM, names[1]]
            rows.append(
                [
                    f"{preset}, {target}",
                    *(spread_of(result.values(name, target)) for name in shown),
                    *map(difference, [*pairs, against]),
                ]
            )
            figure.setdefault(target, {}).update(
                {f"{preset}, {end}": values(result, f"{preset}, {end}, {target}", target) for end in ("top", "bottom")}
            )
            if pairs[0].mean < 0:
                better.append(target)
            if pairs[0].high < 0:
                sure.append(target)
            if against.mean < 0:
                worse.append(target)
        section.verdicts.append(
            f"Real data, {setting.name}, {preset}: fine-tuned on its top {FRACTION:.0%}, the held-out loss of the own "
            f"target is below random's for {counted(better, n)}, beyond the 95 % interval for {counted(sure, n)}; "
            f"below the bottom {FRACTION:.0%}'s for {counted(worse, n)}."
        )
    section.text += [
        "**Own capability**",
        table(["", "base", "top", "random", "bottom", "top − random", "bottom − random", "top − bottom"], rows),
    ]
    section.picture(
        f"transfer-{setting.slug}",
        ranges(figure, "loss against random, nats a token: left is better; lines from lowest to highest seed"),
        "Held-out loss of the top and the bottom against random rows, by target",
    )


def _tell_transfer(section: Section, result: SubsetComparison) -> None:
    """What the top of each target does to the others."""
    for preset in PRESETS:
        rows = [
            [
                f"top {target}",
                *(difference(result.pair(f"{preset}, top, {target}", other)) for other in result.eval_sets),
            ]
            for target in result.eval_sets
        ]
        title = f"{preset}: trained on the top of the row's target, evaluated on the column's; loss − random's"
        section.text.append(details(title, table(["", *result.eval_sets], rows)))


def _tell_all(
    section: Section,
    setting: Setting,
    material: Material,
    subsets: dict[str, Rows | list[Rows]],
    result: SubsetComparison,
) -> None:
    """All scorers on each target."""
    targets = result.eval_sets
    names = [*(f"{preset}, top" for preset in PRESETS), *setting.rivals]

    def subset(name: str, target: str) -> str:
        return name if name in subsets else f"{name}, {target}"

    by_target = {name: [result.pair(subset(name, target), target).mean for target in targets] for name in names}
    mean = {name: float(np.mean(found)) for name, found in by_target.items()}
    lengths = {
        name: float(np.mean([material.store.n_response_tokens[subsets[subset(name, t)]].mean() for t in targets]))
        for name in names
    }
    section.text += [
        "**All scorers**, the top 10 % by each: loss on the target that it was chosen for (of scorers without a target "
        "the one subset on each), against random; lowest mean first, its interval over the targets. *tokens*: response "
        f"tokens a row, {material.store.n_response_tokens[material.valid].mean():.0f} in the pool.",
        table(
            ["scorer", *targets, "mean", "tokens"],
            [
                [
                    name,
                    *(difference(result.pair(subset(name, target), target)) for target in targets),
                    difference(paired(by_target[name], [0.0] * len(targets))),
                    f"{lengths[name]:.0f}",
                ]
                for name in sorted(names, key=lambda name: mean[name])
            ],
        ),
    ]
    section.figures["all scorers, difference to random by target"] = by_target
    for preset in PRESETS:
        own = f"{preset}, top"
        figure = f"{mean[own]:+.3f}".replace("-", "−")
        apart = told_apart(by_target[own], {RANDOM: [0.0] * len(targets)} | {n: by_target[n] for n in setting.rivals})
        section.verdicts.append(
            f"Real data, {setting.name}, all scorers on the {len(targets)} own targets, {preset}: {figure} against "
            f"random on the mean; {_apart(apart)}"
        )


def _apart(found: dict[int, list[str]]) -> str:
    """Which rivals' loss is another, by the paired interval over the targets."""
    told = [f"{word} loss beyond the interval: {some(found[at])}" for at, word in _LOSS.items() if found[at]]
    if found[0]:
        told.append(f"no difference shown to {some(found[0])}")
    return "; ".join(told) + "."
