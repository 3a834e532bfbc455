"""Fingerprints beside scores: other directions are scored by them, where no activations were kept."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from conftest import EMPTY_ROW, Row, make_rows
from test_cli import nait, refused
from test_store import flip
from tiny import tiny_model

from nait_widgets import append, capture, fit_direction, join, score, select, subset
from nait_widgets.errors import NaitError, StoreError
from nait_widgets.fingerprints import Spread, fingerprint
from nait_widgets.methods import Direction
from nait_widgets.models import CausalLM
from nait_widgets.store import ActivationStore, open_store

PLAIN: dict[str, Any] = {"template": "plain", "block_rows": 128, "batch_tokens": 1024, "deterministic": True}


@pytest.fixture(scope="module")
def other(lm: CausalLM) -> Direction:
    """A direction that nobody knew of when the pool was captured."""
    return fit_direction(lm, make_rows(40, seed=5), name="other", template="plain")


@pytest.fixture(scope="module")
def store(
    lm: CausalLM, pool_rows: list[Row], direction: Direction, tmp_path_factory: pytest.TempPathFactory
) -> ActivationStore:
    """The rows of `pool`, in one window as there."""
    path = tmp_path_factory.mktemp("told") / "pool.zarr"
    return capture(lm, pool_rows, path, scores_only=direction, template="plain", block_rows=1024)


@pytest.fixture(scope="module")
def parts(
    lm: CausalLM, direction: Direction, tmp_path_factory: pytest.TempPathFactory
) -> tuple[ActivationStore, ActivationStore, ActivationStore]:
    """300 rows whole, their first two blocks, and the rest."""
    folder, rows = tmp_path_factory.mktemp("parts"), make_rows(300)

    def captured(name: str, part: slice | None) -> ActivationStore:
        return capture(lm, rows, folder / f"{name}.zarr", rows=part, scores_only=direction, **PLAIN)

    return captured("whole", None), captured("first", slice(0, 256)), captured("last", slice(256, 300))


def records(store: ActivationStore) -> npt.NDArray[Any]:
    return store.column(store.layout.fingerprint)


@pytest.mark.parametrize("options", [{}, {"center": "none"}, {"layers": (0, 2)}])
def test_another_direction_is_scored_within_the_error_that_is_told(
    pool: ActivationStore, store: ActivationStore, other: Direction, options: dict[str, Any]
) -> None:
    exact, told = score(pool, other, **options), score(store, other, approximate=True, **options)
    off = np.abs(told["score"].to_numpy() - exact["score"].to_numpy())[:, 0]
    # Beside another number of pools, a few activations round to the next float16.
    assert (off <= told["score_error"].to_numpy()[:, 0] + 1e-3)[store.selectable].all()
    assert np.isnan(off[EMPTY_ROW])
    shared = set(select(exact, fraction=0.1).ids) & set(select(told, fraction=0.1).ids)
    assert len(shared) >= 0.9 * len(select(exact, fraction=0.1))


def test_spreads_are_told_and_their_error_is_not(
    pool: ActivationStore, store: ActivationStore, other: Direction
) -> None:
    exact, told = score(pool, other, similarity="zscore"), score(store, other, similarity="zscore", approximate=True)
    assert np.isinf(told["score_error"].to_numpy()[store.selectable]).all()
    np.testing.assert_allclose(told["layer_mean"], exact["layer_mean"], atol=1e-3)
    np.testing.assert_allclose(told["layer_scale"], exact["layer_scale"], rtol=0.02)
    here = store.selectable
    assert np.corrcoef(told["score"].to_numpy()[here, 0], exact["score"].to_numpy()[here, 0])[0, 1] > 0.99


def test_a_spread_that_coefficients_tell_in_part(pool: ActivationStore) -> None:
    """Few components: what they leave of each neuron's variance is counted, too."""
    from nait_widgets.fingerprints import Basis
    from nait_widgets.fingerprints.spread import ToldSpread

    values = pool.pool("mean").take(np.flatnonzero(pool.selectable))
    vectors = np.random.default_rng(0).normal(size=values.shape[1:])
    true = np.einsum("nld,ld->nl", values.astype(np.float64), vectors).std(axis=0)
    off = []
    for count in (2, 20):
        basis = Basis.fit(values, (count,))
        coefficients = [
            basis.decode(0, basis.encode(some)["stage_0"]).coefficients for some in np.array_split(values, 3)
        ]
        spread = ToldSpread.of(basis, coefficients, values.std(axis=0))
        off.append(np.abs(spread.deviation(vectors) / true - 1).max())
        for layer in range(values.shape[1]):  # along an axis, it is known
            axis = np.zeros(vectors.shape)
            axis[layer, 3] = 2
            np.testing.assert_allclose(spread.deviation(axis)[layer], 2 * values[:, layer, 3].std(), rtol=0.02)
    assert off[1] < 0.1
    exact = Spread(values[0, 0])
    exact.add(values[:, 0])
    np.testing.assert_allclose(np.sqrt(vectors[0] @ exact.covariance @ vectors[0]), true[0], rtol=1e-6)


