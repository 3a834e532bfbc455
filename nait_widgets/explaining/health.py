"""How far a direction, and what it selects from a store, can be trusted: the numbers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from nait_widgets.errors import DirectionError, StoreError
from nait_widgets.explaining.contributions import scored_layers
from nait_widgets.explaining.direction_findings import of_direction
from nait_widgets.explaining.findings import WORST_FIRST, Finding
from nait_widgets.explaining.selection_findings import of_selection
from nait_widgets.explaining.variance import Dimension, score_variance
from nait_widgets.scored import columns, require_direction
from nait_widgets.scoring import score
from nait_widgets.selection import Wish, arithmetic
from nait_widgets.selection.yardsticks import in_domain_scores

if TYPE_CHECKING:
    import numpy.typing as npt
    import xarray as xr

    from nait_widgets.methods import Direction
    from nait_widgets.store import ActivationStore

    Floats = npt.NDArray[np.float64]
    Rows = npt.NDArray[np.int64]
    Pairs = list[tuple[int, int]]

TOP_DIMENSIONS = 5


@dataclass(frozen=True, slots=True, eq=False)
class Health:
    """What was measured of a direction and of its selection from one store.

    A cosine is between two fits of a layer's vector; an overlap is the Jaccard index of two selections. Layers are
    those of `direction.layers`. What takes resamples is empty where the direction has none. Shares are from 0 to 1.

    Attributes:
        direction: The direction; its `explained` and `margin` belong to its health too.
        fraction: Share of the selectable rows that a selection takes.
        split_half: Cosine of the fits to two disjoint halves of the in-domain rows: (split, layer).
        bootstrap: Cosine of the fits to two bootstraps: (pair, layer).
        half_overlap: Overlap of the halves' selections: (split,).
        bootstrap_overlap: Overlap of two bootstraps' selections: (pair,).
        sizes: In-domain rows that the learning curve was fitted to: (size,).
        learning: Overlap of their selections with the direction's own: (size,).
        groups: Cosine of the contrasts with the candidates of the two groups that the in-domain rows fall into where
            they differ most: (layer,); empty where it isn't known.
        lengths: Share of the candidates that have as many tokens as some in-domain row, or as lie between two; None
            where it isn't known.
        in_domain: Share of the candidates that score below the median in-domain row, which are scored by fits to halves
            without them; None where it isn't known.
        top_dimensions: Share of |v|² that the five largest dimensions of a layer have: (layer,).
        layer_share: Share of the score's variance that each layer brings, negative where it works against the
            others: (layer,); they sum to 1.
        layer_correlation: Correlation of what the layers add: (layer, layer); NaN for layers that aren't scored.
        cancelled: Share of what the layers add, taken without sign, that other layers take off again.
        strongest: The five dimensions that bring most of the score's variance.
        first_token: Share of the score's variance that the first token brings; None where it isn't known.
        length_correlation: Rank correlation of score and tokens; NaN where either doesn't vary.
        length_residual: The same of the score that `select(adjust="length-residual")` goes by.
        length_strata: The same under `adjust="length-strata"`.
    """

    direction: Direction
    fraction: float
    split_half: Floats
    bootstrap: Floats
    half_overlap: Floats
    bootstrap_overlap: Floats
    sizes: Rows
    learning: Floats
    groups: Floats
    lengths: float | None
    in_domain: float | None
    top_dimensions: Floats
    layer_share: Floats
    layer_correlation: Floats
    cancelled: float
    strongest: tuple[Dimension, ...]
    first_token: float | None
    length_correlation: float
    length_residual: float
    length_strata: float

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What the numbers mean, in words, the worst first; what doesn't apply to the direction is left out."""
        found = (*of_selection(self), *of_direction(self))
        return tuple(sorted(found, key=lambda finding: WORST_FIRST.index(finding.verdict)))

    def __repr__(self) -> str:
        return f"<Health of {self._summary}>"

    def __str__(self) -> str:
        lines = [f"{finding.verdict:8} {finding.title}: {finding.sentence}" for finding in self.findings]
        return "\n".join([self._summary, *lines])

    @property
    def _summary(self) -> str:
        counts = Counter(finding.verdict for finding in self.findings)
        told = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
        return f"{self.direction.name}, selecting {100 * self.fraction:.3g}%: {told}"

    @property
    def scored(self) -> npt.NDArray[np.bool_]:
        """Which layers the score sums: (layer,)."""
        chosen = self.direction.score.layers
        return np.array([chosen is None or layer in chosen for layer in self.direction.layers])

    @property
    def scored_layers(self) -> list[int]:
        """The layers that the score sums."""
        return [layer for layer, scored in zip(self.direction.layers, self.scored, strict=True) if scored]


