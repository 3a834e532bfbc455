"""Rows to read: those that several selections share, those that one alone wants, and where they stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nait_widgets.errors import SelectionError
from nait_widgets.explaining.intersections import core, row_intersections
from nait_widgets.selection import Selection, arithmetic
from nait_widgets.selection.selection import scored_values

if TYPE_CHECKING:
    import numpy.typing as npt
    import xarray as xr

    Rows = npt.NDArray[np.int64]

SHOWN = 50  # characters of a text in a table: two of them and ranks fit a notebook beside its sidebar


@dataclass(frozen=True, slots=True)
class Example:
    """A row, and where it stands.

    Attributes:
        row: Its position in the store.
        id: Its id.
        prompt: Its prompt; empty in a store without text, as is the response.
        response: Its response.
        scores: Column to score; columns that don't score it are left out.
        ranks: Column to rank, 1 for the highest score; ties in row order.
    """

    row: int
    id: str
    prompt: str
    response: str
    scores: dict[str, float]
    ranks: dict[str, int]


class Examples(tuple[Example, ...]):
    """Some rows; printed, a table of their ids, their ranks and the beginnings of their texts."""

    __slots__ = ()

    @property
    def table(self) -> str:
        """A line a row, as plain text; empty without rows."""
        if not self:
            return ""
        names = list(dict.fromkeys(name for each in self for name in each.ranks))
        cells = [["id", *names, "prompt", "response"]]
        for each in self:
            ranks = [f"#{each.ranks[name]:,}" if name in each.ranks else "–" for name in names]
            cells.append([each.id, *ranks, _short(each.prompt), _short(each.response)])
        widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
        return "\n".join("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in cells)

    def __repr__(self) -> str:
        return f"<Examples: {len(self):,} row{'' if len(self) == 1 else 's'}>"

    def __str__(self) -> str:
        return self.table


@dataclass(frozen=True, slots=True)
class CoreAndOwn:
    """Rows that several selections share, and rows that are in one alone.

    Attributes:
        at_least: How many selections a core row is in.
        n_core: How many core rows there are.
        core: The first of them: in most selections, then of the highest mean z-score.
        n_own: Selection to the number of rows that no other has.
        own: Selection to the first of these, in its own order.
    """

    at_least: int
    n_core: int
    core: Examples
    n_own: dict[str, int]
    own: dict[str, Examples]

    @property
    def table(self) -> str:
        """All of it as plain text."""
        parts = [f"In {self.at_least} selections or more: {self.n_core:,} rows", self.core.table]
        for name, shown in self.own.items():
            parts += [f"In {name} alone: {self.n_own[name]:,} rows", shown.table]
        return "\n".join(part for part in parts if part)

    def __str__(self) -> str:
        return self.table


def core_and_own(
    scores: xr.Dataset, selections: Mapping[str, Selection], *, at_least: int = 2, n: int = 5
) -> CoreAndOwn:
    """Examples of the stable core of several selections, and of what each alone wants.

    Args:
        scores: What `score` returned for the store of the selections: says where the rows stand.
        selections: Name to selection, two or more.
        at_least: In how many selections a core row must be.
        n: How many rows to show of each kind.

    Raises:
        SelectionError: Fewer than two selections, `at_least` out of range, or a selection of another store.
    """
    store, values, _ = scored_values(scores)
    if len(selections) < 2:
        raise SelectionError(f"{len(selections)} selection(s) given; a core needs at least two")
    for name, selection in selections.items():
        if not selection.store.is_same(store):
            raise SelectionError(f"selection {name!r} is of {selection.store.path}, but the scores are of {store.path}")
    sets = {name: selection.rows for name, selection in selections.items()}
    shared = core(sets, at_least)
    count = np.sum([np.isin(shared, rows) for rows in sets.values()], axis=0)
    z = arithmetic.z_scores(values)[shared]
    scored = np.isfinite(z)
    mean = np.where(scored, z, 0).sum(axis=1) / np.maximum(1, scored.sum(axis=1))
    alone = {each.members[0]: each.rows for each in row_intersections(sets) if len(each.members) == 1}
    own = {name: rows[np.isin(rows, alone.get(name, []))] for name, rows in sets.items()}
    return CoreAndOwn(
        at_least,
        len(shared),
        examples(scores, shared[np.lexsort((-mean, -count))][:n]),
        {name: len(rows) for name, rows in own.items()},
        {name: examples(scores, rows[:n]) for name, rows in own.items()},
    )


def examples(scores: xr.Dataset, rows: Rows | Sequence[int], among: npt.NDArray[np.bool_] | None = None) -> Examples:
    """Rows with their texts, scores and ranks, in the order given.

    Args:
        scores: What `score` returned.
        rows: Which ones.
        among: The rows that ranks are counted among, (sample,); all where None.
    """
    store, values, names = scored_values(scores)
    rows = np.asarray(rows, np.int64)
    ranks = np.zeros(values.shape, np.int64)
    for column, of_column in enumerate(values.T):
        order = arithmetic.top(of_column if among is None else np.where(among, of_column, np.nan))
        ranks[order, column] = np.arange(1, len(order) + 1)
    texts = [list(store.text(name, rows)) if store.layout.text else [""] * len(rows) for name in ("prompt", "response")]
    return Examples(
        Example(
            row,
            str(store.sample_id[row]),
            prompt,
            response,
            {name: float(values[row, i]) for i, name in enumerate(names) if ranks[row, i]},
            {name: int(ranks[row, i]) for i, name in enumerate(names) if ranks[row, i]},
        )
        for row, prompt, response in zip(rows.tolist(), *texts, strict=True)
    )


def _short(text: str) -> str:
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= SHOWN else f"{line[: SHOWN - 1]}…"
