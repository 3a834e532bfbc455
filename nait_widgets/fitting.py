"""In-domain samples -> a direction."""

from __future__ import annotations

import tempfile
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nait_widgets.errors import DirectionError
from nait_widgets.in_domain import about, groups, held_out, layer_of
from nait_widgets.methods import Direction, FitOptions, Preset, preset, space
from nait_widgets.methods.principal import contrast, point, principal_components
from nait_widgets.methods.resampling import FEWEST, resample
from nait_widgets.store import ActivationStore, Status

if TYPE_CHECKING:
    import numpy.typing as npt
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from nait_widgets.models import CausalLM
    from nait_widgets.store.scan import PoolReader

    Rows = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float64]


def fit_direction(
    model: str | PathLike[str] | PreTrainedModel | CausalLM | ActivationStore,
    data: Any = None,
    *,
    name: str,
    preset: str = "paper",
    background: ActivationStore | None = None,
    tokenizer: PreTrainedTokenizerBase | None = None,
    **options: Any,
) -> Direction:
    """Fit a capability's direction to in-domain samples (Eqs. 1-4).

    Args:
        model: What captures the samples: a hub id, a folder, a loaded model; or a store that holds them.
        data: The in-domain samples, anything `read_records` reads; nothing for a store.
        name: What to call the capability.
        preset: `paper`, faithful to the equations, or `robust`.
        background: The pool of candidates, for a sign or contrast that compares with it. Where it is given, site,
            layers, template and maximum length are taken from it unless they are named.
        tokenizer: For a loaded model.
        options: Fields of `FitOptions` and `ScoreOptions` that differ from the preset; and for a model, the
            arguments of `capture` that say how it is run (`site`, `template`, `max_length`, `dtype`…). `layers` are
            those that are captured; `Direction.scored_by` can leave out some of them later.

    Raises:
        DirectionError: Options that don't fit together, fewer than two usable samples, or a background of another
            model, site or template.
    """
    chosen, running = _split(preset, options)
    if chosen.fit.needs_background and background is None:
        why = "difference 'contrast'" if chosen.fit.difference == "contrast" else "sign 'pool'"
        raise DirectionError(
            f"preset {preset!r} with {why} compares with the pool of candidates: give its store as `background=` "
            "(`--background`)"
        )
    if isinstance(model, ActivationStore):
        if data is not None or running:
            raise DirectionError("a store holds its samples already: data and capture options go with a model")
        return _fit(model, name, preset, chosen, background)
    if data is None:
        raise DirectionError("in-domain samples are missing: give a data file beside the model")
    from nait_widgets.capturing import capture

    running = _like(background, loaded=not isinstance(model, str | PathLike)) | running
    with tempfile.TemporaryDirectory(prefix="nait-fit-") as folder:
        # float32: a difference of tokens cancels the large constants that float16 would round.
        store = capture(
            model,
            data,
            Path(folder) / "in-domain.zarr",
            tokenizer=tokenizer,
            pools=required_pools(chosen),
            store_dtype="float32",
            text=False,
            monitor=False,
            **running,
        )
        return _fit(store, name, preset, chosen, background)


def required_pools(chosen: Preset) -> tuple[str, ...]:
    """The pools that fitting needs of the in-domain samples."""
    return tuple(dict.fromkeys([*_difference(chosen.fit), chosen.score.pool]))


def _difference(fit: FitOptions) -> tuple[str, ...]:
    """The pool whose principal component is taken, and the one that is taken off it first, if any."""
    match fit.difference:
        case "last-first":
            return ("content_last" if fit.last_token == "content" else "last", "first")  # noqa: S105 - no password
        case "mean-first":
            return ("mean", "first")
        case "mean":
            return ("mean",)
        case "contrast":
            return ()


