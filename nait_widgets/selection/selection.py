"""Scores + a wish -> the rows that are chosen, and why each is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from nait_widgets.errors import SelectionError
from nait_widgets.fingerprints import ERROR
from nait_widgets.scored import columns
from nait_widgets.selection.choosing import Chooser
from nait_widgets.selection.filtering import RowFilter, positions
from nait_widgets.selection.wish import Adjust, End, Filters, Merge, Wish

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy.typing as npt
    import xarray as xr

    from nait_widgets.scored import Scored
    from nait_widgets.selection.exact import Read
    from nait_widgets.store import ActivationStore

Order = Literal["source", "rank"]


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """The chosen rows.

    Attributes:
        rows: Positions in the store, best first, then those that were only pinned: (k,).
        scores: What each was chosen by (its z-score, mean or score, adjusted as was asked), in the same order: (k,).
        parts: Each direction's part in it, see `Choice`: (k, direction).
        wish: What was asked for.
        store: Where the rows are.
        directions: What they were scored by: directions and other scorers.
        candidates: Which rows the choice was among, (sample,): they may be selected, have a score, pass the filters and
            aren't excluded. Rows that were pinned need not be.
        lasting: The wish where the store alone is at hand: with ids for label columns that only the scores have.
        made_from: The scores that it was chosen by, as `score` returned them.
        read: What was read for it, where a fingerprint took the place of a scan.
    """

    rows: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float64]
    parts: npt.NDArray[np.float64]
    wish: Wish
    store: ActivationStore
    directions: tuple[Scored, ...]
    candidates: npt.NDArray[np.bool_]
    lasting: Wish
    made_from: xr.Dataset
    read: Read | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        names = ", ".join(direction.name for direction in self.directions)
        return f"<Selection: {len(self):,} of {len(self.store):,} rows of {self.store.path} by {names}>"

    @property
    def ids(self) -> list[str]:
        """The chosen samples' ids, best first."""
        return list(map(str, self.store.sample_id[self.rows].tolist()))

    @property
    def n_candidates(self) -> int:
        """How many rows the choice was among."""
        return int(np.count_nonzero(self.candidates))

    @property
    def approximate(self) -> bool:
        """Whether other rows might be chosen by exact scores: these are estimates, and nothing was read to decide."""
        return ERROR in self.made_from and self.read is None

    @property
    def cut(self) -> float | None:
        """What the last row that was chosen by its score was chosen by; None where no score decided."""
        by_score = self.scores[self.parts.any(axis=1)]
        return float(by_score[-1]) if len(by_score) else None

    @property
    def reasons(self) -> list[str]:
        """Why each was chosen, in words: (k,)."""
        names = [direction.name for direction in self.directions]
        return [self._reason(names, parts) for parts in self.parts.tolist()]

    def _reason(self, names: list[str], parts: list[float]) -> str:
        if not any(parts):
            return "random" if self.wish.end == "random" else "pinned"
        if self.wish.merge in ("mean-z", "max") and sum(weight > 0 for weight in self.wish.weights_of(names)) > 1:
            return ", ".join(f"{name} z {part:+.2f}" for name, part in zip(names, parts, strict=True))
        return ", ".join(f"{name} #{part:.0f}" for name, part in zip(names, parts, strict=True) if part)

    @property
    def mask(self) -> npt.NDArray[np.bool_]:
        """Whether each row of the store is chosen: (sample,)."""
        mask = np.zeros(len(self.store), np.bool_)
        mask[self.rows] = True
        return mask

    @property
    def ids_digest(self) -> str:
        """SHA-256 of the chosen ids in the order of the source: what makes two selections the same."""
        return digest_of_ids(self.store.sample_id[np.sort(self.rows)])

    def export(
        self,
        path: str | os.PathLike[str],
        *,
        columns: Sequence[str] = (),
        order: Order = "source",
        report: Callable[[int, int], None] | None = None,
    ) -> list[Path]:
        """Write the chosen rows as the source had them, with a recipe and a card beside them.

        Of a store without text they are the `id` of each.

        Args:
            path: `.jsonl`, `.json`, `.parquet`, `.csv`, `.tsv`, or for a folder of `datasets` no suffix or a slash at
                the end.
            columns: What to add to each row, of `score`, `rank` and `reason`; each is named `nait_…`.
            order: Of the rows: the source's, or the best first.
            report: Called with rows written and in all, from time to time.

        Returns:
            The files written: rows, recipe, card, and each direction or scorer that isn't saved in the store.

        Raises:
            SelectionError: An unknown suffix or column, rows that the format can't hold, or a folder in the place that
                `datasets` didn't write.
        """
        from nait_widgets.selection.export import export

        return export(self, path, columns=columns, order=order, report=report)