def health(
    direction: Direction, store: ActivationStore, scores: xr.Dataset | None = None, fraction: float = 0.1
) -> Health:
    """Measure how stable a direction is, how stable its selection from a store, and what drives its scores.

    All resamples are scored in one pass over the store; what drives the scores is measured on at most 4,096 rows.

    Args:
        direction: Of the store's model, site and template.
        store: A complete store of candidates.
        scores: What `score` returned for that direction and store, which saves scoring it again.
        fraction: Share of the selectable rows that a selection takes.

    Raises:
        DirectionError: The direction doesn't belong to the store, or to the scores; or it is another scorer.
        SelectionError: The fraction is out of range.
        StoreError: The store is incomplete or damaged, lacks a pool, keeps scores only, or no row of it may be
            selected.
    """
    direction = require_direction(direction)
    store.require_activations()
    Wish(fraction=fraction)
    valid = store.selectable
    if not valid.any():
        raise StoreError(f"no row of {store.path} may be selected, so a direction's health can't be told from it")
    again = [
        replace(direction, name=f"{direction.name}, {which.kind} {i}", vectors=vectors.astype(np.float32))
        for i, (which, vectors) in enumerate(zip(direction.resamples, direction.resampled, strict=True))
    ]
    if scores is None:
        scores = rescored = score(store, [direction, *again])
    else:
        _check(scores, store)
        rescored = score(store, again) if again else scores
    layers = scored_layers(store, direction, scores)
    own = scores["score"].sel(direction=direction.name).to_numpy()
    k = arithmetic.size(fraction, int(np.count_nonzero(valid)))
    chosen = [arithmetic.top(rescored["score"].sel(direction=other.name).to_numpy(), k) for other in again]
    splits, pairs = _pairs(direction)
    firsts = [i for i, which in enumerate(direction.resamples) if which.kind == "first"]
    variance = score_variance(direction, store, own, layers.scale)
    at = [store.layout.layers.index(layer) for layer in direction.layers]
    tokens = store.n_tokens[valid]
    return Health(
        direction=direction,
        fraction=fraction,
        split_half=_cosines(direction, splits),
        bootstrap=_cosines(direction, pairs),
        half_overlap=np.array([_jaccard(chosen[a], chosen[b]) for a, b in splits]),
        bootstrap_overlap=np.array([_jaccard(chosen[a], chosen[b]) for a, b in pairs]),
        sizes=np.array([direction.resamples[i].rows for i in firsts], np.int64),
        learning=np.array([_jaccard(chosen[i], arithmetic.top(own, k)) for i in firsts]),
        groups=_groups(direction, store),
        lengths=_lengths(direction, tokens),
        in_domain=_in_domain(direction, scores, own[valid]),
        top_dimensions=_top_dimensions(direction),
        layer_share=variance.shares.sum(axis=1)[at],
        layer_correlation=variance.correlation[np.ix_(at, at)],
        cancelled=variance.cancelled,
        strongest=variance.strongest(TOP_DIMENSIONS),
        first_token=variance.first_token,
        length_correlation=rank_correlation(own[valid], tokens),
        length_residual=rank_correlation(arithmetic.length_residual(own[valid], tokens), tokens),
        length_strata=rank_correlation(arithmetic.length_strata(own[valid], tokens), tokens),
    )


def rank_correlation(a: npt.NDArray[np.generic], b: npt.NDArray[np.generic]) -> float:
    """Spearman's rank correlation of two columns, ties at their mean rank; NaN where either doesn't vary."""
    import pandas as pd

    ranks = [pd.Series(column).rank().to_numpy() for column in (a, b)]
    centred = [rank - rank.mean() for rank in ranks]
    size = float(np.linalg.norm(centred[0]) * np.linalg.norm(centred[1]))
    return float(centred[0] @ centred[1]) / size if size > 0 else float("nan")


def _check(scores: xr.Dataset, store: ActivationStore) -> None:
    scored = scores.attrs["store"]
    if not store.is_same(scored):
        raise DirectionError(
            f"the scores are of {scored.path}, but health is asked for on {store.path}; score that one"
        )


def _pairs(direction: Direction) -> tuple[Pairs, Pairs]:
    """Positions of the two halves of each split, and of each two bootstraps."""
    kinds: dict[str, list[int]] = {"half": [], "bootstrap": [], "first": []}
    for i, which in enumerate(direction.resamples):
        kinds[which.kind].append(i)
    halves = kinds["half"]
    return list(zip(halves[::2], halves[1::2], strict=True)), list(combinations(kinds["bootstrap"], 2))


def _cosines(direction: Direction, pairs: Pairs) -> Floats:
    """Cosine of two resamples in each layer, 0 where either has no direction: (pair, layer)."""
    units = _units(direction.resampled)
    cosines = [np.einsum("ld,ld->l", units[a], units[b]) for a, b in pairs]
    return np.array(cosines).reshape(len(pairs), len(direction.layers))


def _groups(direction: Direction, store: ActivationStore) -> Floats:
    """Cosine of the two groups' contrasts in each layer: (layer,); they are known in the pool of the fit alone."""
    if not direction.group_mean.size or direction.samples.get("pool") != direction.score.pool:
        return np.empty(0)
    at = [store.layout.layers.index(layer) for layer in direction.layers]
    first, second = _units(direction.group_mean - store.statistics(direction.score.pool).mean[at])
    cosines: Floats = np.einsum("ld,ld->l", first, second)
    return cosines


def _units(vectors: npt.NDArray[np.floating]) -> Floats:
    """The last axis at unit length, 0 where it has none."""
    units = vectors.astype(np.float64)
    norms = np.linalg.norm(units, axis=-1, keepdims=True)
    return units / np.where(norms > 0, norms, 1)


def _lengths(direction: Direction, tokens: npt.NDArray[np.int32]) -> float | None:
    own = direction.samples.get("tokens")
    return None if own is None else float(((tokens >= own["min"]) & (tokens <= own["max"])).mean())


def _in_domain(direction: Direction, scores: xr.Dataset, candidates: Floats) -> float | None:
    """Share of the candidates below the median of the in-domain rows, each scored by fits without it."""
    own = in_domain_scores(scores, direction, [column.name for column in columns(scores)].index(direction.name))
    return float((candidates < np.median(own)).mean()) if len(own) else None


def _top_dimensions(direction: Direction) -> Floats:
    squares = np.sort(np.square(direction.vectors.astype(np.float64)), axis=1)
    total = squares.sum(axis=1)
    share: Floats = squares[:, -TOP_DIMENSIONS:].sum(axis=1) / np.where(total > 0, total, np.nan)
    return share


def _jaccard(a: Rows, b: Rows) -> float:
    shared = len(np.intersect1d(a, b, assume_unique=True))
    return shared / (len(a) + len(b) - shared)
