"""The scores of a whole store as its fingerprint tells them, without its activations."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nait_widgets.fingerprints.bounds import Telling, View
from nait_widgets.fingerprints.reading import fingerprint
from nait_widgets.progress import progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from nait_widgets.methods import Direction
    from nait_widgets.store import ActivationStore

    Floats = npt.NDArray[np.float64]


ERROR = "score_error"  # what a dataset of scores has where they are told by a fingerprint


class Estimate(NamedTuple):
    """Scores that are told by a fingerprint.

    Attributes:
        scores: (sample, direction); NaN where a sample may not be selected.
        mean, scale: What each layer's projection is centred and divided by: (direction, layer).
        errors: How far each score can be off, infinite where nothing bounds it: (sample, direction).
    """

    scores: Floats
    mean: Floats
    scale: Floats
    errors: Floats


def estimate(store: ActivationStore, directions: Sequence[Direction]) -> Estimate:
    """Score a store under directions of one pool; one pass over the fingerprint, a block in memory.

    Raises:
        StoreError: The store has no fingerprint of that pool, or it is damaged.
        DirectionError: A direction scores by a cosine.
    """
    own = fingerprint(store, directions[0].score.pool)
    views = [View.of(own, direction) for direction in directions]
    scores, errors = np.full((2, len(store), len(views)), np.nan)
    with progress(len(store), "estimating", "samples") as bar:
        for place in map(store.layout.rows, range(store.layout.n_blocks)):
            rows = place.start + np.flatnonzero(store.selectable[place])
            tellings = [Telling(view, store.n_tokens[rows]) for view in views]
            for stage in range(len(own.basis.components)):
                told = own.told(stage, rows)
                for telling in tellings:
                    telling.learn(stage, slice(None), told)
            scores[rows] = np.stack([telling.scores(slice(None)) for telling in tellings], axis=1)
            errors[rows] = np.stack([telling.errors(slice(None)) for telling in tellings], axis=1)
            bar.update(place.stop - place.start)
    errors[:, [not own.bounds(direction.score) for direction in directions]] = np.inf
    mean, scale = (np.stack([getattr(view, name) for view in views]) for name in ("mean", "scale"))
    return Estimate(scores, mean, scale, errors)
