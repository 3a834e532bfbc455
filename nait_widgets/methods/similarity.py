"""Scores of a sample by the cosine between its embedding and those of the targets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.floating]

_WINDOW = 64  # candidates looked at together for one that is left


def unit(embeddings: Floats) -> Floats:
    """Embeddings at length 1: (…, hidden); NaN where one has no length."""
    norms = np.linalg.norm(embeddings, axis=-1, keepdims=True)
    scaled: Floats = embeddings / np.where(norms > 0, norms, np.nan)
    return scaled


def embedding_centroid(embeddings: Floats, in_domain_mean: Floats) -> npt.NDArray[np.float64]:
    """Cosine between each sample's embedding and the in-domain centroid.

    Args:
        embeddings: (sample, hidden).
        in_domain_mean: Mean of the targets' embeddings, (hidden,).

    Returns:
        (sample,); NaN for a sample without an embedding.
    """
    similarity: npt.NDArray[np.float64] = unit(embeddings.astype(np.float64)) @ unit(in_domain_mean.astype(np.float64))
    return similarity


def cosines(embeddings: Floats, targets: Floats) -> Floats:
    """Cosine between each sample and each target: (sample, target)."""
    similarity: Floats = unit(embeddings) @ unit(targets).T
    return similarity


def nearest(similarity: Floats, k: int) -> npt.NDArray[np.float64]:
    """Mean similarity to the k most similar targets: (sample,), of (sample, target)."""
    best: npt.NDArray[np.float64] = np.partition(similarity, -k, axis=1)[:, -k:].mean(axis=1, dtype=np.float64)
    return best


def round_robin(similarity: Floats) -> npt.NDArray[np.float64]:
    """The turn, from 1, at which a round-robin of the targets takes each sample.

    The targets take turns in their order, round after round; each takes, of the samples that are left, the one most
    similar to it, the first row where two are alike.

    Args:
        similarity: (target, sample); NaN for a sample that takes no part.

    Returns:
        (sample,); NaN for a sample that takes no part.
    """
    n_targets, n = similarity.shape
    n_valid = n - int(np.count_nonzero(np.isnan(similarity).any(axis=0)))
    order = np.empty((n_targets, n_valid), np.int32)
    for target, row in enumerate(similarity):
        order[target] = np.argsort(-row, kind="stable")[:n_valid]  # NaN sorts last
    taken, turns = np.zeros(n, np.bool_), np.full(n, np.nan)
    start = [0] * n_targets
    for turn in range(n_valid):
        target = turn % n_targets
        while (gone := taken[order[target, start[target] : start[target] + _WINDOW]]).all():
            start[target] += _WINDOW
        start[target] += int(gone.argmin())
        sample = order[target, start[target]]
        taken[sample], turns[sample] = True, turn + 1
    return turns
