"""What a comparison found: every run, and what they tell together."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from nait_widgets.errors import NaitError
from nait_widgets.paths import written_whole
from nait_widgets.training.runs import BASE, Run
from nait_widgets.training.statistics import Ordered, Paired, ordered, paired

if TYPE_CHECKING:
    import os

    import bokeh.plotting
    import pandas as pd

    Measure = Literal["loss", "exact"]

RESULT, REPORT = "comparison.json", "report.html"
PLAN = (
    *("format", "model", "template", "training", "eval_sets", "answer_tokens", "answer_end"),
    *("device", "versions"),
)


class Reuse(NamedTuple):
    """What an earlier call into the same folder had done.

    Attributes:
        reused: Runs of it that are part of this comparison.
        new: Runs that were left to do.
        others: Runs of other rows, subsets or seeds: kept in the folder, but no part of this comparison.
    """

    reused: int
    new: int
    others: int


@dataclass(frozen=True, slots=True)
class SubsetComparison:
    """The figures of all runs.

    Attributes:
        plan: What all runs share: model, template, training, eval sets, what answers end at, device, versions.
        seeds: Of the runs.
        subsets: Facts on each subset's rows: one entry, or where every seed has a draw of its own one a draw.
        base: The untouched model.
        runs: Of each subset at each seed.
        reference: The subset that the others are held against.
        order: Subsets that are claimed to be better from each to the next; none where nothing is claimed.
        cautions: What to bear in mind.
        reuse: What an earlier call had done; None where the comparison is read from a folder.
    """

    plan: Mapping[str, Any]
    seeds: tuple[int, ...]
    subsets: Mapping[str, Sequence[Mapping[str, Any]]]
    base: Run
    runs: tuple[Run, ...]
    reference: str
    order: tuple[str, ...]
    cautions: tuple[str, ...]
    reuse: Reuse | None = None

    def __repr__(self) -> str:
        from nait_widgets.training.telling import seeds

        return (
            f"<SubsetComparison of {', '.join(self.subsets)} on {', '.join(self.eval_sets)}: {seeds(self)} of "
            f"{self.plan['model']['name']}>"
        )

    def __str__(self) -> str:
        from nait_widgets.training.telling import text

        return text(self)

    @property
    def eval_sets(self) -> tuple[str, ...]:
        """Names of the eval sets."""
        return tuple(self.plan["eval_sets"])

    @property
    def measures(self) -> list[tuple[Measure, str]]:
        """What was measured on which eval set: the response loss of each, and where answers were checked, the share."""
        loss: list[tuple[Measure, str]] = [("loss", name) for name in self.eval_sets]
        return [*loss, *(("exact", name) for name in self.base.exact)]

    def values(self, subset: str, eval_set: str, measure: Measure = "loss") -> list[float]:
        """A subset's figures, one a seed.

        Args:
            subset: Its name; `"base"` for the one figure of the untouched model.
            eval_set: Its name.
            measure: `loss` in nats a response token, or `exact`, the share of right answers.

        Raises:
            NaitError: There is no such figure.
        """
        runs = [self.base] if subset == BASE else [run for run in self.runs if run.subset == subset]
        if not runs or (measure, eval_set) not in self.measures:
            raise NaitError(f"there is no {measure} of subset {subset!r} on eval set {eval_set!r}: check the names")
        return [(run.loss if measure == "loss" else run.exact)[eval_set] for run in runs]

    def pair(self, subset: str, eval_set: str, measure: Measure = "loss", reference: str | None = None) -> Paired:
        """A subset against the reference or another one, the same seed of both being a pair."""
        return paired(
            self.values(subset, eval_set, measure), self.values(reference or self.reference, eval_set, measure)
        )

    def claim(self, eval_set: str, measure: Measure = "loss") -> Ordered | None:
        """Whether the claimed order holds on an eval set; None where none is claimed."""
        if not self.order:
            return None
        names = self.order if measure == "loss" else self.order[::-1]
        found = ordered(names, [self.values(name, eval_set, measure) for name in names])
        return replace(found, names=self.order)

    def figure(self, eval_set: str, measure: Measure = "loss") -> bokeh.plotting.figure:
        """The picture of the report for one eval set: a dot a seed, the mean with its interval, and the base.

        Args:
            eval_set: Its name.
            measure: `loss` or `exact`.

        Raises:
            NaitError: There is no such figure.
        """
        from nait_widgets.training.report import subset_figure

        return subset_figure(self, eval_set, measure)

    def to_frame(self) -> pd.DataFrame:
        """Every figure in a row: subset, seed (none for the base), eval_set, measure, value."""
        import pandas as pd

        return pd.DataFrame(
            [
                {"subset": run.subset, "seed": run.seed, "eval_set": eval_set, "measure": measure, "value": value}
                for run in (self.base, *self.runs)
                for measure, figures in (("loss", run.loss), ("exact", run.exact))
                for eval_set, value in figures.items()
            ]
        )

    def to_json(self) -> dict[str, Any]:
        """Everything as JSON: plan, runs, and what follows from them."""
        return {
            **self.plan,
            "seeds": list(self.seeds),
            "subsets": {name: list(facts) for name, facts in self.subsets.items()},
            "reference": self.reference,
            "order": list(self.order),
            "cautions": list(self.cautions),
            "base": asdict(self.base),
            "runs": [asdict(run) for run in self.runs],
            "summary": [
                {
                    "subset": name,
                    "eval_set": eval_set,
                    "measure": measure,
                    **_spread(self.values(name, eval_set, measure)),
                }
                for measure, eval_set in self.measures
                for name in self.subsets
            ],
            "against_reference": [
                {"subset": name, "eval_set": eval_set, "measure": measure}
                | _plain(asdict(self.pair(name, eval_set, measure)))
                for measure, eval_set in self.measures
                for name in self.subsets
                if name != self.reference
            ],
            "claims": [
                {"eval_set": eval_set, "measure": measure} | asdict(claim)
                for measure, eval_set in self.measures
                if (claim := self.claim(eval_set, measure)) is not None
            ],
        }

    def save(self, folder: str | os.PathLike[str]) -> list[Path]:
        """Write `comparison.json` and `report.html` into a folder."""
        from nait_widgets.training.report import comparison_report

        folder = Path(folder)
        with written_whole(folder / RESULT) as temporary:
            temporary.write_text(json.dumps(self.to_json(), indent=1, ensure_ascii=False), encoding="utf-8")
        return [folder / RESULT, comparison_report(self, folder / REPORT)]

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> SubsetComparison:
        """The comparison that a folder holds.

        Raises:
            NaitError: It holds none that is complete.
        """
        file = Path(folder) / RESULT
        try:
            facts = json.loads(file.read_text(encoding="utf-8"))
            return cls(
                plan={name: facts[name] for name in PLAN},
                seeds=tuple(facts["seeds"]),
                subsets=facts["subsets"],
                base=Run(**facts["base"]),
                runs=tuple(Run(**run) for run in facts["runs"]),
                reference=facts["reference"],
                order=tuple(facts["order"]),
                cautions=tuple(facts["cautions"]),
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise NaitError(f"{file} is no finished comparison ({error}): run the comparison again") from error


def _spread(values: Sequence[float]) -> dict[str, float | None]:
    deviation = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return {"mean": float(np.mean(values)), "std": deviation, "min": min(values), "max": max(values)}


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """JSON has no NaN."""
    return {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in values.items()}
