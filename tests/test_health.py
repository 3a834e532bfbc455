from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Row, make_rows
from test_scoring import OPTIONS, by_hand
from test_store import read_all
from tiny import tiny_model

from nait_widgets import Direction, capture, fit_direction, score
from nait_widgets.errors import DirectionError, SelectionError, StoreError
from nait_widgets.explaining import Finding, Health, health
from nait_widgets.explaining.findings import LIMITS, Limits, grade
from nait_widgets.explaining.health import rank_correlation
from nait_widgets.models import CausalLM
from nait_widgets.store import ActivationStore

K = 70  # a tenth of the 698 rows that may be selected


@pytest.fixture(scope="module")
def measured(direction: Direction, pool: ActivationStore) -> Health:
    return direction.health(pool)


@pytest.fixture(scope="module")
def sound(robust: Direction, pool: ActivationStore) -> Health:
    return robust.health(pool)


def refits(direction: Direction, kind: str) -> list[int]:
    return [i for i, which in enumerate(direction.resamples) if which.kind == kind]


def selected(pool: ActivationStore, direction: Direction, resample: int | None = None) -> set[int]:
    """The tenth of the rows that score highest, by nothing but numpy."""
    if resample is not None:
        direction = replace(direction, vectors=direction.resampled[resample].astype(np.float32))
    scores = np.nan_to_num(by_hand(pool, direction), nan=-np.inf)
    return set(np.argsort(-scores, kind="stable")[:K].tolist())


def findings(measured: Health) -> dict[str, Finding]:
    return {finding.name: finding for finding in measured.findings}


# -- stability


@pytest.mark.parametrize("name", ["measured", "sound"])
def test_overlaps_are_those_of_selections_made_by_hand(
    name: str, pool: ActivationStore, request: pytest.FixtureRequest
) -> None:
    measured: Health = request.getfixturevalue(name)
    direction = measured.direction
    halves, bootstraps, firsts = (refits(direction, kind) for kind in ("half", "bootstrap", "first"))
    chosen = {i: selected(pool, direction, i) for i in range(len(direction.resamples))}

    def jaccard(a: set[int], b: set[int]) -> float:
        return len(a & b) / len(a | b)

    pairs = list(zip(halves[::2], halves[1::2], strict=True))
    # A row at the edge of a selection may fall to either side of it by rounding.
    expected = [jaccard(chosen[a], chosen[b]) for a, b in pairs]
    np.testing.assert_allclose(measured.half_overlap, expected, atol=0.03)
    expected = [jaccard(chosen[a], chosen[b]) for a, b in combinations(bootstraps, 2)]
    np.testing.assert_allclose(measured.bootstrap_overlap, expected, atol=0.03)
    expected = [jaccard(chosen[i], selected(pool, direction)) for i in firsts]
    np.testing.assert_allclose(measured.learning, expected, atol=0.03)
    assert measured.sizes.tolist() == [16]


def test_cosines_are_between_the_refits(measured: Health) -> None:
    vectors = measured.direction.resampled.astype(np.float64)
    halves, bootstraps = (refits(measured.direction, kind) for kind in ("half", "bootstrap"))
    assert measured.split_half.shape == (4, 3)
    for split in range(4):
        a, b = vectors[halves[2 * split]], vectors[halves[2 * split + 1]]
        expected = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
        np.testing.assert_allclose(measured.split_half[split], expected, rtol=1e-6)
    expected = [np.einsum("ld,ld->l", vectors[a], vectors[b]) for a, b in combinations(bootstraps, 2)]
    np.testing.assert_allclose(measured.bootstrap, expected, atol=2e-3)


@pytest.mark.parametrize(("spread", "verdict"), [(0.003, "good"), (1.0, "bad")])
def test_refits_that_agree_are_told_from_chance(
    pool: ActivationStore, direction: Direction, spread: float, verdict: str
) -> None:
    noise = np.random.default_rng(0).normal(size=direction.resampled.shape)
    refitted = (direction.vectors + spread * noise).astype(np.float16)
    found = findings(replace(direction, resampled=refitted).health(pool))
    names = ("half_overlap", "bootstrap_overlap", "learning", "split_half", "bootstrap")
    assert [found[name].verdict for name in names] == [verdict] * 5