def test_what_is_kept(store: ActivationStore) -> None:
    kept = fingerprint(store, "mean")
    assert store.info()["saved"]["fingerprints"] == ["mean"]
    assert kept.basis.components == (len(kept.basis.vectors),)
    width = store.array(store.layout.fingerprint).shape[1]
    assert width == sum(kept.basis.n_bytes) == len(kept.basis.vectors) + 2 * len(store.layout.layers) + 6
    assert np.isinf(kept.told(0, np.array([EMPTY_ROW])).left).all()
    assert store.verify().ok
    for refused_use, message in (
        (lambda: store.delete("fingerprints", "mean"), "can't be made again without activations: it stays"),
        (lambda: store.make_fingerprint(), "keeps scores only"),
    ):
        with pytest.raises(StoreError, match=message):
            refused_use()


def test_what_can_not_be_told(store: ActivationStore, other: Direction) -> None:
    with pytest.raises(StoreError, match=r"'other' over 'mean' is none of them.* or score by its fingerprints"):
        score(store, other)
    with pytest.raises(StoreError, match=r"of the pool 'last' no fingerprint \(one of mean\)"):
        score(store, other.scored_by(pool="last"), approximate=True)
    with pytest.raises(NaitError, match="scores by a cosine"):
        score(store, other.scored_by(similarity="cosine"), approximate=True)


def test_parts_of_one_source_join_with_their_fingerprints(
    parts: tuple[ActivationStore, ...], other: Direction, tmp_path: Path
) -> None:
    whole, first, last = parts
    counts: list[tuple[int, int]] = []
    joined = join([first, last], tmp_path / "joined.zarr", report=lambda *n: counts.append(n))
    assert counts == [(3, 3)]
    expected = score(whole, other, approximate=True)
    assert records(joined).tobytes() == records(whole).tobytes()
    np.testing.assert_array_equal(score(joined, other, approximate=True)["score"], expected["score"])
    backwards = join([last, first], tmp_path / "backwards.zarr")
    order = [*range(256, 300), *range(256)]
    assert records(backwards).tobytes() == records(whole)[order].tobytes()
    some = subset(backwards, range(10, 80), tmp_path / "some.zarr")
    assert records(some).tobytes() == records(whole)[order][10:80].tobytes()
    uncentred: dict[str, Any] = {"center": "none", "approximate": True}
    np.testing.assert_allclose(
        score(some, other, **uncentred)["score"], score(whole, other, **uncentred)["score"][order][10:80], rtol=1e-9
    )
    for made in (joined, backwards, some):
        assert made.verify().ok


def test_stores_of_other_bases_join_without(
    lm: CausalLM, parts: tuple[ActivationStore, ...], direction: Direction, other: Direction, tmp_path: Path
) -> None:
    whole = parts[0]
    rows = make_rows(50, seed=9)
    own = capture(lm, rows, tmp_path / "own.zarr", scores_only=direction, **PLAIN)
    joined = join([whole, own], tmp_path / "joined.zarr")
    assert joined.verify().ok
    assert not (joined.path / "fingerprints").exists()
    with pytest.raises(StoreError, match=r"of the pool 'mean' no fingerprint \(none\)"):
        score(joined, other, approximate=True)
    assert len(score(joined)) == len(score(whole))
    lent = capture(lm, rows, tmp_path / "lent.zarr", scores_only=direction, fingerprint=whole.path, **PLAIN)
    longer = append(join([whole], tmp_path / "longer.zarr"), lent)
    expected = score(whole, other, center="none", approximate=True)["score"].to_numpy()
    found = score(longer, other, center="none", approximate=True)["score"].to_numpy()
    assert found[: len(whole)].tobytes() == expected.tobytes()


