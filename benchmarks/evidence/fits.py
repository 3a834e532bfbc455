"""The options of the method, each changed alone: what tells a capability's samples from the rest, and how steadily."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nait_widgets import fit_direction, score
from nait_widgets.methods import Direction, preset

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from nait_widgets.store import ActivationStore

    Floats = npt.NDArray[np.float64]

MENDED = {"difference": "last-first", "last_token": "content", "sign": "pool"}
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "paper": ("paper", {}),
    "paper, last token content": ("paper", {"last_token": "content"}),
    "paper, sign drift_masked": ("paper", {"sign": "drift_masked"}),
    "paper, sign pool": ("paper", {"sign": "pool"}),
    "paper, difference mean-first": ("paper", {"difference": "mean-first"}),
    "paper, difference mean": ("paper", {"difference": "mean"}),
    "paper, truncated drop": ("paper", {"truncated": "drop"}),
    "paper, similarity cosine": ("paper", {"similarity": "cosine"}),
    "paper, similarity zscore": ("paper", {"similarity": "zscore"}),
    "paper, pool tail_mean": ("paper", {"pool": "tail_mean"}),
    "paper, pool response_mean": ("paper", {"pool": "response_mean"}),
    "paper, pool weighted": ("paper", {"pool": "weighted"}),
    "paper, pool delta": ("paper", {"pool": "delta"}),
    "paper, difference contrast": ("paper", {"difference": "contrast"}),
    "robust": ("robust", {}),
    "robust, difference last-first, mended": ("robust", MENDED),
    "robust, difference mean-first, sign pool": ("robust", {"difference": "mean-first", "sign": "pool"}),
    "robust, truncated keep": ("robust", {"truncated": "keep"}),
    "robust, similarity dot": ("robust", {"similarity": "dot"}),
    "robust, similarity cosine": ("robust", {"similarity": "cosine"}),
    "robust, centred cosine": ("robust", {"similarity": "cosine", "center": "pool"}),
    "robust, pool mean": ("robust", {"pool": "mean"}),
    "robust, pool response_mean": ("robust", {"pool": "response_mean"}),
    "robust, pool content_mean": ("robust", {"pool": "content_mean"}),
    "robust, pool weighted": ("robust", {"pool": "weighted"}),
    "robust, pool content_last": ("robust", {"pool": "content_last"}),
}


@dataclass(frozen=True, slots=True)
class Scored:
    """A variant's scores, of the pool and of rows outside of it.

    Attributes:
        pool: (sample,), NaN for rows that can't be selected.
        halves: The pool's scores under the fits to two halves of the in-domain rows, for each split.
        outside: The held-out rows' scores, by their set.
    """

    pool: Floats
    halves: list[tuple[Floats, Floats]]
    outside: dict[str, Floats]


def fit_all(in_domain: ActivationStore, background: ActivationStore) -> dict[str, Direction]:
    """A direction for each variant; what differs in its application alone is fitted once."""
    fitted: dict[Any, Direction] = {}
    directions = {}
    for name, (base, options) in VARIANTS.items():
        chosen = preset(base, **options)
        key = chosen.fit, chosen.score.pool if chosen.fit.needs_background else None
        if key not in fitted:
            fitted[key] = fit_direction(in_domain, name=name, preset=base, background=background, **options)
        directions[name] = replace(fitted[key], name=name, score=chosen.score)
    return directions


def score_all(
    directions: Mapping[str, Direction], pool: ActivationStore, outside: Mapping[str, ActivationStore]
) -> dict[str, Scored]:
    """Score the pool under each direction and the fits to its halves, and the rows outside under the direction."""
    again = {name: _halves(direction) for name, direction in directions.items()}
    scores = score(pool, [*directions.values(), *(half for halves in again.values() for half in halves)])

    def column(direction: Direction) -> Floats:
        values: Floats = scores["score"].sel(direction=direction.name).to_numpy()
        return values

    scored = {}
    for name, direction in directions.items():
        own = scores.sel(direction=name)
        moments = own["layer_mean"].to_numpy(), own["layer_scale"].to_numpy()
        halves = [column(half) for half in again[name]]
        scored[name] = Scored(
            pool=column(direction),
            halves=list(zip(halves[::2], halves[1::2], strict=True)),
            outside={other: project(direction, store, pool, *moments) for other, store in outside.items()},
        )
    return scored


def project(direction: Direction, store: ActivationStore, pool: ActivationStore, mean: Floats, scale: Floats) -> Floats:
    """Score rows outside the pool on the pool's own scale, which `nait.score` would take from the rows themselves.

    Args:
        direction: What to score by.
        store: The rows.
        pool: Whose mean is taken off where the direction centres.
        mean: What each layer's projection is centred by: (layer,).
        scale: What it is divided by: (layer,).
    """
    options = direction.score
    cosine = options.similarity == "cosine"
    reader = store.pool(options.pool)
    total = np.zeros(len(store))
    for layer, vector in enumerate(direction.vectors.astype(np.float64)):
        values = np.concatenate([part.astype(np.float64) for _, part in reader.chunks(layer)])
        if cosine and options.center == "pool":
            values -= pool.statistics(options.pool).mean[layer]
        projected = values @ vector
        if cosine:
            total += projected / (np.linalg.norm(values, axis=1) * np.linalg.norm(vector))
        else:
            total += (projected - mean[layer]) / scale[layer]
    return np.where(store.selectable, total, np.nan)


def _halves(direction: Direction) -> list[Direction]:
    """The fits to the halves, in pairs."""
    return [
        replace(direction, name=f"{direction.name}, half {i}", vectors=vectors.astype(np.float32))
        for i, (which, vectors) in enumerate(zip(direction.resamples, direction.resampled, strict=True))
        if which.kind == "half"
    ]
