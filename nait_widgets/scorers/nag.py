"""The scorer that goes by which neurons respond most."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from nait_widgets.errors import ScorerError
from nait_widgets.methods import nag
from nait_widgets.scorers.base import LEARNED, TargetScorer
from nait_widgets.scorers.columns import blocks

if TYPE_CHECKING:
    import numpy.typing as npt

    from nait_widgets.store import ActivationStore


@dataclass(frozen=True, eq=False)
class NAG(TargetScorer):
    """Neuron-activated graph ranking (Wang et al. 2026, arXiv 2604.15706; code asillycat/NAG).

    top(x, l): the K = 20 neurons of layer l with the highest mean |up projection| over the tokens of sample x.
    p[l, j]: of all T·K places that the T targets' tops have in layer l, the share that neuron j has.
    s(x) = 1/L · Σ_l Σ_(j ∈ top(x, l)) p[l, j], in [0, 1]: how much of the targets' profile the sample's neurons cover.

    The same as the published code, which ranks by 1 − s, lowest first. It reads a text's first 120 tokens; here all
    of a sample's tokens count that were captured.

    Attributes:
        profile: p, (layer, neuron).
        layers: The decoder layers that it is of, (layer,).
    """

    kind: ClassVar[str] = "nag"
    needs: ClassVar[tuple[str, ...]] = ("nag",)
    profile: npt.NDArray[np.float64] | None = field(default=None, repr=False, metadata=LEARNED)
    layers: npt.NDArray[np.int64] | None = field(default=None, repr=False, metadata=LEARNED)

    def learn(self, targets: ActivationStore) -> dict[str, npt.NDArray[Any]]:
        """The targets' profile."""
        counts = np.zeros((len(targets.layout.layers), targets.layout.up_size), np.int64)
        for rows, neurons in blocks(targets, "up_neuron_index"):
            counts += nag.frequencies(neurons[targets.selectable[rows]], targets.layout.up_size)
        return {"profile": counts / counts.sum(axis=1, keepdims=True), "layers": np.array(targets.layout.layers)}

    def require(self, store: ActivationStore) -> None:
        """Raise unless a store can be scored, before any work is done."""
        super().require(store)
        assert self.layers is not None
        if tuple(self.layers.tolist()) != store.layout.layers:
            raise ScorerError(
                f"the targets of scorer {self.name!r} have layers {tuple(self.layers.tolist())}, {store.path} has "
                f"{store.layout.layers}; capture both with the same layers"
            )

    def compute(self, store: ActivationStore) -> npt.NDArray[np.float64]:
        """Similarities to the profile."""
        assert self.profile is not None
        return np.concatenate(
            [nag.similarity(neurons, self.profile) for _, neurons in blocks(store, "up_neuron_index")]
        )
