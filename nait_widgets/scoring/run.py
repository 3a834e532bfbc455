"""Directions and other scorers × store -> scores; directions are streamed in one pass."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from nait_widgets.errors import DirectionError
from nait_widgets.fingerprints import ERROR, estimate, fingerprint
from nait_widgets.methods import Direction, space
from nait_widgets.methods import preset as find_preset
from nait_widgets.scorers import Scorer
from nait_widgets.scorers import scorer as find_scorer
from nait_widgets.scoring.kept import require_kept, total
from nait_widgets.scoring.placing import placed
from nait_widgets.scoring.projection import Projection

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    import xarray as xr
    from distributed import Client

    from nait_widgets.scored import Scored
    from nait_widgets.store import ActivationStore

    Floats = npt.NDArray[np.float64]


def score(
    store: ActivationStore,
    scorers: Scored | str | Sequence[Scored | str] | None = None,
    *,
    preset: str | None = None,
    workers: int | None = None,
    client: Client | Literal["local"] | None = None,
    approximate: bool = False,
    **options: Any,
) -> xr.Dataset:
    """Score every sample of a store under one or more directions (Eq. 5) or other scorers.

    All directions are scored in one pass over each pool that they use. How candidates are projected is each
    direction's own (`Direction.score`), unless a preset or options say otherwise; those are no matter to a scorer.

    Args:
        store: A complete store.
        scorers: Directions of the same model, site and template as the store; scorers; or, of kinds that need no
            targets, their names, such as `"length"`. None for the directions of a store that keeps scores only; that
            has no other directions, but these under any options that its projections suffice for.
        preset: Whose `ScoreOptions` to use; the directions must have been fitted as it says.
        options: Fields of `ScoreOptions` to change.
        workers: Reading threads of this process; None for one a processor, at most 8.
        client: Of a Dask cluster (`distributed.Client`), whose workers then read the store and compute: all must find
            it at its path. `"local"` for this process. None chooses: the client that is current here, if there is one
            and the store is remote or larger than this machine's memory; else this process. The scores are the same.
        approximate: Whether directions are scored from the store's fingerprint (`make_fingerprint`), without reading
            its activations: for any direction that scores the fingerprint's pool, but not by a cosine. Always in this
            process.

    Returns:
        `score` (sample, direction) float64, NaN where a sample has none: where it was quarantined, or a scorer can't
        tell; `layer_mean` and `layer_scale` (direction, layer): what each layer's projection was centred and divided
        by, NaN for a scorer; `status` and `n_tokens` (sample); coordinates `sample_id` and `direction`, the columns'
        names; the store, by what each column is (`directions`), and who read and why (`ran_on`), as attributes. Where
        approximate, also `score_error` (sample, direction): the most by which each score can be off the exact one, 0
        for a scorer's.

    Raises:
        StoreError: The store is incomplete, damaged, or lacks a pool.
        DirectionError: A direction doesn't belong to the store, two columns share a name, or options are given
            without a direction that they are for.
        ScorerError: There is no such scorer, or the store lacks what it needs.
        NaitError: The cluster has no workers, or loses them for good.
    """
    if scorers is None:
        scorers = store.projections.directions if store.scores_only else ()
    given = [scorers] if isinstance(scorers, Direction | Scorer | str) else list(scorers)
    named = [find_scorer(each) if isinstance(each, str) else each for each in given]
    scored = [_as_asked(each, preset, options) if isinstance(each, Direction) else each for each in named]
    directions = {i: each for i, each in enumerate(scored) if isinstance(each, Direction)}
    if (preset is not None or options) and not directions:
        raise DirectionError(f"{', '.join(options) or 'a preset'} can only be said of directions, and none is given")
    check(store, scored, approximate=approximate)
    there, ran_on = (store, "this process (a fingerprint)") if approximate else placed(store, client, workers)
    scores, errors = np.full((2, len(store), len(scored)), np.nan)
    means, scales = np.full((2, len(scored), len(store.layout.layers)), np.nan)
    for pool in dict.fromkeys(direction.score.pool for direction in directions.values()):
        columns = [i for i, direction in directions.items() if direction.score.pool == pool]
        of_pool = [directions[i] for i in columns]
        if approximate:
            estimated = estimate(store, of_pool)
            found, errors[:, columns] = estimated[:3], estimated.errors
        elif store.scores_only:
            found = total(store, of_pool)
        else:
            found = Projection.of(there, of_pool).run(there, pool)
        scores[:, columns], means[columns], scales[columns] = found
    for i, each in enumerate(scored):
        if isinstance(each, Scorer):
            scores[:, i], errors[:, i] = each.score(there), 0
    scores[~store.selectable], errors[~store.selectable] = np.nan, np.nan
    dataset = as_dataset(store, scored, scores, means, scales, errors if approximate else None)
    return dataset.assign_attrs(ran_on=ran_on)


def as_dataset(
    store: ActivationStore,
    scored: Sequence[Scored],
    scores: Floats,
    means: Floats,
    scales: Floats,
    errors: Floats | None = None,
) -> xr.Dataset:
    """Scores as `score` returns them.

    Args:
        store: What was scored.
        scored: By what.
        scores: (sample, direction).
        means: What each layer's projection was centred by: (direction, layer).
        scales: What it was divided by: (direction, layer).
        errors: Of approximate scores, the most by which they can be off: (sample, direction).
    """
    import xarray as xr

    dataset = xr.Dataset(
        {
            "score": (("sample", "direction"), scores),
            "layer_mean": (("direction", "layer"), means),
            "layer_scale": (("direction", "layer"), scales),
            "status": ("sample", store.status),
            "n_tokens": ("sample", store.n_tokens),
        },
        coords={
            "sample_id": ("sample", store.sample_id),
            "direction": [each.name for each in scored],
            "layer": list(store.layout.layers),
        },
        attrs={
            # The values themselves: what is selected by these scores can then say how to repeat it.
            "store": store,
            "directions": tuple(scored),
        },
    )
    return dataset if errors is None else dataset.assign({ERROR: (("sample", "direction"), errors)})


def _as_asked(direction: Direction, preset: str | None, options: dict[str, Any]) -> Direction:
    if preset is not None:
        asked = find_preset(preset)
        if direction.fit != asked.fit:
            raise DirectionError(
                f"direction {direction.name!r} was fitted otherwise ({direction.fit}) than preset {preset!r} says; "
                f"fit it with preset={preset!r}"
            )
        direction = replace(direction, score=asked.score)
    return direction.scored_by(**options)


def check(store: ActivationStore, scored: Sequence[Scored], *, approximate: bool = False) -> None:
    """Raise before any work is done for nothing.

    Raises:
        StoreError: The store is incomplete, or lacks a pool.
        DirectionError: A direction doesn't belong to it, none is given, or two share a name.
        ScorerError: The store lacks what a scorer needs.
    """
    if not scored:
        raise DirectionError("nothing to score by is given; fit a direction with `nait fit`, or name a scorer")
    store.require_complete()
    for each in scored:
        if isinstance(each, Direction):
            _check_direction(store, each, approximate=approximate)
        else:
            each.require(store)
    names = [each.name for each in scored]
    if len(set(names)) < len(names):
        raise DirectionError(f"two columns are named {max(names, key=names.count)!r}; rename one with `named(...)`")


def _check_direction(store: ActivationStore, direction: Direction, *, approximate: bool) -> None:
    here: Any = space(store.provenance["model"], store.provenance["template"], store.layout.site)
    direction.require_same_space(here, f"store {store.path}")
    absent = set(direction.layers) - set(store.layout.layers)
    asked = set(direction.score.layers or ()) - set(direction.layers)
    if absent:
        raise DirectionError(f"direction {direction.name!r} has layers {sorted(absent)} that {store.path} lacks")
    if asked:
        raise DirectionError(f"direction {direction.name!r} is to use layers {sorted(asked)}, which it lacks")
    if approximate:
        fingerprint(store, direction.score.pool).require(direction)
    elif store.scores_only:
        require_kept(store, direction)
    else:
        store.pool(direction.score.pool)
