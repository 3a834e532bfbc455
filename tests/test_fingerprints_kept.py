"""A fingerprint in its store: kept whole, checked, carried along; and approximate scores by it."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import fingerprinted
import numpy as np
import pandas as pd
import pytest
from fingerprinted import COMPONENTS, N, build, direction

import nait_widgets as nait
from nait_widgets.cli import main
from nait_widgets.errors import DirectionError, StoreError
from nait_widgets.fingerprints import fingerprint
from nait_widgets.selection import Recipe
from nait_widgets.store import ActivationStore, open_store
from nait_widgets.store.parts import read_parts


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> ActivationStore:
    store = build(tmp_path_factory.mktemp("kept") / "pool.zarr")
    store.make_fingerprint(components=COMPONENTS)
    return open_store(store.path)


@pytest.fixture
def own(made: ActivationStore, tmp_path: Path) -> ActivationStore:
    """A copy to be changed."""
    return open_store(shutil.copytree(made.path, tmp_path / "own.zarr"))


def flip(path: Path, offset: int) -> None:
    data = bytearray(path.read_bytes())
    data[offset] ^= 1
    path.write_bytes(data)


def test_what_is_kept(made: ActivationStore) -> None:
    kept = fingerprint(made, "tail_mean")
    assert kept.pool == "mean"
    assert kept.pools == ["mean", "tail_mean"]
    assert kept.basis.components == COMPONENTS
    assert made.info()["saved"]["fingerprints"] == ["mean"]
    assert made.verify().ok
    for pool in kept.pools:
        values = made.pool(pool).take(np.flatnonzero(made.selectable)).astype(np.float64)
        np.testing.assert_allclose(kept.neuron_mean(pool), values.mean(axis=0), rtol=1e-9)
        vectors = np.random.default_rng(0).normal(size=values.shape[1:])
        spread = np.einsum("nld,ld->nl", values, vectors).std(axis=0)
        np.testing.assert_allclose(kept.deviation(pool, vectors), spread, rtol=1e-7)


def test_the_same_activations_give_the_same_bytes(own: ActivationStore) -> None:
    before = {path: path.read_bytes() for path in (own.path / "fingerprints/mean").rglob("c/**/*") if path.is_file()}
    own.make_fingerprint(components=COMPONENTS)
    assert before
    assert all(path.read_bytes() == data for path, data in before.items())


def test_approximate_scores_are_close_and_say_how_close(made: ActivationStore) -> None:
    wanted = [direction(1), direction(2, similarity="zscore", pool="tail_mean").named("z"), direction(3).named("third")]
    exact, found = nait.score(made, [*wanted, "length"]), nait.score(made, [*wanted, "length"], approximate=True)
    assert found["score"].dims == found["score_error"].dims == ("sample", "direction")
    off = np.abs((found["score"] - exact["score"]).to_numpy())
    valid = made.selectable
    assert (off <= found["score_error"].to_numpy())[valid].all()
    assert np.isnan(off[~valid]).all()
    assert (off[valid, 3] == 0).all()
    assert "score_error" not in exact
    for column in range(3):
        assert np.corrcoef(found["score"][valid, column], exact["score"][valid, column])[0, 1] > 0.95
    for name in ("layer_mean", "layer_scale"):
        np.testing.assert_allclose(found[name], exact[name], rtol=1e-6)
    # Each alone is told the same.
    alone = nait.score(made, wanted[1], approximate=True)
    np.testing.assert_allclose(alone["score"][valid, 0], found["score"][valid, 1], rtol=1e-12)


def test_what_goes_by_approximate_scores_says_so(own: ActivationStore, tmp_path: Path) -> None:
    wanted = direction(4)
    estimated = nait.score(own, wanted, approximate=True)
    chosen = nait.select(estimated, fraction=0.1)
    assert chosen.approximate
    _, recipe, card, _ = chosen.export(tmp_path / "estimated.jsonl")
    assert "estimates from a fingerprint, off by" in card.read_text()
    entry = json.loads(recipe.read_text())["directions"][0]
    assert entry["approximate"] is True
    again = Recipe.load(recipe).repeat(own)
    assert again.approximate
    assert again.ids == chosen.ids
    # Kept beside exact scores by the same direction, neither is taken for the other.
    own.save_scores(estimated, "estimated")
    np.testing.assert_array_equal(own.scores("estimated")["score_error"], estimated["score_error"])
    exact = nait.select(nait.score(own, wanted), fraction=0.1)
    assert not exact.approximate
    _, exact_recipe, exact_card, *_ = exact.export(tmp_path / "exact.jsonl")
    assert "estimate" not in exact_card.read_text()
    assert not Recipe.load(exact_recipe).repeat(own).approximate
    own.save_selection(chosen, "ten percent")
    assert own.selection("ten percent").approximate
    assert own.verify().ok


def test_a_selection_from_the_fingerprint_is_repeated_by_a_scan(made: ActivationStore, tmp_path: Path) -> None:
    chosen = nait.select_from_fingerprint(made, direction(4), fraction=0.1, at_most=9)
    assert not chosen.approximate
    _, recipe, card, _ = chosen.export(tmp_path / "subset.jsonl")
    assert chosen.read is not None
    assert f"| read | {chosen.read.share:.1%} of the activations' bytes" in card.read_text()
    assert "approximate" not in recipe.read_text()
    again = Recipe.load(recipe).repeat(made)
    assert again.ids_digest == chosen.ids_digest
    assert "score_error" not in again.made_from


def test_without_a_fingerprint_it_is_said_how_to_make_one(own: ActivationStore) -> None:
    own.delete("fingerprints", "mean")
    assert not (own.path / "fingerprints/mean").exists()
    with pytest.raises(StoreError, match=r"no fingerprint of the pool 'mean'.*`nait fingerprint .*own.zarr`"):
        nait.score(own, direction(), approximate=True)
    with pytest.raises(StoreError, match="of a pool that was captured, one of mean, last, and not of 'tail_mean'"):
        own.make_fingerprint("tail_mean")
    with pytest.raises(DirectionError, match="scores by a cosine"):
        nait.score(made_again(own), direction(similarity="cosine"), approximate=True)


def made_again(store: ActivationStore) -> ActivationStore:
    store.make_fingerprint("last", components=(3,))
    store.make_fingerprint(components=COMPONENTS)
    assert sorted(read_parts(store, "fingerprints")) == ["last", "mean"]
    assert fingerprint(store, "last").basis.components == (3,)
    return store


@pytest.mark.parametrize("name", ["stage_0", "stage_1", "layer_checksum", "vectors"])
def test_a_flipped_bit_is_found_by_verify_and_by_whoever_reads_it(own: ActivationStore, name: str) -> None:
    part = read_parts(own, "fingerprints")["mean"]
    last = int(nait.select(nait.score(own, direction()), k=100).rows[-1])  # which is at the cut, so it is read
    block, row = divmod(last, own.layout.block_rows)
    chunk, place = (f"c/{block}/0", row * part.array(name).shape[1] + 9) if name != "vectors" else ("c/0/0/0", 99)
    flip(own.path / "fingerprints/mean" / name / chunk, place)
    found = own.verify()
    assert any(f"fingerprints/mean is damaged: array {name!r}" in problem for problem in found.problems)
    with pytest.raises(StoreError, match="is damaged"):
        nait.select_from_fingerprint(own, direction(), k=100, at_most=float("inf"))


def test_a_lost_chunk_is_found(own: ActivationStore) -> None:
    (own.path / "fingerprints/mean/stage_0/c/1/0").unlink()
    assert any("'stage_0' is missing" in problem for problem in own.verify().problems)
    with pytest.raises(StoreError, match="block 1 is missing"):
        nait.score(own, direction(), approximate=True)


def test_activations_that_changed_since_are_not_taken_for_those_of_the_fingerprint(own: ActivationStore) -> None:
    before = (own.path / "fingerprints").rename(own.path.with_name("elsewhere"))
    shutil.rmtree(own.path)
    other = build(own.path, fingerprinted.activations(seed=9))
    before.rename(other.path / "fingerprints")
    other = open_store(other.path)
    assert any("isn't what the fingerprint was made of" in problem for problem in other.verify().problems)
    with pytest.raises(StoreError, match="isn't what the fingerprint was made of"):
        nait.select_from_fingerprint(other, direction(), k=100, at_most=float("inf"))


def test_it_is_packed_and_left_out_where_rows_change(own: ActivationStore, tmp_path: Path, capsys: Any) -> None:
    packed = open_store(own.pack(tmp_path / "bare.zarr.zip", text=False))
    wanted = direction()
    expected = nait.score(own, wanted, approximate=True)["score"]
    np.testing.assert_array_equal(nait.score(packed, wanted, approximate=True)["score"], expected)
    with pytest.raises(StoreError, match="packed, so nothing can be saved"):
        packed.make_fingerprint()
    subset = nait.subset(own, np.arange(600), tmp_path / "subset.zarr")
    assert not read_parts(subset, "fingerprints")
    more = nait.subset(own, np.arange(600, N), tmp_path / "more.zarr")
    subset.make_fingerprint(components=COMPONENTS)
    assert main(["append", str(subset.path), str(more.path)]) == 0
    assert "its fingerprint was of the rows before" in capsys.readouterr().out
    longer = open_store(subset.path)
    assert not read_parts(longer, "fingerprints")
    assert longer.verify().ok


def test_one_of_other_rows_is_refused(own: ActivationStore, tmp_path: Path) -> None:
    short = build(
        tmp_path / "short.zarr", fingerprinted.activations()[:700], replace(fingerprinted.LAYOUT, n_samples=700)
    )
    shutil.copytree(own.path / "fingerprints", short.path / "fingerprints")
    with pytest.raises(StoreError, match="is of 900 rows, not 700"):
        nait.score(open_store(short.path), direction(), approximate=True)


def test_float32_stores(tmp_path: Path) -> None:
    layout = replace(fingerprinted.LAYOUT, dtype="float32", block_rows=1024)
    store = build(tmp_path / "wide.zarr", layout=layout)
    store.make_fingerprint(components=COMPONENTS)
    ways: list[dict[str, Any]] = [{}, {"similarity": "zscore", "pool": "tail_mean"}]
    for options in ways:
        wanted = direction(5, **options)
        found = nait.select_from_fingerprint(store, wanted, fraction=0.1, at_most=float("inf"))
        assert found.ids_digest == nait.select(nait.score(store, wanted), fraction=0.1).ids_digest


def test_at_the_command_line(own: ActivationStore, tmp_path: Path, capsys: Any) -> None:
    file, out = str(direction(7).save(tmp_path / "made.direction")), tmp_path / "subset.jsonl"

    def told(*words: str) -> dict[str, Any]:
        assert main([*words, "--json"]) == 0
        report: dict[str, Any] = json.loads(capsys.readouterr().out)
        return report

    facts = told("fingerprint", str(own.path))
    assert facts["pool"] == "mean"
    assert facts["bytes_per_row"] == sum(fingerprint(own, "mean").basis.n_bytes)
    select = ["select", str(own.path), file, "--fraction", "0.1", "-o", str(out)]
    whole = told(*select)
    found = told(*select, "--from-fingerprint")
    assert found["ids_sha256"] == whole["ids_sha256"]
    assert found["read"]["scanned"]  # a basis of all that 900 rows have is more than they are
    assert "read" not in whole
    assert main([*select, "--from-fingerprint"]) == 0
    assert "that saved too little, so all were read" in capsys.readouterr().out
    scores = told("score", str(own.path), file, "--approximate", "--save", "estimated", "-o", str(tmp_path / "s.csv"))
    table = pd.read_csv(tmp_path / "s.csv")
    assert scores["directions"]["made up"]["largest_error"] == pytest.approx(table["made up error"].max())
    assert (table["made up error"] >= 0).sum() == scores["scored"] == 897
    assert "score_error" in own.scores("estimated")
    assert told("select", str(own.path), "--scores", "estimated", "--k", "9", "-o", str(out))["selected"] == 9
    assert "estimates from a fingerprint" in out.with_name("subset.card.md").read_text()
    for words, complaint in (
        (["--adjust", "length-strata"], "can't be given --adjust"),
        (["--save", "x"], "--save keeps exact scores"),
        (["--scores", "estimated"], "leave --scores out"),
        (["--by", "length"], "selects by one direction"),
        (["--workers", "2"], "reads in this process"),
    ):
        assert main([*select, "--from-fingerprint", *words]) == 2
        assert complaint in capsys.readouterr().err
