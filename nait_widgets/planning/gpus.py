"""GPUs that aren't at hand: what their makers promise, and what of it a capture can count on."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from nait_widgets.models import CausalLM
    from nait_widgets.store import Layout

SHARE = 0.4  # of the peak that forward passes of a large model reach; small models reach less


class Gpu(NamedTuple):
    """A GPU, by its maker's data sheet.

    Attributes:
        name: As it is sold.
        memory: Bytes.
        peak: Dense bfloat16 matrix products summed in float32, FLOP/s. Newer data sheets print twice that, which
            holds for sparse matrices only.
    """

    name: str
    memory: int
    peak: float


GPUS = (
    Gpu("NVIDIA L4", 24_000_000_000, 121e12),
    Gpu("NVIDIA A10", 24_000_000_000, 125e12),
    Gpu("NVIDIA RTX 4090", 24_000_000_000, 165e12),
    Gpu("NVIDIA L40S", 48_000_000_000, 362e12),
    Gpu("NVIDIA A100 40 GB", 40_000_000_000, 312e12),
    Gpu("NVIDIA A100 80 GB", 80_000_000_000, 312e12),
    Gpu("NVIDIA H100 SXM", 80_000_000_000, 989e12),
    Gpu("NVIDIA H200", 141_000_000_000, 989e12),
    Gpu("NVIDIA B200", 180_000_000_000, 2250e12),
    Gpu("AMD MI300X", 192_000_000_000, 1307e12),
)


def memory_needed(lm: CausalLM, layout: Layout, longest: int) -> int:
    """Bytes without which a capture in bfloat16 can't run, where batches are halved until they fit.

    The weights, the sketch's signs, and what one layer makes of the longest sample: about six tensors of the hidden
    width and three as wide as the MLP.

    Args:
        lm: The model.
        layout: Of the store.
        longest: Tokens of the longest sample.
    """
    from nait_widgets.store.layout import SKETCH_COMPONENTS

    parameters = list(lm.model.parameters())
    weights = sum(parameter.numel() for parameter in parameters)
    signs = len(layout.layers) * layout.n_neurons * SKETCH_COMPONENTS
    vocabulary = len(lm.embedding)
    widest = max(size for p in parameters for size in p.shape[-2:] if size != vocabulary)
    return 2 * (weights + signs + longest * (6 * lm.embedding.shape[-1] + 3 * widest))
