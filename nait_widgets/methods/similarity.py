"""Scores of a sample by the cosine between its embedding and those of the targets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import numpy.typing as npt

    Floats = npt.NDArray[np.floating]

ROOM = 2**30  # bytes that the lists of a round-robin take
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


def round_robin(
    cosines: Callable[[], Iterable[tuple[slice, Floats]]], n: int, n_targets: int, *, room: int = ROOM
) -> npt.NDArray[np.float64]:
    """The turn, from 1, at which a round-robin of the targets takes each sample.

    The targets take turns in their order, round after round; each takes, of the samples that are left, the one most
    similar to it, the first row where two are alike. Each has a list of its most similar samples; whenever one comes to
    the end of its list, all lists are made anew of what is left.

    Args:
        cosines: Starts going through all samples in their order, some at a time: where they are, and their similarity
            (sample, target); NaN for a sample that takes no part.
        n: Samples.
        n_targets: Targets.
        room: Bytes that the lists may take; less takes more passes, and gives the same.

    Returns:
        (sample,); NaN for a sample that takes no part.
    """
    left, turns = np.ones(n, np.bool_), np.full(n, np.nan)
    turn = 0
    while left.any():
        best = _most_similar(cosines(), left, n_targets, room)
        start = [0] * n_targets
        while (place := _first_left(left, best[turn % n_targets], start[turn % n_targets])) < best.shape[1]:
            sample = best[turn % n_targets, place]
            left[sample], turns[sample] = False, turn + 1
            start[turn % n_targets] = place + 1
            turn += 1
    return turns


def _most_similar(
    cosines: Iterable[tuple[slice, Floats]], left: npt.NDArray[np.bool_], n_targets: int, room: int
) -> npt.NDArray[np.int32]:
    """Each target's most similar samples of those that are left, best first: (target, as many as there is room for).

    Samples that take no part are taken out of those that are left.
    """
    count, width = int(np.count_nonzero(left)), max(2, room // (8 * n_targets))
    width, kept = (count, count) if count <= width else (width, width // 2)
    values, samples = np.empty((n_targets, width), np.float32), np.empty((n_targets, width), np.int32)
    filled = 0

    def sort() -> int:
        for own, of in zip(values, samples, strict=True):
            order = np.argsort(-own[:filled], kind="stable")[:kept]  # stable: what was there first stays first
            own[: len(order)], of[: len(order)] = own[order], of[order]
        return min(filled, kept)

    for rows, block in cosines:
        left[rows] &= ~np.isnan(block).any(axis=1)
        new = np.flatnonzero(left[rows])
        while len(new):
            if filled == width:
                filled = sort()
            some, new = np.split(new, [width - filled])
            place = slice(filled, filled + len(some))
            values[:, place], samples[:, place] = block[some].T, rows.start + some
            filled += len(some)
    return samples[:, : sort()]


def _first_left(left: npt.NDArray[np.bool_], listed: npt.NDArray[np.int32], start: int) -> int:
    """The first place of a list, from a start on, whose sample is left; its length where there is none."""
    for place in range(start, len(listed), _WINDOW):
        free = left[listed[place : place + _WINDOW]]
        if free.any():
            return place + int(free.argmax())
    return len(listed)
