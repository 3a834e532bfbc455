"""The scorer that looks for special neurons, without any target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from nait_widgets.methods import diversity
from nait_widgets.progress import progress
from nait_widgets.scorers.base import Scorer

if TYPE_CHECKING:
    import numpy.typing as npt

    from nait_widgets.store import ActivationStore
    from nait_widgets.store.scan import Layers

    Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Diversity(Scorer):
    """Activation diversity: high where a sample activates many neurons that few samples activate.

    s = Σ_l Σ_(j ∈ active(l)) ln(N / n[l, j])
    active(l): the neurons of layer l whose |Ā[l, j]| reaches the `quantile` of the D neurons' in this sample: the
    (1 − quantile)·D strongest. n[l, j]: of the N selectable samples, those in which neuron j of layer l is active, so
    that the logarithm is its inverse document frequency: 0 for one that is active everywhere, ln N for one that is
    active in a single sample. In nats; ours, no paper's.

    Why so. A threshold per neuron at a quantile of its own values over the pool would make every neuron active in the
    same share of samples, and all frequencies alike. One threshold a layer for all samples makes short samples active
    in more neurons, because a mean over few tokens is larger: on the demo's pool the rank correlation with length is
    −0.52, against −0.01 with a threshold per sample. And since every sample then activates equally many neurons, sum
    and mean order them alike: there is nothing to normalise. By size, not by sign: a neuron that is strongly negative
    (a residual dimension, a gated unit) speaks as much as a positive one.

    What it does on the demo's labelled pool at quantile 0.9 (top 20 %, times the share in the pool, which is what
    random keeps; standard error about 0.15):

    | site | boilerplate | truncated | duplicate | wrong answer |
    |---|---|---|---|---|
    | `mlp_act` | 0.21 | 0.95 | 1.06 | 1.19 |
    | `resid_post` | 0.87 | 0.85 | 1.03 | 1.21 |
    | `up_proj_abs` | 0.05 | 1.13 | 1.19 | 1.14 |

    So it drops boilerplate, and truncated rows within chance; it can't see that an answer is wrong, nor, scoring each
    sample by itself, that one is there twice.

    Two passes over the pool; the memory doesn't grow with the samples.

    Attributes:
        quantile: Of a sample's own neurons in a layer, in [0, 1): what a neuron must reach to be active.
        pool: Which pooled activation.
    """

    kind: ClassVar[str] = "diversity"
    quantile: float = 0.9
    pool: str = "mean"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.quantile < 1:
            self._refuse("quantile", "from 0 to below 1")

    def require(self, store: ActivationStore) -> None:
        """Raise unless a store can be scored, before any work is done."""
        super().require(store)
        store.pool(self.pool)

    def compute(self, store: ActivationStore) -> Floats:
        """Sums of specificities."""
        reader, selectable = store.pool(self.pool), store.selectable
        counts = np.zeros((len(store.layout.layers), store.layout.n_neurons), np.int64)

        def count(rows: slice, layers: Layers) -> npt.NDArray[np.int64]:
            active = (diversity.active(values, self.quantile) for _, values in layers)
            return np.stack([np.count_nonzero(here[selectable[rows]], axis=0) for here in active])

        def weigh(_: slice, layers: Layers) -> Floats:
            sums: Floats = sum(diversity.active(values, self.quantile) @ special[layer] for layer, values in layers)
            return sums

        scores = np.empty(len(store))
        with progress(2 * len(store), "diversity", "samples") as bar:
            for rows, found in reader.map_chunks(count):
                counts += found
                bar.update(rows.stop - rows.start)
            special = diversity.specificity(counts, max(1, int(np.count_nonzero(selectable))))
            for rows, sums in reader.map_chunks(weigh):
                scores[rows] = sums
                bar.update(rows.stop - rows.start)
        return scores