def test_layers_whose_sign_differs_between_halves_are_counted_and_named(
    pool: ActivationStore, measured: Health
) -> None:
    direction = measured.direction
    turned = direction.resampled.copy()
    turned[refits(direction, "half")] = direction.vectors.astype(np.float16)
    assert findings(replace(direction, resampled=turned).health(pool))["sign_flips"].verdict == "good"
    turned[refits(direction, "half")[0], 2] *= -1
    finding = findings(replace(direction, resampled=turned).health(pool))["sign_flips"]
    assert finding.value == pytest.approx(1 / 12)
    assert finding.verdict == "caution"
    assert "(layer 2)" in finding.sentence
    turned[refits(direction, "half")[::2], :2] *= -1
    finding = findings(replace(direction, resampled=turned).health(pool))["sign_flips"]
    assert finding.value == pytest.approx(9 / 12)
    assert finding.verdict == "bad"
    assert "(layers 0, 1 and 2)" in finding.sentence
    # Layers that the score leaves out don't count.
    left = replace(direction, resampled=turned).scored_by(layers=[2])
    assert findings(left.health(pool))["sign_flips"].value == pytest.approx(1 / 4)


# -- what makes the scores differ


@pytest.mark.parametrize("options", OPTIONS, ids=lambda o: "-".join(map(str, o.values())))
def test_shares_of_the_variance_are_covariances_with_the_score(
    pool: ActivationStore, direction: Direction, options: dict[str, Any]
) -> None:
    asked = (direction * 2.5).scored_by(**options)
    measured, valid = health(asked, pool), pool.selectable
    x = read_all(pool.pool(asked.score.pool)).astype(np.float64)[valid]
    if asked.score.center == "pool":
        x = x - x.mean(0)
    terms = x * asked.vectors
    if asked.score.similarity == "cosine":
        terms /= (np.linalg.norm(x, axis=2) * np.linalg.norm(asked.vectors, axis=1))[..., None]
    if asked.score.similarity == "zscore":
        terms /= terms.sum(2).std(0)[:, None]
    used = [layer for layer in range(3) if asked.score.layers is None or layer in asked.score.layers]
    terms = terms[:, used]
    layers = terms.sum(2)
    total = layers.sum(1)
    expected = np.array([np.cov(column, total)[0, 1] for column in layers.T]) / total.var(ddof=1)
    np.testing.assert_allclose(measured.layer_share[used], expected, atol=2e-4)
    assert measured.layer_share.sum() == pytest.approx(1, abs=2e-4)
    np.testing.assert_allclose(measured.layer_correlation[np.ix_(used, used)], np.corrcoef(layers.T), atol=2e-4)
    centred = layers - layers.mean(0)
    expected = 1 - np.abs(centred.sum(1)).sum() / np.abs(centred).sum()
    assert measured.cancelled == pytest.approx(expected, abs=2e-4)
    shares = np.einsum("nld,n->ld", terms, total - total.mean()) / np.square(total - total.mean()).sum()
    strongest = np.sort(np.abs(shares), axis=None)[::-1][:5]
    np.testing.assert_allclose([abs(d.share) for d in measured.strongest], strongest, atol=2e-4)
    for dimension in measured.strongest:
        share = shares[used.index(dimension.layer), dimension.neuron]
        assert dimension.share == pytest.approx(share, abs=2e-4)


@pytest.mark.parametrize("name", ["mean", "weighted", "tail_mean", "last", "delta", "content_mean"])
def test_the_first_tokens_share(pool: ActivationStore, direction: Direction, name: str) -> None:
    assert pool.shared_first_token
    asked = direction.scored_by(pool=name)
    share = health(asked, pool).first_token
    if name == "content_mean":
        assert share is None
        return
    n = pool.n_tokens[pool.selectable].astype(np.float64)
    weight = {"mean": 1 / n, "weighted": 2 / (n * (n + 1))}.get(name, 0 * n)
    first = read_all(pool.pool("first"))[pool.selectable].astype(np.float64)
    added = weight * np.einsum("nld,ld->n", first, direction.vectors.astype(np.float64))
    total = by_hand(pool, asked)[pool.selectable]
    assert share == pytest.approx(np.cov(added, total)[0, 1] / total.var(ddof=1), abs=2e-4)


