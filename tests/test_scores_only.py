"""Stores that keep projections on directions known beforehand, in the place of activations."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import captures
import numpy as np
import pytest
import xarray as xr
from asking import Page
from captures import assert_same
from conftest import EMPTY_ROW, Row, make_rows
from test_capture import overflowing
from test_cli import nait, refused
from test_resume import blocks_done, wait_for
from test_store import flip
from tiny import tiny_model

from nait_widgets import (
    Curator,
    DirectionHealth,
    Inspector,
    append,
    capture,
    explain,
    fit_direction,
    join,
    score,
    select,
    subset,
    unpack,
)
from nait_widgets.errors import DirectionError, NaitError, StoreError
from nait_widgets.explaining import neuron_profile
from nait_widgets.methods import Direction
from nait_widgets.models import CausalLM
from nait_widgets.planning import plan
from nait_widgets.selection import Recipe
from nait_widgets.store import ActivationStore, open_store

PLAIN: dict[str, Any] = {"template": "plain", "block_rows": 128, "batch_tokens": 1024, "deterministic": True}


@pytest.fixture(scope="module")
def kept(direction: Direction, robust: Direction) -> list[Direction]:
    """Three directions over two pools; a part of the layers, and another option, for one of them."""
    cosine = (-direction).named("by cosine").scored_by(similarity="cosine", layers=(0, 2))
    return [direction, robust, cosine]


@pytest.fixture(scope="module")
def scores_store(
    lm: CausalLM, pool_rows: list[Row], kept: list[Direction], tmp_path_factory: pytest.TempPathFactory
) -> ActivationStore:
    """The rows of `pool`, in one window as there, so that the batches are the same."""
    path = tmp_path_factory.mktemp("scores") / "pool.zarr"
    return capture(lm, pool_rows, path, scores_only=kept, template="plain", extras="all", block_rows=1024)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"similarity": "zscore"},
        {"similarity": "cosine", "center": "none"},
        {"similarity": "dot", "center": "pool"},
        {"similarity": "dot", "center": "none", "layers": (1,)},
        {"similarity": "zscore", "layers": (0, 2)},
    ],
)
def test_scores_are_those_of_a_store_with_activations(
    pool: ActivationStore, scores_store: ActivationStore, direction: Direction, changes: dict[str, Any]
) -> None:
    """Whatever options ask of the projections: also others than those that the direction was captured with."""
    full, kept = score(pool, direction, **changes), score(scores_store, direction, **changes)
    for name in ("score", "layer_mean", "layer_scale"):
        # With more pools, products are summed in another order, and a few activations round to the next float16.
        np.testing.assert_allclose(kept[name], full[name], rtol=1e-3, atol=1e-4)
    assert np.isnan(kept["score"].to_numpy()[EMPTY_ROW, 0])
    assert select(kept, fraction=0.1).ids_digest == select(full, fraction=0.1).ids_digest


def test_all_directions_at_once(pool: ActivationStore, scores_store: ActivationStore, kept: list[Direction]) -> None:
    found = score(scores_store)
    assert found["direction"].to_numpy().tolist() == ["sums", "robust sums", "by cosine"]
    np.testing.assert_allclose(found["score"], score(pool, kept)["score"], rtol=1e-3, atol=1e-4)
    assert found.equals(score(scores_store, kept))
    last_first = score(scores_store, [kept[2], kept[0]])
    assert last_first["score"].to_numpy().tobytes() == found["score"].to_numpy()[:, [2, 0]].tobytes()


def test_all_else_is_as_in_a_store_with_activations(pool: ActivationStore, scores_store: ActivationStore) -> None:
    shared = set(scores_store.layout.columns) - {"projection", "norm", scores_store.layout.fingerprint}
    assert shared < set(pool.layout.columns)
    for name in shared:
        mine, theirs = scores_store.column(name), pool.column(name)
        if name == "sketch":  # of the first pool, which is another
            assert np.isnan(mine).any(axis=1).tolist() == np.isnan(theirs).any(axis=1).tolist()
        elif mine.dtype.kind == "f":
            np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-5)
        else:
            assert mine.tolist() == theirs.tolist()
    for name in scores_store.layout.pools:
        for kind in ("mean", "std"):
            mine, theirs = (getattr(store.statistics(name), kind) for store in (scores_store, pool))
            np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-5)


def test_what_the_store_says_of_itself(
    pool: ActivationStore, scores_store: ActivationStore, kept: list[Direction]
) -> None:
    about = scores_store.info()
    assert (about["format_version"], pool.info()["format_version"]) == (2, 1)
    assert about["scores_only"] == ["sums", "robust sums", "by cosine"]
    assert (about["pools"], pool.info()["scores_only"]) == (["mean", "tail_mean"], [])
    assert scores_store.verify().ok
    assert scores_store.directions() == ("by cosine", "robust sums", "sums")
    for direction in kept:
        assert scores_store.direction(direction.name).digest == direction.digest
    assert scores_store.direction("robust sums").resampled.tobytes() == kept[1].resampled.tobytes()
    dataset = xr.open_zarr(scores_store.path)
    assert dataset["projection"].dims == ("sample", "direction", "layer")
    per_row = scores_store.layout.bytes_per_row - 8 * scores_store.layout.hidden_size
    # Projections of three directions and norms of one pool; the sketch; the fingerprint.
    assert per_row == 4 * 3 * (3 + 1) + 128 + (3 * 32 + 2 * 3 + 6)
    assert "scores only" in repr(scores_store)


def test_what_takes_activations_is_refused(scores_store: ActivationStore, kept: list[Direction]) -> None:
    scores = score(scores_store)
    sample = str(scores_store.sample_id[0])
    for use in (
        lambda: explain(scores_store, sample, kept[0]),
        lambda: fit_direction(scores_store, name="again"),
        lambda: neuron_profile(scores_store, np.arange(3)),
        lambda: Inspector(scores_store, scores=scores),
        lambda: DirectionHealth(kept[0], scores_store),
        lambda: kept[0].health(scores_store, scores),
        lambda: scores_store.pool("mean"),
        lambda: score(scores_store, "diversity"),
    ):
        with pytest.raises(StoreError, match=r"keeps scores only \(for 'sums', 'robust sums', 'by cosine'\), and this"):
            use()


def test_the_neurons_means_are_background_enough_for_a_contrast(
    lm: CausalLM, scores_store: ActivationStore, robust: Direction, in_domain_rows: list[Row]
) -> None:
    again = fit_direction(lm, in_domain_rows, name="again", preset="robust", background=scores_store, template="plain")
    np.testing.assert_allclose(again.vectors, robust.vectors, atol=1e-4)


def test_scores_that_cannot_be_had(scores_store: ActivationStore, pool: ActivationStore, kept: list[Direction]) -> None:
    first, robust, cosine = kept
    other = replace(first, vectors=first.vectors[::-1].copy()).named("other")
    for direction, message in (
        (other, "those of 'sums' over 'mean', 'robust sums' over 'tail_mean', 'by cosine' over 'mean', and .*'other'"),
        (first.scored_by(pool="last"), "direction 'sums' over 'last' is none of them"),
        (robust.scored_by(similarity="cosine"), "no direction that is scored by a cosine over 'tail_mean'"),
    ):
        with pytest.raises(StoreError, match=message):
            score(scores_store, direction)
    with pytest.raises(DirectionError, match="'by cosine' is scored by a centred cosine, which takes activations"):
        score(scores_store, cosine, center="pool")
    with pytest.raises(DirectionError, match="nothing to score by is given"):
        score(pool)


def test_what_is_refused_before_the_model_runs(
    lm: CausalLM, direction: Direction, robust: Direction, tmp_path: Path
) -> None:
    rows, path = make_rows(5), tmp_path / "s.zarr"
    refusals: list[tuple[dict[str, Any], str]] = [
        ({"scores_only": [direction, robust.named("sums")]}, "two directions are named 'sums'"),
        ({"scores_only": direction.scored_by(similarity="cosine", center="pool")}, "a centred cosine"),
        ({"scores_only": direction, "pools": ["mean"]}, "give `scores_only` or `pools`, not both"),
        ({"scores_only": direction, "site": "mlp_act"}, "of another site than this capture"),
        ({"scores_only": direction, "template": "alpaca"}, "of another template than this capture"),
        ({"scores_only": direction, "layers": [0, 1]}, r"has layers \[2\] that aren't captured"),
    ]
    for options, message in refusals:
        with pytest.raises(NaitError, match=message):
            capture(lm, rows, path, **{"template": "plain", **options})
    with pytest.raises(DirectionError, match="of another model than this capture"):
        capture(tiny_model("llama", seed=1), rows, path, template="plain", scores_only=direction)
    assert not path.exists()


def test_layers_beyond_float16(direction: Direction, tmp_path: Path) -> None:
    """Projections are of what a store would hold: float32 where it must, float16 elsewhere."""
    lm, rows = overflowing("Z"), make_rows(200)
    rows[70]["output"] = "ZZZZ ZZZZ ZZZZ"
    own = replace(direction, model=lm.identity.as_dict())
    full = capture(lm, rows, tmp_path / "full.zarr", pools=["mean"], **{**PLAIN, "block_rows": 256})
    kept = capture(lm, rows, tmp_path / "kept.zarr", scores_only=own, **{**PLAIN, "block_rows": 256})
    assert full.wide_layers
    np.testing.assert_allclose(score(kept)["score"], score(full, own)["score"], rtol=1e-5)


def test_a_killed_capture_goes_on_and_gives_the_same_bytes(lm: CausalLM, kept: list[Direction], tmp_path: Path) -> None:
    rows, path = make_rows(1_000), tmp_path / "killed.zarr"
    source, saved = tmp_path / "rows.jsonl", tmp_path / "sums.direction"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    kept[0].save(saved)
    options = {**captures.OPTIONS, "pools": None, "block_rows": 128, "extras": "all"}
    whole = capture(lm, source, tmp_path / "whole.zarr", scores_only=kept[0], **options)
    process = captures.start(source, path, tmp_path / "report", saved)
    wait_for(lambda: blocks_done(path) >= 3, process)
    process.kill()
    process.join()
    assert 3 <= blocks_done(path) < whole.layout.n_blocks
    with pytest.raises(StoreError, match=r"with other directions \(sums [0-9a-f]{16}, now by cosine [0-9a-f]{16}\)"):
        capture(lm, source, path, scores_only=kept[2], **options)
    with pytest.raises(StoreError, match="was begun with other"):
        capture(lm, source, path, **{**options, "pools": ["mean"]})
    store = capture(lm, source, path, scores_only=kept[0], **options)
    assert store.verify().ok
    assert_same(path, whole.path)
    # What is damaged is captured again, and counts once in the statistics.
    flip(path / "block_statistics/c/2/0/0/0/0")
    flip(path / "projection/c/1/0/0")
    (path / "neuron_mean/c/0/0/0").unlink()
    assert len(open_store(path).verify().problems) == 3
    assert capture(lm, source, path, scores_only=kept[0], **options).verify().ok
    assert_same(path, whole.path)


@pytest.fixture(scope="module")
def parts(lm: CausalLM, kept: list[Direction], tmp_path_factory: pytest.TempPathFactory) -> list[ActivationStore]:
    """300 rows whole, their first two blocks, and the rest."""
    folder, rows = tmp_path_factory.mktemp("parts"), make_rows(300)
    return [
        capture(lm, rows, folder / f"{name}.zarr", rows=part, scores_only=kept[:2], **PLAIN)
        for name, part in (("whole", None), ("first", slice(0, 256)), ("last", slice(256, 300)))
    ]


def test_stores_of_scores_are_joined_lengthened_and_cut_down(parts: list[ActivationStore], tmp_path: Path) -> None:
    whole, first, last = parts
    linked: list[tuple[int, int]] = []
    joined = join([first, last], tmp_path / "joined.zarr", report=lambda *counts: linked.append(counts))
    assert linked == [(3, 3)]
    unaligned = join([last, first], tmp_path / "unaligned.zarr")
    longer = append(unpack(first.pack(tmp_path / "longer.zarr.zip")), last)
    expected = score(whole)["score"].to_numpy()
    for store in (joined, longer):
        assert store.verify().ok
        assert score(store)["score"].to_numpy().tobytes() == expected.tobytes()
    order = [*range(256, 300), *range(256)]
    np.testing.assert_allclose(score(unaligned)["score"], expected[order], rtol=1e-9)
    for store in (joined, longer, unaligned):
        np.testing.assert_allclose(store.statistics("mean").mean, whole.statistics("mean").mean, atol=1e-6)
        np.testing.assert_allclose(store.statistics("mean").std, whole.statistics("mean").std, rtol=1e-4)
    some = subset(unaligned, range(10, 80), tmp_path / "some.zarr")
    assert some.verify().ok
    raw = whole.column("projection")[order][10:80]
    assert some.column("projection").tobytes() == raw.tobytes()
    np.testing.assert_array_equal(score(some, "length")["score"], some.n_response_tokens[:, None])
    with pytest.raises(StoreError, match="of rows taken from another store, whose neurons' means are not known"):
        some.statistics("mean")


def test_a_curator_of_scores(parts: list[ActivationStore], monkeypatch: pytest.MonkeyPatch) -> None:
    curator = Curator(parts[0], score(parts[0]))
    assert len(curator.select(fraction=0.2)) == len(select(score(parts[0]), fraction=0.2))
    assert Page(curator, monkeypatch).ask("columns")["answer"]["neurons"] is False


def test_what_its_scores_are_of_can_not_be_taken_away(parts: list[ActivationStore], kept: list[Direction]) -> None:
    store = parts[0]
    with pytest.raises(StoreError, match="keeps scores only, those of the direction 'sums': it can't be taken away"):
        store.delete("directions", "sums")
    with pytest.raises(StoreError, match="it can't be taken away"):
        store.save_direction(kept[1], "sums")
    store.save_direction(kept[2])
    store.delete("directions", "by cosine")
    assert store.directions() == ("robust sums", "sums")


def test_stores_for_other_directions_are_not_joined(
    lm: CausalLM, kept: list[Direction], parts: list[ActivationStore], tmp_path: Path
) -> None:
    other = capture(lm, make_rows(5, seed=9), tmp_path / "other.zarr", scores_only=kept[0], **PLAIN)
    with pytest.raises(StoreError, match=r"they differ in pools \(mean, tail_mean and mean\)"):
        join([parts[0], other], tmp_path / "j.zarr")


def test_the_whole_way_on_the_command_line(kept: list[Direction], lm: CausalLM, tmp_path: Path) -> None:
    lm.model.save_pretrained(tmp_path / "model")
    lm.tokenizer.save_pretrained(tmp_path / "model")
    (tmp_path / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in make_rows(60)))
    for direction, name in zip(kept, ("a", "b", "c"), strict=True):
        direction.save(tmp_path / f"{name}.direction")
    asked = (
        "model",
        "data.jsonl",
        "-o",
        "s.zarr",
        "--template",
        "plain",
        "--scores-only",
        "a.direction",
        "b.direction",
    )
    planned = nait("plan", *asked, "--probe-seconds", "0.1", "--json", cwd=tmp_path)
    assert planned.returncode == 0, planned.stderr
    assert nait("capture", *asked, cwd=tmp_path).returncode == 0
    assert "sums, robust sums" in nait("info", "s.zarr", cwd=tmp_path).stdout
    assert nait("verify", "s.zarr", cwd=tmp_path).returncode == 0
    assert "robust sums: median" in nait("score", "s.zarr", "-o", "s.csv", cwd=tmp_path).stdout
    assert nait("select", "s.zarr", "--k", "6", "--merge", "max", "-o", "top.jsonl", cwd=tmp_path).returncode == 0
    assert len((tmp_path / "top.jsonl").read_text().splitlines()) == 6
    assert len(Recipe.load(tmp_path / "top.recipe.json").repeat()) == 6
    assert nait("select", "s.zarr", "--k", "6", "--save", "six", cwd=tmp_path).returncode == 0
    assert len(open_store(tmp_path / "s.zarr").selection("six")) >= 6
    refused(
        nait("score", "s.zarr", "c.direction", "-o", "s.csv", cwd=tmp_path),
        "keeps scores only",
        "'by cosine' over 'mean' is",
    )
    refused(nait("explain", "s.zarr", "row-0-0001", "a.direction", cwd=tmp_path), "keeps scores only")
    refused(nait("capture", *asked, "--pools", "mean", cwd=tmp_path), "not both")


def test_a_plan_weighs_scores(lm: CausalLM, kept: list[Direction], parts: list[ActivationStore]) -> None:
    found = plan(lm, make_rows(300), probe_seconds=0.2, scores_only=kept[:2], **PLAIN)
    weighed = sum(file.stat().st_size for file in parts[0].path.rglob("*") if file.is_file())
    assert found.store_bytes == pytest.approx(weighed, rel=0.2)
