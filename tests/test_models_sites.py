from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import ARCHITECTURES, DENSE, HIDDEN, LAYERS, MOE, WIDE, bare_model, tiny_model, tiny_tokenizer
from torch import Tensor, nn
from torch.nn.functional import linear, silu
from transformers import RwkvConfig, RwkvForCausalLM

from nait_widgets.errors import ModelError
from nait_widgets.models import SITES, CausalLM, Site, Tap, find_site, load_model, probe, tapped

# Down projection, up projection and the up branch's columns, as the sources of transformers name them.
NAMED = dict.fromkeys(DENSE, ("mlp.down_proj", "mlp.up_proj", slice(None))) | {
    "phi3": ("mlp.down_proj", "mlp.gate_up_proj", slice(WIDE, None)),
    "gpt2": ("mlp.c_proj", "mlp.c_fc", slice(None)),
    "gpt_neox": ("mlp.dense_4h_to_h", "mlp.dense_h_to_4h", slice(None)),
    "opt": ("fc2", "fc1", slice(None)),
}


def read(lm: CausalLM, site: Site, ids: Tensor) -> list[Tensor]:
    received: dict[int, Tensor] = {}
    with tapped(site, lambda layer, tensor: received.update({layer: tensor.clone()})):
        lm.last_hidden(ids)
    return [received[layer] for layer in site.layers]


def two_rows(lm: CausalLM) -> Tensor:
    return lm.ordinary_ids(12).reshape(2, 6)


def blocks(lm: CausalLM) -> Any:
    return next(m for m in lm.backbone.modules() if isinstance(m, nn.ModuleList) and len(m) == LAYERS)


@contextmanager
def calls_of(module: nn.Module) -> Iterator[list[tuple[Tensor, Tensor]]]:
    calls: list[tuple[Tensor, Tensor]] = []
    handle = module.register_forward_hook(lambda _m, args, output: calls.append((args[0].clone(), output.clone())))
    yield calls
    handle.remove()


@pytest.mark.parametrize("architecture", DENSE)
def test_sites_are_the_tensors_that_their_definitions_name(architecture: str) -> None:
    lm = tiny_model(architecture)
    ids = two_rows(lm)
    down, up, columns = NAMED[architecture]
    for layer in (0, LAYERS - 1):
        block = blocks(lm)[layer]
        with calls_of(block.get_submodule(down)) as downs, calls_of(block.get_submodule(up)) as ups:
            lm.last_hidden(ids)
        expected = {
            "mlp_act": downs[0][0].reshape(2, 6, WIDE),
            "mlp_out": downs[0][1].reshape(2, 6, HIDDEN),
            "up_proj_abs": ups[0][1][..., columns].abs().reshape(2, 6, WIDE),
        }
        for name, tensor in expected.items():
            site = find_site(lm, name, [layer])
            assert site.n_neurons == tensor.shape[-1]
            torch.testing.assert_close(read(lm, site, ids)[0], tensor, rtol=0, atol=0)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_resid_post_is_each_blocks_output_and_never_normed(architecture: str) -> None:
    lm = tiny_model(architecture)
    ids = two_rows(lm)
    site = find_site(lm, "resid_post")
    assert (site.layers, site.n_neurons) == ((0, 1, 2), HIDDEN)
    tensors = read(lm, site, ids)
    states = lm.model(input_ids=ids, output_hidden_states=True).hidden_states
    for tensor, state in zip(tensors[:-1], states[1:-1], strict=True):
        torch.testing.assert_close(tensor, state)
    assert not torch.allclose(tensors[-1], states[-1])
    torch.testing.assert_close(states[-1], lm.last_hidden(ids))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_probe_passes_without_a_mask_and_leaves_no_trace(architecture: str) -> None:
    lm = tiny_model(architecture)
    random, grad = torch.get_rng_state(), torch.is_grad_enabled()
    names = SITES if architecture in DENSE else ("resid_post", "mlp_out")
    for name in names:
        seen = probe(lm, find_site(lm, name))
        assert not seen.masked
        assert seen.error < 1e-5 < seen.tolerance
    assert torch.equal(random, torch.get_rng_state())
    assert grad == torch.is_grad_enabled()
    for module in lm.model.modules():
        assert not module.training
        assert not module._forward_hooks
        assert not module._forward_pre_hooks


