"""Scores + a wish -> the rows that are chosen, and why each is."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from nait_widgets.errors import SelectionError
from nait_widgets.selection import arithmetic

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt
    import xarray as xr

    from nait_widgets.methods import Direction
    from nait_widgets.store import ActivationStore

Merge = Literal["union", "round-robin", "mean-z", "max"]
Order = Literal["source", "rank"]


@dataclass(frozen=True, slots=True)
class Wish:
    """How much is asked for, and how several directions share it.

    Attributes:
        fraction, k, threshold: Exactly one is given. With several directions under `union` it is each one's own.
        merge: `union` of each direction's own top (the paper's); `round-robin`, each taking its best in turn until
            there are k; the highest mean of z-scores (`mean-z`); or the highest z-score in any direction (`max`).
    """

    fraction: float | None = None
    k: int | None = None
    threshold: float | None = None
    merge: Merge = "union"

    def __post_init__(self) -> None:
        given = [name for name in ("fraction", "k", "threshold") if getattr(self, name) is not None]
        if len(given) != 1:
            raise SelectionError(
                f"give exactly one of fraction, k and threshold ({' and '.join(given) or 'none'} given)"
            )
        if self.fraction is not None and not 0 < self.fraction <= 1:
            raise SelectionError(f"fraction is {self.fraction}, but must be above 0 and at most 1")
        if self.k is not None and self.k < 1:
            raise SelectionError(f"k is {self.k}, but must be at least 1")
        if self.threshold is not None and np.isnan(self.threshold):
            raise SelectionError("threshold is NaN")
        if self.merge not in get_args(Merge):
            raise SelectionError(f"merge is {self.merge!r}, but must be one of {', '.join(get_args(Merge))}")
        if self.threshold is not None and self.merge == "round-robin":
            raise SelectionError("round-robin takes turns until it has k rows: give fraction or k, not a threshold")

    @property
    def arguments(self) -> dict[str, Any]:
        """The wish as arguments of `select`, and as JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """The chosen rows.

    Attributes:
        rows: Positions in the store, best first: (k,).
        scores: What each was chosen by (its z-score, mean or score), in the same order: (k,).
        reasons: Why each was chosen, in words: (k,).
        wish: What was asked for.
        store: Where the rows are.
        directions: What they were scored by.
    """

    rows: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float64]
    reasons: tuple[str, ...]
    wish: Wish
    store: ActivationStore
    directions: tuple[Direction, ...]

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        names = ", ".join(direction.name for direction in self.directions)
        return f"<Selection: {len(self):,} of {len(self.store):,} rows of {self.store.path} by {names}>"

    @property
    def ids(self) -> list[str]:
        """The chosen samples' ids, best first."""
        return [str(i) for i in self.store.sample_id[self.rows]]

    @property
    def mask(self) -> npt.NDArray[np.bool_]:
        """Whether each row of the store is chosen: (sample,)."""
        mask = np.zeros(len(self.store), np.bool_)
        mask[self.rows] = True
        return mask

    @property
    def ids_digest(self) -> str:
        """SHA-256 of the chosen ids in the order of the source: what makes two selections the same."""
        ids = self.store.sample_id[np.sort(self.rows)]
        return sha256("\n".join(str(i) for i in ids).encode()).hexdigest()

    def export(
        self, path: str | os.PathLike[str], *, columns: Sequence[str] = (), order: Order = "source"
    ) -> list[Path]:
        """Write the chosen rows as the source had them, with a recipe and a card beside them.

        Args:
            path: `.jsonl`, `.json`, `.parquet`, `.csv`, `.tsv`, or no suffix for a folder of `datasets`.
            columns: What to add to each row, of `score`, `rank` and `reason`; each is named `nait_…`.
            order: Of the rows: the source's, or the best first.

        Returns:
            The files written: rows, recipe, card, and each direction.

        Raises:
            SelectionError: An unknown suffix or column, or rows that the format can't hold.
            StoreError: The store was captured without text.
        """
        from nait_widgets.selection.export import export

        return export(self, path, columns=columns, order=order)


