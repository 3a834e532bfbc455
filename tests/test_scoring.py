from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import make_rows
from plain import Floats, activations, close, pooled, principal
from shared import shared
from test_store import read_all

from nait_widgets import Direction, capture, demo, fit_direction, load_model, score
from nait_widgets.errors import DirectionError, StoreError
from nait_widgets.models import CausalLM
from nait_widgets.records import Record, Renderer, read_records
from nait_widgets.store import ActivationStore, StoreWriter
from nait_widgets.store.layout import Dtype

SITES = ("resid_post", "mlp_act")
ROWS, IN_DOMAIN = 200, 48
# The share of its own size, or of the scores' standard deviation where it is near zero, by which a score may differ.
TOLERANCES: dict[Dtype, float] = {"float16": 1e-3, "float32": 1e-5}


class Plain:
    """The equations in float64 over activations that each sample gives alone."""

    def __init__(self, lm: CausalLM, candidates: list[Record], in_domain: list[Record], max_length: int) -> None:
        renderer = Renderer(lm.tokenizer, max_length=max_length)
        special = set(lm.tokenizer.all_special_ids)
        self.truncated = np.array([sample.truncated for sample in renderer.render(in_domain)])

        def pools(records: list[Record]) -> dict[str, dict[str, Floats]]:
            """(sample, layer, neuron) by site and pool."""
            samples = renderer.render(records)
            runs = [activations(lm, sample) for sample in samples]
            by_site = {}
            for site in SITES:
                each = [pooled(run[site], sample, special) for run, sample in zip(runs, samples, strict=True)]
                by_site[site] = {name: np.stack([p[name] for p in each]) for name in each[0]}
            return by_site

        self.candidates, self.in_domain = pools(candidates), pools(in_domain)

    def paper(self, site: str) -> tuple[Floats, Floats]:
        """Direction (layer, neuron) by Eqs. 1-4, and scores (sample,) by Eq. 5."""
        drift = self.in_domain[site]["last"] - self.in_domain[site]["first"]
        v = np.stack([principal(drift[:, layer], drift[:, layer].mean(0)) for layer in range(drift.shape[1])])
        return v, np.einsum("nld,ld->n", self.candidates[site]["mean"], v)

    def robust(self, site: str) -> tuple[Floats, Floats]:
        """Difference of means at unit length a layer, and the sum of each layer's z-scores."""
        target, candidates = self.in_domain[site]["tail_mean"], self.candidates[site]["tail_mean"]
        v = target[~self.truncated].mean(0) - candidates.mean(0)
        v /= np.linalg.norm(v, axis=1, keepdims=True)
        projections = np.einsum("nld,ld->nl", candidates, v)
        return v, ((projections - projections.mean(0)) / projections.std(0)).sum(1)


class Real:
    def __init__(self, model: Path, candidates: list[Any], in_domain: list[Any], folder: Path) -> None:
        self.lm = load_model(model, device="cpu")
        self.in_domain = in_domain
        self.plain = Plain(self.lm, list(read_records(candidates)), list(read_records(in_domain)), 192)
        self.stores: dict[tuple[str, str], ActivationStore] = {
            (site, dtype): capture(
                self.lm,
                candidates,
                folder / f"{site}-{dtype}",
                site=site,
                max_length=192,
                block_rows=512,
                store_dtype=dtype,
            )
            for site in SITES
            for dtype in TOLERANCES
        }


@pytest.fixture(scope="module", params=["demo", "shared"])
def real(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Real:
    """A trained model with 200 random rows of a real pool and with in-domain samples."""
    if request.param == "demo":
        model, pool, target = demo.MODEL, demo.POOL, demo.in_domain("arithmetic")
    else:
        model, pool = shared("model"), next(iter(sorted(shared("data", "alpaca52k").glob("*.json*"))))
        target = next(iter(sorted(shared("data", "gsm8k").glob("*test*"))))
    # Prompts that leave room for a response, whose own end may be cut off.
    sound, samples = (
        [dict(record.original) for record in read_records(source) if record.defect is None and len(record.prompt) < 250]
        for source in (pool, target)
    )
    candidates, in_domain = random.Random(7).sample(sound, ROWS), samples[:IN_DOMAIN]
    return Real(model, candidates, in_domain, tmp_path_factory.mktemp(request.param))


@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize("preset", ["paper", "robust"])
def test_scores_are_those_of_the_equations(real: Real, preset: str, site: str) -> None:
    vectors, expected = getattr(real.plain, preset)(site)
    for dtype, tolerance in TOLERANCES.items():
        store = real.stores[site, dtype]
        direction = fit_direction(real.lm, real.in_domain, name="d", preset=preset, background=store)
        np.testing.assert_allclose(np.einsum("ld,ld->l", vectors, direction.vectors), 1, atol=1e-6)
        assert store.selectable.all()
        scores = score(store, direction)["score"].values[:, 0]
        np.testing.assert_allclose(scores, expected, rtol=tolerance, atol=tolerance * expected.std())
        # and what matters: the same rows come first
        assert len(set(np.argsort(-scores)[:20]) & set(np.argsort(-expected)[:20])) >= 19


# -- options, over a tiny model


def by_hand(pool: ActivationStore, direction: Direction) -> Floats:
    """Scores by their definition, all activations in memory: (sample,), NaN for quarantined ones."""
    options = direction.score
    x = read_all(pool.pool(options.pool)).astype(np.float64)
    valid = pool.selectable
    if options.center == "pool":
        x = x - x[valid].mean(0)
    per_layer = np.einsum("nld,ld->nl", x, direction.vectors.astype(np.float64))
    if options.similarity == "cosine":
        per_layer /= np.linalg.norm(x, axis=2) * np.linalg.norm(direction.vectors, axis=1)
    if options.similarity == "zscore":
        per_layer = (per_layer - per_layer[valid].mean(0)) / per_layer[valid].std(0)
    used = list(options.layers) if options.layers is not None else slice(None)
    total: Floats = per_layer[:, used].sum(1)
    total[~valid] = np.nan
    return total


OPTIONS: list[dict[str, Any]] = [
    {"similarity": similarity, "center": center, "layers": layers, "pool": pool}
    for similarity in ("dot", "cosine", "zscore")
    for center in ("none", "pool")
    for layers, pool in ((None, "mean"), ([2, 0], "content_delta"))
]


@pytest.mark.parametrize("options", OPTIONS, ids=lambda o: "-".join(map(str, o.values())))
def test_every_option_is_its_definition(pool: ActivationStore, direction: Direction, options: dict[str, Any]) -> None:
    asked = (direction * 2.5).scored_by(**options)
    scores, expected = score(pool, asked)["score"].values[:, 0], by_hand(pool, asked)
    np.testing.assert_array_equal(np.isnan(scores), np.isnan(expected))
    assert close(scores[pool.selectable], expected[pool.selectable], 2e-5)


def test_many_directions_in_one_pass_are_as_one_by_one(pool: ActivationStore, direction: Direction) -> None:
    directions = [(direction * (i + 1)).named(f"d{i}").scored_by(**options) for i, options in enumerate(OPTIONS)]
    together = score(pool, directions)
    assert together["score"].dims == ("sample", "direction")
    for i, one in enumerate(directions):
        alone = score(pool, one)
        for name in ("score", "layer_mean", "layer_scale"):
            a, b = (d[name].sel(direction=one.name).values for d in (together, alone))
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5, err_msg=f"{name} of {OPTIONS[i]}")


