"""How much to select: what each further part of a ranking adds, and how many candidates are like in-domain rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nait_widgets.errors import SelectionError
from nait_widgets.scored import columns
from nait_widgets.selection import arithmetic
from nait_widgets.selection.selection import scored_values
from nait_widgets.selection.yardsticks import STANDS_OUT, Bound, in_domain_scores, knee, prevalence, share_above

if TYPE_CHECKING:
    import numpy.typing as npt
    import xarray as xr

    from nait_widgets.scored import Scored

    Floats = npt.NDArray[np.float64]

FRACTIONS = tuple(percent / 100 for percent in range(5, 101, 5))
LINES = 6  # of the curve that are printed at least
# Yardsticks agree within this factor: on contrasts that tell their capability .7 to 2.4, on those that hardly do 2.8
# and more.
AGREE = 2.5
# With 70 candidates like them among 700, the suggestion is off by a quarter (standard deviation) with 16 or 32
# in-domain rows, by a fifth or less with 64 and more.
FEW = 64


@dataclass(frozen=True, slots=True, eq=False)
class Ratio:
    """What selecting more is worth, by one direction's or scorer's ranking, and the share that this suggests.

    Fractions are of all rows that have a score. `select` takes them of those that it may choose: where a filter or
    `excluded` leaves rows out, the same fraction is fewer rows. In-domain rows are scored by fits to halves
    without them, so that no row speaks for itself.

    Attributes:
        name: Of the direction or scorer.
        suggested: The fraction suggested, in whole per cent.
        why: What it rests on: one sentence.
        caution: Why it is uncertain: one sentence; empty where the yardsticks agree.
        fractions: Looked at, ascending: (fraction,).
        rows: How many rows each selects: (fraction,).
        cut: Score of the last of them: (fraction,).
        added: Mean z-score of the rows that it adds to the fraction before: (fraction,).
        mean: Mean z-score of all that it selects: (fraction,).
        found: Share of the in-domain rows that score at least the cut: (fraction,); NaN where it isn't known.
        alike: Share of the selected rows that can be like in-domain rows, as estimated by `prevalence · found /
            fraction`, at most 1: (fraction,); NaN where it isn't known.
        knee: Fraction where the sorted scores lie furthest below the straight line from the first to the last, each
            axis scaled to 1 (Satopää et al. 2011, Finding a Kneedle in a Haystack).
        prevalence: Largest share of the candidates that can be like in-domain rows, about: (share of candidates above)
            / (share of in-domain rows above) the cut where that is least, found on other rows than it is read off;
            see `yardsticks.prevalence`. NaN where it isn't known.
        above_tenth: Share of the candidates that score at least what nine in ten in-domain rows do; NaN likewise.
        above_median: The same of the median in-domain row.
        in_domain: Scores of the in-domain rows: (in-domain row,); empty where they aren't known.
    """

    name: str
    suggested: float
    why: str
    caution: str
    fractions: Floats
    rows: npt.NDArray[np.int64]
    cut: Floats
    added: Floats
    mean: Floats
    found: Floats
    alike: Floats
    knee: float
    prevalence: float
    above_tenth: float
    above_median: float
    in_domain: Floats

    @property
    def table(self) -> str:
        """The curve as plain text, a line a fraction."""
        header = f"{'select':>7} {'rows':>9} {'cut':>9} {'added z':>8} {'mean z':>7} {'found':>6} {'alike':>6}"
        lines = [
            f"{fraction:>7.0%} {rows:>9,} {cut:>9.3g} {added:>8.2f} {mean:>7.2f} {_percent(found)} {_percent(alike)}"
            for fraction, rows, cut, added, mean, found, alike in zip(
                self.fractions, self.rows, self.cut, self.added, self.mean, self.found, self.alike, strict=True
            )
        ]
        return "\n".join([header, *lines])

    def __repr__(self) -> str:
        return f"<Ratio of {self.name}: select {self.suggested:.0%}>"

    def __str__(self) -> str:
        """The suggestion, and the curve up to twice that, but six lines of it at least."""
        lines = [f"{self.name}: select {self.suggested:.0%}. {self.why}"]
        if self.caution:
            lines.append(f"Caution: {self.caution}")
        header, *curve = self.table.splitlines()
        shown = max(LINES, int(np.searchsorted(self.fractions, 2 * self.suggested)) + 1)
        more = [f"… up to {self.fractions[-1]:.0%}: see its `table`"] if shown < len(curve) else []
        return "\n".join([*lines, "", header, *curve[:shown], *more])


def suggest_ratio(
    scores: xr.Dataset, direction: str | Scored | None = None, *, fractions: Sequence[float] = FRACTIONS
) -> Ratio:
    """What selecting more is worth for one direction, and which fraction its in-domain rows suggest.

    The suggestion is the share of the candidates that can be like the in-domain rows (`Ratio.prevalence`): beyond it,
    a selection must hold others. It is a share of all rows that have a score: a selection that leaves some out takes
    the same fraction of fewer. That needs in-domain rows' own scores, which a fitted direction keeps for every
    similarity but the cosine, and for the pool that it was fitted for; where they aren't known, the knee of the scores
    stands alone.

    Args:
        scores: What `score` returned.
        direction: Which column, or its name; may be left out where there is one.
        fractions: To look at, of the rows that have a score, ascending.

    Raises:
        SelectionError: No such column, no row that has a score, or fractions that aren't above 0, at most 1 and
            ascending.
    """
    asked = np.asarray(fractions, np.float64)
    if not asked.size or asked[0] <= 0 or asked[-1] > 1 or (np.diff(asked) <= 0).any():
        raise SelectionError(f"fractions are {list(fractions)}, but must ascend, above 0 and at most 1")
    _, values, names = scored_values(scores)
    column = _column(direction, names)
    ranked = values[arithmetic.top(values[:, column]), column]
    if not len(ranked):
        raise SelectionError(f"no row has a score by {names[column]!r}, so there is none to select")
    rows = np.array([arithmetic.size(fraction, len(ranked)) for fraction in asked])
    sums = np.concatenate([[0.0], np.cumsum((ranked - ranked.mean()) / (ranked.std() or 1))])
    before = np.concatenate([[0], rows[:-1]])
    added = (sums[rows] - sums[before]) / np.where(rows > before, rows - before, np.nan)
    cut = ranked[rows - 1]
    in_domain = in_domain_scores(scores, columns(scores)[column], column)
    found = share_above(in_domain, cut)
    bend, bound = knee(ranked), prevalence(ranked, in_domain)
    tenth, median = share_above(ranked, np.quantile(in_domain, [0.1, 0.5])) if len(in_domain) else (np.nan, np.nan)
    suggested, why = _suggestion(bend, bound)
    return Ratio(
        name=names[column],
        suggested=suggested,
        why=why,
        caution=_caution(bend, bound.prevalence, float(tenth), float(median), len(in_domain)),
        fractions=asked,
        rows=rows,
        cut=cut,
        added=added,
        mean=sums[rows] / rows,
        found=found,
        alike=np.minimum(1, bound.prevalence * found * len(ranked) / rows),
        knee=bend,
        prevalence=bound.prevalence,
        above_tenth=float(tenth),
        above_median=float(median),
        in_domain=in_domain,
    )


def _column(direction: str | Scored | None, names: list[str]) -> int:
    if direction is None and len(names) > 1:
        raise SelectionError(f"there are the columns {', '.join(names)}: say which one (`direction=`)")
    name = names[0] if direction is None else direction if isinstance(direction, str) else direction.name
    if name not in names:
        raise SelectionError(f"there is no column {name!r}; there are {', '.join(names)}")
    return names.index(name)


def _suggestion(bend: float, bound: Bound) -> tuple[float, str]:
    if np.isnan(bound.prevalence):
        return _whole(
            bend
        ), f"The scores fall steeply up to {_whole(bend):.0%} of the candidates and slowly from there."
    return _whole(bound.prevalence), (
        f"About {bound.prevalence:.1%} of the candidates are like the in-domain rows, for {bound.candidates:.1%} of "
        f"the candidates but {bound.in_domain:.0%} of the in-domain rows pass the cuts that tell them apart best."
    )


def _caution(bend: float, alike: float, tenth: float, median: float, rows: int) -> str:
    if np.isnan(alike):
        return (
            "This is the knee of the scores alone, for in-domain rows' own scores aren't known of other scorers, of "
            "combined directions and older fits, of a cosine, or under another pool than that of the fit."
        )
    if 1 - median < STANDS_OUT:
        return (
            f"The median in-domain row scores above just {1 - median:.0%} of the candidates: unless the pool is full "
            "of such rows, the ranking hardly tells them apart and no ratio is well founded: see its health."
        )
    if rows < FEW:
        return f"It rests on {rows} in-domain rows: others might well suggest a quarter more or less."
    for share, what in ((tenth, "score as nine in ten in-domain rows do"), (bend, "lie before the knee of the scores")):
        if not 1 / AGREE <= share / max(alike, 1e-9) <= AGREE:
            return f"Another yardstick says otherwise: {share:.1%} of the candidates {what}."
    return ""


def _whole(fraction: float) -> float:
    """In whole per cent, at least one."""
    return max(1, round(100 * fraction)) / 100


def _percent(share: float) -> str:
    return "     –" if np.isnan(share) else f"{share:>6.0%}"
