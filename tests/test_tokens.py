"""Tokens' shares of a score, against the score itself and against every token's activation run alone."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import EMPTY_ROW, Row, make_rows
from plain import Floats, activations
from shared import shared
from test_models_sites import blocks
from tiny import DENSE, HIDDEN, WIDE, bare_model, tiny_model, tiny_tokenizer
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import nn
from transformers import PreTrainedTokenizerFast

from nait_widgets import Direction, capture, demo, fit_direction, load_model, score
from nait_widgets.errors import DirectionError, ModelError, StoreError
from nait_widgets.explaining import promoted_tokens, token_contributions
from nait_widgets.explaining.tokens import pieces
from nait_widgets.models import CausalLM
from nait_widgets.records import Renderer, read_records
from nait_widgets.store import POOLS, ActivationStore, Status

SCORED_POOLS = [pool for pool in POOLS if pool != "first"]
FLOAT16 = 2e-3


def assert_sums_to_the_score(
    store: ActivationStore, direction: Direction, model: Any, rows: list[int], tolerance: float = FLOAT16
) -> None:
    scores = score(store, direction)
    values = scores["score"].values[:, 0]
    for row in rows:
        found = token_contributions(store, str(store.sample_id[row]), direction, model, scores)
        assert found.score == pytest.approx(values[row], rel=tolerance, abs=tolerance * np.nanstd(values)), row
        assert found.total + found.constant == found.score
        assert found.contributions.sum() == pytest.approx(found.total)
        assert len(found.tokens) == len(found.token_ids) == len(found.contributions) == store.n_tokens[row]
        assert not found.contributions[~found.in_pool].any()


# -- the sum is the score


@pytest.fixture(scope="module", params=["demo", "shared"])
def real(request: pytest.FixtureRequest) -> tuple[CausalLM, list[Row], list[Row]]:
    """A trained model, random rows of a real pool, and in-domain samples."""
    if request.param == "demo":
        model, pool, target = demo.MODEL, demo.POOL, demo.in_domain("arithmetic")
    else:
        model, pool = shared("model"), next(iter(sorted(shared("data", "alpaca52k").glob("*.json*"))))
        target = next(iter(sorted(shared("data", "gsm8k").glob("*test*"))))
    sound = [dict(record.original) for record in read_records(pool) if record.defect is None]
    samples = [dict(record.original) for record in read_records(target, limit=32)]
    return load_model(model, device="cpu"), random.Random(3).sample(sound, 100), samples


@pytest.mark.parametrize("site", ["resid_post", "mlp_act"])
def test_tokens_sum_to_the_score_of_both_presets(
    real: tuple[CausalLM, list[Row], list[Row]], site: str, tmp_path: Path
) -> None:
    lm, candidates, samples = real
    store = capture(lm, candidates, tmp_path / "s.zarr", site=site, max_length=192)
    rows = np.flatnonzero(store.selectable)[::12].tolist()
    for preset in ("paper", "robust"):
        direction = fit_direction(lm, samples, name=preset, preset=preset, background=store)
        assert_sums_to_the_score(store, direction, lm, rows)


@pytest.mark.parametrize("similarity", ["dot", "cosine", "zscore"])
@pytest.mark.parametrize("center", ["none", "pool"])
@pytest.mark.parametrize("pool_name", SCORED_POOLS)
def test_tokens_sum_to_the_score_of_every_option(
    pool: ActivationStore, direction: Direction, lm: CausalLM, pool_name: str, center: str, similarity: str
) -> None:
    asked = direction.scored_by(pool=pool_name, center=center, similarity=similarity)
    assert_sums_to_the_score(pool, asked, lm, [0, 256, 699], 5e-3)


def test_layers_may_be_left_out_and_directions_combined(
    pool: ActivationStore, direction: Direction, robust: Direction, lm: CausalLM
) -> None:
    for asked in (robust.scored_by(layers=[2, 0]), direction.scored_by(layers=[1], center="pool"), direction * -3):
        assert_sums_to_the_score(pool, asked, lm, [0, 511])


@pytest.mark.parametrize("template", ["alpaca", "plain"])
def test_rows_of_every_format_are_read_as_they_were(lm: CausalLM, template: str, tmp_path: Path) -> None:
    plain = make_rows(24)
    plain[3]["output"] = "lake mill " * 120
    sources: dict[str, Any] = {
        "fields": read_records(
            [{"q": r["instruction"], "input": "not read", "a": r["output"]} for r in plain],
            fields={"prompt": "q", "response": "a"},
        ),
        "messages": [
            {"messages": [{"role": "user", "content": r["instruction"]}, {"role": "assistant", "content": r["output"]}]}
            for r in plain
        ],
        "text": [{"text": r["output"]} for r in plain],
    }
    for name, source in sources.items():
        store = capture(lm, source, tmp_path / f"{name}.zarr", template=template, max_length=230, store_dtype="float32")
        assert store.status[3] == Status.TRUNCATED
        direction = fit_direction(lm, make_rows(9, 5), name="d", template=template)
        assert_sums_to_the_score(store, direction, lm, [0, 3, 23], 1e-4)


# -- each token's own share


def test_shares_are_the_tokens_own_activations(
    pool: ActivationStore, direction: Direction, lm: CausalLM, pool_rows: list[Row]
) -> None:
    (sample,) = Renderer(lm.tokenizer, template="plain").render(list(read_records(pool_rows[300:302]))[1:])
    each: Floats = np.einsum("ltd,ld->t", activations(lm, sample)["resid_post"], direction.vectors.astype(np.float64))
    n, (start, stop) = len(each), sample.response
    assert 0 < start < stop < n  # BOS, prompt, response, EOS
    weights: dict[str, Floats] = {
        "mean": np.full(n, 1 / n),
        "response_mean": np.array([1 / (stop - start) if start <= t < stop else 0 for t in range(n)]),
        "tail_mean": np.array([0, *[1 / (n - 1)] * (n - 1)]),
        "content_mean": np.array([0, *[1 / (n - 2)] * (n - 2), 0]),
        "weighted": np.arange(1, n + 1) / (n * (n + 1) / 2),
        "content_last": np.eye(n)[stop - 1],
        "delta": np.eye(n)[n - 1] - np.eye(n)[0],
    }
    for name, weight in weights.items():
        found = token_contributions(pool, str(pool.sample_id[301]), direction.scored_by(pool=name), lm)
        np.testing.assert_allclose(found.contributions, weight * each, atol=1e-5, err_msg=name)
        assert found.in_pool.tolist() == (weight != 0).tolist()
        assert found.token_ids.tolist() == sample.input_ids.tolist()
        assert found.constant == 0


def test_the_constant_is_the_same_for_every_sample(pool: ActivationStore, robust: Direction, lm: CausalLM) -> None:
    scores = score(pool, robust)
    constants = {token_contributions(pool, f"row-0-000{i}", robust, lm, scores).constant for i in range(3)}
    (constant,) = constants
    assert constant == pytest.approx(-float((scores["layer_mean"] / scores["layer_scale"]).sum()))
    assert abs(constant) > 0.01


# -- the pieces of text


def test_pieces_are_the_rendered_text(pool: ActivationStore, direction: Direction, lm: CausalLM) -> None:
    found = token_contributions(pool, "row-0-0017", direction, lm)
    (prompt,), (response,) = pool.text("prompt", [17]), pool.text("response", [17])
    assert "".join(found.tokens) == f"<s>{prompt}\n\n{response}</s>"
    assert found.tokens[0] == "<s>"


def test_a_character_of_several_tokens_stands_with_the_last() -> None:
    tokenizer = tiny_tokenizer()
    text = "é 漢🙂\ufffd end"
    ids: list[int] = tokenizer(text)["input_ids"]
    assert len(ids) > len(text)
    found = pieces(tokenizer, ids)
    assert "".join(found) == text
    assert len(found) == len(ids)
    assert found[:2] == ("", "é")
    assert "".join(pieces(tokenizer, ids[:1])) == "\ufffd"  # cut within a character
    assert pieces(tokenizer, []) == ()


def test_spaces_that_a_decoder_drops_at_the_start_are_kept_between() -> None:
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.decoder = decoders.Metaspace()
    backend.train_from_iterator(
        ["the old mill by the lake"] * 3, trainers.BpeTrainer(vocab_size=60, show_progress=False)
    )
    make: Any = PreTrainedTokenizerFast
    tokenizer = make(tokenizer_object=backend)
    ids: list[int] = tokenizer("the old mill by the lake")["input_ids"]
    assert tokenizer.decode(ids[1:2]) == "old"
    assert pieces(tokenizer, ids) == ("the", " old", " mill", " by", " the", " lake")


# -- what can't be run again


def test_models_are_given_as_capture_takes_them(tmp_path: Path) -> None:
    lm = load_model(demo.MODEL, dtype="float64")
    store = capture(lm, read_records(demo.POOL, limit=8), tmp_path / "s.zarr")
    direction = fit_direction(lm, read_records(demo.in_domain("python"), limit=8), name="d")
    given: list[tuple[Any, Any]] = [(demo.MODEL, None), (str(demo.MODEL), None), (lm, None), (lm.model, lm.tokenizer)]
    totals = {
        token_contributions(store, str(store.sample_id[0]), direction, model, tokenizer=tokenizer).total
        for model, tokenizer in given
    }
    assert len(totals) == 1  # a path too is loaded in the store's precision


def test_another_model_template_or_tokenizer_is_refused(
    pool: ActivationStore, direction: Direction, lm: CausalLM, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match=r"was captured with another model \(.*; give the model"):
        token_contributions(pool, "row-0-0001", direction, tiny_model("llama", seed=1))
    ending = tiny_tokenizer()
    ending.eos_token = "<pad>"
    with pytest.raises(ModelError, match=r"was captured with another template \(plain .*, here plain"):
        token_contributions(pool, "row-0-0001", direction, load_model(lm.model, tokenizer=ending))
    coarse: Any = tiny_tokenizer()
    coarse.add_tokens(["river", "mill", "lake", "stone", "hill", "path", "tree", "cloud"])
    with pytest.raises(StoreError, match=r"'row-0-0001' gives \d+ tokens here and gave \d+ when"):
        token_contributions(pool, "row-0-0001", direction, load_model(lm.model, tokenizer=coarse))
    with pytest.raises(StoreError, match="was quarantined as empty, so it has no score"):
        token_contributions(pool, str(pool.sample_id[EMPTY_ROW]), direction, lm)
    with pytest.raises(DirectionError, match="score the store again"):
        token_contributions(pool, "row-0-0001", direction * 2, lm, score(pool, direction))
    bare = capture(lm, make_rows(9), tmp_path / "bare.zarr", template="plain", text=False)
    with pytest.raises(StoreError, match=r"was captured without text, .* capture it with `text=True`"):
        token_contributions(bare, str(bare.sample_id[0]), direction, lm)


# -- what a neuron promotes

_DOWN = {"gpt2": "mlp.c_proj", "gpt_neox": "mlp.dense_4h_to_h", "opt": "fc2"}
_NORM = {"gpt2": "ln_f", "gpt_neox": "final_layer_norm", "opt": "decoder.final_layer_norm"}


@pytest.mark.parametrize("architecture", DENSE)
def test_promoted_tokens_are_those_of_the_matrices(architecture: str) -> None:
    model = bare_model(architecture)
    lm = load_model(model, tokenizer=tiny_tokenizer())
    norm = model.base_model.get_submodule(_NORM.get(architecture, "norm"))
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(5)
        for parameter in norm.parameters():  # gains are all one, and biases zero, in a new model
            parameter.copy_(torch.rand_like(parameter) + 0.5)
    gain = norm.get_parameter("weight").double() + (1 if "gemma" in architecture else 0)
    projection = blocks(lm)[1].get_submodule(_DOWN.get(architecture, "mlp.down_proj"))
    matrix = projection.weight.double()
    down = matrix if isinstance(projection, nn.Linear) else matrix.T
    assert down.shape == (HIDDEN, WIDE)
    logits = lm.head.get_parameter("weight").double() @ (gain * down[:, 17])
    expected = logits[: len(lm.tokenizer)].sort(descending=True, stable=True)
    found = promoted_tokens(lm, 1, 17, n=8)
    assert [token for token, _ in found] == [lm.tokenizer.decode([i]) for i in expected.indices[:8].tolist()]
    np.testing.assert_allclose([value for _, value in found], expected.values[:8], rtol=1e-4)


def test_an_active_neuron_does_raise_the_tokens_it_promotes() -> None:
    lm = load_model(demo.MODEL, device="cpu")
    ids = lm.ordinary_ids(12)[None]
    promoted = [lm.tokenizer.convert_tokens_to_ids(lm.tokenizer.tokenize(t)[0]) for t, _ in promoted_tokens(lm, 5, 40)]
    before = lm.model(input_ids=ids).logits[0, -1]
    model: Any = lm.model
    handle = model.model.layers[5].mlp.down_proj.register_forward_pre_hook(
        lambda _m, args: (args[0] + 3 * torch.eye(384)[40],)
    )
    after = lm.model(input_ids=ids).logits[0, -1]
    handle.remove()
    raised = after - before
    assert raised[promoted].mean() > raised.mean() + 2 * raised.std()


def test_what_has_no_output_weights_is_refused(lm: CausalLM) -> None:
    with pytest.raises(ModelError, match="a neuron of resid_post has no output weights"):
        promoted_tokens(lm, 1, 3, site="resid_post")
    with pytest.raises(ModelError, match=f"no neuron {WIDE} in layer 1: it has those from 0 to {WIDE - 1}"):
        promoted_tokens(lm, 1, WIDE)
    with pytest.raises(ModelError, match="there is no layer 7"):
        promoted_tokens(lm, 7, 0)
    with pytest.raises(ModelError, match="mixture of experts"):
        promoted_tokens(tiny_model("mixtral"), 1, 0)
