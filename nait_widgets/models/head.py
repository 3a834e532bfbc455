"""The response's negative log-likelihood from the backbone's hidden states, without logits for the whole batch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from nait_widgets.errors import ModelError
from nait_widgets.models.causal_lm import CausalLM, relative_difference


@torch.inference_mode()
def response_nll(
    lm: CausalLM, hidden: Tensor, input_ids: Tensor, spans: Sequence[tuple[int, int]], *, chunk: int = 512
) -> Tensor:
    """The mean negative log-likelihood of each sample's response.

    Args:
        lm: The model; `check_head` says whether this function fits it.
        hidden: The backbone's last hidden state, (B, T, H).
        input_ids: (B, T).
        spans: [start, stop) of each response in tokens. Token t is predicted from t - 1, so a span that starts at 0
            counts from 1.
        chunk: How many positions get their logits at once: memory is chunk * vocabulary.

    Returns:
        Nats a token, (B,) float32; NaN for an empty span.
    """
    positions = [(row, t) for row, (start, stop) in enumerate(spans) for t in range(max(start, 1), stop)]
    rows, targets = torch.tensor(positions, dtype=torch.long, device=hidden.device).reshape(-1, 2).unbind(1)
    total = torch.zeros(len(spans), dtype=torch.float32, device=hidden.device)
    for row, target in zip(torch.split(rows, chunk), torch.split(targets, chunk), strict=True):
        predicted = logits(lm, hidden[row, target - 1]).float()
        nll = torch.nn.functional.cross_entropy(predicted, input_ids[row, target], reduction="none")
        total.index_add_(0, row, nll)
    return total / torch.bincount(rows, minlength=len(spans))


@torch.inference_mode()
def check_head(lm: CausalLM) -> None:
    """Check on a few tokens that the logits of `response_nll` are the model's own.

    Raises:
        ModelError: They are not: the model does something to its logits that its configuration does not tell.
    """
    ids = lm.ordinary_ids(8)[None]
    expected = lm.model(input_ids=ids, use_cache=False).logits
    if (difference := relative_difference(logits(lm, lm.last_hidden(ids)), expected)) > lm.tolerance:
        raise ModelError(
            f"{lm.identity.architecture} computes its logits in a way that is not known here (they differ by "
            f"{difference:.2g}), so no response loss can be had of it: capture without the extras 'loss' and 'ifd', "
            "and compare subsets on another model"
        )


def logits(lm: CausalLM, hidden: Tensor) -> Tensor:
    """What the model predicts after some hidden states: the head, then the scale and cap that its configuration names.

    Args:
        lm: The model; `check_head` says whether this function fits it.
        hidden: Last hidden states, (..., H).

    Returns:
        Logits, (..., vocabulary), in the head's dtype.
    """
    out: Tensor = lm.head(hidden)
    config = lm.config
    if (factor := getattr(config, "logit_scale", None)) is not None:  # Cohere
        out = out * factor
    if (factor := getattr(config, "lm_head_multiplier", None)) is not None:  # Falcon-H1
        out = out * factor
    if (divisor := getattr(config, "logits_scaling", None)) is not None:  # Granite
        out = out / divisor
    if (cap := getattr(config, "final_logit_softcapping", None)) is not None:  # Gemma
        out = torch.tanh(out / cap) * cap
    return out
