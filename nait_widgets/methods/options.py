"""What the paper leaves open, each choice an option with a name, and the presets that name a whole set of them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal, get_args, get_type_hints

from nait_widgets.errors import DirectionError

Difference = Literal["last-first", "mean-first", "mean", "contrast"]
LastToken = Literal["final", "content"]
Sign = Literal["drift", "drift_masked", "pool"]
Truncated = Literal["keep", "drop"]
CandidatePool = Literal[
    "mean", "response_mean", "content_mean", "tail_mean", "weighted", "last", "content_last", "delta", "content_delta"
]
Center = Literal["none", "pool"]
Similarity = Literal["dot", "cosine", "zscore"]


@dataclass(frozen=True, slots=True)
class FitOptions:
    """How a direction is fitted to in-domain samples.

    Attributes:
        difference: What the direction is made of. `last-first`, `mean-first` and `mean` take the first principal
            component of A(t_K) − A(t_1), Ā − A(t_1) or Ā (Eqs. 1-3); `contrast` takes the difference of means,
            in-domain minus background, at unit length a layer.
        last_token: Which token counts as t_K: the rendered sample's own last one (`final`, often an end-of-turn
            token that all samples share) or the last of the response's text (`content`).
        sign: How a component is pointed: along the mean difference (`drift`, Eq. 4); the same without outlier
            dimensions (`drift_masked`); or so that in-domain samples score above the background (`pool`).
        truncated: Whether in-domain samples cut at the maximum length are kept.
    """

    difference: Difference = "last-first"
    last_token: LastToken = "final"  # noqa: S105 - no password
    sign: Sign = "drift"
    truncated: Truncated = "keep"

    @property
    def needs_background(self) -> bool:
        """Whether fitting compares with a background pool."""
        return self.sign == "pool" or self.difference == "contrast"


@dataclass(frozen=True, slots=True)
class ScoreOptions:
    """How candidates are projected on a direction.

    Attributes:
        pool: Which pooled activation of a candidate stands for it: the mean over all tokens (Eq. 5), over the
            response, without special tokens (`content_mean`), without the first (`tail_mean`), weighted by position
            (w_i = i/Σi), a single token, or a difference of tokens.
        center: Whether the background's mean is taken off first.
        similarity: Per layer, the dot product (Eq. 5), the cosine, or the z-score of the dot product over the pool.
        layers: The layers that are summed; None for all that were captured.
    """

    pool: CandidatePool = "mean"
    center: Center = "none"
    similarity: Similarity = "dot"
    layers: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Preset:
    """A named set of options."""

    fit: FitOptions
    score: ScoreOptions


PRESETS = {
    "paper": Preset(FitOptions(), ScoreOptions()),
    "robust": Preset(
        FitOptions(difference="contrast", truncated="drop"),
        ScoreOptions(pool="tail_mean", similarity="zscore"),
    ),
}


def preset(name: str, **changes: Any) -> Preset:
    """A preset with some of its options changed.

    Args:
        name: A key of `PRESETS`.
        changes: Fields of `FitOptions` and `ScoreOptions` by name; None leaves the preset's value.

    Raises:
        DirectionError: No such preset, option or value; the message lists what there is.
    """
    if name not in PRESETS:
        raise DirectionError(f"there is no preset {name!r}; choose one of {', '.join(PRESETS)}")
    base = PRESETS[name]
    given = {option: value for option, value in changes.items() if value is not None}
    fit = change(base.fit, {k: v for k, v in given.items() if k in _names(FitOptions)})
    score = change(base.score, {k: v for k, v in given.items() if k not in _names(FitOptions)})
    return Preset(fit, score)


def change(options: Any, changes: dict[str, Any]) -> Any:
    """Options with some fields changed, each checked against its type.

    Raises:
        DirectionError: No such option, or no such value of it.
    """
    hints = get_type_hints(type(options))
    for option, value in changes.items():
        if option not in hints:
            raise DirectionError(f"there is no option {option!r}; choose among {', '.join(hints)}")
        allowed = get_args(hints[option])
        if option == "layers":
            if value is not None:
                changes = {**changes, "layers": tuple(int(layer) for layer in value)}
        elif value not in allowed:
            raise DirectionError(f"{option} is {value!r}, but must be one of {', '.join(allowed)}")
    return replace(options, **changes)


def as_json(options: FitOptions | ScoreOptions) -> dict[str, Any]:
    """Options as JSON has them."""
    return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(options).items()}


def _names(cls: type[FitOptions]) -> set[str]:
    return {field.name for field in fields(cls)}
