"""The standing controls: what a selection must beat to be worth its activations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt


def random(n: int, seed: int = 0) -> npt.NDArray[np.float64]:
    """Uniform scores in [0, 1): (n,)."""
    return np.random.default_rng(seed).random(n)


def length(n_response_tokens: npt.NDArray[np.integer]) -> npt.NDArray[np.float64]:
    """The longer the response, the higher (Zhao et al. 2024, arXiv 2402.04833): (sample,) tokens."""
    return n_response_tokens.astype(np.float64)


def embedding_centroid(
    embeddings: npt.NDArray[np.floating], in_domain_mean: npt.NDArray[np.floating]
) -> npt.NDArray[np.float64]:
    """Cosine between each sample's embedding and the in-domain centroid.

    Args:
        embeddings: (sample, neuron), for example the last layer's mean-pooled activation.
        in_domain_mean: (neuron,).

    Returns:
        (sample,); NaN for a sample without an embedding.
    """
    candidates = np.asarray(embeddings, np.float64)
    target = np.asarray(in_domain_mean, np.float64)
    norms = np.linalg.norm(candidates, axis=1) * np.linalg.norm(target)
    similarity: npt.NDArray[np.float64] = candidates @ target / norms
    return similarity
