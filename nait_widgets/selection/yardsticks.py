"""Yardsticks for how much to select: in-domain rows' own scores, how many candidates are like them, and the knee."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nait_widgets.methods import Direction

if TYPE_CHECKING:
    import numpy.typing as npt
    import xarray as xr

    from nait_widgets.scored import Scored

    Floats = npt.NDArray[np.float64]

# In-domain rows stand out where their median is above this share of the candidates. By fits without them: contrasts of
# 16 and more rows .86 and above; as many random rows .68 at most, where no ratio is well founded.
STANDS_OUT = 0.8
# Of the in-domain rows, the least that a cut must leave above itself for their share to be told: with fewer, chance
# decides; with more, rows that lie among the candidates make the share too high. On the demo's eight contrasts, 256
# rows each, a tenth is off by .008 of the candidates on average, a quarter by .010, a half by .008; on its components,
# which tell less, by .22, .31 and .50.
LEAST_FOUND = 0.25
DIVISIONS = 10  # into halves, of the in-domain rows and of the candidates


def in_domain_scores(scores: xr.Dataset, scored: Scored, column: int) -> Floats:
    """Scores of the in-domain rows by fits to halves without them, so that no row speaks for itself.

    The candidates are scored by the whole fit, on which their mean lies elsewhere than on the halves': by so much the
    in-domain rows are moved, for else they would seem above or below the candidates where the fits merely differ.

    Args:
        scores: What `score` returned.
        scored: What one of its columns is by.
        column: Which column.

    Returns:
        (in-domain row,), ascending; empty where they aren't known: of scorers, of combined directions, of older fits
        and those of very few rows, of a cosine, whose scores aren't linear in the
        activation, and under another pool than that of the fit.
    """
    if not isinstance(scored, Direction) or not scored.held_out.size or scored.score.similarity == "cosine":
        return np.empty(0)
    halves = [i for i, which in enumerate(scored.resamples) if which.kind == "half"]
    if not halves or scored.samples.get("pool") != scored.score.pool:
        return np.empty(0)
    layers = scores["layer"].to_numpy().tolist()
    of_layer = [layers.index(layer) for layer in scored.layers]
    mean, scale = (
        scores[name].to_numpy().reshape(-1, len(layers))[column, of_layer] for name in ("layer_mean", "layer_scale")
    )
    used = np.array([scored.score.layers is None or layer in scored.score.layers for layer in scored.layers])
    candidates = scores.attrs["store"].statistics(scored.score.pool).mean[of_layer]
    apart = scored.resampled[halves].mean(axis=0, dtype=np.float64) - scored.vectors
    moved = np.einsum("ld,ld->l", apart, candidates)
    by_layer = (scored.held_out - moved - mean) / np.where(scale > 0, scale, np.inf)
    return np.sort(np.where(used, by_layer, 0).sum(axis=1))


def share_above(values: Floats, cuts: Floats) -> Floats:
    """Share of some values that are at least each cut; NaN of none."""
    if not len(values):
        return np.full(len(cuts), np.nan)
    share: Floats = 1 - np.searchsorted(np.sort(values), cuts) / len(values)
    return share


class Bound(NamedTuple):
    """How many of the candidates can be like in-domain rows, and why.

    Attributes:
        prevalence: Their share, `candidates / in_domain`, at most 1; NaN where it isn't known.
        candidates: Share of the candidates above the cuts that say so.
        in_domain: Share of the in-domain rows above them.
    """

    prevalence: float
    candidates: float
    in_domain: float


def prevalence(candidates: Floats, in_domain: Floats) -> Bound:
    """The largest share π of the candidates that can be like in-domain rows.

    If a share π is like them, then π of the share of in-domain rows above any cut is among the candidates above it, so
    π is at most the one share by the other (Blanchard, Lee and Scott 2010, Semi-Supervised Novelty Detection, JMLR 11).
    The least of these ratios would be too low, for it seeks the cut where chance favours it: by a fifth with 64
    in-domain rows, by a half with four. So the cut is chosen on one half of both and the shares are read off the other,
    and the mean shares of many such halves are taken: within a tenth where the two are well apart. Where they overlap,
    π is too high rather.

    Args:
        candidates: Their scores, (candidate,).
        in_domain: Scores of the in-domain rows, (in-domain row,); of fewer than two it isn't known.
    """
    if min(len(candidates), len(in_domain)) < 2:
        return Bound(np.nan, np.nan, np.nan)
    rng = np.random.default_rng(0)
    shares = []
    for _ in range(DIVISIONS):
        pool, own = (np.array_split(rng.permutation(values), 2) for values in (candidates, in_domain))
        for chosen, read in ((0, 1), (1, 0)):
            cut = _telling_cut(pool[chosen], own[chosen])
            shares.append([share_above(pool[read], cut)[0], share_above(own[read], cut)[0]])
    above, found = np.mean(shares, axis=0).tolist()
    return Bound(min(1.0, above / found), above, found)


def _telling_cut(candidates: Floats, in_domain: Floats) -> Floats:
    """The cut that the fewest candidates pass by the in-domain rows that do: (1,)."""
    found = share_above(in_domain, in_domain)
    cuts, found = in_domain[found >= LEAST_FOUND], found[found >= LEAST_FOUND]
    least = int(np.argmin(share_above(candidates, cuts) / found))
    return cuts[[least]]


def knee(ranked: Floats) -> float:
    """The fraction at which scores, best first, lie furthest below the line from the first to the last."""
    spread = ranked[0] - ranked[-1]
    if len(ranked) < 3 or not spread > 0:
        return 1.0
    below = 1 - np.arange(len(ranked)) / (len(ranked) - 1) - (ranked - ranked[-1]) / spread
    return float((np.argmax(below) + 1) / len(ranked))
