"""Directions that are bad in one known way: the health must say so, and stay silent on a good one."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from labelled import Fit, in_domain
from test_health import findings
from test_store import read_all

from nait_widgets import Direction, capture, demo, fit_direction, load_model, score
from nait_widgets.explaining import Finding
from nait_widgets.explaining.health import rank_correlation
from nait_widgets.methods.resampling import MOST_LOOKED_AT, looked_at, two_groups
from nait_widgets.models import CausalLM
from nait_widgets.records import Renderer, read_records
from nait_widgets.store import ActivationStore

if TYPE_CHECKING:
    from conftest import Row


def warned(direction: Direction, store: ActivationStore) -> dict[str, Finding]:
    """The findings that aren't good."""
    return {name: f for name, f in findings(direction.health(store)).items() if f.verdict != "good"}


# -- constructed directions


def test_a_good_direction_is_met_with_silence(fit: Fit, labelled: ActivationStore) -> None:
    measured = fit(in_domain("arithmetic")).health(labelled)
    assert {finding.verdict for finding in measured.findings} == {"good"}
    assert len(measured.findings) >= 15


@pytest.mark.parametrize("preset", ["robust", "paper"])
def test_two_capabilities_in_one(preset: str, fit: Fit, labelled: ActivationStore) -> None:
    both = in_domain("arithmetic")[:128] + in_domain("translation")[:128]
    warnings = warned(fit(both, preset=preset), labelled)
    found = warnings["groups"]
    assert found.verdict == "caution"
    assert found.value is not None
    assert found.value < 0
    assert "groups of 128 and 128" in found.sentence
    if preset == "robust":  # random halves agree, each being the same mixture
        assert set(warnings) == {"groups"}


def test_four_samples(fit: Fit, labelled: ActivationStore) -> None:
    found = warned(fit(in_domain("arithmetic")[:4]), labelled)
    assert found["rows"].verdict == "bad"
    assert found["split_half"].verdict == "bad"
    assert found["groups"].verdict == "unknown"  # a group of one or two rows has no mean to speak of


@pytest.mark.parametrize("preset", ["robust", "paper"])
def test_random_rows_score_no_higher_than_the_pool(preset: str, fit: Fit, labelled: ActivationStore) -> None:
    """A fit to rows drawn as the pool was, which scores its own rows high: the fewer, the higher."""
    lines = demo.POOL.read_text(encoding="utf-8").splitlines()[600:]
    for n in (16, 64):
        drawn = np.random.default_rng(n).permutation(len(lines))[:n]
        direction = fit([json.loads(lines[row]) for row in drawn], preset=preset)
        assert warned(direction, labelled)["in_domain"].verdict != "good"
        measured = direction.health(labelled)
        assert measured.in_domain is not None
        assert 0.2 < measured.in_domain < 0.8


def test_all_of_one_length(fit: Fit, demo_lm: CausalLM, labelled: ActivationStore) -> None:
    rows = in_domain("arithmetic")
    lengths = np.array(
        [len(sample.input_ids) for sample in Renderer(demo_lm.tokenizer).render(list(read_records(rows)))]
    )
    values, counts = np.unique(lengths, return_counts=True)
    length = int(values[counts.argmax()])
    found = warned(fit([row for row, own in zip(rows, lengths, strict=True) if own == length]), labelled)["lengths"]
    share = (labelled.n_tokens[labelled.selectable] == length).mean()
    assert found.verdict == "caution"
    assert found.value == pytest.approx(share)
    assert f"{length} to {length} tokens" in found.sentence


def test_one_truncated_row(fit: Fit, labelled: ActivationStore) -> None:
    rows = in_domain("arithmetic")
    rows[0]["output"] = "7 " * 300
    found = warned(fit(rows, preset="paper", max_length=128), labelled)
    assert (found["truncated"].verdict, found["truncated"].value) == ("bad", 1)
    assert found["last_token"].verdict == "bad"
    assert set(warned(fit(rows, max_length=128), labelled)) == {"rows"}  # it is left out, and 255 are left


