"""What a capture keeps besides activations, held against the models' own forward, one sample at a time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import EMPTY_ROW, make_rows
from test_store import flip
from tiny import LAYERS, WIDE, bare_model, tiny_model, tiny_tokenizer

from nait_widgets import capture
from nait_widgets.errors import ModelError, StoreError
from nait_widgets.models import CausalLM, load_model
from nait_widgets.records import Rendered, Renderer, read_records
from nait_widgets.store import EXTRAS, ActivationStore, Status, open_store
from nait_widgets.store.extras import extra_columns

# The up projection of a decoder block by the name that each architecture gives it; of Phi-3 its second half.
UP: dict[str, Callable[[Any], Any]] = {
    "llama": lambda model: [layer.mlp.up_proj for layer in model.model.layers],
    "qwen3": lambda model: [layer.mlp.up_proj for layer in model.model.layers],
    "gemma2": lambda model: [layer.mlp.up_proj for layer in model.model.layers],
    "cohere": lambda model: [layer.mlp.up_proj for layer in model.model.layers],
    "phi3": lambda model: [layer.mlp.gate_up_proj for layer in model.model.layers],
    "gpt2": lambda model: [block.mlp.c_fc for block in model.transformer.h],
    "opt": lambda model: [layer.fc1 for layer in model.model.decoder.layers],
}


def without_bos(architecture: str) -> CausalLM:
    tokenizer = tiny_tokenizer()
    tokenizer.bos_token = None
    return load_model(bare_model(architecture), tokenizer=tokenizer)


@contextmanager
def hooked(modules: list[Any]) -> Iterator[list[torch.Tensor]]:
    outputs: list[torch.Tensor] = []
    handles = [module.register_forward_hook(lambda _m, _a, out: outputs.append(out.detach())) for module in modules]
    yield outputs
    for handle in handles:
        handle.remove()


def own_loss(lm: CausalLM, ids: list[int], n_response: int) -> float:
    """transformers' loss of the last tokens, those that something stands before."""
    labels = [-100] * (len(ids) - n_response) + ids[len(ids) - n_response :]
    model: Any = lm.model
    with torch.no_grad():
        return float(model(input_ids=torch.tensor([ids]), labels=torch.tensor([labels])).loss)


def reference(lm: CausalLM, architecture: str, sample: Rendered) -> dict[str, Any]:
    model: Any = lm.model
    ids, (start, stop) = sample.input_ids.tolist(), sample.response
    with torch.no_grad(), hooked(UP[architecture](model)) as up:
        output = model(input_ids=torch.tensor([ids]), output_hidden_states=True)
    hidden = output.hidden_states[-1][0].double().numpy()
    assert len(hidden) == len(ids)
    weights = np.arange(1, len(ids) + 1)
    response = ids[start:stop]
    bos = ids[:1] if ids[0] == lm.tokenizer.bos_token_id else []
    return {
        "loss": own_loss(lm, ids[:stop], len(response)),
        "alone": own_loss(lm, bos + response, len(response)),
        "mean": hidden.mean(0),
        "weighted": (hidden * weights[:, None]).sum(0) / weights.sum(),
        "up": np.stack([out.flatten(0, -2)[:, -WIDE:].double().abs().mean(0).numpy() for out in up]),
    }


@pytest.mark.parametrize(
    ("architecture", "make"),
    [*((architecture, tiny_model) for architecture in UP), ("qwen3", without_bos), ("gpt2", without_bos)],
)
def test_extras_are_what_the_model_itself_says(
    architecture: str, make: Callable[[str], CausalLM], tmp_path: Path
) -> None:
    lm, rows = make(architecture), make_rows(12)
    site = "mlp_out" if architecture == "gpt2" else "resid_post"
    store = capture(lm, rows, tmp_path / "s.zarr", extras="all", template="plain", pools=["last"], site=site)
    renderer = Renderer(lm.tokenizer, template="plain")
    assert renderer.render(list(read_records(rows)))[0].input_ids[0] == 0 or make is without_bos
    for row, sample in enumerate(renderer.render(list(read_records(rows)))):
        expected = reference(lm, architecture, sample)
        assert store.response_loss[row] == pytest.approx(expected["loss"], rel=1e-4)
        assert store.response_alone_loss[row] == pytest.approx(expected["alone"], rel=1e-4)
        for kind in ("mean", "weighted"):
            np.testing.assert_allclose(store.embedding(kind)[row], expected[kind], rtol=1e-3, atol=1e-4)
        neurons = store.up_neurons[row]
        assert [len(set(of_layer)) for of_layer in neurons.tolist()] == [20] * LAYERS
        # By their values, since neurons that are as strong but for rounding may change places.
        ranked = np.sort(expected["up"], axis=1)[:, ::-1][:, :20]
        np.testing.assert_allclose(np.take_along_axis(expected["up"], neurons.astype(int), 1), ranked, rtol=1e-5)


