"""The decoder blocks of a model and their parts, found by what they compute in one small forward, not by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from nait_widgets.errors import ModelError
from nait_widgets.models.mlp import Activation, Call, Mlp, find_mlp, is_linear

if TYPE_CHECKING:
    from nait_widgets.models.causal_lm import CausalLM

_N_TOKENS = 8


@dataclass(frozen=True, slots=True)
class Block:
    """One decoder block.

    Attributes:
        layer: Its number, from 0.
        module: The block.
        width: The hidden width H of its output (B, T, H).
        mlp: Its dense MLP, or None.
        mlp_end: The module whose output leaves the MLP: the down projection, or a mixture of experts; or None.
        reason: Why `mlp`, and `mlp_end` if it is so, are None.
    """

    layer: int
    module: nn.Module
    width: int
    mlp: Mlp | None
    mlp_end: nn.Module | None
    reason: str


def first_tensor(values: Any) -> Tensor | None:
    """The value itself or the first tensor of a tuple; None where there is no tensor."""
    if isinstance(values, Tensor):
        return values
    return next((v for v in values if isinstance(v, Tensor)), None) if isinstance(values, (tuple, list)) else None


@torch.inference_mode()
def dissect(lm: CausalLM, layers: Sequence[int]) -> list[Block]:
    """Run a small forward and tell the parts of the blocks.

    Args:
        lm: The model.
        layers: The layers to dissect, from 0.

    Raises:
        ModelError: The model has no sequence of decoder blocks.
    """
    ids = lm.ordinary_ids(_N_TOKENS)[None]
    blocks = _decoder_blocks(lm, ids)
    functions = _activation_functions(lm)
    found: list[Block] = []
    handles = []
    calls: list[Call] = []

    def record(module: nn.Module, args: Any, kwargs: dict[str, Any], output: Any) -> None:
        x, y = first_tensor((*args, *kwargs.values())), first_tensor(output)
        if x is None or y is None or x.ndim < 2 or y.ndim < 2:
            return
        x, y = x.flatten(0, -2), y.flatten(0, -2)
        if len(x) == len(y) == _N_TOKENS:
            calls.append(Call(module, x.clone(), y.clone()))  # a later step may write in place

    def finish(layer: int, block: nn.Module, output: Any) -> None:
        hidden = first_tensor(output)
        assert hidden is not None
        found.append(_describe(layer, block, hidden.shape[-1], calls, functions, lm.tolerance))
        calls.clear()

    try:
        for layer in layers:
            handles += [m.register_forward_hook(record, with_kwargs=True) for m in blocks[layer].modules()]
            handles.append(
                blocks[layer].register_forward_hook(lambda m, _args, output, layer=layer: finish(layer, m, output))
            )
        lm.last_hidden(ids)
    finally:
        for handle in handles:
            handle.remove()
    return found


def _describe(
    layer: int,
    block: nn.Module,
    width: int,
    calls: list[Call],
    functions: list[Activation],
    tolerance: float,
) -> Block:
    """Tell the parts of a block from the calls that were seen inside it."""
    mlp = find_mlp(calls, width, functions, tolerance)
    experts = _experts(block)
    if experts is None:
        reason = "" if mlp else "no down projection was seen to run there (a fused kernel may bypass the modules)"
        return Block(layer, block, width, mlp, mlp.down if mlp else None, reason)
    reason = "its MLP is a mixture of experts, each run on some tokens only, with nothing to hook for all of them"
    # A dense MLP may be a shared expert inside the mixture; one beside it leaves no single output to hook.
    beside = mlp is not None and all(module is not mlp.down for module in experts.modules())
    whole = any(call.module is experts and call.output.shape[-1] == width for call in calls)
    return Block(layer, block, width, None, experts if whole and not beside else None, reason)


def _decoder_blocks(lm: CausalLM, ids: Tensor) -> nn.ModuleList:
    """The first list of as many modules as the configuration has layers, each run once and in turn."""
    lists = [m for m in lm.backbone.modules() if isinstance(m, nn.ModuleList) and len(m) == lm.n_layers]
    ran: list[nn.Module] = []
    members = {id(member): member for modules in lists for member in modules}

    def note(module: nn.Module, _args: Any, output: Any) -> None:
        if (y := first_tensor(output)) is not None and y.shape[:2] == ids.shape and y.ndim == 3:
            ran.append(module)

    handles = [member.register_forward_hook(note) for member in members.values()]
    try:
        lm.last_hidden(ids)
    finally:
        for handle in handles:
            handle.remove()
    for modules in lists:
        own = {id(member) for member in modules}
        if [id(m) for m in ran if id(m) in own] == [id(m) for m in modules]:
            return modules
    raise ModelError(
        f"{lm.identity.architecture} has no list of {lm.n_layers} decoder blocks that run once each and in turn, "
        "so there is nothing to hook: use a model with a plain stack of blocks"
    )


def _activation_functions(lm: CausalLM) -> list[Activation]:
    """The common ones and those that the configuration names, since a block may apply them without a module."""
    from transformers.activations import ACT2FN

    values = (value for value in lm.config.to_dict().values() if isinstance(value, str))
    return [ACT2FN[name] for name in sorted({"silu", "gelu", "relu", *values}) if name in ACT2FN]


def _experts(block: nn.Module) -> nn.Module | None:
    """The child of the block that holds experts, either as stacked parameters or as a list of MLPs."""

    def is_bank(module: nn.Module) -> bool:
        if isinstance(module, nn.ModuleList):
            return len(module) > 1 and all(any(is_linear(m) for m in member.modules()) for member in module)
        convolution = isinstance(module, (nn.Conv1d, nn.Conv2d))
        return not convolution and any(p.ndim == 3 and min(p.shape) > 1 for p in module.parameters(recurse=False))

    return next((child for child in block.children() if any(is_bank(m) for m in child.modules())), None)
