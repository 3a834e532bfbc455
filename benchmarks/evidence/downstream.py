"""What a selection is worth: the same base, fine-tuned on each subset with as many response tokens, and evaluated."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.evidence.figure import Range
from nait_widgets.store.mapping import available_cpus
from nait_widgets.training import SubsetComparison, compare_subsets

if TYPE_CHECKING:
    from benchmarks.evidence.data import Row
    from benchmarks.evidence.measures import Rows
    from benchmarks.evidence.study import Study
    from nait_widgets.training.statistics import Paired

RANDOM = "random"


@dataclass(frozen=True)
class Recipe:
    """How runs are fine-tuned.

    Attributes:
        steps: Of each run.
        response_tokens: Of each step.
        learning_rate: The highest.
    """

    steps: int
    response_tokens: int
    learning_rate: float

    def words(self, study: Study) -> str:
        """The recipe as it is run at a study's size."""
        steps = self.steps_at(study)
        return (
            f"{steps} steps of exactly {self.response_tokens:,} response tokens ({steps * self.response_tokens:,} in "
            f"all), AdamW at {self.learning_rate:g} with a cosine, all weights, products in bfloat16"
        )

    def steps_at(self, study: Study) -> int:
        """Steps of a run."""
        return max(2, round(self.steps * min(1.0, study.size)))


def compare(
    study: Study,
    model: Path | str,
    name: str,
    pool: Sequence[Row],
    subsets: Mapping[str, Rows | Sequence[Rows]],
    held_out: Mapping[str, Sequence[Row]],
    seeds: Sequence[int],
    recipe: Recipe,
    **options: Any,
) -> SubsetComparison:
    """Fine-tune on rows of a pool, in as many processes as there are processors; runs that are done stay done.

    Args:
        study: The run.
        model: The base.
        name: Of the folder of runs; one recipe, base and set of held-out rows each.
        pool: The candidates.
        subsets: Rows of each, or a draw for each seed.
        held_out: What is evaluated on.
        seeds: Of the runs.
        recipe: How.
        options: Of `compare_subsets`.
    """
    import torch

    drawn = {
        name: _texts(pool, rows) if isinstance(rows, np.ndarray) else [_texts(pool, draw) for draw in rows]
        for name, rows in subsets.items()
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the page tells them: see `cautions`
        return compare_subsets(
            model,
            drawn,
            {name: list(rows) for name, rows in held_out.items()},
            out=study.folder("runs") / name,
            seeds=list(seeds),
            steps=recipe.steps_at(study),
            response_tokens=recipe.response_tokens,
            learning_rate=recipe.learning_rate,
            workers=1 if torch.cuda.is_available() else available_cpus(),
            dtype="bfloat16",
            **options,
        )


def random_draws(selectable: Rows, k: int, seeds: Sequence[int]) -> list[Rows]:
    """A draw of k rows for each seed."""
    return [np.random.default_rng([seed, 1]).choice(selectable, k, replace=False) for seed in seeds]


def values(result: SubsetComparison, subset: str, target: str) -> Range:
    """The mean difference to random over the seeds, paired, with the lowest and the highest."""
    pairs = zip(result.values(subset, target), result.values(RANDOM, target), strict=True)
    differences = [own - other for own, other in pairs]
    return Range(float(np.mean(differences)), min(differences), max(differences))


def difference(pair: Paired, digits: int = 3) -> str:
    """A paired difference with its 95 % interval; bold where that leaves out zero."""
    mean, low, high = (f"{value:+.{digits}f}".replace("-", "−") for value in (pair.mean, pair.low, pair.high))
    told = f"{mean} ({low} to {high})"
    return f"**{told}**" if pair.low > 0 or pair.high < 0 else told


def spread_of(found: Sequence[float], digits: int = 3) -> str:
    """Mean and standard deviation over the seeds."""
    deviation = f" ± {np.std(found, ddof=1):.{digits}f}" if len(found) > 1 else ""
    return f"{np.mean(found):.{digits}f}{deviation}"


def counted(found: Sequence[str], of: int) -> str:
    """How many targets, and which."""
    return f"{len(found)} of {of} targets" + (f" ({', '.join(found)})" if found else "")


def reading(*results: SubsetComparison) -> str:
    """How much of a subset a run reads, in a sentence."""
    read = []
    for result in results:
        usable = {name: float(np.mean([facts["usable"] for facts in of])) for name, of in result.subsets.items()}
        read += [(run.epochs, min(run.epochs, 1.0) * usable[run.subset]) for run in result.runs]
    epochs, rows = np.array(read).T
    if epochs.min() >= 1:
        return (
            f"A run reads every row of its subset, {epochs.mean():.1f} times on the mean ({epochs.min():.1f} to "
            f"{epochs.max():.1f}); its seed draws their order."
        )
    return (
        f"A run reads about {rows.mean():,.0f} of its subset's rows ({rows.min():,.0f} to {rows.max():,.0f}: the "
        f"longer their responses, the fewer), {epochs.mean():.2f} epochs ({epochs.min():.2f} to {epochs.max():.2f}); "
        "its seed draws which, and in what order."
    )


def cautions(results: Mapping[str, SubsetComparison]) -> list[str]:
    """What the comparisons warn of, as a block of text; none where they warn of nothing."""
    found: dict[str, list[str]] = {}
    for name, result in results.items():
        for caution in result.cautions:
            found.setdefault(caution, []).append(name)
    told = [f"- {', '.join(names)}: {caution}." for caution, names in found.items()]
    return ["\n".join(["**Cautions** of `nait compare`:\n", *told])] if told else []


def without_steps(result: SubsetComparison) -> dict[str, Any]:
    """A comparison as JSON, without the loss of every step."""
    told = result.to_json()
    for run in (told["base"], *told["runs"]):
        del run["train_loss"]
    return told


def _texts(pool: Sequence[Row], rows: Rows) -> list[Row]:
    """The texts of some rows, in the pool's order whatever theirs is."""
    return [pool[row] for row in np.sort(rows).tolist()]
