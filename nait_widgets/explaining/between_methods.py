"""How far several methods agree on one pool, and rows that one keeps and another drops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from nait_widgets.errors import SelectionError
from nait_widgets.explaining.examples import Examples, examples
from nait_widgets.explaining.health import rank_correlation
from nait_widgets.selection import arithmetic
from nait_widgets.selection.selection import scored_values

if TYPE_CHECKING:
    import numpy.typing as npt
    import xarray as xr

    Floats = npt.NDArray[np.float64]

RATIOS = (0.05, 0.1, 0.2, 0.3, 0.5)


@dataclass(frozen=True, slots=True, eq=False)
class MethodComparison:
    """Several columns of scores of one store, compared two by two on the rows that both of them score.

    Attributes:
        names: Of the methods: directions and other scorers, in the order of the scores.
        ratios: Shares of these rows that are selected.
        rows: How many rows both methods score: (method, method).
        correlation: Rank correlation of their scores: (method, method); NaN where one doesn't vary.
        overlap: Jaccard index of the top rows of both: (ratio, method, method). By chance it is about r / (2 - r).
        scores: What was compared.
    """

    names: tuple[str, ...]
    ratios: tuple[float, ...]
    rows: npt.NDArray[np.int64]
    correlation: Floats
    overlap: Floats
    scores: xr.Dataset

    @property
    def shared(self) -> Floats:
        """Share of a method's top rows that the other has too: (ratio, method, method); by chance about the ratio."""
        share: Floats = 2 * self.overlap / (1 + self.overlap)
        return share

    def kept_and_dropped(self, keeps: str, drops: str, *, fraction: float = 0.1, n: int | None = 10) -> Examples:
        """Rows that one method selects and another doesn't, those that it ranks highest first.

        Args:
            keeps: The method that selects them.
            drops: The one that doesn't.
            fraction: Share of the rows that both score which each selects; the ranks are among these rows.
            n: How many at most; None for all.

        Raises:
            SelectionError: A method isn't there, or the fraction is out of range.
        """
        _check((fraction,))
        for name in (keeps, drops):
            if name not in self.names:
                raise SelectionError(f"there is no method {name!r}; there are {', '.join(self.names)}")
        _, values, names = scored_values(self.scores)
        pair = values[:, [names.index(keeps), names.index(drops)]]
        both = np.logical_not(np.isnan(pair).any(axis=1))
        kept, dropping = (arithmetic.top(np.where(both, column, np.nan)) for column in pair.T)
        k = arithmetic.size(fraction, int(np.count_nonzero(both)))
        rows = kept[:k][~np.isin(kept[:k], dropping[:k])]
        return examples(self.scores.sel(direction=[keeps, drops]), rows[:n], both)

    @property
    def table(self) -> str:
        """Rank correlations, then the shares that selections have in common at each ratio, as plain text."""
        blocks = [("Rank correlation", self.correlation, "{:+.2f}")]
        blocks += [(f"Shared of the top {r:.0%}", self.shared[i], "{:.0%}") for i, r in enumerate(self.ratios)]
        return "\n\n".join(f"{title}\n{self._matrix(values, form)}" for title, values, form in blocks)

    def _matrix(self, values: Floats, form: str) -> str:
        cells = [["", *self.names]]
        cells += [[name, *(form.format(v) for v in row)] for name, row in zip(self.names, values, strict=True)]
        widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
        lines = [
            [row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))] for row in cells
        ]
        return "\n".join("  ".join(line) for line in lines)

    def __repr__(self) -> str:
        return f"<MethodComparison of {', '.join(self.names)} at {', '.join(f'{r:.0%}' for r in self.ratios)}>"

    def __str__(self) -> str:
        return self.table


def compare_methods(scores: xr.Dataset, ratios: Sequence[float] = RATIOS) -> MethodComparison:
    """How far the columns of scores agree, whether directions or other scorers.

    A row that one of two methods can't score (IFD has none for some) doesn't count between them.

    Args:
        scores: What `score` returned, with two columns or more.
        ratios: Shares to select.

    Raises:
        SelectionError: Fewer than two columns, a ratio out of range, or two methods that score no row in common.
    """
    _check(ratios)
    _, values, names = scored_values(scores)
    n = len(names)
    if n < 2:
        raise SelectionError(f"{n} column of scores given; a comparison needs at least two")
    scored = ~np.isnan(values)
    rows = scored.T.astype(np.int64) @ scored.astype(np.int64)
    correlation, overlap = np.eye(n), np.ones((len(ratios), n, n))
    for a, b in combinations(range(n), 2):
        both = scored[:, a] & scored[:, b]
        if not rows[a, b]:
            raise SelectionError(f"{names[a]!r} and {names[b]!r} score no row in common, so they can't be compared")
        correlation[a, b] = correlation[b, a] = rank_correlation(values[both, a], values[both, b])
        orders = [arithmetic.top(values[both, column]) for column in (a, b)]
        for i, ratio in enumerate(ratios):
            k = arithmetic.size(ratio, int(rows[a, b]))
            common = int(np.isin(orders[0][:k], orders[1][:k]).sum())
            overlap[i, a, b] = overlap[i, b, a] = common / (2 * k - common)
    return MethodComparison(tuple(names), tuple(ratios), rows, correlation, overlap, scores)


def _check(ratios: Sequence[float]) -> None:
    if not ratios or not all(0 < ratio <= 1 for ratio in ratios):
        raise SelectionError(f"fractions are {list(ratios)}, but each must be above 0 and at most 1")
