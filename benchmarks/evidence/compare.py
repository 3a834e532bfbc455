"""`nait compare` on the demo's model: the top 10 % against random rows and the bottom, on rows held out."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
from benchmarks.evidence.figure import ranges
from benchmarks.evidence.labelled import in_domain_rows, labelled, pool_rows
from benchmarks.evidence.measures import top
from benchmarks.evidence.page import Section
from benchmarks.evidence.study import Study
from benchmarks.report import table
from nait_widgets import demo, fit_direction, score
from nait_widgets.models import load_model
from nait_widgets.store import POOLS
from nait_widgets.store.mapping import one_thread_each

if TYPE_CHECKING:
    from benchmarks.evidence.measures import Rows
    from nait_widgets.training import SubsetComparison

TARGETS = ("arithmetic", "python", "translation")  # those that `nait demo` shows
PRESETS = ("paper", "robust")
SITE = "mlp_act"
FRACTION, FITTED, SEEDS = 0.10, 160, 5
DIGITS = 4  # of a loss: the model is trained out on such text, so little moves it
RECIPE = Recipe(steps=40, response_tokens=512, learning_rate=1e-4)


def run(study: Study) -> Section:
    """Fine-tune, and test the order top < random < bottom of the held-out losses."""
    import numpy as np

    with one_thread_each():
        model = load_model(demo.MODEL)
        pool = labelled(study, model)
        store, rows = pool.stores[SITE], pool_rows(study)
        chosen: dict[str, dict[str, Rows]] = {}
        held_out = {}
        for target in TARGETS:
            samples = in_domain_rows(study, target)
            fitted = len(samples) * FITTED // 256
            held_out[target] = samples[fitted:]
            in_domain = study.capture(
                model, samples[:fitted], f"demo-{target}-fitted", site=SITE, pools=POOLS, store_dtype="float32"
            )
            for preset in PRESETS:
                direction = fit_direction(in_domain, name=f"{target} {preset}", preset=preset, background=store)
                column = score(store, direction)["score"].to_numpy()[:, 0]
                chosen[f"{target} {preset}"] = {"top": top(column, FRACTION), "bottom": top(-column, FRACTION)}
    seeds = study.seeds(SEEDS)
    k = len(next(iter(chosen.values()))["top"])
    draws = random_draws(np.flatnonzero(store.selectable), k, seeds)
    results = {}
    for name, ends in chosen.items():
        subsets: dict[str, Rows | list[Rows]] = {"top": ends["top"], RANDOM: draws, "bottom": ends["bottom"]}
        results[name] = compare(study, demo.MODEL, "demo", rows, subsets, held_out, seeds, RECIPE)
    return _tell(study, results, len(held_out[TARGETS[0]]), k)


def _tell(study: Study, results: dict[str, SubsetComparison], n_held_out: int, k: int) -> Section:
    section = Section()
    rows, figure = [], {}
    for name, result in results.items():
        target = name.split()[0]
        claim = result.claim(target)
        assert claim is not None
        tests = [
            result.pair("top", target),
            result.pair("bottom", target),
            result.pair("top", target, reference="bottom"),
        ]
        rows.append(
            [
                name,
                *(spread_of(result.values(subset, target), DIGITS) for subset in ("base", "top", RANDOM, "bottom")),
                *(f"{difference(test, DIGITS)}, p {test.p_t:.2g}" for test in tests),
                f"{claim.seeds} of {claim.n}",
            ]
        )
        section.figures[name] = without_steps(result)
        figure[name] = {subset: values(result, subset, target) for subset in ("top", "bottom")}
    section.text += [
        f"The demo's model, `{SITE}`, {k} rows a subset; {RECIPE.words(study)}; {len(study.seeds(SEEDS))} seeds, each "
        f"with a random draw of its own. {reading(*results.values())} Directions from the first {FITTED / 256:.0%} of "
        f"the in-domain samples; the loss is that of the responses of the other {n_held_out}, nats a token, lower is "
        "better. Differences are paired by seed, with 95 % intervals and p by the paired t-test, **bold** where the "
        "interval leaves out zero; *in order* counts the seeds at which top < random < bottom.",
        table(
            [
                "direction",
                "base",
                "top",
                "random",
                "bottom",
                "top − random",
                "bottom − random",
                "top − bottom",
                "in order",
            ],
            rows,
        ),
        *cautions(results),
    ]
    section.picture(
        "compare",
        ranges(figure, "loss against random, nats a token: left is better; lines from lowest to highest seed"),
        "Held-out loss of the top and the bottom against random rows",
    )
    section.verdicts += [_verdict(preset, {t: results[f"{t} {preset}"] for t in TARGETS}) for preset in PRESETS]
    return section


def _verdict(preset: str, results: dict[str, SubsetComparison]) -> str:
    """Where top < random < bottom holds."""
    claims = {target: result.claim(target) for target, result in results.items()}
    holds = [target for target, claim in claims.items() if claim is not None and claim.means]
    every = [target for target, claim in claims.items() if claim is not None and claim.seeds == claim.n]
    sure = [target for target, result in results.items() if result.pair("top", target).high < 0]
    return (
        f"`nait compare` on the demo's model, {preset}: held-out loss top < random < bottom holds on the means for "
        f"{counted(holds, len(results))}, at every seed for {counted(every, len(results))}; top is below random beyond "
        f"the 95 % interval for {counted(sure, len(results))}."
    )