def test_where_candidates_begin_differently_the_first_tokens_share_is_not_known(tmp_path: Path) -> None:
    lm = tiny_model("llama")
    lm.tokenizer.bos_token = None
    rows = make_rows(40)
    store = capture(lm, rows, tmp_path / "s.zarr", template="plain", pools=("mean", "last", "first", "tail_mean"))
    assert not store.shared_first_token
    unknown = fit_direction(store, name="d").health(store)
    assert unknown.first_token is None
    assert findings(unknown)["first_token"].verdict == "unknown"
    left_out = fit_direction(store, name="d", pool="tail_mean").health(store)
    assert left_out.first_token == 0
    assert findings(left_out)["first_token"].verdict == "good"


def test_a_few_dimensions_or_one_layer_that_make_the_score_are_found(
    pool: ActivationStore, direction: Direction
) -> None:
    vectors = np.full_like(direction.vectors, 1e-4)
    vectors[1, [3, 5, 8, 13, 21]] = 1
    seen = replace(direction, vectors=vectors).health(pool)
    found = findings(seen)
    assert {dimension[:2] for dimension in seen.strongest} == {(1, j) for j in (3, 5, 8, 13, 21)}
    assert seen.layer_share[1] == pytest.approx(1, abs=1e-2)
    assert (found["one_layer"].verdict, found["dimensions"].verdict) == ("bad", "bad")
    np.testing.assert_allclose(seen.top_dimensions, [5 / 32, 1, 5 / 32], atol=1e-6)
    assert "Layer 1 brings" in found["one_layer"].sentence
    assert "one_layer" not in findings(direction.scored_by(layers=[0, 2]).health(pool))


def test_layers_that_cancel_are_found_and_named(pool: ActivationStore, direction: Direction) -> None:
    """Two layers that say the opposite of one another, and a little more."""
    projections = read_all(pool.pool("mean"))[pool.selectable].astype(np.float64)
    flat = projections.reshape(len(projections), -1) - projections.reshape(len(projections), -1).mean(0)
    along = flat[:, :32] @ direction.vectors[0]
    opposite = np.linalg.lstsq(flat[:, 32:64], -0.8 * along, rcond=None)[0]
    vectors = np.stack([direction.vectors[0], opposite.astype(np.float32), np.zeros(32, np.float32)])
    seen = replace(direction, vectors=vectors).health(pool)
    assert seen.layer_correlation[0, 1] < -0.9
    finding = findings(seen)["cancelled"]
    assert finding.verdict == "bad"
    assert "(most in layer 1)" in finding.sentence


def test_where_in_domain_rows_score_by_fits_without_them(
    pool: ActivationStore, direction: Direction, robust: Direction
) -> None:
    valid = pool.selectable
    for asked in (direction, robust, robust.scored_by(layers=[1])):
        candidates = read_all(pool.pool(asked.score.pool))[valid].astype(np.float64)
        projected = np.einsum("nld,ld->nl", candidates, asked.vectors)
        halves = asked.resampled[refits(asked, "half")].astype(np.float64)
        moved = np.einsum("nld,hld->nhl", candidates, halves).mean((0, 1)) - projected.mean(0)
        own = asked.held_out - moved
        if asked.score.similarity == "zscore":
            own = (own - projected.mean(0)) / projected.std(0)
        median = np.median(own[:, [1] if asked.score.layers else [0, 1, 2]].sum(1))
        assert health(asked, pool).in_domain == pytest.approx((by_hand(pool, asked)[valid] < median).mean(), abs=2e-3)
    turned = replace(robust, held_out=-robust.held_out, resampled=-robust.resampled, vectors=-robust.vectors)
    opposite = findings(health(turned, pool))["in_domain"]
    assert opposite.verdict == "bad"
    assert "means the opposite" in opposite.sentence
    old = replace(robust, held_out=np.empty((0, 0), np.float32))
    for unknown in (robust.scored_by(pool="last"), robust.scored_by(similarity="cosine"), direction + direction, old):
        assert findings(health(unknown, pool))["in_domain"].verdict == "unknown"


