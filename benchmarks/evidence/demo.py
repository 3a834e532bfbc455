"""The embedded model and its labelled pool: what every scorer finds there, and which planted defects it keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.evidence.figure import lines
from benchmarks.evidence.labelled import Labelled, labelled
from benchmarks.evidence.measures import chance, kept, some, told_apart, top
from benchmarks.evidence.page import Section, details
from benchmarks.evidence.rivals import DIVERSITY, aimed_scorers, columns, directions, free_scorers
from benchmarks.evidence.study import SITES, Study
from benchmarks.report import table
from nait_widgets import demo, scorer
from nait_widgets.models import load_model
from nait_widgets.selection import arithmetic
from nait_widgets.store.mapping import one_thread_each

if TYPE_CHECKING:
    from benchmarks.evidence.measures import Floats, Mask

    Scores = dict[str, dict[str, Floats]]
    """Target to scorer to its column; a scorer without a target has the same column under each."""

RATIOS = (0.05, 0.10, 0.20, 0.30, 0.50)
SHOWN = 0.10  # the ratio whose table by capability stands open
DEFECT_RATIO = 0.20
DEFECTS = ("boilerplate", "truncated", "wrong_answer", "duplicate")
BAND = 2.0  # standard deviations of a random selection, beyond which a rate is told as another


def run(study: Study) -> Section:
    """Score the pool by everything, and count what is among the highest."""
    with one_thread_each():  # the model is too small for a second thread to pay
        pool = labelled(study, load_model(demo.MODEL))
        scores = score_all(pool)
    section = Section()
    _tell_precision(section, pool, scores)
    _tell_defects(section, pool, scores)
    return section


def score_all(pool: Labelled) -> Scores:
    """Every scorer's column for every target."""
    free = columns(pool.store, {name: one for name, one in free_scorers().items() if name != DIVERSITY})
    for site in SITES:  # of the scorers without a target it alone goes by the site
        name = f"{DIVERSITY}, {site}"
        free |= columns(pool.stores[site], {name: scorer("diversity", name=name)})
    scores = {}
    for target in demo.CAPABILITIES:
        aimed = columns(pool.store, aimed_scorers(pool.targets[target][SITES[0]]))
        for site in SITES:
            found = directions(pool.targets[target][site], pool.stores[site], f", {site}")
            aimed |= columns(pool.stores[site], found)
        scores[target] = free | aimed
    return scores


def precision(pool: Labelled, scores: Scores, ratio: float) -> dict[str, dict[str, float]]:
    """Scorer to target to the share of its rows that truly carry the target; of random rows, the base rate."""
    found: dict[str, dict[str, float]] = {name: {} for name in scores[demo.CAPABILITIES[0]]}
    for target, by_scorer in scores.items():
        true = pool.true(target)
        for name, column in by_scorer.items():
            found[name][target] = float(true[top(column, ratio)].mean())
        found["random"][target] = float(true[pool.valid].mean())
    return found


def _tell_precision(section: Section, pool: Labelled, scores: Scores) -> None:
    by_ratio = {ratio: precision(pool, scores, ratio) for ratio in RATIOS}
    n_valid = int(pool.valid.sum())
    best = {
        ratio: {target: min(1.0, int(pool.true(target).sum()) / arithmetic.size(ratio, n_valid)) for target in scores}
        for ratio in RATIOS
    }
    names = list(by_ratio[SHOWN])
    mean = {name: [float(np.mean(list(by_ratio[ratio][name].values()))) for ratio in RATIOS] for name in names}
    most = [float(np.mean(list(best[ratio].values()))) for ratio in RATIOS]
    section.figures |= {"precision": {f"{ratio:.0%}": found for ratio, found in by_ratio.items()}}
    section.text += [
        f"{n_valid:,} selectable rows of {len(pool.valid):,}, {len(scores)} capabilities, "
        f"{len(next(iter(pool.targets.values()))[SITES[0]])} in-domain samples each. **Precision**: the share of the "
        "selected rows that truly carry the target, the mean over the capabilities, when so much of the pool is "
        "selected. For *random* it is the base rate.",
        table(
            ["scorer", *(f"{ratio:.0%}" for ratio in RATIOS)],
            [[name, *map(_percent, mean[name])] for name in names] + [["*best possible*", *map(_percent, most)]],
        ),
    ]
    shown = [name for name in names if name in _DRAWN]
    section.picture(
        "precision",
        lines(
            {name: mean[name][::-1] for name in shown},
            [f"{ratio:.0%}" for ratio in RATIOS[::-1]],
            "precision",
            most[::-1],
        ),
        "Mean precision of some scorers at five ratios",
    )
    for ratio in sorted(RATIOS, key=lambda ratio: ratio != SHOWN):
        by_capability = table(
            ["scorer", *scores],
            [[name, *(_percent(by_ratio[ratio][name][target]) for target in scores)] for name in names]
            + [["*best possible*", *(_percent(best[ratio][target]) for target in scores)]],
        )
        title = f"Precision by capability, {ratio:.0%} selected"
        section.text += [f"**{title}**", by_capability] if ratio == SHOWN else [details(title, by_capability)]
    section.verdicts.append(_verdict(by_ratio[SHOWN], len(scores)))