def test_a_response_without_a_prompt_has_one_loss(lm: CausalLM, tmp_path: Path) -> None:
    rows = [{"text": row["output"]} for row in make_rows(20)]
    store = capture(lm, rows, tmp_path / "s.zarr", extras=["ifd"], template="plain")
    np.testing.assert_allclose(store.response_alone_loss, store.response_loss, rtol=1e-5)


def test_a_lone_token_that_nothing_predicts_has_no_loss(tmp_path: Path) -> None:
    rows = [{"instruction": "mill", "output": "a"}, *make_rows(5)]
    store = capture(without_bos("llama"), rows, tmp_path / "s.zarr", extras=["ifd"], template="plain")
    assert store.n_response_tokens[0] == 1
    assert np.isnan(store.response_alone_loss).tolist() == [True] + [False] * 5
    assert np.isfinite(store.response_loss).all()
    assert store.status.tolist() == [Status.OK] * 6
    assert store.verify().ok


def test_embeddings_beyond_float16_are_kept(tmp_path: Path) -> None:
    model: Any = bare_model("llama")
    with torch.no_grad():
        model.model.norm.weight.fill_(1e6)
    lm = load_model(model, tokenizer=tiny_tokenizer())
    store = capture(lm, make_rows(5), tmp_path / "s.zarr", extras=["embedding"], template="plain")
    assert np.isfinite(store.embedding("mean")).all()
    assert np.abs(store.embedding("mean")).max() > 65504
    assert store.info()["float32_layers"] == {}  # what comes before the norm is as small as ever


def test_extras_change_nothing_else(lm: CausalLM, pool: ActivationStore, tmp_path: Path) -> None:
    rows = list(pool.originals(range(200)))
    options: dict[str, Any] = {"template": "plain", "block_rows": 64, "deterministic": True, "site": "up_proj_abs"}
    plain = capture(lm, rows, tmp_path / "plain.zarr", **options)
    for extras in EXTRAS:
        store = capture(lm, rows, tmp_path / f"{extras}.zarr", extras=[extras], **options)
        for name in plain.dataset.variables:
            a, b = (np.asarray(s.array(str(name))[...]) for s in (plain, store))
            assert a.tolist() == b.tolist() if a.dtype.kind == "T" else a.tobytes() == b.tobytes(), name
        assert store.layout.extras == (("loss", "ifd") if extras == "ifd" else (extras,))
    ranked = np.asarray(store.array("up_neuron_index")[:50])
    own = plain.pool("mean").take(np.arange(50))
    np.testing.assert_allclose(
        np.take_along_axis(own, ranked.astype(int), 2), np.sort(own, axis=2)[:, :, ::-1][:, :, :20], rtol=2e-3
    )


def test_the_size_of_batches_changes_no_more_than_rounding(lm: CausalLM, pool: ActivationStore, tmp_path: Path) -> None:
    rows = list(pool.originals(range(100)))
    alone = capture(lm, rows, tmp_path / "s.zarr", batch_tokens=1, extras="all", template="plain")
    assert np.isnan(alone.response_alone_loss).nonzero()[0].tolist() == [EMPTY_ROW]
    for name in ("response_loss", "response_alone_loss", "embedding_mean", "embedding_weighted"):
        np.testing.assert_allclose(alone.column(name), pool.column(name)[:100], rtol=1e-3, atol=1e-4, err_msg=name)
    assert (alone.up_neurons == pool.up_neurons[:100]).mean() > 0.99


# -- what the store does with them


def test_only_some_layers(lm: CausalLM, pool: ActivationStore, tmp_path: Path) -> None:
    rows = list(pool.originals(range(30)))
    store = capture(lm, rows, tmp_path / "s.zarr", layers=[2, 0], extras=["nag", "embedding"], template="plain")
    assert (store.up_neurons == pool.up_neurons[:30][:, [0, 2]]).mean() > 0.99
    np.testing.assert_allclose(store.embedding(), pool.embedding()[:30], rtol=1e-3, atol=1e-4)