def _fit(
    store: ActivationStore, name: str, preset: str, chosen: Preset, background: ActivationStore | None
) -> Direction:
    store.require_complete()
    rows = _usable(store, chosen.fit)
    made_of = [store.pool(pool) for pool in _difference(chosen.fit)]
    scored = store.pool(chosen.score.pool)
    background_mean = None
    if background is not None and chosen.fit.needs_background:
        _check_background(store, background)
        background_mean = background.statistics(chosen.score.pool).mean
    resamples, drawn = resample(len(rows))
    shares = np.concatenate([np.full((1, len(rows)), 1 / len(rows)), drawn])  # all samples alike, then each drawing
    n_layers, n_neurons = len(store.layout.layers), store.layout.n_neurons
    vectors, in_domain_mean = np.empty((2, n_layers, n_neurons), np.float32)
    explained, margin = np.empty((2, n_layers), np.float32)
    resampled = np.empty((len(resamples), n_layers, n_neurons), np.float16)
    for layer in range(n_layers):
        against = None if background_mean is None else background_mean[layer]
        means: Floats = shares @ layer_of(scored, layer, rows)
        fitted, shown, decided = _one_layer(made_of, layer, rows, means, chosen.fit, against, shares)
        vectors[layer], resampled[:, layer] = fitted[0], fitted[1:]
        in_domain_mean[layer], explained[layer], margin[layer] = means[0], shown[0], decided[0]
    sizes, group_mean = groups(scored, rows)
    return Direction(
        name=name,
        vectors=vectors,
        layers=store.layout.layers,
        site=store.layout.site,
        model=store.provenance["model"],
        template=store.provenance["template"],
        fit=chosen.fit,
        score=chosen.score,
        preset=preset,
        explained=explained,
        margin=margin,
        in_domain_mean=in_domain_mean,
        samples={
            **about(store, rows),
            "groups": sizes,
            "pool": chosen.score.pool,
            "background": None if background is None else background.provenance["source"],
        },
        resamples=resamples,
        resampled=resampled,
        group_mean=group_mean,
        held_out=held_out(scored, rows, resamples, drawn, resampled),
    )


def _one_layer(
    made_of: list[PoolReader],
    layer: int,
    rows: Rows,
    means: Floats,
    fit: FitOptions,
    background: npt.NDArray[np.float32] | None,
    shares: Floats,
) -> tuple[Floats, Floats, Floats]:
    """A layer's vector (drawing, neuron), explained share and sign margin (drawing,) under each drawing.

    Args:
        made_of: See `_difference`.
        layer: Position of the layer.
        rows: The samples.
        means: Of the samples' activations in the pool that candidates are scored by: (drawing, neuron).
        fit: How.
        background: Mean of the background in that pool: (neuron,).
        shares: What each sample counts for: (drawing, sample).
    """
    if fit.difference == "contrast":
        assert background is not None
        unknown = np.full(len(shares), np.nan)
        return np.stack([contrast(mean, background) for mean in means]), unknown, unknown
    samples = layer_of(made_of[0], layer, rows)
    drift = samples if len(made_of) == 1 else samples - layer_of(made_of[1], layer, rows)
    vectors, explained = principal_components(drift, shares)
    if fit.sign == "pool":
        assert background is not None
        along = means - background
    else:
        along = shares @ drift
    mask = fit.sign == "drift_masked"
    pointed = [point(vector, to, mask_outliers=mask) for vector, to in zip(vectors, along, strict=True)]
    return np.stack([vector for vector, _ in pointed]), explained, np.array([margin for _, margin in pointed])


def _usable(store: ActivationStore, fit: FitOptions) -> Rows:
    keep = store.selectable
    if fit.truncated == "drop":
        keep &= store.status == Status.OK
    rows = np.flatnonzero(keep)
    if len(rows) < FEWEST:
        raise DirectionError(
            f"{len(rows)} of {len(store)} in-domain samples can be used, and a direction needs {FEWEST} at least; "
            "the others are empty, broken or truncated (raise `max_length`, or keep them by truncated='keep')"
        )
    return rows


def _check_background(store: ActivationStore, background: ActivationStore) -> None:
    background.require_complete()
    ours, theirs = (space(s.provenance["model"], s.provenance["template"], s.layout.site) for s in (store, background))
    for kind in ours:
        if ours[kind].identity != theirs[kind].identity:
            raise DirectionError(
                f"the in-domain samples are of another {kind} than the background {background.path} "
                f"({ours[kind].label}, there {theirs[kind].label})"
            )
    if store.layout.layers != background.layout.layers:
        raise DirectionError(
            f"the in-domain samples have layers {store.layout.layers}, the background {background.layout.layers}"
        )


def _like(background: ActivationStore | None, *, loaded: bool) -> dict[str, Any]:
    """The arguments of `capture` that make in-domain samples comparable with a background."""
    if background is None:
        return {}
    template = background.provenance["template"]
    like = {
        "site": background.layout.site,
        "layers": background.layout.layers,
        "template": template["name"],
        "max_length": template["max_length"],
    }
    return like if loaded else {**like, "dtype": background.provenance["model"]["dtype"]}


def _split(name: str, options: dict[str, Any]) -> tuple[Preset, dict[str, Any]]:
    """Options of the method, over a preset; and options of the run."""
    run = {"site", "layers", "template", "max_length", "batch_tokens", "deterministic", "dtype", "device"}
    run |= {"attention", "revision", "trust_remote_code"}
    method = {k: v for k, v in options.items() if k not in run}
    return preset(name, **method), {k: v for k, v in options.items() if k in run and v is not None}