def test_the_number_of_workers_changes_no_bit(pool: ActivationStore, direction: Direction, robust: Direction) -> None:
    one, *others = (score(pool, [direction, robust], workers=n) for n in (1, 2, 3, 7, None))
    for other in others:
        for name in ("score", "layer_mean", "layer_scale"):
            assert other[name].values.tobytes() == one[name].values.tobytes()


def test_the_dataset_says_what_was_done(pool: ActivationStore, direction: Direction, robust: Direction) -> None:
    scores = score(pool, [direction, robust], layers=[1])
    assert scores["direction"].values.tolist() == ["sums", "robust sums"]
    assert scores["sample_id"].values.tolist() == pool.sample_id.tolist()
    np.testing.assert_array_equal(scores["status"].values, pool.status)
    assert scores.attrs["store"] is pool
    assert [d.score.layers for d in scores.attrs["directions"]] == [(1,), (1,)]
    assert np.isnan(scores["score"].values[~pool.selectable]).all()
    assert np.isfinite(scores["score"].values[pool.selectable]).all()
    x = read_all(pool.pool("tail_mean"))[pool.selectable] @ robust.vectors[1]
    assert scores["layer_mean"].values[1, 1] == pytest.approx(x[:, 1].mean(), rel=1e-4)
    assert scores["layer_scale"].values[1, 1] == pytest.approx(x[:, 1].std(), rel=1e-4)


def test_presets_and_options_of_the_moment(pool: ActivationStore, direction: Direction) -> None:
    np.testing.assert_array_equal(
        score(pool, direction.scored_by(pool="last"), preset="paper")["score"], score(pool, direction)["score"]
    )
    with pytest.raises(DirectionError, match=r"'sums' was fitted otherwise .* than preset 'robust' says"):
        score(pool, direction, preset="robust")
    with pytest.raises(DirectionError, match="no option 'pol'"):
        score(pool, direction, pol="mean")


def test_samples_in_which_nothing_differs_score_zero(lm: CausalLM, direction: Direction, tmp_path: Path) -> None:
    twins = [{"instruction": "mill", "output": "lake"}] * 3
    store = capture(lm, twins, tmp_path / "s.zarr", template="plain")
    for options in ({"similarity": "zscore"}, {"similarity": "cosine", "center": "pool"}):
        asked: dict[str, Any] = options
        assert np.abs(score(store, direction, **asked)["score"].values).max() < 1e-6


def test_what_can_not_be_scored_is_refused(
    lm: CausalLM, pool: ActivationStore, direction: Direction, tmp_path: Path
) -> None:
    lean = capture(lm, make_rows(5), tmp_path / "lean.zarr", template="plain", layers=[0, 1])
    incomplete = StoreWriter.create(tmp_path / "i.zarr", pool.layout, pool.provenance).store
    refused: list[tuple[ActivationStore, Any, dict[str, Any], type[Exception], str]] = [
        (pool, [], {}, DirectionError, "nothing to score by is given"),
        (pool, [direction, direction], {}, DirectionError, "two columns are named 'sums'"),
        (lean, direction, {}, DirectionError, r"has layers \[2\] that .* lacks"),
        (pool, direction, {"layers": [1, 3]}, DirectionError, r"is to use layers \[3\], which it lacks"),
        (incomplete, direction, {}, StoreError, "is incomplete"),
        (pool, direction, {"pool": "sum"}, DirectionError, "pool is 'sum', but must be one of mean"),
    ]
    for store, directions, options, error, message in refused:
        with pytest.raises(error, match=message):
            score(store, directions, **options)
