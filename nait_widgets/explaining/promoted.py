"""Which tokens a neuron makes likelier: its output weights, read as the model reads its last hidden state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nait_widgets.errors import ModelError

if TYPE_CHECKING:
    import os

    from torch import Tensor
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from nait_widgets.models import CausalLM

SITE = "mlp_act"


def promoted_tokens(
    model: str | os.PathLike[str] | PreTrainedModel | CausalLM,
    layer: int,
    neuron: int,
    n: int = 10,
    *,
    site: str = SITE,
    tokenizer: PreTrainedTokenizerBase | None = None,
) -> list[tuple[str, float]]:
    """The tokens whose logits a neuron of the MLP raises most when it is active, on its direct path to the output.

    The neuron's output weights (its column of the down projection) are multiplied by the final norm's gain and by the
    unembedding. What later layers make of it, and a norm between MLP and residual stream, are left out.

    Args:
        model: A hub id, a folder, or a loaded model.
        layer: The decoder layer.
        neuron: Its number in the layer.
        n: How many tokens.
        site: What the neuron is of; only those of `mlp_act` have output weights.
        tokenizer: For a loaded model.

    Returns:
        Tokens as text and by how much one unit of activation moves their logits, up to the scale of the final norm:
        the highest first. A negative activation moves them the other way.

    Raises:
        ModelError: Another site, a model without a dense MLP in that layer, or no such neuron.
    """
    import torch

    from nait_widgets.models import find_site, load_model

    if site != SITE:
        raise ModelError(f"a neuron of {site} has no output weights of its own to read: capture the site {SITE}")
    lm = load_model(model, tokenizer=tokenizer)
    found = find_site(lm, SITE, [layer])
    if not 0 <= neuron < found.n_neurons:
        raise ModelError(f"there is no neuron {neuron} in layer {layer}: it has those from 0 to {found.n_neurons - 1}")
    with torch.inference_mode():
        output = _column(found.taps[0].module, neuron, found.n_neurons, lm)
        gain = _final_gain(lm)
        vector = output.to(gain.device) * gain
        logits = (lm.head(vector[None]) - lm.head(torch.zeros_like(vector)[None]))[0].float()
    strongest = logits[: len(lm.tokenizer)].topk(n)
    return [
        (str(lm.tokenizer.decode([token])), weight)
        for token, weight in zip(strongest.indices.tolist(), strongest.values.tolist(), strict=True)
    ]


def _column(down: Any, neuron: int, n_neurons: int, lm: CausalLM) -> Tensor:
    """What the down projection makes of one unit of a neuron, (H,), however the module keeps its matrix."""
    import torch

    device = next(iter([*down.parameters(), *down.buffers()])).device
    unit = torch.zeros(2, n_neurons, device=device, dtype=lm.model.dtype)
    unit[0, neuron] = 1
    out: Tensor = down(unit)
    return out[0] - out[1]


def _final_gain(lm: CausalLM) -> Tensor:
    """By how much each dimension is multiplied between the last block and the head, the norm's scale aside: (H,).

    The last block's output is replaced by x of signs alone, which norms leave at their size, and by -x; half the
    difference of what comes out has neither the norm's bias in it nor the way in which it keeps its gain.
    """
    import torch

    from nait_widgets.models import find_site

    ids = lm.ordinary_ids(8)[None]
    (last,) = find_site(lm, "resid_post", [-1]).taps
    seen: list[Tensor] = []
    sign = 1

    def replace(_module: object, _args: object, output: Any) -> Any:
        hidden = last.read((), output)
        signs = torch.ones_like(hidden)
        signs[..., 1::2] = -1  # of mean zero, for norms that take the mean off
        seen.append(signs[0, 0])
        return signs * sign if isinstance(output, torch.Tensor) else (signs * sign, *output[1:])

    handle = last.module.register_forward_hook(replace)
    try:
        plus = lm.last_hidden(ids)[0, 0]
        sign = -1
        minus = lm.last_hidden(ids)[0, 0]
    finally:
        handle.remove()
    if plus.shape != seen[0].shape:
        raise ModelError(f"{lm.identity.architecture} projects its last hidden state, so its neurons can't be read")
    return (plus - minus) / 2 * seen[0].to(plus.device)