def _verdict(found: dict[str, dict[str, float]], n: int) -> str:
    """How NAIT's presets do against random and the rivals, by paired intervals over the capabilities."""
    rivals = {name: list(by_target.values()) for name, by_target in found.items() if not name.startswith("NAIT")}
    told = []
    for name in found:
        if not name.startswith(("NAIT paper", "NAIT robust")):
            continue
        own = list(found[name].values())
        apart = told_apart(own, rivals)
        parts = [f"{word} than {some(apart[at])}" for at, word in ((1, "less"), (-1, "more")) if apart[at]]
        if apart[0]:
            parts.append(f"no difference shown to {some(apart[0])}")
        told.append(f"{name} {np.mean(own):.0%}: {'; '.join(parts)}")
    mean = {name: float(np.mean(values)) for name, values in rivals.items()}
    highest = max(mean, key=lambda name: mean[name])
    return (
        f"Demo pool, {SHOWN:.0%} selected, precision on the mean of {n} capabilities, differences by the 95 % interval "
        f"over them: {'. '.join(told)}. The rival of the highest mean is {highest} ({mean[highest]:.0%}); random finds "
        f"{mean['random']:.0%}."
    )


def _tell_defects(section: Section, pool: Labelled, scores: Scores) -> None:
    masks = {kind: pool.valid & (pool.quality == kind) for kind in DEFECTS}
    by_chance = {kind: chance(mask, pool.valid, DEFECT_RATIO) for kind, mask in masks.items()}
    names = [name for name in next(iter(scores.values())) if name != "random"]
    rates = {
        name: {
            kind: float(np.mean([kept(top(by_scorer[name], DEFECT_RATIO), mask) for by_scorer in scores.values()]))
            for kind, mask in masks.items()
        }
        for name in names
    }
    lower = {
        name: [kind for kind in DEFECTS if rates[name][kind] < by_chance[kind][0] - BAND * by_chance[kind][1]]
        for name in names
    }
    section.figures |= {"defects": rates, "defects by chance": by_chance, "fewer defects than chance": lower}
    section.text += [
        f"**Planted defects kept in the top {DEFECT_RATIO:.0%}**: the share of the rows with a defect that is "
        f"selected, for a scorer with targets the mean over the {len(scores)} selections. Random keeps "
        f"{next(iter(by_chance.values()))[0]:.0%}, give or take the standard deviation in its row; ▼ is below that by "
        f"more than {BAND:g} of them, ▲ above. The mean of several selections spreads less than one, so for scorers "
        "with targets the marks err on the side of saying nothing.",
        table(
            ["scorer", *(f"{kind.replace('_', ' ')} ({int(mask.sum())})" for kind, mask in masks.items())],
            [
                ["random", *(f"{share:.0%} ± {100 * spread:.1f}" for share, spread in by_chance.values())],
                *([name, *(_marked(rates[name][kind], *by_chance[kind]) for kind in DEFECTS)] for name in names),
            ],
        ),
        details("Of the target's own rows: how many of each kind are kept", _own_rows(pool, scores, masks)),
    ]
    section.verdicts.append(_defect_verdict(lower))


def _own_rows(pool: Labelled, scores: Scores, defects: dict[str, Mask]) -> str:
    """A table of what is kept of the rows that are labelled with the target, sound and spoilt alike."""
    kinds = {"clean": pool.valid & (pool.quality == "clean"), **defects}
    own = {kind: {t: mask & (pool.capability == t) for t in scores} for kind, mask in kinds.items()}
    rows = []
    for name in next(iter(scores.values())):
        chosen = {target: top(by_scorer[name], DEFECT_RATIO) for target, by_scorer in scores.items()}
        found = [sum(int(masks[t][chosen[t]].sum()) for t in scores) for masks in own.values()]
        there = [sum(int(mask.sum()) for mask in masks.values()) for masks in own.values()]
        rows.append([name, *(_percent(n / of) for n, of in zip(found, there, strict=True))])
    return table(["scorer", *(kind.replace("_", " ") for kind in kinds)], rows)


def _defect_verdict(lower: dict[str, list[str]]) -> str:
    """Whether activation diversity and NAIT each beat random at dropping two kinds at least."""
    asked = [name for name in lower if name.startswith((DIVERSITY, "NAIT paper", "NAIT robust"))]
    told = [f"{name} {len(lower[name])} of {len(DEFECTS)}{_listed(lower[name])}" for name in asked]
    enough = all(len(lower[name]) >= 2 for name in asked)
    return (
        f"Planted defects, top {DEFECT_RATIO:.0%}: kinds that are kept less often than by chance: {'; '.join(told)}. "
        + (
            "So activation diversity and NAIT each beat random at dropping two kinds at least."
            if enough
            else "So it does **not** hold that activation diversity and NAIT each beat random at dropping two kinds."
        )
    )


def _listed(kinds: list[str]) -> str:
    return f" ({', '.join(kind.replace('_', ' ') for kind in kinds)})" if kinds else ""


def _marked(rate: float, share: float, spread: float) -> str:
    mark = " ▼" if rate < share - BAND * spread else " ▲" if rate > share + BAND * spread else ""
    return f"{rate:.0%}{mark}"


def _percent(share: float) -> str:
    return f"{share:.0%}"


_DRAWN = (
    "random",
    "length",
    "activation diversity, resid_post",
    "kNN",
    "RDS+",
    "NAG",
    "NAIT paper, resid_post",
    "NAIT robust, resid_post",
)
