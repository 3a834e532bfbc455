"""Scorers that go by the cosine between a sample's embedding and those of the targets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal, get_args

import numpy as np

from nait_widgets.errors import ScorerError
from nait_widgets.methods import similarity
from nait_widgets.scorers.base import LEARNED, TargetScorer
from nait_widgets.scorers.columns import blocks

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from nait_widgets.store import ActivationStore

    Floats = npt.NDArray[np.floating]
    Float32 = npt.NDArray[np.float32]

Pool = Literal["mean", "weighted"]


@dataclass(frozen=True, eq=False)
class Centroid(TargetScorer):
    """Cosine between a sample's embedding and the mean of the targets': s = cos(e, 1/T · Σ_t e_t).

    An embedding is the backbone's last hidden state, after its final norm, pooled over all tokens.

    Attributes:
        pool: How: the plain `mean`; `weighted` by position, w_i = i / Σ i.
        center: Mean of the targets' embeddings, (hidden,).
    """

    kind: ClassVar[str] = "centroid"
    needs: ClassVar[tuple[str, ...]] = ("embedding",)
    pool: Pool = "mean"
    center: Float32 | None = field(default=None, repr=False, metadata=LEARNED)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._one_of("pool", get_args(Pool))

    def learn(self, targets: ActivationStore) -> dict[str, Float32]:
        """The mean embedding."""
        return {"center": _all(targets, self.pool).mean(axis=0, dtype=np.float64).astype(np.float32)}

    def compute(self, store: ActivationStore) -> Floats:
        """Cosines."""
        assert self.center is not None
        return np.concatenate([similarity.embedding_centroid(e, self.center) for _, e in _blocks(store, self.pool)])


@dataclass(frozen=True, eq=False)
class KNN(TargetScorer):
    """Mean cosine between a sample's embedding and its k nearest targets: s = 1/k · Σ_(t ∈ nearest k) cos(e, e_t).

    Attributes:
        k: How many.
        pool: How an embedding is pooled; see `Centroid`.
        embeddings: The targets', (target, hidden).
    """

    kind: ClassVar[str] = "knn"
    needs: ClassVar[tuple[str, ...]] = ("embedding",)
    k: int = 5
    pool: Pool = "mean"
    embeddings: Float32 | None = field(default=None, repr=False, metadata=LEARNED)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._one_of("pool", get_args(Pool))
        self._at_least("k", 1)

    def learn(self, targets: ActivationStore) -> dict[str, Float32]:
        """The targets' embeddings."""
        embeddings = _all(targets, self.pool)
        if len(embeddings) < self.k:
            raise ScorerError(
                f"k of scorer {self.kind!r} is {self.k}, but {targets.path} has {len(embeddings)} samples that can be "
                "used; give a smaller k"
            )
        return {"embeddings": embeddings}

    def compute(self, store: ActivationStore) -> Floats:
        """Mean cosines."""
        assert self.embeddings is not None
        near = (similarity.cosines(e, self.embeddings) for _, e in _blocks(store, self.pool))
        return np.concatenate([similarity.nearest(cosines, self.k) for cosines in near])


@dataclass(frozen=True, eq=False)
class RDS(TargetScorer):
    """RDS+ (Ivison et al. 2025, arXiv 2503.01807): cosine of position-weighted embeddings, the targets taking turns.

    e = Σ_i w_i·h_i with w_i = i / Σ i over all tokens, h the backbone's last hidden state.
    `round-robin`: the targets take turns in their order; each takes the sample most similar to it of those that are
    left. The score is minus the turn, from 1, so that the k highest scores are the first k that were taken.
    `max`: s = max_t cos(e, e_t).

    In the published script (hamishivi/automated-instruction-selection) a target whose next sample another has taken
    loses its turn, and what it calls `max` is that round-robin over cosines. Here a target takes its best *remaining*
    sample, so that every round serves every target, and `max` is a maximum.

    A round-robin takes 8 bytes a pair of target and sample, and no more than 1 GiB: of more pairs each target lists its
    most similar samples only, and the store is read again for what comes after them. The scores are the same.

    Attributes:
        aggregate: `round-robin` or `max`.
        embeddings: The targets', (target, hidden).
    """

    kind: ClassVar[str] = "rds"
    needs: ClassVar[tuple[str, ...]] = ("embedding",)
    aggregate: Literal["round-robin", "max"] = "round-robin"
    embeddings: Float32 | None = field(default=None, repr=False, metadata=LEARNED)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._one_of("aggregate", ("round-robin", "max"))

    def learn(self, targets: ActivationStore) -> dict[str, Float32]:
        """The targets' embeddings."""
        return {"embeddings": _all(targets, "weighted")}

    def compute(self, store: ActivationStore) -> Floats:
        """Minus the turns, or the largest cosines."""
        assert self.embeddings is not None
        targets = self.embeddings

        def cosines() -> Iterator[tuple[slice, Floats]]:
            for rows, embeddings in _blocks(store, "weighted"):
                yield rows, similarity.cosines(embeddings, targets)

        if self.aggregate == "max":
            return np.concatenate([block.max(axis=1) for _, block in cosines()])
        return -similarity.round_robin(cosines, len(store), len(targets))


def _blocks(store: ActivationStore, pool: Pool) -> Iterator[tuple[slice, Float32]]:
    """The embeddings block by block, (sample, hidden); NaN where a sample isn't selectable."""
    for rows, values in blocks(store, f"embedding_{pool}"):
        yield rows, np.where(store.selectable[rows, None], values.astype(np.float32), np.float32(np.nan))


def _all(targets: ActivationStore, pool: Pool) -> Float32:
    """The embeddings of the targets that can be used: (target, hidden)."""
    return targets.embedding(pool)[targets.selectable].astype(np.float32)