def test_a_basis_that_a_store_of_activations_lends(
    lm: CausalLM, pool: ActivationStore, direction: Direction, other: Direction, tmp_path: Path
) -> None:
    lender = join([pool], tmp_path / "lender.zarr")
    with pytest.raises(StoreError, match="no fingerprint of the pool 'mean'"):
        capture(lm, make_rows(5), tmp_path / "s.zarr", scores_only=direction, fingerprint=lender, **PLAIN)
    made = lender.make_fingerprint(components=(8, 40))
    rows = make_rows(60, seed=3)
    told = capture(lm, rows, tmp_path / "told.zarr", scores_only=direction, fingerprint=lender, **PLAIN)
    assert fingerprint(told, "mean").digest == made.digest
    assert fingerprint(told, "mean").basis.components == (40,)
    full = capture(lm, rows, tmp_path / "full.zarr", pools=["mean"], **PLAIN)
    exact = score(full, other)
    found = score(told, other, approximate=True)
    assert (np.abs(found["score"] - exact["score"]) <= found["score_error"] + 1e-3).all()
    refusals: list[tuple[dict[str, Any], str]] = [
        ({"fingerprint": lender}, "is lent to a capture of scores alone"),
        ({"fingerprint": lender, "scores_only": direction, "layers": [0, 1, 2, 3]}, "aren't captured|no layer"),
        ({"fingerprint": tmp_path / "no.zarr", "scores_only": direction}, "there is no store at"),
    ]
    for options, message in refusals:
        with pytest.raises(NaitError, match=message):
            capture(lm, rows, tmp_path / "r.zarr", **{**PLAIN, **options})
    away = tiny_model("llama", seed=1)
    foreign = replace(direction, model=away.identity.as_dict())
    with pytest.raises(StoreError, match="is of other model than this capture"):
        capture(away, rows, tmp_path / "r.zarr", scores_only=foreign, fingerprint=lender, **PLAIN)
    assert not (tmp_path / "r.zarr").exists()
    full.make_fingerprint(components=(40,))
    with pytest.raises(StoreError, match=r"begun with a fingerprint of another basis than that of .*full\.zarr"):
        capture(lm, rows, told.path, scores_only=direction, fingerprint=full, **PLAIN)


def test_damage_is_found_and_captured_again(lm: CausalLM, direction: Direction, tmp_path: Path) -> None:
    rows = make_rows(200)
    store = capture(lm, rows, tmp_path / "s.zarr", scores_only=direction, **PLAIN)
    before = records(store)
    flip(store.path / store.layout.fingerprint / "c/1/0")
    problems = open_store(store.path).verify().problems
    assert len(problems) == 1
    assert store.layout.fingerprint in problems[0]
    again = capture(lm, rows, store.path, scores_only=direction, **PLAIN)
    assert again.verify().ok
    assert records(again).tobytes() == before.tobytes()
    with pytest.raises(StoreError, match=r"begun with other components \(384, now 0\)"):
        capture(lm, rows, store.path, scores_only=direction, fingerprint=False, **PLAIN)
    without = capture(lm, rows, tmp_path / "w.zarr", scores_only=direction, fingerprint=False, **PLAIN)
    assert without.layout.components == 0
    assert not (without.path / "fingerprints").exists()


def test_a_pool_of_which_nothing_can_be_selected(lm: CausalLM, direction: Direction, tmp_path: Path) -> None:
    rows = [{"instruction": "", "output": ""}, {"instruction": "", "output": " "}]
    with pytest.raises(NaitError):
        capture(lm, rows, tmp_path / "none.zarr", scores_only=direction, **PLAIN)
    one = capture(lm, [*rows, *make_rows(1)], tmp_path / "one.zarr", scores_only=direction, **PLAIN)
    assert one.verify().ok
    assert np.isfinite(score(one, direction, approximate=True)["score"]).sum() == 1


def test_on_the_command_line(direction: Direction, other: Direction, lm: CausalLM, tmp_path: Path) -> None:
    lm.model.save_pretrained(tmp_path / "model")
    lm.tokenizer.save_pretrained(tmp_path / "model")
    (tmp_path / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in make_rows(60)))
    direction.save(tmp_path / "a.direction")
    other.save(tmp_path / "b.direction")
    asked = ("model", "data.jsonl", "--template", "plain", "--scores-only", "a.direction")
    assert nait("capture", *asked, "-o", "s.zarr", cwd=tmp_path).returncode == 0
    told = nait("select", "s.zarr", "b.direction", "--approximate", "--k", "6", "-o", "top.jsonl", cwd=tmp_path)
    assert told.returncode == 0, told.stderr
    assert len((tmp_path / "top.jsonl").read_text().splitlines()) == 6
    lent = nait("capture", *asked, "-o", "t.zarr", "--fingerprint-of", "s.zarr", cwd=tmp_path)
    assert lent.returncode == 0, lent.stderr
    assert nait("capture", *asked, "-o", "u.zarr", "--no-fingerprint", cwd=tmp_path).returncode == 0
    refused(nait("score", "u.zarr", "b.direction", "--approximate", "-o", "s.csv", cwd=tmp_path), "no fingerprint")
    refused(nait("capture", *asked, "-o", "v.zarr", "--fingerprint-of", "u.zarr", cwd=tmp_path), "no fingerprint")


def test_the_site_is_the_directions(lm: CausalLM, tmp_path: Path) -> None:
    inside = fit_direction(lm, make_rows(20, seed=5), name="inside", template="plain", site="mlp_act")
    assert capture(lm, make_rows(5), tmp_path / "s.zarr", scores_only=inside, **PLAIN).layout.site == "mlp_act"
    assert capture(lm, make_rows(5), tmp_path / "t.zarr", **PLAIN).layout.site == "resid_post"