def test_rank_correlation_with_ties() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 9, 80), rng.normal(size=80).round(1)

    def ranks(values: Any) -> Any:
        return np.array([(values < v).sum() + ((values == v).sum() + 1) / 2 for v in values])

    assert rank_correlation(a, b) == pytest.approx(np.corrcoef(ranks(a), ranks(b))[0, 1])
    assert rank_correlation(a, -7 * a) == pytest.approx(-1)
    assert np.isnan(rank_correlation(a, np.ones(80)))


def test_the_score_that_is_little_but_length(pool: ActivationStore, measured: Health) -> None:
    assert measured.length_correlation == pytest.approx(
        rank_correlation(by_hand(pool, measured.direction)[pool.selectable], pool.n_tokens[pool.selectable]), abs=1e-3
    )
    for value, verdict, word in (
        (0.5, "good", "not just length"),
        (0.9, "caution", "long"),
        (-0.9, "caution", "short"),
    ):
        finding = findings(replace(measured, length_correlation=value))["length"]
        assert finding.verdict == verdict
        assert word in finding.sentence


# -- the in-domain rows


def test_truncated_rows_and_the_last_token(lm: CausalLM, in_domain_rows: list[Row], pool: ActivationStore) -> None:
    rows = [dict(row) for row in in_domain_rows]
    rows[4]["output"] = "two " * 100

    def found(rows: list[Row], **options: Any) -> dict[str, Finding]:
        direction = fit_direction(lm, rows, name="d", template="plain", background=pool, max_length=90, **options)
        return findings(direction.health(pool))

    expected: list[tuple[dict[str, Any], str, str | None]] = [
        ({}, "bad", "bad"),
        ({"truncated": "drop"}, "good", "caution"),
        ({"last_token": "content"}, "bad", "caution"),
        ({"difference": "mean"}, "bad", None),
        ({"preset": "robust"}, "good", None),
        ({"preset": "robust", "truncated": "keep"}, "caution", None),
    ]
    for options, truncated, last_token in expected:
        seen = found(rows, **options)
        assert (seen["truncated"].verdict, seen["truncated"].value) == (truncated, 1), options
        assert (seen["last_token"].verdict if "last_token" in seen else None) == last_token, options
    assert found(in_domain_rows)["truncated"].verdict == "good"
    assert found(in_domain_rows)["rows"].verdict == "bad"


# -- the whole


def test_every_finding_is_a_sentence_and_only_what_applies_is_told(measured: Health, sound: Health) -> None:
    components = {"sign_flips", "sign_margin", "explained", "last_token"}
    assert {f.name for f in measured.findings} - {f.name for f in sound.findings} == components
    assert set(findings(measured)) == {*LIMITS, "truncated", "last_token"}
    for finding in (*measured.findings, *sound.findings):
        assert finding.sentence[0].isupper()
        assert finding.sentence.endswith(".")
        assert not any(word in finding.sentence for word in ("nan", "None", "{", ". "))
        assert (finding.value is None) <= (finding.verdict == "unknown")
    first, *lines = str(measured).splitlines()
    verdicts = [line.split()[0] for line in lines]
    assert verdicts == sorted(verdicts, key=["bad", "caution", "unknown", "good"].index)
    assert all(line.endswith(f.sentence) for line, f in zip(lines, measured.findings, strict=True))
    assert first.startswith(f"sums, selecting 10%: {verdicts.count('bad')} bad, ")
    assert repr(measured) == f"<Health of {first}>"


@pytest.mark.parametrize("make", ["without", "combined", "old"])
def test_a_direction_without_refits_says_what_to_do(
    make: str, pool: ActivationStore, direction: Direction, robust: Direction
) -> None:
    none = np.empty((0, 0, 0), np.float16)
    made = {
        "without": replace(direction, resamples=(), resampled=none),
        "combined": direction + direction.named("other"),
        "old": replace(robust, resamples=(), resampled=none, samples={"used": 300, "truncated": 0}),
    }[make]
    found = findings(made.health(pool))
    for name in ("half_overlap", "bootstrap_overlap", "learning", "split_half", "bootstrap"):
        assert (found[name].verdict, found[name].value) == ("unknown", None)
        assert found[name].sentence.endswith("fit it again.")
    if make == "combined":
        assert found["explained"].verdict == found["sign_margin"].verdict == "unknown"
    assert found["length"].verdict != "unknown"