def select(
    scores: xr.Dataset,
    *,
    fraction: float | None = None,
    k: int | None = None,
    threshold: float | None = None,
    merge: Merge = "union",
) -> Selection:
    """Choose the rows that score highest (Eq. 6).

    Args:
        scores: What `score` returned.
        fraction: Share of the rows that may be selected (quarantined ones don't count); k = max(1, floor(f·n + ½)).
        k: Number of rows.
        threshold: Lowest score that is chosen; under `mean-z` and `max`, lowest z-score.
        merge: How several directions share the choice, see `Wish`.

    Raises:
        SelectionError: Not exactly one of fraction, k and threshold; values out of range; more rows than there are.
    """
    wish = Wish(fraction, k, threshold, merge)
    if "store" not in scores.attrs or "directions" not in scores.attrs:
        raise SelectionError("these scores don't say where they come from: pass the dataset that `score` returned")
    store: ActivationStore = scores.attrs["store"]
    if (n := scores.sizes["sample"]) != len(store):
        raise SelectionError(f"these are scores of {n:,} of the {len(store):,} rows of {store.path}: give those of all")
    values = scores["score"].to_numpy().reshape(len(store), -1)
    n_valid = int(np.count_nonzero(store.selectable))
    if wish.k is not None and wish.k > n_valid:
        raise SelectionError(f"k is {wish.k:,}, but only {n_valid:,} rows of {store.path} may be selected")
    names = [str(name) for name in np.atleast_1d(scores["direction"].to_numpy())]
    # A part of the scores (`scores.sel(direction=…)`) keeps the attributes of the whole.
    scored = {direction.name: direction for direction in scores.attrs["directions"]}
    directions = tuple(scored[name] for name in names)
    rows, chosen_by, reasons = choose(values, names, wish)
    return Selection(rows, chosen_by, tuple(reasons), wish, store, directions)


def choose(
    values: npt.NDArray[np.float64], names: Sequence[str], wish: Wish
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], list[str]]:
    """Choose rows by their scores alone.

    Args:
        values: Scores (sample, direction); a row that may not be selected is NaN throughout.
        names: Of the directions.
        wish: What is asked for.

    Returns:
        Rows best first, what each was chosen by, and why.
    """
    count = wish.k
    if wish.fraction is not None:
        count = arithmetic.size(wish.fraction, int(np.count_nonzero(~np.isnan(values).all(axis=1))))

    def cut(column: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
        return arithmetic.top(column, count) if wish.threshold is None else arithmetic.above(column, wish.threshold)

    if len(names) == 1:
        rows = cut(values[:, 0])
        return rows, values[rows, 0], [f"{names[0]} #{rank}" for rank in range(1, len(rows) + 1)]
    z = arithmetic.z_scores(values)
    if wish.merge in ("mean-z", "max"):
        combined = z.mean(axis=1) if wish.merge == "mean-z" else z.max(axis=1)
        rows = cut(combined)
        reasons = [
            ", ".join(f"{name} z {value:+.2f}" for name, value in zip(names, z[row], strict=True)) for row in rows
        ]
        return rows, combined[rows], reasons
    orders = [arithmetic.top(values[:, i]) for i in range(len(names))]
    if wish.merge == "round-robin":
        assert count is not None
        rows = arithmetic.round_robin(orders, count)
        own = orders
    else:
        own = [cut(values[:, i]) for i in range(len(names))]
        rows = arithmetic.union(own)
    ranks = [dict(zip(order.tolist(), range(1, len(order) + 1), strict=True)) for order in own]
    reasons = [
        ", ".join(f"{name} #{rank[row]}" for name, rank in zip(names, ranks, strict=True) if row in rank)
        for row in rows.tolist()
    ]
    return rows, z[rows].max(axis=1), reasons