def test_a_store_without_text_packed_and_damaged(lm: CausalLM, tmp_path: Path) -> None:
    rows, path = make_rows(80), tmp_path / "s.zarr"
    options: dict[str, Any] = {"template": "plain", "block_rows": 32, "deterministic": True, "text": False}
    store = capture(lm, rows, path, extras=EXTRAS, **options)
    assert store.info()["extras"] == list(EXTRAS)
    sound = {file: file.read_bytes() for file in path.rglob("*") if file.is_file()}
    packed = open_store(store.pack())
    assert packed.verify().ok
    for name in extra_columns(store.layout):
        np.testing.assert_array_equal(packed.column(name), store.column(name))
    for file in ("response_alone_loss/c/0", "embedding_weighted/c/1/0", "up_neuron_index/c/2/0/0"):
        flip(path / file)
        assert str(path / file) in open_store(path).verify().problems[0]
        assert capture(lm, rows, path, extras="all", **options).verify().ok
        assert {file: file.read_bytes() for file in sound} == sound


def test_packed_without_text_they_stay(pool: ActivationStore, tmp_path: Path) -> None:
    bare = open_store(pool.pack(tmp_path / "bare.zarr.zip", text=False))
    assert bare.layout.extras == EXTRAS
    np.testing.assert_array_equal(bare.response_alone_loss, pool.response_alone_loss)
    np.testing.assert_array_equal(bare.up_neurons, pool.up_neurons)


def test_a_store_that_said_loss_is_read_on(lm: CausalLM, tmp_path: Path) -> None:
    rows, path = make_rows(20), tmp_path / "s.zarr"
    expected = capture(lm, rows, path, extras=["loss"], template="plain").response_loss
    document = json.loads((path / "zarr.json").read_text())
    layout = document["attributes"]["nait"]["layout"]
    for name in ("extras", "hidden_size", "up_size"):
        del layout[name]
    layout["loss"] = True
    (path / "zarr.json").write_text(json.dumps(document))
    old = open_store(path)
    assert old.layout.extras == ("loss",)
    assert old.verify().ok
    np.testing.assert_array_equal(old.response_loss, expected)
    assert capture(lm, rows, path, extras=["loss"], template="plain").complete  # the same, so it is left as it is
    layout["loss"] = False
    (path / "zarr.json").write_text(json.dumps(document))
    assert open_store(path).layout.extras == ()


def test_what_was_not_kept_is_told_with_how_to_keep_it(lm: CausalLM, tmp_path: Path) -> None:
    store = capture(lm, make_rows(5), tmp_path / "s.zarr", extras=["embedding"], template="plain")
    reads: dict[str, Callable[[], Any]] = {
        r"extra 'loss'; capture it again with `--extras loss,embedding`": lambda: store.response_loss,
        r"extra 'ifd'; capture it again with `--extras loss,ifd,embedding`": lambda: store.response_alone_loss,
        r"extra 'nag'; capture it again with `--extras embedding,nag`": lambda: store.up_neurons,
        "no embedding 'median'; choose mean or weighted": lambda: store.embedding("median"),
    }
    for message, read in reads.items():
        with pytest.raises(StoreError, match=message):
            read()
    with pytest.raises(StoreError, match="`--extras embedding`"):
        capture(lm, make_rows(5), tmp_path / "plain.zarr", template="plain").embedding()


def test_what_can_not_be_kept_is_refused_before_work(tmp_path: Path) -> None:
    path = tmp_path / "s.zarr"
    lm = tiny_model("qwen3_moe")
    with pytest.raises(ModelError, match=r"has no up_proj_abs in layer 1, .*: leave the extra 'nag' out"):
        capture(lm, make_rows(3), path, extras="all", template="plain")
    with pytest.raises(StoreError, match="extra 'perplexity' is unknown; choose among loss, ifd, embedding, nag, or"):
        capture(lm, make_rows(3), path, extras=["loss", "perplexity"], template="plain")
    assert not path.exists()
    store = capture(lm, make_rows(3), path, extras="all", template="plain", layers=[0])
    assert store.up_neurons.shape == (3, 1, 20)
