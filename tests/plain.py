"""The equations once more, from nothing but the model: what the package is compared with."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from nait_widgets.models import CausalLM
from nait_widgets.records import Rendered

Floats = npt.NDArray[np.float64]


def activations(lm: CausalLM, sample: Rendered) -> dict[str, Floats]:
    """Every token's activations in a Llama, the sample run alone: (layer, token, neuron) by site."""
    model: Any = lm.model
    seen: dict[str, list[torch.Tensor]] = {"resid_post": [], "mlp_act": []}
    hooks = []
    for layer in model.model.layers:
        hooks.append(layer.register_forward_hook(lambda _m, _a, out: seen["resid_post"].append(out)))
        mlp = layer.mlp.down_proj
        hooks.append(mlp.register_forward_pre_hook(lambda _m, args: seen["mlp_act"].append(args[0])))
    with torch.no_grad():
        model.model(torch.tensor(sample.input_ids[None].astype(np.int64)))
    for hook in hooks:
        hook.remove()
    return {site: np.stack([tensor[0].double().numpy() for tensor in tensors]) for site, tensors in seen.items()}


def pooled(tokens: Floats, sample: Rendered, special: set[int]) -> dict[str, Floats]:
    """Every pool of one sample: (layer, neuron) by name."""
    start, stop = sample.response
    n = len(sample.input_ids)
    content = [t for t in range(n) if int(sample.input_ids[t]) not in special]
    position = np.arange(1, n + 1)
    first, last, content_last = tokens[:, 0], tokens[:, -1], tokens[:, stop - 1]
    return {
        "mean": tokens.mean(1),
        "response_mean": tokens[:, start:stop].mean(1),
        "content_mean": tokens[:, content].mean(1),
        "tail_mean": tokens[:, 1:].mean(1),
        "weighted": (tokens * position[:, None]).sum(1) / position.sum(),
        "first": first,
        "last": last,
        "content_last": content_last,
        "delta": last - first,
        "content_delta": content_last - first,
    }


def principal(samples: Floats, along: Floats) -> Floats:
    """First principal component of (sample, neuron), pointed along a reference."""
    vector: Floats = np.linalg.svd(samples - samples.mean(0), full_matrices=False)[2][0]
    return vector if vector @ along >= 0 else -vector


def close(actual: npt.ArrayLike, expected: npt.ArrayLike, tolerance: float) -> bool:
    """Whether the largest difference is within a share of the expected values' root mean square."""
    actual, expected = np.asarray(actual, np.float64), np.asarray(expected, np.float64)
    assert actual.shape == expected.shape
    return bool(np.abs(actual - expected).max() <= tolerance * np.sqrt(np.square(expected).mean()))