def test_massive_constants_at_the_first_token(tmp_path: Path) -> None:
    """As large models have them: two dimensions that dwarf the others, the same in every sample."""
    lm = load_model(demo.MODEL, device="cpu")
    with torch.no_grad():
        weight: torch.Tensor = lm.model.get_parameter("model.embed_tokens.weight")
        weight[lm.tokenizer.bos_token_id, [3, 7]] = 3000.0
    rows = [row for capability in demo.CAPABILITIES for row in in_domain(capability)[128:192]]
    pool = capture(lm, rows, tmp_path / "sink.zarr", pools=("mean",))
    own = in_domain("arithmetic")[:128]
    sunk = warned(fit_direction(lm, own, name="d", preset="robust", background=pool, pool="mean"), pool)
    assert sunk["first_token"].verdict == "bad"
    assert sunk["length"].verdict == "caution"
    paper = warned(fit_direction(lm, own, name="d", background=pool), pool)
    assert paper["sign_margin"].verdict == "caution"
    assert paper["sign_flips"].verdict == "bad"
    without = warned(fit_direction(lm, own, name="d", preset="robust", background=pool), pool)
    assert without.keys().isdisjoint({"first_token", "length", "dimensions", "top_dimensions"})


# -- what the fit keeps, against references


def test_groups_are_the_signs_of_the_first_component_over_all_layers() -> None:
    rng = np.random.default_rng(0)
    side = rng.random(60) < 0.4
    layers = [
        rng.normal(size=(60, 30)) + np.outer(side, rng.normal(size=30)),
        rng.normal(size=(60, 20)) * 500,  # a layer counts the same, however large
        rng.normal(size=(60, 20)) + np.outer(side, 3 * rng.normal(size=20)),
    ]
    centred = [layer - layer.mean(0) for layer in layers]
    joined = np.concatenate([layer / np.linalg.norm(layer) for layer in centred], axis=1)
    expected = np.linalg.svd(joined)[0][:, 0] > 0
    if expected.sum() < 30:
        expected = ~expected
    np.testing.assert_array_equal(two_groups(layers), expected)
    assert (expected == side).mean() > 0.9 or (expected != side).mean() > 0.9
    alike = two_groups([np.ones((5, 3))])
    assert alike.all() or alike.sum() >= 3  # there is nothing to split by


def test_of_many_samples_some_are_looked_at() -> None:
    assert looked_at(7).tolist() == list(range(7))
    some = looked_at(5000)
    assert len(np.unique(some)) == len(some) == MOST_LOOKED_AT
    assert (np.diff(some) > 0).all()


@pytest.fixture(scope="module")
def kept(lm: CausalLM, in_domain_rows: list[Row], tmp_path_factory: pytest.TempPathFactory) -> ActivationStore:
    """The in-domain samples of `direction` and `robust`."""
    path = tmp_path_factory.mktemp("in-domain") / "own.zarr"
    pools = ("mean", "tail_mean", "first", "last", "content_last")
    return capture(lm, in_domain_rows, path, template="plain", pools=pools, store_dtype="float32")


@pytest.mark.parametrize("preset", ["paper", "robust"])
def test_rows_are_projected_on_fits_without_them(preset: str, kept: ActivationStore, pool: ActivationStore) -> None:
    whole = fit_direction(kept, name="d", preset=preset, background=pool)
    values = read_all(kept.pool(whole.score.pool)).astype(np.float64)
    halves = [i for i, which in enumerate(whole.resamples) if which.kind == "half"]
    # A half is known again by its mean: which 20 of the 40 rows give it can be drawn again from the same seed.
    rng = np.random.default_rng(0)
    members = [order[part] for order in (rng.permutation(40) for _ in range(4)) for part in (slice(20), slice(20, 40))]
    expected = np.zeros((40, 3))
    for row in range(40):
        without = [i for i, own in zip(halves, members, strict=True) if row not in own]
        assert len(without) == 4
        expected[row] = np.mean([(values[row] * whole.resampled[i]).sum(1) for i in without], axis=0)
    np.testing.assert_allclose(whole.held_out, expected, rtol=1e-4, atol=1e-4)


