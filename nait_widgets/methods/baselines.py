"""The standing controls: what a selection must beat to be worth its activations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

STRATA = 10  # of lengths


def random(n: int, seed: int = 0) -> npt.NDArray[np.float64]:
    """Uniform scores in [0, 1): (n,)."""
    return np.random.default_rng(seed).random(n)


def stratified(strata: npt.NDArray[np.integer], seed: int = 0) -> npt.NDArray[np.float64]:
    """Random scores of which any top-k draws from every stratum in proportion.

    The rows of a stratum of m rows are put in random order; the one at position q from 0 scores 1 − (q + u)/m, with u
    uniform in [0, 1). So the scores above any threshold t are (1 − t)·m rows of each stratum, to within one.

    Args:
        strata: Which stratum each sample is of, (sample,); negative where a sample takes no part.
        seed: Which draw.

    Returns:
        (sample,) in (0, 1]; NaN where a sample takes no part.
    """
    generator = np.random.default_rng(seed)
    key, u = generator.random((2, len(strata)))
    rows = np.flatnonzero(strata >= 0)
    rows = rows[np.lexsort((key[rows], strata[rows]))]
    _, start, of, sizes = np.unique(strata[rows], return_index=True, return_inverse=True, return_counts=True)
    scores = np.full(len(strata), np.nan)
    scores[rows] = 1 - (np.arange(len(rows)) - start[of] + u[rows]) / sizes[of]
    return scores


def length_tenths(n_tokens: npt.NDArray[np.integer], valid: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Which tenth of the lengths each sample is of: (sample,); −1 where it isn't valid.

    The n valid samples are ordered by (length, row); position p belongs to stratum ⌊p·S/n⌋, with S = min(10, n).
    """
    rows = np.flatnonzero(valid)
    rows = rows[np.argsort(n_tokens[rows], kind="stable")]
    strata = np.full(len(n_tokens), -1, np.int64)
    strata[rows] = np.arange(len(rows)) * min(STRATA, len(rows)) // max(1, len(rows))
    return strata


def length(n_response_tokens: npt.NDArray[np.integer]) -> npt.NDArray[np.float64]:
    """The longer the response, the higher (Zhao et al. 2024, arXiv 2402.04833): (sample,) tokens."""
    return n_response_tokens.astype(np.float64)
