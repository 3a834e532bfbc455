"""The MLP of a decoder block, told by the equation that it computes.

The down projection is the linear map back to the hidden width whose input is `f(up)` or `f(gate) * up`, where `gate`
and `up` are outputs of linear maps of the same block and f is an elementwise activation function. Nothing else in a
block has this form (attention mixes tokens), so the equation, tested on the numbers of one forward, tells the parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import permutations

import torch
from torch import Tensor, nn

from nait_widgets.models.causal_lm import relative_difference

_RIVAL = 4.0  # the other assignment of gate and up must fit this many times worse

Activation = Callable[[Tensor], Tensor]


@dataclass(frozen=True, slots=True)
class Mlp:
    """A dense MLP of one block.

    Attributes:
        down: The down projection.
        up: The projection that no activation function is applied to (ungated: the only one); None where gate and up
            can't be told apart.
        columns: The columns of `up`'s output that are the up branch, where one projection holds both.
        n_neurons: The width of the down projection's input.
    """

    down: nn.Module
    up: nn.Module | None
    columns: slice
    n_neurons: int


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a module in a forward: input and output as (tokens, width)."""

    module: nn.Module
    input: Tensor
    output: Tensor


def is_linear(module: nn.Module) -> bool:
    """Whether a module without children holds a matrix: a linear map of whichever class, quantised ones included."""
    tensors = (*module.parameters(recurse=False), *module.buffers(recurse=False))
    return not any(module.children()) and any(tensor.ndim >= 2 for tensor in tensors)


def find_mlp(calls: list[Call], width: int, functions: list[Activation], tolerance: float) -> Mlp | None:
    """Find the last linear map to the hidden width whose input has the form of an MLP's neurons."""
    linears = [call for call in calls if is_linear(call.module)]
    for down in reversed(linears):
        n_neurons = down.input.shape[-1]
        if down.output.shape[-1] != width:
            continue
        branches = [branch for call in linears if call is not down for branch in _branches(call, n_neurons)]
        activations: list[Activation] = [*functions, *_activation_modules(calls, n_neurons)]
        for neurons in _before(down.input, calls):
            if (up := _match(neurons, branches, activations, tolerance)) is not None:
                return Mlp(down.module, up.module, up.columns, n_neurons)
    return None


@dataclass(frozen=True, slots=True)
class _Branch:
    """A projection, or half of a fused one, as wide as the neurons; `module` is None for one that can't be told."""

    module: nn.Module | None
    columns: slice
    values: Tensor


def _branches(call: Call, n_neurons: int) -> Iterator[_Branch]:
    if call.output.shape[-1] == n_neurons:
        halves = [slice(None)]
    elif call.output.shape[-1] == 2 * n_neurons:
        halves = [slice(n_neurons), slice(n_neurons, None), slice(0, None, 2), slice(1, None, 2)]
    else:
        return
    for columns in halves:
        yield _Branch(call.module, columns, call.output[:, columns])


def _activation_modules(calls: list[Call], n_neurons: int) -> Iterator[Activation]:
    """Modules of the block that act on each element alone; that rules out norms, and dropout as an identity."""
    for call in calls:
        shaped = call.input.shape == call.output.shape and call.input.shape[-1] == n_neurons
        if not shaped or any(call.module.children()) or any(p.numel() > 1 for p in call.module.parameters()):
            continue
        apply: Activation = call.module.forward  # not the module itself, whose hooks are recording
        half = call.input[:, : n_neurons // 2]
        elementwise = torch.allclose(apply(half), call.output[:, : half.shape[1]])
        if elementwise and not torch.equal(call.input, call.output):
            yield apply


def _before(tensor: Tensor, calls: list[Call]) -> Iterator[Tensor]:
    """A tensor, then what it was before each norm, dropout or activation module that it came through."""
    yield tensor
    for call in reversed(calls):
        pointwise = call.input.shape == call.output.shape and not is_linear(call.module)
        if pointwise and not any(call.module.children()) and torch.equal(call.output, tensor):
            tensor = call.input
            yield tensor


def _match(neurons: Tensor, branches: list[_Branch], activations: list[Activation], tolerance: float) -> _Branch | None:
    """The up branch of `neurons = f(up)` or `neurons = f(gate) * up`; None where neither equation holds."""
    for branch in branches:
        if any(_misfit(f(branch.values), neurons) <= tolerance for f in activations):
            return branch
    misfits = {
        (gate, up): min((_misfit(f(g.values) * u.values, neurons) for f in activations), default=float("inf"))
        for (gate, g), (up, u) in permutations(enumerate(branches), 2)
    }
    (gate, up), best = min(misfits.items(), key=lambda item: item[1], default=((0, 0), float("inf")))
    if best > tolerance:
        return None
    if misfits[up, gate] < _RIVAL * max(best, torch.finfo(neurons.dtype).eps):
        return _Branch(None, slice(None), neurons)
    return branches[up]


def _misfit(candidate: Tensor, neurons: Tensor) -> float:
    return relative_difference(candidate.flatten(), neurons.flatten())