def test_scores_at_hand_save_a_pass_and_change_nothing(
    pool: ActivationStore, robust: Direction, direction: Direction, sound: Health
) -> None:
    for scores in (score(pool, robust), score(pool, [direction, robust])):
        again = robust.health(pool, scores)
        for name in Health.__slots__:
            mine, theirs = getattr(again, name), getattr(sound, name)
            if name == "strongest":
                mine, theirs = ([d[2] for d in dimensions] for dimensions in (mine, theirs))
            if name != "direction":
                np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-6, err_msg=name)
        assert [f.verdict for f in again.findings] == [f.verdict for f in sound.findings]


def test_health_is_the_same_each_time(pool: ActivationStore, sound: Health) -> None:
    assert sound.direction.health(pool).findings == sound.findings
    assert sound.direction.health(pool).half_overlap.tobytes() == sound.half_overlap.tobytes()


def test_layers_are_the_directions_own(
    lm: CausalLM, in_domain_rows: list[Row], pool: ActivationStore, direction: Direction
) -> None:
    part = fit_direction(lm, in_domain_rows, name="part", template="plain", layers=[0, 2])
    seen, whole = part.health(pool), direction.scored_by(layers=[0, 2]).health(pool)
    np.testing.assert_allclose(seen.layer_share, whole.layer_share[[0, 2]], atol=1e-4)
    np.testing.assert_allclose(seen.layer_correlation, whole.layer_correlation[::2, ::2], atol=1e-4)
    np.testing.assert_allclose(seen.split_half, whole.split_half[:, ::2], atol=2e-3)
    assert seen.in_domain == pytest.approx(whole.in_domain, abs=2e-3)
    assert {dimension.layer for dimension in seen.strongest} <= {0, 2}


def test_candidates_that_all_score_alike_tell_nothing(lm: CausalLM, direction: Direction, tmp_path: Path) -> None:
    twins = capture(lm, [{"instruction": "mill", "output": "lake"}] * 3, tmp_path / "s.zarr", template="plain")
    flat = replace(direction, vectors=0 * direction.vectors)
    found = findings(flat.health(twins))
    for name in ("cancelled", "one_layer", "dimensions", "first_token", "length", "top_dimensions"):
        assert found[name].verdict == "unknown", name


def test_what_has_no_health_is_refused(
    lm: CausalLM, pool: ActivationStore, direction: Direction, robust: Direction, tmp_path: Path
) -> None:
    other = capture(lm, make_rows(5), tmp_path / "other.zarr", template="plain")
    broken = capture(lm, [{"instruction": "mill " * 300, "output": "lake"}], tmp_path / "broken.zarr", template="plain")
    refused: list[tuple[dict[str, Any], type[Exception], str]] = [
        ({"fraction": 0}, SelectionError, "fraction is 0"),
        ({"store": broken}, StoreError, "no row of .*broken.zarr may be selected"),
        ({"scores": score(other, direction)}, DirectionError, "scores are of .*other.zarr"),
        ({"scores": score(pool, robust)}, DirectionError, "score the store again"),
    ]
    for asked, error, message in refused:
        given: dict[str, Any] = {"store": pool, **asked}
        with pytest.raises(error, match=message):
            health(direction, **given)


def test_grades() -> None:
    more, less = Limits(0.75, 0.5), Limits(0.2, 0.5)
    assert [grade(value, more) for value in (0.8, 0.75, 0.7, 0.5, 0.4, -0.9)] == [
        "good", "good", "caution", "caution", "bad", "bad"
    ]  # fmt: skip
    assert [grade(value, less) for value in (0.1, -0.2, 0.3, -0.5, 0.6, -0.9)] == [
        "good", "good", "caution", "caution", "bad", "bad"
    ]  # fmt: skip
    assert grade(float("nan"), more) == "unknown"
