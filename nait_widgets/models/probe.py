"""The check of a site on a small forward, before any real work is done with it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from nait_widgets.errors import ModelError
from nait_widgets.models.causal_lm import CausalLM, check_causal, relative_difference
from nait_widgets.models.sites import Site, tapped

_LENGTHS = [9, 5]


@dataclass(frozen=True, slots=True)
class Probe:
    """What a probe saw.

    Attributes:
        masked: Whether batches of right-padded samples need an attention mask; False where they are exact without.
        error: The largest relative difference of any token's vector in any layer, batched against alone.
        tolerance: The largest difference that would have been accepted: 1e-3 in float32, 2e-2 in float16, 5e-2 in
            bfloat16.
    """

    masked: bool
    error: float
    tolerance: float


def probe(lm: CausalLM, site: Site) -> Probe:
    """Check on a small forward that a site gives what it promises.

    Every hook fires once a forward, with shape (B, T, D) and finite values; no token changes an earlier one; and two
    samples of different lengths, right-padded into one batch, read as they do alone: without an attention mask, or
    else with one. Neither the model's mode nor any random number generator is touched.

    Raises:
        ModelError: One of these does not hold; the message says which, and by how much.
    """
    check_causal(lm)
    ids = lm.ordinary_ids(sum(_LENGTHS))
    samples = list(torch.split(ids, _LENGTHS))
    batch = torch.nn.utils.rnn.pad_sequence(samples, batch_first=True, padding_value=int(ids[0]))
    mask = torch.nn.utils.rnn.pad_sequence([torch.ones_like(s) for s in samples], batch_first=True)
    alone = [_read(lm, site, sample[None]) for sample in samples]

    errors = []
    for masked in (False, True):
        together = _read(lm, site, batch, mask if masked else None)
        error = max(
            relative_difference(together[layer][row, : len(sample)], alone[row][layer][0])
            for row, sample in enumerate(samples)
            for layer in site.layers
        )
        if error <= lm.tolerance:
            return Probe(masked, error, lm.tolerance)
        errors.append(error)
    raise ModelError(
        f"{site.name} of {lm.identity.architecture} is not the same alone and in a right-padded batch: it differs by "
        f"{errors[0]:.2g} without and {errors[1]:.2g} with an attention mask, where {lm.tolerance:.2g} is allowed, so "
        "its activations can't be captured in batches"
    )


def _read(lm: CausalLM, site: Site, ids: Tensor, mask: Tensor | None = None) -> dict[int, Tensor]:
    """Run one forward and check what each hook received."""
    received: dict[int, list[Tensor]] = {layer: [] for layer in site.layers}
    with tapped(site, lambda layer, tensor: received[layer].append(tensor.clone())):
        lm.last_hidden(ids, mask)
    expected = (*ids.shape, site.n_neurons)
    for layer, tensors in received.items():
        place = f"{site.name} of {lm.identity.architecture}, layer {layer}"
        if not tensors:
            raise ModelError(
                f"{place}: its hook never fired, so a fused kernel bypasses the module: turn that kernel off"
            )
        if len(tensors) > 1:
            raise ModelError(f"{place}: its hook fired {len(tensors)} times in one forward: use another site")
        if tuple(tensors[0].shape) != expected:
            raise ModelError(f"{place}: the shape is {tuple(tensors[0].shape)} instead of {expected}: use another site")
        if not tensors[0].isfinite().all():
            raise ModelError(f"{place}: values are not finite: load the model in float32 or bfloat16")
    return {layer: tensors[0] for layer, tensors in received.items()}
