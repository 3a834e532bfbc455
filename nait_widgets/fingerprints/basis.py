"""A few hundred bytes that stand for a sample's activations: its largest principal components, in stages.

Of the forms that such bytes could have, this one tells scores best (`benchmarks/RESULTS.md`): coefficients along the
principal components of all layers together, rounded in a unit of the sample's own, and for each layer the length of
what they leave.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nait_widgets.store.records import sealed

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Floats = npt.NDArray[np.floating]
    Bytes = npt.NDArray[np.uint8]

COMPONENTS = (64, 128, 384)  # known after each stage
_SMALLEST = 1e-6  # of the largest standard deviation: below it, float32 has only rounding
_NONE = 1e-12  # the deviation of samples that don't differ
_LEVELS = 2**7 - 1  # steps on each side of zero


class Told(NamedTuple):
    """What the records of a stage tell of some samples.

    Attributes:
        unit: Of each, what the steps of its coefficients are multiplied by: (row,).
        coefficients: Along the stage's vectors, off by at most half a step each: (row, component of the stage).
        left: At least the length of what the vectors of all stages so far leave of each layer; infinite where nothing
            is known: (row, layer).
    """

    unit: npt.NDArray[np.float32]
    coefficients: npt.NDArray[np.float32]
    left: npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Basis:
    """Orthonormal vectors, along which a sample's activations are kept, each layer at unit size about the pool's mean.

    Attributes:
        mean: Of the samples that it was fitted to: (layer, neuron) float32.
        scale: What each layer is divided by, the root of its variance over all neurons: (layer,) float32.
        vectors: (component, layer, neuron) float32, the largest first.
        step: What each coefficient is rounded to a multiple of, in the sample's own unit: (component,) float32. In
            proportion to the coefficient's standard deviation.
        components: How many are known after each stage, ascending.
    """

    mean: npt.NDArray[np.float32]
    scale: npt.NDArray[np.float32]
    vectors: npt.NDArray[np.float32]
    step: npt.NDArray[np.float32]
    components: tuple[int, ...]

    @classmethod
    def fit(cls, sample: npt.NDArray[np.float32], components: Sequence[int] = COMPONENTS) -> Basis:
        """The principal components of some samples.

        Args:
            sample: Activations, finite: (row, layer, neuron). Some thousand rows tell those of a pool; there are fewer
                components than rows.
            components: How many are known after each stage, ascending; fewer where the samples have no more.
        """
        mean = sample.mean(axis=0, dtype=np.float64)
        about = sample - mean
        scale = np.sqrt(np.square(about).mean(axis=0).sum(axis=1))
        scale[scale == 0] = 1
        flat = (about / scale[:, None]).reshape(len(sample), -1)
        vectors, deviation = _principal(flat, max(components))
        known = tuple(sorted({min(count, len(vectors)) for count in components}))
        return cls(
            mean.astype(np.float32),
            scale.astype(np.float32),
            vectors.reshape(-1, *mean.shape).astype(np.float32),
            (deviation / _LEVELS).astype(np.float32),
            known,
        )

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the arrays: what tells it from all others."""
        arrays = (self.mean, self.scale, self.vectors, self.step)
        return sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()

    @property
    def at_once(self) -> Basis:
        """The same in one stage, which has less to say of each sample."""
        return replace(self, components=self.components[-1:])

    @cached_property
    def records(self) -> tuple[np.dtype[np.void], ...]:
        """The fields of a sample's record in each stage, its checksum last."""
        n_layers = len(self.scale)
        counts = np.diff([0, *self.components]).tolist()
        return tuple(
            np.dtype([("unit", "<f2"), ("kept", "i1", (n,)), ("left", "<f2", (n_layers,)), ("checksum", "<u4")])
            for n in counts
        )

    @property
    def spans(self) -> list[slice]:
        """The components of each stage."""
        return [slice(start, stop) for start, stop in zip((0, *self.components), self.components, strict=False)]

    @property
    def n_bytes(self) -> tuple[int, ...]:
        """Bytes of a sample's record in each stage."""
        return tuple(record.itemsize for record in self.records)

    def encode(self, activations: npt.NDArray[np.float32]) -> dict[str, Bytes]:
        """The records of some samples, each a function of its own activations alone.

        Args:
            activations: (row, layer, neuron) float32; a row that isn't finite gives records that say nothing.

        Returns:
            `stage_0`, `stage_1`, …: (row, byte).
        """
        left = (activations - self.mean) / self.scale[:, None]
        known = np.isfinite(left.reshape(len(left), -1)).all(axis=1)
        left[~known] = 0  # nor does a row say anything whose coefficients float16 can't hold
        found = {}
        for stage, (span, fields) in enumerate(zip(self.spans, self.records, strict=True)):
            vectors = self.vectors[span].reshape(span.stop - span.start, -1)
            record = np.zeros(len(left), fields)
            coefficients = left.reshape(len(left), -1) @ vectors.T
            record["unit"] = above(np.abs(coefficients / self.step[span]).max(axis=1) / _LEVELS)
            known &= np.isfinite(record["unit"])
            record["unit"][~known], coefficients[~known], left[~known] = 1, 0, 0
            steps = np.rint(coefficients / (record["unit"][:, None] * self.step[span]))
            record["kept"] = np.clip(steps, -_LEVELS, _LEVELS)
            left -= (self._coefficients(stage, record) @ vectors).reshape(left.shape)
            record["left"] = above(np.where(known[:, None], np.linalg.norm(left, axis=2), np.inf))
            found[f"stage_{stage}"] = sealed(record)
        return found

    def decode(self, stage: int, records: Bytes) -> Told:
        """What the records of a stage tell: of (row, byte)."""
        record = records.view(self.records[stage])[:, 0]
        unit, left = record["unit"].astype(np.float32), record["left"].astype(np.float64)
        return Told(unit, self._coefficients(stage, record), left)

    def _coefficients(self, stage: int, record: npt.NDArray[np.void]) -> npt.NDArray[np.float32]:
        found: npt.NDArray[np.float32] = record["kept"] * (record["unit"][:, None] * self.step[self.spans[stage]])
        return found


def above(values: Floats) -> npt.NDArray[np.float16]:
    """The next float16 above, so that what is kept stays a bound."""
    with np.errstate(over="ignore"):
        nearest = values.astype(np.float16)
    raised: npt.NDArray[np.float16] = np.nextafter(nearest, np.float16(np.inf))
    return raised


def _principal(flat: npt.NDArray[np.float64], most: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The largest principal components of (row, dimension): vectors (component, dimension), and their deviations.

    From the smaller of the two matrices of products, which have the same eigenvalues.
    """
    by_rows = len(flat) <= flat.shape[1]
    values, vectors = np.linalg.eigh(flat @ flat.T if by_rows else flat.T @ flat)
    deviation = np.sqrt(np.maximum(values[::-1][:most], 0) / len(flat))
    count = max(1, int(np.count_nonzero(deviation > _SMALLEST * deviation[0])))
    leading = vectors[:, ::-1][:, :count]
    # Products with rows lose the last digits of right angles.
    leading = np.linalg.qr(flat.T @ leading)[0] if by_rows else leading
    return leading.T, np.maximum(deviation[:count], _NONE)