@pytest.mark.parametrize("architecture", MOE)
@pytest.mark.parametrize("name", ["mlp_act", "up_proj_abs"])
def test_experts_have_no_neurons_to_hook(architecture: str, name: str) -> None:
    lm = tiny_model(architecture)
    with pytest.raises(ModelError, match=r"mixture of experts.*resid_post or mlp_out"):
        find_site(lm, name)


def test_mlp_out_of_experts_is_the_output_of_the_mixture() -> None:
    for architecture in MOE:
        lm = tiny_model(architecture)
        ids = two_rows(lm)
        with calls_of(blocks(lm)[1].mlp) as calls:
            lm.last_hidden(ids)
        torch.testing.assert_close(read(lm, find_site(lm, "mlp_out", [1]), ids)[0], calls[0][1])


def test_dense_layers_between_experts_can_be_asked_for() -> None:
    lm = tiny_model("qwen3_moe")
    with pytest.raises(ModelError, match=r"layer 1, .* of the layers \[0\] alone"):
        find_site(lm, "mlp_act")
    assert find_site(lm, "mlp_act", [0]).n_neurons == WIDE


def test_a_dense_mlp_beside_the_experts_leaves_no_mlp_out() -> None:
    lm = tiny_model("llama")
    for block in blocks(lm):
        block.self_attn = AttentionWithExperts(block.self_attn)
    with pytest.raises(ModelError, match=r"mixture of experts.*ask for resid_post"):
        find_site(lm, "mlp_out")


class AttentionWithExperts(nn.Module):
    """A mixture outside the MLP."""

    def __init__(self, attention: nn.Module) -> None:
        super().__init__()
        self.attention = attention
        self.stacked = nn.Parameter(torch.randn(2, HIDDEN, HIDDEN))

    def forward(self, **kwargs: Any) -> tuple[Tensor, Any]:
        hidden, weights = self.attention(**kwargs)
        return hidden @ self.stacked.mean(0), weights


class Gated(nn.Module):
    """A gated MLP that no list of names knows; its up projection runs first."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two, self.three = nn.Linear(HIDDEN, WIDE), nn.Linear(HIDDEN, WIDE), nn.Linear(WIDE, HIDDEN)

    def forward(self, x: Tensor) -> Tensor:
        up = self.one(x)
        return self.out(up * silu(self.two(x)))

    def out(self, neurons: Tensor) -> Tensor:
        return self.three(neurons)  # type: ignore[no-any-return]


class Normed(Gated):
    """A norm stands between the product and the down projection."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(WIDE)

    def out(self, neurons: Tensor) -> Tensor:
        return self.three(self.norm(neurons))  # type: ignore[no-any-return]


class Bypassing(Gated):
    """The weights are used without calling the module, as fused kernels do."""

    def out(self, neurons: Tensor) -> Tensor:
        return linear(neurons, self.three.weight, self.three.bias)


class SameWidth(Gated):
    """As many neurons as the hidden width."""

    def __init__(self) -> None:
        nn.Module.__init__(self)
        self.one, self.two, self.three = (nn.Linear(HIDDEN, HIDDEN) for _ in range(3))


class Interleaved(nn.Module):
    """One projection holds up in its even columns and gate in its odd ones."""

    def __init__(self) -> None:
        super().__init__()
        self.both, self.three = nn.Linear(HIDDEN, 2 * WIDE), nn.Linear(WIDE, HIDDEN)

    def forward(self, x: Tensor) -> Tensor:
        both = self.both(x)
        return self.three(both[..., ::2] * silu(both[..., 1::2]))  # type: ignore[no-any-return]