def test_cosine_of_the_groups_contrasts(kept: ActivationStore, pool: ActivationStore) -> None:
    whole = fit_direction(kept, name="d", preset="robust", background=pool)
    own = read_all(kept.pool("tail_mean")).astype(np.float64)
    first = two_groups([own[:, layer] for layer in range(3)])
    assert whole.samples["groups"] == [first.sum(), (~first).sum()]
    against = read_all(pool.pool("tail_mean")).astype(np.float64)[pool.selectable].mean(0)
    a, b = own[first].mean(0) - against, own[~first].mean(0) - against
    expected = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    measured = whole.health(pool)
    np.testing.assert_allclose(measured.groups, expected, atol=1e-3)
    value = findings(measured)["groups"].value
    assert value == pytest.approx(expected.mean(), abs=1e-3)
    part = whole.scored_by(layers=[2]).health(pool)
    assert findings(part)["groups"].value == pytest.approx(expected[2], abs=1e-3)


def test_where_there_is_nothing_to_compare_it_is_unknown(kept: ActivationStore, pool: ActivationStore) -> None:
    whole = fit_direction(kept, name="d", preset="robust", background=pool)
    older = {k: v for k, v in whole.samples.items() if k not in ("tokens", "groups", "same_content_token")}
    empty = np.empty((0, 0, 0), np.float32)
    for unknown, names in (
        (whole + whole.named("e"), ("groups",)),
        (whole * 2, ("groups",)),
        (whole.scored_by(pool="mean"), ("groups",)),
        (replace(whole, samples=older, group_mean=empty), ("groups", "lengths")),
    ):
        found = findings(unknown.health(pool))
        for name in names:
            assert (found[name].verdict, found[name].value) == ("unknown", None)
    few = replace(whole, samples={**whole.samples, "groups": [33, 7]})
    assert findings(few.health(pool))["groups"].verdict == "unknown"


def test_lengths_that_the_fit_saw(kept: ActivationStore, pool: ActivationStore) -> None:
    whole = fit_direction(kept, name="d", preset="robust", background=pool)
    own, candidates = kept.n_tokens, pool.n_tokens[pool.selectable]
    assert whole.samples["tokens"] == {"min": own.min(), "median": np.median(own), "max": own.max()}
    share = np.mean([own.min() <= n <= own.max() for n in candidates])
    assert whole.health(pool).lengths == pytest.approx(share)


def test_score_and_length_once_the_length_is_taken_out(direction: Direction, pool: ActivationStore) -> None:
    measured, valid = direction.health(pool), pool.selectable
    tokens = pool.n_tokens[valid]
    own = score(pool, direction)["score"].to_numpy()[valid, 0]
    ranks = np.array([(tokens < n).sum() + ((tokens == n).sum() + 1) / 2 for n in tokens])
    straight = own - np.polyval(np.polyfit(ranks, own, 1), ranks)
    assert measured.length_residual == pytest.approx(rank_correlation(straight, tokens), abs=2e-3)
    assert abs(measured.length_strata) < 0.15
    told = findings(replace(measured, length_correlation=0.7))["length"].sentence
    assert f"leaves {measured.length_residual:+.2f}" in told
    assert f"leaves {measured.length_strata:+.2f}" in told


# -- the last token of the text


def test_the_last_token_of_each_response_is_kept(
    kept: ActivationStore, lm: CausalLM, in_domain_rows: list[Row]
) -> None:
    for row, token in zip(in_domain_rows, kept.column("content_token_id").tolist(), strict=True):
        text = lm.tokenizer.decode([token])
        assert isinstance(text, str)
        assert row["output"].endswith(text.strip())
    assert len(set(kept.column("content_token_id").tolist())) > 1
    assert len(set(kept.column("last_token_id").tolist())) == 1
    assert kept.verify().ok


@pytest.mark.parametrize(("ending", "value"), [("", 0.0), (" done", 1.0)])
def test_whether_the_content_token_is_shared(
    ending: str, value: float, lm: CausalLM, in_domain_rows: list[Row], pool: ActivationStore
) -> None:
    rows = [{**row, "output": row["output"] + ending} for row in in_domain_rows]
    direction = fit_direction(lm, rows, name="d", template="plain", last_token="content")
    finding = findings(direction.health(pool))["last_token"]
    assert (finding.verdict, finding.value) == ("caution", value)
    assert ("all in-domain rows share it" in finding.sentence) == bool(value)
    # A store from before the token was kept doesn't tell.
    known: dict[str, Any] = {**direction.samples, "same_content_token": None}
    assert findings(replace(direction, samples=known).health(pool))["last_token"].verdict == "unknown"
