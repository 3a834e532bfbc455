"""The directions of a capability: pure arithmetic over arrays of one layer at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.floating]

# A dimension whose typical size is so many times the median dimension's is a massive activation
# (Sun et al. 2024, arXiv 2402.17762, find constants thousands of times the median).
OUTLIER_RATIO = 100.0


def principal_component(samples: Floats) -> tuple[npt.NDArray[np.float64], float]:
    """First principal component (Eq. 3) of centred samples.

    Args:
        samples: (sample, neuron).

    Returns:
        Unit vector (neuron,), and its share of the variance.
    """
    centred = np.asarray(samples, np.float64) - np.mean(samples, axis=0, dtype=np.float64)
    n, d = centred.shape
    # The smaller Gram matrix has the same leading eigenvalue, whichever side has fewer rows.
    gram = centred @ centred.T if n < d else centred.T @ centred
    total = float(np.trace(gram))
    if total == 0:
        return np.zeros(d), float("nan")
    values, vectors = np.linalg.eigh(gram)
    vector = centred.T @ vectors[:, -1] if n < d else vectors[:, -1]
    return vector / np.linalg.norm(vector), float(values[-1]) / total


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


def contrast(in_domain: Floats, background_mean: Floats) -> npt.NDArray[np.float64]:
    """Difference of means at unit length (Marks and Tegmark 2023, arXiv 2310.06824, call it the mass-mean direction).

    Args:
        in_domain: (sample, neuron).
        background_mean: (neuron,).
    """
    vector = np.mean(in_domain, axis=0, dtype=np.float64) - background_mean
    norm = np.linalg.norm(vector)
    return vector / norm if norm > 0 else vector
