"""What a capture does to rows, apart from where they come from and who writes them: settings, checked on a model."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from nait_widgets.capturing.forward import Forward
from nait_widgets.capturing.keeping import norms_of, pools_for, require_space, targets
from nait_widgets.capturing.rendering import renderer_for
from nait_widgets.capturing.window import WindowRunner
from nait_widgets.errors import ModelError
from nait_widgets.methods import space
from nait_widgets.models import check_head, find_site, probe
from nait_widgets.store import Layout
from nait_widgets.store.extras import check_extras
from nait_widgets.store.layout import BLOCK_ROWS, SCORES_BLOCK_ROWS, Dtype
from nait_widgets.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nait_widgets.capturing.keeping import Target
    from nait_widgets.methods import Direction
    from nait_widgets.models import CausalLM, Probe, Site
    from nait_widgets.records import Renderer

_BATCH_TOKENS = {"cpu": 4096, "cuda": 16384}


@dataclass(frozen=True, slots=True)
class Settings:
    """The options of `capture` that decide what a store holds; there they are described.

    Attributes:
        scores_for: The directions of a store without activations, whose pools are then `pools`.
        components: Of the fingerprints that are kept beside their scores, at most; 0 where none are.
    """

    site: str
    pools: tuple[str, ...]
    layers: tuple[int, ...] | None
    template: str | None
    max_length: int | None
    batch_tokens: int | None
    deterministic: bool
    extras: tuple[str, ...]
    text: bool
    store_dtype: Dtype
    block_rows: int
    scores_for: tuple[Target, ...] = ()
    components: int = 0

    @classmethod
    def asked(
        cls,
        *,
        site: str | None,
        pools: Sequence[str] | None,
        layers: Sequence[int] | None,
        template: str | None,
        max_length: int | None,
        batch_tokens: int | None,
        deterministic: bool,
        extras: str | Iterable[str],
        text: bool,
        store_dtype: Dtype,
        block_rows: int | None,
        scores_only: Direction | Sequence[Direction],
    ) -> Settings:
        """The settings that a caller of `capture` asks for, checked as far as they can be without a model.

        Raises:
            StoreError: A pool or an extra is unknown, or pools are given though the directions say which.
            DirectionError: Scores can't be kept for a direction, or two share a name.
        """
        kept = targets(scores_only)
        return cls(
            site=site or (kept[0].direction.site if kept else "resid_post"),
            pools=pools_for(pools, kept),
            layers=None if layers is None else tuple(layers),
            template=template,
            max_length=max_length,
            batch_tokens=batch_tokens,
            deterministic=deterministic,
            extras=check_extras(extras),
            text=text,
            store_dtype=store_dtype,
            block_rows=block_rows or (SCORES_BLOCK_ROWS if kept else BLOCK_ROWS),
            scores_for=kept,
        )


@dataclass(frozen=True, slots=True)
class Prepared:
    """A model that is ready to capture.

    Attributes:
        renderer: Makes tokens of rows.
        runner: Makes blocks of rows' tokens.
        provenance: What a store says of them: model, template, capture and versions.
    """

    renderer: Renderer
    runner: WindowRunner
    provenance: dict[str, Any]

    @property
    def layout(self) -> Layout:
        """The store's shape."""
        return self.runner.layout


def prepare(lm: CausalLM, settings: Settings, n_samples: int) -> Prepared:
    """Find the site on a model, probe it, and fix the store's shape.

    Raises:
        ModelError: The model lacks the site or what an extra needs.
        DirectionError: A direction that scores are to be kept for isn't of this model, site and template.
    """
    found = find_site(lm, settings.site, settings.layers)
    probed = probe(lm, found)
    up, masked = None, probed.masked
    if "nag" in settings.extras:
        up, of_up = _up_site(lm, found.layers)
        masked = masked or of_up.masked
    if "loss" in settings.extras:
        check_head(lm)
    renderer = renderer_for(lm, settings.template, settings.max_length)
    template = {"name": renderer.name, "digest": renderer.digest, "max_length": renderer.max_length}
    require_space(settings.scores_for, space(lm.identity.as_dict(), template, settings.site), found.layers)
    layout = Layout(
        n_samples=n_samples,
        site=settings.site,
        layers=found.layers,
        n_neurons=found.n_neurons,
        pools=settings.pools,
        dtype=settings.store_dtype,
        extras=settings.extras,
        text=settings.text,
        block_rows=settings.block_rows,
        hidden_size=lm.hidden_size if "embedding" in settings.extras else 0,
        up_size=up.n_neurons if up else 0,
        content_token=any(pool in ("content_last", "content_delta") for pool in settings.pools),
        directions=tuple(target.label for target in settings.scores_for),
        norms=norms_of(settings.scores_for),
        components=settings.components,
    )
    budget = settings.batch_tokens or _BATCH_TOKENS.get(lm.device.type, _BATCH_TOKENS["cpu"])
    forward = Forward(lm, found, layout, masked=masked, up=up)
    provenance = {
        "model": lm.identity.as_dict(),
        "template": template,
        "capture": {
            "batch_tokens": budget,
            "deterministic": settings.deterministic,
            "masked": masked,
            "tolerance": probed.tolerance,
            "device": str(lm.device),
        },
        "versions": {"nait-widgets": __version__} | {name: version(name) for name in ("torch", "transformers", "zarr")},
    }
    runner = WindowRunner(forward, layout, budget, not settings.deterministic, settings.scores_for)
    return Prepared(renderer, runner, provenance)


def _up_site(lm: CausalLM, layers: Sequence[int]) -> tuple[Site, Probe]:
    """The up projections that the extra `nag` reads, and what a probe saw of them."""
    up = find_site(lm, "up_proj_abs", layers, advice="leave the extra 'nag' out, which reads it")
    try:
        return up, probe(lm, up)
    except ModelError as error:
        raise ModelError(f"{error}, or leave the extra 'nag' out, which reads it") from error