def select(
    scores: xr.Dataset,
    *,
    fraction: float | None = None,
    k: int | None = None,
    threshold: float | None = None,
    merge: Merge = "union",
    weights: Mapping[str, float] | None = None,
    end: End = "top",
    seed: int = 0,
    adjust: Adjust = "none",
    filters: Filters | Mapping[str, Any] | None = None,
    pinned: Sequence[str] = (),
    excluded: Sequence[str] = (),
    note: str = "",
) -> Selection:
    """Choose the rows that score highest (Eq. 6).

    Args:
        scores: What `score` returned.
        fraction: Share of the rows that may be selected (quarantined ones don't count); k = max(1, floor(f·n + ½)).
        k: Number of rows; fewer where the filters leave fewer.
        threshold: Lowest score that is chosen, adjusted as is asked; under `mean-z` and `max`, lowest z-score.
        merge: How several directions share the choice, see `Wish`.
        weights: How much each direction counts, by name.
        end: `top`, `bottom` or `random`.
        seed: Of random rows.
        adjust: `none`; `length-residual`, to take what a sample's length explains out of the scores; or
            `length-strata`, to compare each with those of about its length. See `Wish`.
        filters: Which rows the choice is made among, a `Filters` or its fields.
        pinned: Ids that are chosen whatever they score, beyond what is asked for.
        excluded: Ids that are never chosen, such as those of a guard's report; the next best take their place.
        note: Where such ids come from, for the card: `report.summary`.

    Raises:
        SelectionError: Not exactly one of fraction, k and threshold; values out of range; more rows than there are;
            an id or label column that isn't there; a pinned row that was quarantined.
    """
    if filters is None or isinstance(filters, Mapping):
        filters = Wish.from_json({"fraction": 1.0, "filters": filters or {}}).filters
    ids: dict[str, Any] = {"pinned": pinned, "excluded": excluded}  # the wish makes tuples of what is a list
    wish = Wish(fraction, k, threshold, merge, weights or {}, end, seed, adjust, filters, **ids, note=note)
    return select_by(scores, wish)


def select_by(
    scores: xr.Dataset, wish: Wish, row_filter: RowFilter | None = None, chooser: Chooser | None = None
) -> Selection:
    """Choose the rows of a wish, see `select`.

    Args:
        scores: What `score` returned.
        wish: What is asked for.
        row_filter: The filter of these scores, to be used again and again.
        chooser: What chooses by them, likewise.
    """
    store, values, names = scored_values(scores)
    candidates, lasting = candidates_of(scores, wish, row_filter)
    chooser = chooser or Chooser(values, store.n_tokens, names)
    pinned = positions(store, wish.pinned)
    for row in pinned[~store.selectable[pinned]]:
        raise SelectionError(f"{store.sample_id[row]!r} is pinned, but it was quarantined and can't be chosen")
    choice = chooser.choose(wish, candidates, pinned)
    return Selection(*choice, wish, store, columns(scores), candidates, lasting, scores)


def candidates_of(
    scores: xr.Dataset, wish: Wish, row_filter: RowFilter | None = None
) -> tuple[npt.NDArray[np.bool_], Wish]:
    """Which rows a wish chooses among, (sample,), and how it reads where the store alone is at hand."""
    store, values, _ = scored_values(scores)
    n_valid = int(np.count_nonzero(store.selectable))
    if wish.k is not None and wish.k > n_valid:
        raise SelectionError(f"k is {wish.k:,}, but only {n_valid:,} rows of {store.path} may be selected")
    candidates, lasting = np.logical_not(np.isnan(values).all(axis=1)), wish
    if wish.filters.anything and wish.filters.narrow:
        row_filter = row_filter or RowFilter(scores)
        candidates &= row_filter.passing(wish.filters)
        lasting = replace(wish, filters=row_filter.lasting(wish.filters))
    candidates[positions(store, wish.excluded)] = False
    return candidates, lasting


def digest_of_ids(ids: npt.NDArray[Any]) -> str:
    """SHA-256 of some ids, which stand in the order of the source."""
    return sha256("\n".join(map(str, ids.tolist())).encode()).hexdigest()


def scored_values(scores: xr.Dataset) -> tuple[ActivationStore, npt.NDArray[np.float64], list[str]]:
    """The store, the scores (sample, direction), and the columns' names."""
    if "store" not in scores.attrs or "directions" not in scores.attrs:
        raise SelectionError("these scores don't say where they come from: pass the dataset that `score` returned")
    store: ActivationStore = scores.attrs["store"]
    if (n := scores.sizes["sample"]) != len(store):
        raise SelectionError(f"these are scores of {n:,} of the {len(store):,} rows of {store.path}: give those of all")
    names = [str(name) for name in np.atleast_1d(scores["direction"].to_numpy())]
    return store, scores["score"].to_numpy().reshape(len(store), -1), names
