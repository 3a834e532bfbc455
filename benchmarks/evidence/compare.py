"""`nait compare` on the demo's model: the top 10 % against random rows and the bottom, on rows held out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.evidence.downstream import RANDOM, Recipe, compare, difference, random_draws, spread_of, values
from benchmarks.evidence.figure import ranges
from benchmarks.evidence.labelled import in_domain_rows, labelled, pool_rows
from benchmarks.evidence.measures import top
from benchmarks.evidence.page import Section
from benchmarks.evidence.study import ALL_POOLS, Study
from benchmarks.report import table
from nait_widgets import demo, fit_direction, score
from nait_widgets.models import load_model
from nait_widgets.store.scan import one_thread_each

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
                model, samples[:fitted], f"demo-{target}-fitted", site=SITE, pools=ALL_POOLS, store_dtype="float32"
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
        against = result.pair("bottom", target, reference="top")
        rows.append(
            [
                name,
                *(spread_of(result.values(subset, target), DIGITS) for subset in ("base", "top", RANDOM, "bottom")),
                difference(result.pair("top", target), DIGITS),
                difference(result.pair("bottom", target), DIGITS),
                f"{claim.seeds} of {claim.n}",
            ]
        )
        section.figures[name] = result.to_json()
        figure[name] = {subset: values(result, subset, target) for subset in ("top", "bottom")}
        order = "holds" if claim.means else "does **not** hold"
        section.verdicts.append(
            f"`nait compare` on the demo model, {name}: held-out loss top < random < bottom {order} on the means "
            f"({claim.seeds} of {claim.n} seeds in full); top against random "
            f"{difference(result.pair('top', target))}, bottom against top {difference(against, DIGITS)} nats."
        )
    section.text += [
        f"The demo's model, `{SITE}`, {k} rows a subset; {RECIPE.words(study)}; {len(study.seeds(SEEDS))} seeds, each "
        f"with a random draw of its own. Directions from the first {FITTED / 256:.0%} of the in-domain samples; the "
        f"loss is that of the responses of the other {n_held_out}, nats a token, lower is better. "
        "Differences to random are paired by seed, with their 95 % interval, **bold** where it leaves out zero.",
        table(
            ["direction", "base", "top", "random", "bottom", "top − random", "bottom − random", "in order"],
            rows,
        ),
    ]
    section.picture(
        "compare",
        ranges(figure, "loss against random, nats a token: left is better; lines from the lowest to the highest seed"),
        "Held-out loss of the top and the bottom against random rows",
    )
    return section
