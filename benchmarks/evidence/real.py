"""Alpaca's 52,002 rows through the shared model: every scorer's top 10 %, fine-tuned on and evaluated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.evidence.downstream import RANDOM, compare, random_draws
from benchmarks.evidence.measures import top
from benchmarks.evidence.transfer import FRACTION, Material, Setting, prepare, run_setting

if TYPE_CHECKING:
    from benchmarks.evidence.measures import Rows
    from benchmarks.evidence.page import Section
    from benchmarks.evidence.study import Study

RIVALS = ("stratified random", "length", "loss", "IFD", "activation diversity", "centroid", "kNN", "RDS+", "NAG")
ROWS, SEEDS = 52_002, 4
ANSWERED, ANSWER_TOKENS = 40, 128


def setting(study: Study) -> Setting:
    """The shared model over all candidates."""
    return Setting("shared model", study.shared / "model", ROWS, SEEDS, RIVALS)


def run(study: Study) -> Section:
    """The whole comparison, and once how many of GSM8K's questions are answered right."""
    shared = setting(study)
    material = prepare(study, shared)
    section = run_setting(study, shared, material)
    section.text.append(_exact(study, shared, material))
    return section


def _exact(study: Study, shared: Setting, material: Material) -> str:
    """Exact match, once: to show what it can't show here."""
    chosen: dict[str, Rows | list[Rows]] = {
        RANDOM: random_draws(material.valid, material.k, [0]),
        "top": top(material.aimed["GSM8K"]["NAIT robust"], FRACTION),
    }
    asked = {"GSM8K": material.held_out["GSM8K"][:ANSWERED]}
    result = compare(
        study,
        shared.model,
        f"{shared.files}-exact",
        material.rows,
        chosen,
        asked,
        [0],
        shared.recipe,
        answers={"GSM8K": "final-number"},
        answer_tokens=ANSWER_TOKENS,
    )
    shares = {name: result.values(name, "GSM8K", "exact")[0] for name in ("base", RANDOM, "top")}
    return (
        f"**Exact match**, one seed, {len(asked['GSM8K'])} questions of GSM8K answered greedily: "
        + ", ".join(f"{name} {share:.0%}" for name, share in shares.items())
        + ". A model of this size has learnt the form of such answers and can't compute them, so the share of right "
        "answers tells nothing about the subsets; the loss of the reference answers is what is compared."
    )
