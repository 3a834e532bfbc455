"""The directions of a capability: pure arithmetic over arrays of one layer at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    Floats = npt.NDArray[np.floating]
    Shares = npt.NDArray[np.float64]

# A dimension whose typical size is so many times the median dimension's is a massive activation
# (Sun et al. 2024, arXiv 2402.17762, find constants thousands of times the median).
OUTLIER_RATIO = 100.0
MOST_STEPS = 128  # a gap of 1 % to the second eigenvalue needs about 80
CONVERGED = 1e-7  # of the eigenvalue; the vector is then off by that over the gap
ROUNDING = 1e-13  # of the matrix's size


def principal_components(samples: Floats, shares: Shares) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """First principal component (Eq. 3) of the same samples under several weightings at once.

    Args:
        samples: (sample, neuron).
        shares: What each sample counts for, each row summing to 1: (weighting, sample).

    Returns:
        Unit vectors (weighting, neuron), zero where the samples don't differ; and their share of the variance
        (weighting,), there NaN.
    """
    centred = np.asarray(samples, np.float64) - np.mean(samples, axis=0, dtype=np.float64)
    means = shares @ centred
    power = shares @ np.einsum("nd,nd->n", centred, centred)
    total = power - np.einsum("rd,rd->r", means, means)

    def covariance(vectors: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        along = np.einsum("rd,rd->r", vectors, means)
        image: npt.NDArray[np.float64] = ((vectors @ centred.T) * shares) @ centred - along[:, None] * means
        return image

    vectors, values = _leading(covariance, means.shape, min(MOST_STEPS, *centred.shape), ROUNDING * power)
    differ = total > ROUNDING * power
    return np.where(differ[:, None], vectors, 0), np.where(differ, values / np.where(differ, total, 1), np.nan)


def _leading(
    covariance: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]],
    shape: tuple[int, ...],
    steps: int,
    noise: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Leading eigenvectors and eigenvalues of several symmetric matrices, by Lanczos' method.

    A full decomposition finds every eigenvector where one is wanted, which for thousands of samples takes minutes a
    layer. This needs the matrices only in products, which all weightings share, and is exact after as many steps as
    the matrix has ranks; on real activations it has converged after some ten.

    Args:
        covariance: Each matrix times its own vector: (weighting, neuron) to (weighting, neuron).
        shape: (weighting, neuron).
        steps: At most.
        noise: Length of a product below which it is rounding: (weighting,).
    """
    basis = np.zeros((shape[0], steps, shape[1]))
    within = np.zeros((shape[0], steps, steps))  # each matrix seen from its basis; only the lower triangle is read
    vectors = np.random.default_rng(0).normal(size=shape)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    for step in range(steps):
        basis[:, step] = vectors
        known = basis[:, : step + 1]
        image = covariance(vectors)
        for sweep in range(2):  # rounding leaves some of the basis in the image; twice is enough
            parts = known @ image[:, :, None]
            image -= (known.transpose(0, 2, 1) @ parts)[:, :, 0]
            if sweep == 0:
                within[:, step, : step + 1] = parts[:, :, 0]
        left = np.linalg.norm(image, axis=1)
        left[left <= noise] = 0
        vectors = image / np.where(left > 0, left, np.inf)[:, None]
        if step % 8 == 7 or step == steps - 1:
            values, inner = np.linalg.eigh(within[:, : step + 1, : step + 1])
            if (left * np.abs(inner[:, -1, -1]) <= CONVERGED * np.abs(values[:, -1])).all():
                break
    found = (inner[:, None, :, -1] @ known)[:, 0]
    norms = np.linalg.norm(found, axis=1, keepdims=True)
    return found / np.where(norms > 0, norms, 1), values[:, -1]


def point(
    vector: npt.NDArray[np.float64], along: Floats, *, mask_outliers: bool = False
) -> tuple[npt.NDArray[np.float64], float]:
    """Flip a vector to agree with a reference (Eq. 4).

    Args:
        vector: Unit vector (neuron,).
        along: What it should agree with (neuron,): the mean difference, or in-domain mean minus background mean.
        mask_outliers: Leave out dimensions more than `OUTLIER_RATIO` times the median in size.

    Returns:
        The vector or its negative, and the cosine that decided.
    """
    reference = np.asarray(along, np.float64)
    if mask_outliers:
        size = np.abs(reference)
        reference = np.where(size > OUTLIER_RATIO * np.median(size), 0.0, reference)
    projection = float(reference @ vector)
    norm = float(np.linalg.norm(reference))
    margin = abs(projection) / norm if norm > 0 else 0.0
    return (-vector if projection < 0 else vector), margin


def contrast(in_domain_mean: Floats, background_mean: Floats) -> npt.NDArray[np.float64]:
    """Difference of means at unit length (Marks and Tegmark 2023, arXiv 2310.06824, call it the mass-mean direction).

    Args:
        in_domain_mean: (neuron,).
        background_mean: (neuron,).
    """
    vector = np.asarray(in_domain_mean, np.float64) - background_mean
    norm = np.linalg.norm(vector)
    return vector / norm if norm > 0 else vector