class UpFirst(Interleaved):
    """One projection holds up in its left half."""

    def forward(self, x: Tensor) -> Tensor:
        up, gate = self.both(x).chunk(2, dim=-1)
        return self.three(up * silu(gate))  # type: ignore[no-any-return]


class ExpertList(nn.Module):
    """Experts as a list of MLPs, as older releases of transformers hold them; each token goes to one."""

    def __init__(self) -> None:
        super().__init__()
        self.experts = nn.ModuleList(Gated() for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        chosen = (x[..., 0] > 0).long()
        out = torch.empty_like(x)
        for i, expert in enumerate(self.experts):
            out[chosen == i] = expert(x[chosen == i])
        return out


def with_mlp(make: Callable[[], nn.Module]) -> CausalLM:
    model = bare_model("llama")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        for block in model.model.layers:
            block.mlp = make()
    return load_model(model, tokenizer=tiny_tokenizer())


@pytest.mark.parametrize(
    ("make", "up", "columns"),
    [
        (Gated, "one", slice(None)),
        (Normed, "one", slice(None)),
        (SameWidth, "one", slice(None)),
        (Interleaved, "both", slice(0, None, 2)),
        (UpFirst, "both", slice(WIDE)),
    ],
)
def test_sites_are_found_without_any_known_name(make: Callable[[], nn.Module], up: str, columns: slice) -> None:
    lm = with_mlp(make)
    ids = two_rows(lm)
    mlp = blocks(lm)[1].mlp
    with calls_of(mlp.three) as downs, calls_of(getattr(mlp, up)) as ups:
        lm.last_hidden(ids)
    for name, expected in (
        ("mlp_act", downs[0][0]),
        ("mlp_out", downs[0][1]),
        ("up_proj_abs", ups[0][1][..., columns].abs()),
    ):
        site = find_site(lm, name, [1])
        torch.testing.assert_close(read(lm, site, ids)[0], expected, rtol=0, atol=0)
        probe(lm, site)


def test_experts_in_a_list_are_told_too() -> None:
    lm = with_mlp(ExpertList)
    with pytest.raises(ModelError, match="mixture of experts"):
        find_site(lm, "mlp_act")
    assert probe(lm, find_site(lm, "mlp_out")).error < 1e-5


def test_a_bypassed_module_is_refused_when_found_and_when_probed() -> None:
    lm = with_mlp(Bypassing)
    with pytest.raises(ModelError, match=r"fused kernel.*ask for resid_post"):
        find_site(lm, "mlp_act")
    block = blocks(lm)[0]
    with pytest.raises(ModelError, match="never fired"):
        probe(lm, Site("mlp_act", (Tap(0, block.mlp.three, "input", block),), WIDE))


def test_a_module_that_layers_share_is_refused() -> None:
    lm = tiny_model("llama")
    blocks(lm)[1].mlp = blocks(lm)[0].mlp
    with pytest.raises(ModelError, match="fired 2 times"):
        probe(lm, find_site(lm, "mlp_act"))


def test_a_site_of_another_width_and_values_that_are_not_finite_are_refused() -> None:
    lm = tiny_model("llama")
    site = find_site(lm, "mlp_act")
    with pytest.raises(ModelError, match=r"\(1, 9, 48\) instead of \(1, 9, 47\)"):
        probe(lm, Site(site.name, site.taps, WIDE - 1))
    blocks(lm)[0].mlp.down_proj.weight.fill_(float("inf"))
    with pytest.raises(ModelError, match="not"):
        probe(lm, find_site(lm, "resid_post"))


def test_layers_count_from_either_end_and_come_in_order() -> None:
    lm = tiny_model("gpt2")
    assert find_site(lm, "resid_post", [-1, 0, 2]).layers == (0, 2)
    with pytest.raises(ModelError, match="there is no layer 3: the model has 0 to 2"):
        find_site(lm, "resid_post", [0, 3])
    with pytest.raises(ModelError, match="no layer was asked for"):
        find_site(lm, "resid_post", [])
    with pytest.raises(ModelError, match="no site 'mlp': choose from resid_post, mlp_act"):
        find_site(lm, "mlp")


def test_layers_of_different_widths_are_refused_together() -> None:
    lm = tiny_model("llama")
    blocks(lm)[1].mlp = with_mlp(SameWidth).model.model.layers[1].mlp
    with pytest.raises(ModelError, match="differ in width"):
        find_site(lm, "mlp_act")
    assert find_site(lm, "mlp_act", [0, 2]).n_neurons == WIDE


def test_hooks_are_removed_when_the_forward_fails() -> None:
    lm = tiny_model("opt")

    def fail(_layer: int, _tensor: Tensor) -> None:
        raise ArithmeticError

    for name in SITES:
        site = find_site(lm, name)
        with pytest.raises(ArithmeticError), tapped(site, fail):
            lm.last_hidden(two_rows(lm))
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in lm.model.modules())


