"""Sites: which tensor of which module is a neuron.

| site | tensor |
|---|---|
| `resid_post` | the output of each decoder block, before the final norm |
| `mlp_act` | the input of the MLP's down projection: the MLP's neurons proper |
| `mlp_out` | the output of the down projection (mixture of experts: of the mixture), before norm and residual |
| `up_proj_abs` | the absolute output of the up projection, the branch that no activation function is applied to |
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from nait_widgets.errors import ModelError
from nait_widgets.models.anatomy import Block, dissect, first_tensor

if TYPE_CHECKING:
    from torch import Tensor, nn

    from nait_widgets.models.causal_lm import CausalLM

SITES: tuple[str, ...] = ("resid_post", "mlp_act", "mlp_out", "up_proj_abs")


@dataclass(frozen=True, slots=True)
class Tap:
    """Where to read one layer.

    Attributes:
        layer: The layer, from 0.
        module: The module to hook.
        side: Whether its input or its output is read.
        block: The decoder block that holds the module, or is it; its input is (B, T, H).
        columns: The columns of the tensor that are read.
        absolute: Whether absolute values are read.
    """

    layer: int
    module: nn.Module
    side: Literal["input", "output"]
    block: nn.Module
    columns: slice = field(default_factory=lambda: slice(None), hash=False)
    absolute: bool = False

    def read(self, args: Any, output: Any) -> Tensor:
        """Read the tensor from one call of the module.

        Args:
            args: The module's arguments.
            output: What it returned; not looked at where `side` is `input`.

        Returns:
            (B, T, D), or (B * T, D) where the model flattens its MLP's input (`tapped` restores the shape). It may
            share memory that the model writes to later.

        Raises:
            ModelError: There is no tensor.
        """
        tensor = first_tensor(args if self.side == "input" else output)
        if tensor is None:
            raise ModelError(
                f"layer {self.layer}: the {self.side} of {type(self.module).__name__} holds no tensor, "
                "so this site can't be read: use resid_post"
            )
        tensor = tensor[..., self.columns]
        return tensor.abs() if self.absolute else tensor


@dataclass(frozen=True, slots=True)
class Site:
    """A kind of neuron in some layers of one model.

    Attributes:
        name: One of `SITES`.
        taps: One a layer, in the order of the layers.
        n_neurons: The width D of every layer.
    """

    name: str
    taps: tuple[Tap, ...]
    n_neurons: int

    @property
    def layers(self) -> tuple[int, ...]:
        """The layers, from 0, ascending."""
        return tuple(tap.layer for tap in self.taps)


def find_site(lm: CausalLM, name: str, layers: Sequence[int] | None = None, *, advice: str | None = None) -> Site:
    """Find a site by the structure of the model: by what its modules compute in a small forward.

    Args:
        lm: The model.
        name: One of `SITES`.
        layers: Layers from 0, or negative from the end; None for all.
        advice: What the user can do where the model lacks it; None to ask for a site or for layers that it has.

    Raises:
        ModelError: There is no such site or layer, or this model does not have it; the message says what it has.
    """
    if name not in SITES:
        raise ModelError(f"there is no site {name!r}: choose from {', '.join(SITES)}")
    blocks = dissect(lm, _layer_numbers(lm, layers))
    found = [_tap(block, name) for block in blocks]
    taps = [tap for tap, _ in found if tap is not None]
    if len(taps) < len(blocks):
        layer, reason = next((b.layer, why) for b, (tap, why) in zip(blocks, found, strict=True) if tap is None)
        others = f", or of the layers {[tap.layer for tap in taps]} alone" if taps else ""
        exists = [s for s in SITES if all(_tap(block, s)[0] for block in blocks)]
        advice = advice or f"ask for {' or '.join(exists)}{others}"
        raise ModelError(f"{lm.identity.architecture} has no {name} in layer {layer}, because {reason}: {advice}")
    widths = {_width(block, name) for block in blocks}
    if len(widths) > 1:
        raise ModelError(
            f"the layers of {name} differ in width ({', '.join(map(str, sorted(widths)))}): ask for layers of one width"
        )
    return Site(name, tuple(taps), widths.pop())


def _layer_numbers(lm: CausalLM, layers: Sequence[int] | None) -> list[int]:
    n = lm.n_layers
    if layers is None:
        return list(range(n))
    if not layers:
        raise ModelError(f"no layer was asked for: name some of 0 to {n - 1}, or none for all")
    if wrong := [layer for layer in layers if not -n <= layer < n]:
        raise ModelError(f"there is no layer {wrong[0]}: the model has 0 to {n - 1} (or -{n} to -1, from the end)")
    return sorted({layer % n for layer in layers})


def _tap(block: Block, name: str) -> tuple[Tap | None, str]:
    """The tap of a site in a block, or None and the reason why there is none."""
    module, layer, mlp = block.module, block.layer, block.mlp
    if name == "resid_post":
        return Tap(layer, module, "output", module), ""
    if name == "mlp_out":
        return (Tap(layer, block.mlp_end, "output", module), "") if block.mlp_end else (None, block.reason)
    if mlp is None:
        return None, block.reason
    if name == "mlp_act":
        return Tap(layer, mlp.down, "input", module), ""
    if mlp.up is None:
        return None, "its gate and up projections can't be told apart"
    return Tap(layer, mlp.up, "output", module, mlp.columns, absolute=True), ""


def _width(block: Block, name: str) -> int:
    return block.mlp.n_neurons if block.mlp is not None and name in ("mlp_act", "up_proj_abs") else block.width


@contextmanager
def tapped(site: Site, receive: Callable[[int, Tensor], None]) -> Iterator[None]:
    """Read a site in every forward that runs inside the context.

    Args:
        site: The site.
        receive: Called with the layer and its tensor (B, T, D), once a layer and forward. It runs inside the forward:
            what it keeps it must copy or reduce, since the model may write to this memory later.
    """
    shapes: dict[int, tuple[int, int]] = {}

    def note_shape(tap: Tap, _block: nn.Module, args: Any, kwargs: dict[str, Any]) -> None:
        hidden = first_tensor((*args, *kwargs.values()))
        assert hidden is not None
        shapes[tap.layer] = (hidden.shape[0], hidden.shape[1])

    def deliver(tap: Tap, _module: nn.Module, args: Any, kwargs: dict[str, Any], output: Any = None) -> None:
        tensor = tap.read((*args, *kwargs.values()), output)
        receive(tap.layer, tensor.reshape(*shapes[tap.layer], -1) if tensor.ndim == 2 else tensor)

    handles = []
    try:
        for tap in site.taps:
            handles.append(tap.block.register_forward_pre_hook(partial(note_shape, tap), with_kwargs=True))
            if tap.side == "input":
                handles.append(tap.module.register_forward_pre_hook(partial(deliver, tap), with_kwargs=True))
            else:
                handles.append(tap.module.register_forward_hook(partial(deliver, tap), with_kwargs=True))
        yield
    finally:
        for handle in handles:
            handle.remove()
