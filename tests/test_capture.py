"""What a capture keeps: pools, order, quarantine, and layers beyond float16."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from captures import assert_same
from conftest import Row, make_rows
from plain import activations, close, pooled
from test_store import flip, read_all
from tiny import HIDDEN, LAYERS, bare_model, tiny_model, tiny_tokenizer

from nait_widgets import Direction, capture, explain, fit_direction, score, select
from nait_widgets.capturing.forward import Forward
from nait_widgets.models import CausalLM, find_site, load_model
from nait_widgets.records import Renderer, read_records
from nait_widgets.store import POOLS, ActivationStore, Layout, Status, open_store

# -- what is captured


def test_every_pool_is_what_one_sample_alone_gives(lm: CausalLM, pool: ActivationStore, pool_rows: list[Row]) -> None:
    records = list(read_records(pool_rows))
    renderer = Renderer(lm.tokenizer, template="plain")
    special = set(lm.tokenizer.all_special_ids)
    rows = np.array([0, 17, 255, 256, 511, 512, 699])
    captured = {name: pool.pool(name).take(rows) for name in POOLS}
    for i, row in enumerate(rows):
        (sample,) = renderer.render([records[row]])
        expected = pooled(activations(lm, sample)["resid_post"], sample, special)
        for name in POOLS:
            assert close(captured[name][i], expected[name], 4e-3), (row, name)
        strongest = np.argsort(-np.abs(expected["mean"]), axis=1)[:, :20]
        index = np.asarray(pool.array("top_neuron_index")[int(row)])
        assert [set(a) for a in index] == [set(b) for b in strongest]
        value = np.asarray(pool.array("top_neuron_value")[int(row)])
        np.testing.assert_allclose(value, np.take_along_axis(expected["mean"], index.astype(int), 1), rtol=1e-4)
        ids = torch.tensor(sample.input_ids[None].astype(np.int64))
        start, stop = sample.response
        with torch.no_grad():
            logits = lm.model(input_ids=ids).logits[0, start - 1 : stop - 1]
        assert pool.response_loss[row] == pytest.approx(
            float(torch.nn.functional.cross_entropy(logits, ids[0, start:stop]))
        )
        counts = (pool.n_tokens[row], pool.n_response_tokens[row])
        assert counts == (len(sample.input_ids), stop - start)


def test_rows_are_in_the_order_of_the_source(pool: ActivationStore, pool_rows: list[Row]) -> None:
    assert pool.sample_id.tolist() == [row["id"] for row in pool_rows]
    assert len(set(pool.n_tokens.tolist())) > 20  # so batches did run in another order
    assert list(pool.originals(range(len(pool)))) == pool_rows


def test_sketches_keep_the_angles_between_samples(pool: ActivationStore) -> None:
    sketch = np.asarray(pool.array("sketch")[...], np.float32)[pool.selectable][:200]
    values = read_all(pool.pool("mean"))[pool.selectable][:200]
    unit = (values / np.sqrt(np.square(values).mean(2, keepdims=True))).reshape(200, -1)
    cosines = []
    for vectors in (sketch, unit):
        normed = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        cosines.append((normed @ normed.T)[np.triu_indices(200, 1)])
    # 64 random signs estimate a cosine with a standard error of about 1/8.
    assert np.abs(cosines[0] - cosines[1]).std() < 0.13
    assert np.corrcoef(*cosines)[0, 1] > 0.5


def test_layers_may_be_a_subset_counted_from_the_end(lm: CausalLM, pool: ActivationStore, tmp_path: Path) -> None:
    store = capture(
        lm, read_records(list(pool.originals(range(40)))), tmp_path / "s.zarr", layers=[-1, 0], template="plain"
    )
    assert store.layout.layers == (0, 2)
    assert store.array("layer")[...].tolist() == [0, 2]  # type: ignore[union-attr]
    assert close(read_all(store.pool("mean"))[:5], read_all(pool.pool("mean"))[:5, [0, 2]], 1e-3)


def test_the_size_of_batches_changes_no_more_than_rounding(lm: CausalLM, pool: ActivationStore, tmp_path: Path) -> None:
    rows = list(pool.originals(range(200)))
    one, many = (
        capture(lm, rows, tmp_path / f"{n}.zarr", batch_tokens=n, template="plain", store_dtype="float32")
        for n in (1, 9999)
    )
    a, b = (read_all(store.pool("mean"))[one.selectable] for store in (one, many))
    assert a.tobytes() != b.tobytes()
    assert close(a, b, 1e-5)


def test_deterministic_captures_are_the_same_bytes(lm: CausalLM, pool_rows: list[Row], tmp_path: Path) -> None:
    for name in ("a", "b"):
        capture(
            lm, pool_rows[:300], tmp_path / name, deterministic=True, extras="all", block_rows=128, template="plain"
        )
    assert not torch.are_deterministic_algorithms_enabled()
    assert_same(tmp_path / "a", tmp_path / "b")


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "opt", "gemma3_text", "qwen3_moe"])
def test_a_mask_makes_no_difference_to_a_causal_model(architecture: str) -> None:
    lm = tiny_model(architecture)
    samples = Renderer(lm.tokenizer, template="plain").render(list(read_records(make_rows(9))))
    layout = Layout(9, "resid_post", tuple(range(LAYERS)), HIDDEN, POOLS, dtype="float32", extras=("loss",))
    plain, masked = (
        Forward(lm, find_site(lm, "resid_post"), layout, masked=masked).start(samples).wait()
        for masked in (False, True)
    )
    assert close(masked.activations, plain.activations, 1e-4)
    np.testing.assert_allclose(masked.extras["response_loss"], plain.extras["response_loss"], rtol=1e-4)


@pytest.mark.parametrize("site", ["mlp_act", "mlp_out", "up_proj_abs"])
def test_other_sites(lm: CausalLM, site: str, tmp_path: Path) -> None:
    store = capture(lm, make_rows(30), tmp_path / "s.zarr", site=site, template="plain", pools=["mean"])
    assert store.verify().ok
    assert store.array(f"{site}_mean").shape == (30, 3, store.layout.n_neurons)


# -- rows that can't be used


def with_nan(token: str, **changes: Any) -> CausalLM:
    """A model that fails on the samples that hold one token."""
    model: Any = bare_model("llama", **changes)
    tokenizer = tiny_tokenizer()
    with torch.no_grad():
        model.get_input_embeddings().weight[tokenizer.convert_tokens_to_ids(token)] = float("nan")
    return load_model(model, tokenizer=tokenizer)


def test_defective_rows_are_quarantined_and_move_no_other(tmp_path: Path) -> None:
    rows = make_rows(40)
    rows[3]["output"] = "\n"
    rows[7]["output"] = "broken \ud800"
    rows[11]["instruction"] = "stone " * 300
    rows[12]["output"] = "stone " * 300  # cut, but its response has begun
    rows[20]["input"] = rows[39]["output"] = "Q~"
    broken = with_nan("~")
    sound = load_model(bare_model("llama"), tokenizer=tiny_tokenizer())
    stores = [
        capture(lm, rows, tmp_path / f"{i}.zarr", template="plain", max_length=120, extras="all", block_rows=16)
        for i, lm in enumerate((broken, sound))
    ]
    expected = np.zeros(40, np.uint8)
    expected[[3, 7, 11, 12]] = Status.EMPTY, Status.UNDECODABLE, Status.TOO_LONG, Status.TRUNCATED
    assert stores[1].status.tolist() == expected.tolist()
    expected[[20, 39]] = Status.NON_FINITE
    store = stores[0]
    assert store.status.tolist() == expected.tolist()
    assert store.verify().ok
    assert len(store) == 40
    assert store.sample_id.tolist() == [row["id"] for row in rows]
    bad = [3, 7, 11, 20, 39]
    assert np.flatnonzero(~store.selectable).tolist() == bad
    extras = ("response_loss", "response_alone_loss", "embedding_mean", "embedding_weighted")
    for name in ("resid_post_mean", "resid_post_response_mean", "top_neuron_value", "sketch", *extras):
        a, b = (np.asarray(s.array(name)[...]) for s in stores)
        assert np.isnan(a[bad]).all(), name
        good = np.delete(np.arange(40), bad)
        np.testing.assert_allclose(a[good].astype(float), b[good].astype(float), rtol=2e-3, atol=1e-5)
    np.testing.assert_array_equal(store.up_neurons[bad], 0)
    np.testing.assert_array_equal(store.up_neurons[good], stores[1].up_neurons[good])
    restored = list(store.originals(range(40)))
    assert restored == rows
    direction = fit_direction(sound, make_rows(20, 3), name="d", template="plain")
    direction = Direction(
        **{n: getattr(direction, n) for n in direction.__slots__} | {"model": store.provenance["model"]}
    )
    scores = score(store, direction)
    assert np.flatnonzero(np.isnan(scores["score"].values[:, 0])).tolist() == bad
    assert sorted(select(scores, fraction=1.0).rows.tolist()) == np.flatnonzero(store.selectable).tolist()


def test_a_pad_token_that_is_no_number_harms_nobody(tmp_path: Path) -> None:
    lm = with_nan("<pad>", pad_token_id=2)
    store = capture(lm, make_rows(30), tmp_path / "s.zarr", template="plain", extras=["loss"])
    assert store.status.tolist() == [Status.OK] * 30
    assert np.isfinite(store.response_loss).all()


def test_a_source_in_which_no_row_runs_gives_a_store_without_selectable_rows(tmp_path: Path) -> None:
    rows = [{"instruction": "Q~", "output": "~"} for _ in range(3)]
    store = capture(with_nan("~"), rows, tmp_path / "s.zarr", template="plain")
    assert store.status.tolist() == [Status.NON_FINITE] * 3
    assert store.verify().ok
    assert np.isnan(store.statistics("mean").mean).all()


def test_ids_are_unique_where_rows_are_twins(lm: CausalLM, tmp_path: Path) -> None:
    rows = [{"instruction": "mill", "output": "lake"}] * 4
    store = capture(lm, rows, tmp_path / "s.zarr", template="plain")
    assert len(set(store.sample_id.tolist())) == 4
    assert store.verify().ok


# -- layers that float16 can't hold


def overflowing(token: str) -> CausalLM:
    """A model whose second layer leaves float16's range in samples that hold one token, and nowhere else."""
    model: Any = bare_model("llama")
    tokenizer = tiny_tokenizer()
    with torch.no_grad():
        # The token's embedding is large in one dimension, which the layer's MLP alone takes up and magnifies.
        model.get_input_embeddings().weight[:, 0] = 0.0
        model.get_input_embeddings().weight[tokenizer.convert_tokens_to_ids(token), 0] = 4.0
        mlp = model.model.layers[1].mlp
        mlp.gate_proj.weight.zero_()
        mlp.up_proj.weight.zero_()
        mlp.down_proj.weight.zero_()
        mlp.gate_proj.weight[0, 0] = mlp.up_proj.weight[0, 0] = 1.0
        mlp.down_proj.weight[5, 0] = 3e6
        for layer in model.model.layers:  # nothing else reaches that dimension
            layer.self_attn.o_proj.weight[0] = 0.0
            layer.mlp.down_proj.weight[0] = 0.0
    return load_model(model, tokenizer=tokenizer)


