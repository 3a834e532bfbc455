"""What ratio is suggested, against mixtures of known share, loops, and labelled candidates."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pytest
from labelled import Fit, in_domain
from test_store import read_all

from nait_widgets import Direction, Ratio, score, suggest_ratio
from nait_widgets.errors import SelectionError
from nait_widgets.selection.yardsticks import prevalence
from nait_widgets.store import ActivationStore

if TYPE_CHECKING:
    import xarray as xr

Floats = npt.NDArray[np.float64]


def scored(direction: Direction, pool: ActivationStore, candidates: Floats, own: Floats) -> xr.Dataset:
    """Made-up scores of the rows that may be selected, and of in-domain rows, as if they had been scored."""
    held_out = np.zeros((len(own), 3), np.float32)
    held_out[:, 1] = own
    whole = direction.vectors.astype(np.float16)
    alike = np.repeat(whole[None], len(direction.resamples), axis=0)  # refits that agree with the whole
    given = replace(direction, vectors=whole.astype(np.float32), resampled=alike, held_out=held_out)
    scores = score(pool, given).copy(deep=True)
    scores["score"].values[pool.selectable, 0] = candidates
    return scores


def mixture(pool: ActivationStore, share: float, apart: float, seed: int = 0) -> tuple[Floats, Floats]:
    """Candidates of whom a share is drawn as in-domain rows are, and 400 such rows."""
    rng = np.random.default_rng(seed)
    n = int(np.count_nonzero(pool.selectable))
    alike = rng.permutation(n) < share * n
    return np.where(alike, rng.normal(apart, 1, n), rng.normal(0, 1, n)), rng.normal(apart, 1, 400)


@pytest.mark.parametrize("share", [0.05, 0.15, 0.3])
def test_the_share_of_candidates_like_in_domain_rows(share: float, direction: Direction, pool: ActivationStore) -> None:
    ratio = suggest_ratio(scored(direction, pool, *mixture(pool, share, apart=5)))
    assert ratio.prevalence == pytest.approx(share, rel=0.2)
    assert ratio.suggested == round(ratio.prevalence, 2)
    assert ratio.why.startswith("About ")
    assert ratio.caution == ""
    # Where all that are like them have been taken, about all in-domain rows are found and hardly more is alike.
    at = int(np.searchsorted(ratio.fractions, share + 0.02))
    assert ratio.found[at] > 0.95
    assert ratio.alike[at] == pytest.approx(share / ratio.fractions[at], abs=0.2)


def test_every_number_against_a_loop(direction: Direction, pool: ActivationStore) -> None:
    candidates, own = mixture(pool, 0.2, apart=2)
    own = own.astype(np.float32).astype(np.float64)
    ratio = suggest_ratio(scored(direction, pool, candidates, own), "sums", fractions=(0.1, 0.25, 1))
    ranked = sorted(candidates.tolist(), reverse=True)
    n, mean, std = len(ranked), np.mean(ranked), np.std(ranked)
    sizes = [70, 175, 698]
    assert ratio.rows.tolist() == sizes
    for i, (k, before) in enumerate(zip(sizes, [0, *sizes], strict=False)):
        cut = ranked[k - 1]
        assert ratio.cut[i] == cut
        assert ratio.added[i] == pytest.approx((np.mean(ranked[before:k]) - mean) / std)
        assert ratio.mean[i] == pytest.approx((np.mean(ranked[:k]) - mean) / std)
        assert ratio.found[i] == sum(s >= cut for s in own) / len(own)
    assert ratio.above_median == pytest.approx(np.mean([s >= np.median(own) for s in ranked]))
    assert ratio.above_tenth == pytest.approx(np.mean([s >= np.quantile(own, 0.1) for s in ranked]))
    below = [1 - i / (n - 1) - (s - ranked[-1]) / (ranked[0] - ranked[-1]) for i, s in enumerate(ranked)]
    assert ratio.knee == (below.index(max(below)) + 1) / n
    np.testing.assert_allclose(ratio.alike, np.minimum(1, ratio.prevalence * ratio.found / (np.array(sizes) / n)))
    np.testing.assert_allclose(ratio.in_domain, np.sort(own))


def test_the_share_of_candidates_against_a_loop() -> None:
    """Ten times in halves: each half's cut, and what passes it of the other."""
    draw = np.random.default_rng(1)
    ranked, own = np.sort(draw.normal(0, 1, 101))[::-1], np.sort(draw.normal(2, 1, 31))
    rng, above, found = np.random.default_rng(0), [], []

    def share(values: Floats, cut: float) -> float:
        return float(np.mean([s >= cut for s in values.tolist()]))

    for _ in range(10):
        pools, rows = (
            (drawn[: len(drawn) // 2 + 1], drawn[len(drawn) // 2 + 1 :])
            for drawn in map(rng.permutation, (ranked, own))
        )
        for a, b in ((0, 1), (1, 0)):
            cuts = [cut for cut in rows[a].tolist() if share(rows[a], cut) >= 0.25]
            cut = min(cuts, key=lambda cut: share(pools[a], cut) / share(rows[a], cut))
            above.append(share(pools[b], cut))
            found.append(share(rows[b], cut))
    bound = prevalence(ranked, own)
    assert bound.candidates == pytest.approx(np.mean(above))
    assert bound.in_domain == pytest.approx(np.mean(found))
    assert bound.prevalence == pytest.approx(np.mean(above) / np.mean(found))
    for few in (own[:1], own[:0]):
        assert np.isnan(prevalence(ranked, few)).all()


@pytest.mark.parametrize("rows", [8, 16, 64])
def test_few_in_domain_rows_dont_make_it_less(rows: int) -> None:
    """The least of the ratios would be .6 to .8 of the true share."""
    rng, told = np.random.default_rng(0), []
    for _ in range(60):
        alike = rng.random(700) < 0.1
        candidates = np.where(alike, rng.normal(4, 1, 700), rng.normal(0, 1, 700))
        told.append(prevalence(candidates, rng.normal(4, 1, rows)).prevalence / alike.mean())
    assert np.mean(told) == pytest.approx(1, abs=0.1)


def test_few_in_domain_rows_are_told(direction: Direction, pool: ActivationStore) -> None:
    candidates, own = mixture(pool, 0.1, apart=5)
    ratio = suggest_ratio(scored(direction, pool, candidates, own[:16]))
    assert ratio.caution.startswith("It rests on 16 in-domain rows")
    assert suggest_ratio(scored(direction, pool, candidates, own[:64])).caution == ""


def test_a_ranking_that_hardly_knows_its_own_rows_is_no_yardstick(direction: Direction, pool: ActivationStore) -> None:
    ratio = suggest_ratio(scored(direction, pool, *mixture(pool, 0.1, apart=0.3)))
    assert "no ratio is well founded" in ratio.caution


def test_yardsticks_that_disagree(direction: Direction, pool: ActivationStore) -> None:
    candidates, own = mixture(pool, 0.1, apart=6)
    own[:100] = -3  # a quarter of the in-domain rows is like nothing of the pool's top
    ratio = suggest_ratio(scored(direction, pool, candidates, own))
    assert ratio.prevalence < 0.15
    assert "nine in ten in-domain rows" in ratio.caution


@pytest.mark.parametrize("why", ["old", "combined", "cosine", "pool", "scorer"])
def test_without_in_domain_rows_the_knee_stands_alone(why: str, direction: Direction, pool: ActivationStore) -> None:
    by: dict[str, Any] = {
        "old": replace(direction, held_out=np.empty((0, 0), np.float32)),
        "combined": direction + direction.named("other"),
        "cosine": direction.scored_by(similarity="cosine"),
        "pool": direction.scored_by(pool="tail_mean"),
        "scorer": "length",
    }
    ratio = suggest_ratio(score(pool, by[why]))
    assert ratio.suggested == round(ratio.knee, 2)
    assert np.isnan([ratio.prevalence, ratio.above_median, *ratio.found, *ratio.alike]).all()
    assert ratio.in_domain.size == 0
    assert "the knee of the scores alone" in ratio.caution
    assert "–" in ratio.table


def test_in_domain_rows_are_scored_as_candidates_are(robust: Direction, pool: ActivationStore) -> None:
    """By z-score, in the layers that are used, whatever other columns stand beside it."""
    asked = robust.scored_by(layers=[0, 2])
    scores = score(pool, [robust.named("other"), asked, "length"])
    own = scores.sel(direction=asked.name)
    mean, scale = own["layer_mean"].to_numpy(), own["layer_scale"].to_numpy()
    candidates = read_all(pool.pool("tail_mean"))[pool.selectable].astype(np.float64).mean(axis=0)
    halves = [v for v, which in zip(robust.resampled, robust.resamples, strict=True) if which.kind == "half"]
    on_halves = np.mean([(candidates * half).sum(axis=1) for half in halves], axis=0)
    moved = on_halves - (candidates * robust.vectors).sum(axis=1)
    own_rows = robust.held_out - moved
    expected = [sum((row[layer] - mean[layer]) / scale[layer] for layer in (0, 2)) for row in own_rows]
    for given in (asked, asked.name):
        np.testing.assert_allclose(suggest_ratio(scores, given).in_domain, np.sort(expected), rtol=1e-3)
    alone = suggest_ratio(scores.sel(direction=[asked.name]))
    np.testing.assert_allclose(alone.in_domain, np.sort(expected), rtol=1e-3)


@pytest.mark.parametrize("capability", ["arithmetic", "python", "translation"])
def test_on_labelled_candidates_the_suggestion_is_near_the_best(
    capability: str, fit: Fit, labelled: ActivationStore, capabilities: npt.NDArray[np.str_]
) -> None:
    scores = score(labelled, fit(in_domain(capability)))
    ratio = suggest_ratio(scores)
    order = np.argsort(-np.nan_to_num(scores["score"].to_numpy()[:, 0], nan=-np.inf), kind="stable")
    hits = np.cumsum((capabilities == capability)[order])
    taken = np.arange(1, len(order) + 1)
    f1 = 2 * hits / (taken + hits[-1])
    n = int(np.count_nonzero(labelled.selectable))
    assert f1[round(ratio.suggested * n) - 1] > 0.75 * f1.max()
    recall = hits[ratio.rows - 1] / hits[-1]
    np.testing.assert_allclose(ratio.found, recall, atol=0.15)
    assert ratio.caution == ""


def test_it_reads_as_a_table(direction: Direction, pool: ActivationStore) -> None:
    ratio: Ratio = suggest_ratio(scored(direction, pool, *mixture(pool, 0.1, apart=5)))
    lines = str(ratio).splitlines()
    assert lines[0].startswith(f"sums: select {ratio.suggested:.0%}. About ")
    assert len(ratio.table.splitlines()) == 21
    assert ratio.table.splitlines()[-1].split()[:2] == ["100%", "698"]
    shown = sum(fraction < 2 * ratio.suggested for fraction in ratio.fractions) + 1
    assert shown < 10
    assert lines[2:] == [*ratio.table.splitlines()[: 1 + max(6, shown)], "… up to 100%: see its `table`"]
    few = suggest_ratio(score(pool, "length"), fractions=(0.5, 1))
    assert str(few).endswith(few.table)
    assert repr(ratio) == f"<Ratio of sums: select {ratio.suggested:.0%}>"


def test_what_makes_no_sense_is_refused(direction: Direction, robust: Direction, pool: ActivationStore) -> None:
    two = score(pool, [direction, robust])
    nothing = score(pool, direction).copy(deep=True)
    nothing["score"].values[:] = np.nan
    refused: list[tuple[tuple[Any, ...], dict[str, Any], str]] = [
        ((two,), {}, "say which one"),
        ((two, "other"), {}, "no column 'other'; there are sums, robust sums"),
        ((nothing,), {}, "no row has a score"),
        ((two, "sums"), {"fractions": (0.5, 0.1)}, "must ascend"),
        ((two, "sums"), {"fractions": (0, 0.1)}, "above 0"),
        ((two, "sums"), {"fractions": ()}, "fractions are"),
    ]
    for args, options, message in refused:
        with pytest.raises(SelectionError, match=message):
            suggest_ratio(*args, **options)


def test_scores_that_are_all_alike(direction: Direction, pool: ActivationStore) -> None:
    ratio = suggest_ratio(score(pool, replace(direction, vectors=0 * direction.vectors)))
    assert ratio.knee == 1
    assert np.isfinite(ratio.added).all()
