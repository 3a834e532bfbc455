"""Scores from the projections that a store keeps in the place of activations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nait_widgets.scoring.projection import Projection, Summed
from nait_widgets.store.projections import require_linear

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from nait_widgets.methods import Direction
    from nait_widgets.store import ActivationStore

    Floats = npt.NDArray[np.float64]


def require_kept(store: ActivationStore, direction: Direction) -> None:
    """Raise unless a direction can be scored from the projections of a store.

    Raises:
        StoreError: The store was captured for others, or without the norms that a cosine divides by.
        DirectionError: Its score takes activations themselves.
    """
    require_linear(direction)
    store.projections.column(direction)
    if direction.score.similarity == "cosine":
        store.projections.require_norms(direction.score.pool)


def total(store: ActivationStore, directions: Sequence[Direction]) -> tuple[Floats, Floats, Floats]:
    """As `Projection.run`, for directions over the same pool, from projections that are kept.

    Raises:
        StoreError: A projection can't be read.
    """
    projection = Projection.of(store, directions)
    return projection.sum(store, _projected(store, directions, projection))


def _projected(
    store: ActivationStore, directions: Sequence[Direction], projection: Projection
) -> Iterator[tuple[slice, Summed]]:
    """Every block's projections as `Projection` would make them."""
    kept, layers = store.projections, list(store.layout.layers)
    columns = [kept.column(direction) for direction in directions]
    lengths = np.ones(projection.used.shape)  # of vectors, where they are to have unit length
    for column, direction in enumerate(directions):
        if projection.cosine[column]:
            norms = np.linalg.norm(direction.vectors, axis=1)
            lengths[[layers.index(layer) for layer in direction.layers], column] = np.where(norms > 0, norms, 1)
    for rows, values in kept.chunks():
        out = values[:, columns].swapaxes(1, 2) / lengths - projection.offset
        if projection.cosine.any():
            norms = kept.norms(rows, directions[0].score.pool)
            out[:, :, projection.cosine] /= np.where(norms > 0, norms, 1)[:, :, None]
        yield rows, projection.summed(out)
