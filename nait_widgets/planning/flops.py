"""How much arithmetic a forward pass is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import nn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nait_widgets.models import CausalLM
    from nait_widgets.planning.survey import Batch

_EXPERTS = ("num_local_experts", "num_experts", "n_routed_experts")
_CHOSEN = ("num_experts_per_tok", "num_experts_per_token", "experts_per_token", "moe_topk")


@dataclass(frozen=True, slots=True)
class Flops:
    """What a model's forward passes take, by the formula of Chowdhery et al. 2022 (PaLM, arXiv 2204.02311, app. B).

    They count 6N + 12LHQT a token for training, of which a forward pass is a third: 2N + 4LHQT, with N parameters
    outside the embedding, L layers, H heads of Q dimensions and T tokens a sample. Padding is computed, so it counts;
    that causal kernels skip half of the attention doesn't. Logits count where they are computed: for the extra `loss`.

    Attributes:
        parameters: N. Of a mixture of experts, those that a token goes through.
        per_pair: 4LHQ: of each token attending to each other.
        per_prediction: Of the logits of one position.
    """

    parameters: int
    per_pair: int
    per_prediction: int

    @classmethod
    def of(cls, lm: CausalLM) -> Flops:
        """Of a model."""
        config: Any = lm.config
        heads = getattr(config, "num_attention_heads", None) or 0  # a state-space model has none
        width = heads and (getattr(config, "head_dim", None) or config.hidden_size // heads)
        head = sum(parameter.numel() for parameter in lm.head.parameters())
        return cls(round(sum(_used(lm))), 4 * lm.n_layers * heads * width, 2 * head)

    def forward(self, n_samples: int, width: int, predicted: int) -> float:
        """Of one batch.

        Args:
            n_samples: Samples in it.
            width: Tokens of each, padding included.
            predicted: Positions whose logits are computed, in all of them together.
        """
        tokens = n_samples * width
        return float(tokens * (2 * self.parameters + width * self.per_pair) + predicted * self.per_prediction)

    def of_batch(self, batch: Batch) -> float:
        """Of one of a capture's batches."""
        return self.forward(len(batch.rows), batch.width, batch.predicted)


def _used(lm: CausalLM) -> Iterator[float]:
    """How many numbers of each parameter outside the embedding a token goes through."""
    embeddings = {
        id(p) for module in lm.backbone.modules() if isinstance(module, nn.Embedding) for p in module.parameters()
    }
    share = _share_of_experts(lm.config)
    for name, parameter in lm.backbone.named_parameters():
        if id(parameter) not in embeddings:
            yield parameter.numel() * (share if ".experts." in name else 1)


def _share_of_experts(config: Any) -> float:
    """The share of its experts that a token goes through."""
    n, chosen = (next((v for name in names if (v := getattr(config, name, None))), 1) for names in (_EXPERTS, _CHOSEN))
    return min(1, chosen / n)
