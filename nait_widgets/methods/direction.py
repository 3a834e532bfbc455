"""A capability's direction: a frozen value that can be combined, saved and shared."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nait_widgets.errors import DirectionError
from nait_widgets.methods.options import FitOptions, ScoreOptions, as_json, change
from nait_widgets.methods.resampling import Resample
from nait_widgets.paths import written_whole

if TYPE_CHECKING:
    import os

    import numpy.typing as npt
    import xarray as xr

    from nait_widgets.explaining import Health
    from nait_widgets.store import ActivationStore

    Floats = npt.NDArray[np.float32]

# What a file says of itself, outside of what it says of the direction.
_OUTER = ("format", "sha256")


@dataclass(frozen=True, slots=True, eq=False)
class Direction:
    """One vector a layer, pointing to where a capability's samples lie.

    Attributes:
        name: What the capability is called.
        vectors: (layer, neuron) float32; unit length a layer as fitted.
        layers: The decoder layers.
        site: Which tensor of a layer a neuron is.
        model: Identity of the model (`ModelIdentity.as_dict()`).
        template: Name and digest of the template, and the maximum length.
        fit: How it was fitted.
        score: How candidates are projected on it.
        preset: The preset these options started from.
        explained: Share of the in-domain variance along each layer's vector, (layer,); NaN for a contrast, which is
            no principal component.
        margin: Cosine that decided each layer's sign, (layer,): near 0 it was a coin toss. NaN for a contrast, whose
            sign is given. Of two directions combined, this and what goes before and after isn't known: NaN.
        in_domain_mean: Mean of the in-domain samples' activation in the pool that they were fitted for (`pool` in
            `samples`): (layer, neuron).
        samples: Counts, lengths and origin of the in-domain samples.
        resamples: How the in-domain samples were drawn again; none where directions were combined.
        resampled: What each drawing was fitted to: (resample, layer, neuron) float16.
        group_mean: Mean activation, in that pool, of the two groups that the in-domain samples fall into where they
            differ most (`two_groups`), the larger first: (group, layer, neuron) float32. Like the next, empty where
            directions were combined, for too few samples, and in files of before it was kept.
        held_out: Projection of the in-domain samples' activations, in that pool, on the vectors that were fitted to
            halves without them, mean over these halves: (in-domain sample, layer) float32.
    """

    name: str
    vectors: Floats
    layers: tuple[int, ...]
    site: str
    model: dict[str, Any]
    template: dict[str, Any]
    fit: FitOptions
    score: ScoreOptions
    preset: str
    explained: Floats
    margin: Floats
    in_domain_mean: Floats
    samples: dict[str, Any] = field(default_factory=dict)
    resamples: tuple[Resample, ...] = ()
    resampled: npt.NDArray[np.float16] = field(default_factory=lambda: np.empty((0, 0, 0), np.float16))
    group_mean: Floats = field(default_factory=lambda: np.empty((0, 0, 0), np.float32))
    held_out: Floats = field(default_factory=lambda: np.empty((0, 0), np.float32))

    def __repr__(self) -> str:
        n_layers, n_neurons = self.vectors.shape
        return (
            f"<Direction {self.name!r}: {n_layers} layers × {n_neurons:,} neurons, {self.site} of "
            f"{self.model['name']}, preset {self.preset}>"
        )

    def __add__(self, other: Direction) -> Direction:
        return self._combine(other, "+", self.vectors + other.vectors)

    def __sub__(self, other: Direction) -> Direction:
        return self._combine(other, "−", self.vectors - other.vectors)

    def __mul__(self, factor: float) -> Direction:
        return self._made(f"{factor:g}·{self.name}", self.vectors * np.float32(factor))

    __rmul__ = __mul__

    def __neg__(self) -> Direction:
        return self._made(f"−{self.name}", -self.vectors)

    def named(self, name: str) -> Direction:
        """The same direction under another name."""
        return replace(self, name=name)

    def scored_by(self, **options: Any) -> Direction:
        """The same direction with other `ScoreOptions`, by name.

        Raises:
            DirectionError: No such option or value.
        """
        return replace(self, score=change(self.score, options))

    def health(self, store: ActivationStore, scores: xr.Dataset | None = None, fraction: float = 0.1) -> Health:
        """How far the direction, and what it would select from a store, can be trusted; see `explaining.health`."""
        from nait_widgets.explaining import health

        return health(self, store, scores, fraction)

    @property
    def digest(self) -> str:
        """SHA-256 of the vectors and of how they are applied: what makes two directions score alike."""
        meaning = json.dumps([self.layers, self.site, self.model["weights_hash"], as_json(self.score)])
        return sha256(meaning.encode() + np.ascontiguousarray(self.vectors, "<f4").tobytes()).hexdigest()

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write to one file, `NAME.direction`: safetensors, so that opening a stranger's runs nothing."""
        from safetensors.numpy import save

        from nait_widgets.methods.encoding import encode

        tensors, header = encode(self)
        about = {key: header.pop(key) for key in _OUTER}
        data = save(tensors, {**about, "direction": json.dumps(header)})
        path = Path(path)
        with written_whole(path) as temporary:
            temporary.write_bytes(data)
        return path

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Direction:
        """Read a direction from its file.

        Raises:
            DirectionError: The file is missing, damaged or something else.
        """
        from safetensors import SafetensorError, safe_open

        from nait_widgets.methods.encoding import DIMENSIONS, decode

        path = Path(path)
        if not path.is_file():
            raise DirectionError(f"there is no direction file at {path}; make one with `nait fit`")
        try:
            with safe_open(path, framework="numpy") as file:
                about = file.metadata() or {}
                header = json.loads(about.get("direction", "{}")) | {key: about.get(key) for key in _OUTER}
                tensors = {name: file.get_tensor(name) for name in set(DIMENSIONS) & set(file.keys())}
        except (SafetensorError, TypeError, ValueError) as error:
            raise DirectionError(f"{path} can't be read as a direction: {error}") from error
        return decode(tensors, header, str(path))

    def require_same_space(self, other: Space, what: str) -> None:
        """Raise unless something else lies in the same space.

        Args:
            other: The space of another direction or of a store.
            what: What the other is called in the message.

        Raises:
            DirectionError: The first difference, naming both.
        """
        for kind, mine in self.space.items():
            theirs = other[kind]
            if mine.identity != theirs.identity:
                raise DirectionError(
                    f"direction {self.name!r} is of another {kind} than {what} ({mine.label}, there {theirs.label}); "
                    f"fit it with the same {kind}"
                )

    @property
    def space(self) -> Space:
        """What must agree between a direction and what it is applied to."""
        return space(self.model, self.template, self.site)

    def _combine(self, other: Direction, sign: str, vectors: Floats) -> Direction:
        self.require_same_space(other.space, f"direction {other.name!r}")
        if self.layers != other.layers:
            raise DirectionError(
                f"directions {self.name!r} and {other.name!r} have other layers ({self.layers} and {other.layers})"
            )
        if self.score != other.score:
            raise DirectionError(
                f"directions {self.name!r} and {other.name!r} are applied in different ways "
                f"({self.score} and {other.score}); give one the options of the other by `scored_by`"
            )
        unknown = np.full(len(self.layers), np.nan, np.float32)
        made = self._made(f"{self.name} {sign} {other.name}", vectors)
        return replace(made, explained=unknown, margin=unknown, in_domain_mean=np.full_like(vectors, np.nan))

    def _made(self, name: str, vectors: Floats) -> Direction:
        """A direction made by arithmetic, which no samples were fitted to."""
        return replace(
            self,
            name=name,
            vectors=vectors,
            resamples=(),
            resampled=np.empty((0, 0, 0), np.float16),
            group_mean=np.empty((0, 0, 0), np.float32),
            held_out=np.empty((0, 0), np.float32),
        )


class Trait(NamedTuple):
    """One thing that must agree: what is compared, and what people call it."""

    identity: str
    label: str


Space = dict[str, Trait]


def space(model: dict[str, Any], template: dict[str, Any], site: str) -> Space:
    """What must agree between directions and stores: model, site and template."""
    return {
        "model": Trait(model["weights_hash"], f"{model['name']} with weights {model['weights_hash'][:8]}"),
        "site": Trait(site, site),
        "template": Trait(template["digest"], f"{template['name']} {template['digest'][:8]}"),
    }