@pytest.mark.parametrize("late", [False, True], ids=["everywhere", "in a later block"])
def test_a_layer_beyond_float16_is_kept_as_float32(late: bool, tmp_path: Path) -> None:
    lm = overflowing("Z")
    rows = make_rows(640)  # of 64 a block, four blocks a window: the second window is wide, the third is not
    for i in [280, *([] if late else [2, 600])]:
        rows[i]["output"] = "ZZZZ ZZZZ ZZZZ"
    options: dict[str, Any] = {"template": "plain", "block_rows": 64, "deterministic": True, "pools": ["mean", "last"]}
    store = capture(lm, rows, tmp_path / "s.zarr", **options)
    exact = capture(lm, rows, tmp_path / "exact.zarr", store_dtype="float32", **options)
    assert exact.info()["float32_layers"] == {}
    wide = store.info()["float32_layers"]
    assert set(wide) == {"mean", "last"}
    assert 0 not in wide["mean"]
    assert 1 in wide["mean"]
    assert store.array("resid_post_mean").dtype == np.float16
    assert store.array("resid_post_mean_layer1_float32").dtype == np.float32
    assert store.verify().ok
    beyond = (np.abs(read_all(exact.pool("mean"))[:, 1]) > 65504).any(1)
    assert np.flatnonzero(beyond).tolist() == ([280] if late else [2, 280, 600])
    for name in ("mean", "last"):
        a, b = read_all(store.pool(name)), read_all(exact.pool(name))
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-3)
        assert np.isfinite(a).all()
    direction = fit_direction(lm, make_rows(20, 3), name="d", template="plain")
    scores, expected = (score(s, direction)["score"].values for s in (store, exact))
    np.testing.assert_allclose(scores, expected, rtol=2e-3, atol=2e-3)
    explanation = explain(store, str(store.sample_id[280]), direction)
    assert explanation.score == pytest.approx(scores[280, 0], rel=1e-4)

    # Damage to the float16 form or the float32 form of it is found, and a resumed store is the same.
    complete = {file: file.read_bytes() for file in store.path.rglob("*") if file.is_file()}
    for file in ("resid_post_mean/c/4/0/0", "resid_post_last_layer1_float32/c/9/0"):
        flip(store.path / file, 0.4)
        assert str(store.path / file) in open_store(store.path).verify().problems[0]
        assert capture(lm, rows, store.path, **options).verify().ok
        for path, data in complete.items():
            assert path.name == "zarr.json" or path.read_bytes() == data, path