def scaled_by_length(lm: CausalLM, *, heed_mask: bool) -> None:
    """Make the embeddings depend on the number of tokens: causal in the tokens, but not blind to padding."""
    backbone: Any = lm.backbone
    plain = backbone.forward

    def forward(input_ids: Tensor, attention_mask: Tensor | None = None, **kwargs: Any) -> Any:
        counted = attention_mask if heed_mask and attention_mask is not None else torch.ones_like(input_ids)
        embeddings = lm.embedding[input_ids] + 1 / counted.sum(1)[:, None, None]
        return plain(inputs_embeds=embeddings, attention_mask=attention_mask, **kwargs)

    backbone.forward = forward


def test_probe_says_when_a_mask_is_needed() -> None:
    lm = tiny_model("llama")
    scaled_by_length(lm, heed_mask=True)
    seen = probe(lm, find_site(lm, "resid_post"))
    assert seen.masked
    assert seen.error < seen.tolerance


def test_probe_refuses_a_model_that_padding_changes_either_way() -> None:
    lm = tiny_model("llama")
    scaled_by_length(lm, heed_mask=False)
    with pytest.raises(ModelError, match=r"differs by [\d.]+ without and [\d.]+ with an attention mask"):
        probe(lm, find_site(lm, "resid_post"))


@pytest.mark.parametrize(
    ("architecture", "dtype"),
    [
        ("llama", torch.bfloat16),
        ("gpt_neox", torch.bfloat16),
        ("opt", torch.bfloat16),
        ("qwen3_moe", torch.bfloat16),
        ("phi3", torch.float16),
        ("gemma2", torch.float64),
    ],
)
def test_sites_are_found_in_other_dtypes(architecture: str, dtype: torch.dtype) -> None:
    lm = load_model(bare_model(architecture, dtype=dtype), tokenizer=tiny_tokenizer())
    for name in SITES if architecture in DENSE else ("resid_post", "mlp_out"):
        seen = probe(lm, find_site(lm, name))
        assert seen.error <= seen.tolerance == {torch.bfloat16: 5e-2, torch.float16: 2e-2, torch.float64: 1e-6}[dtype]


def test_a_trained_model_has_every_site() -> None:
    folder = Path(os.environ.get("NAIT_SHARED", Path(__file__).parents[2] / "shared")) / "model"
    if not (folder / "config.json").is_file():
        pytest.skip("no trained model in NAIT_SHARED")
    for dtype in ("auto", "bfloat16"):
        lm = load_model(folder, dtype=dtype, device="cpu")
        for name in SITES:
            seen = probe(lm, find_site(lm, name))
            assert not seen.masked


def test_a_block_of_another_form_has_its_output_only() -> None:
    config = RwkvConfig(vocab_size=300, hidden_size=HIDDEN, num_hidden_layers=2, intermediate_size=WIDE)
    lm = load_model(RwkvForCausalLM(config), tokenizer=tiny_tokenizer())
    with pytest.raises(ModelError, match=r"no down projection was seen .*ask for resid_post"):
        find_site(lm, "mlp_act")
    assert not probe(lm, find_site(lm, "resid_post")).masked
