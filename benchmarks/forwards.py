"""The ways of getting activations that capture is measured against."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch.nn.utils.rnn import pad_sequence

from nait_widgets.capturing.batches import batches, windows
from nait_widgets.records import Records, Renderer
from nait_widgets.store import ActivationStore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nait_widgets.capturing.batches import Window
    from nait_widgets.models import CausalLM


class Tokens:
    """The tokens that a capture runs, both in its own batches and sample by sample in source order.

    Args:
        records: What is captured.
        lm: The model.
        like: A capture with that model, of these or of other rows.
    """

    def __init__(self, records: Records, lm: CausalLM, like: ActivationStore) -> None:
        self._records, self._layout = records, replace(like.layout, n_samples=len(records))
        template = like.provenance["template"]
        self._renderer = Renderer(lm.tokenizer, template=template["name"], max_length=template["max_length"])
        budget = like.provenance["capture"]["batch_tokens"]
        self.samples: list[torch.Tensor] = []
        self.batches: list[torch.Tensor] = []
        for window in self.render():
            own = [torch.from_numpy(sample.input_ids).long() for sample in window.rendered]
            self.samples += [ids for ids, sample in zip(own, window.rendered, strict=True) if sample.defect is None]
            self.batches += [_together([own[i] for i in batch], lm) for batch in batches(window.rendered, budget)]

    def render(self) -> list[Window]:
        """Render and tokenize everything, as capture does."""
        return list(windows(self._records, self._renderer, self._layout, range(self._layout.n_blocks)))

    @property
    def count(self) -> int:
        """Tokens without padding."""
        return sum(len(ids) for ids in self.samples)

    @property
    def padding(self) -> float:
        """The padding's share of what the batches hold."""
        return 1 - self.count / sum(batch.numel() for batch in self.batches)


@torch.inference_mode()
def bare(lm: CausalLM, batches: Sequence[torch.Tensor]) -> None:
    """The backbone alone over ready batches: no hook, no mask, no cache, nothing kept."""
    for ids in batches:
        lm.backbone(input_ids=ids, use_cache=False)
    _finish(lm)


@torch.inference_mode()
def all_hidden_states(lm: CausalLM, samples: Sequence[torch.Tensor], *, batch: int) -> torch.Tensor:
    """What people do today: the whole model with `output_hidden_states=True`, padded batches in source order.

    Returns:
        The means over each sample's tokens, (sample, layer, neuron) float16 on the host. The last layer's come after
        the final norm, as `hidden_states` has them.
    """
    means = []
    for start in range(0, len(samples), batch):
        part = samples[start : start + batch]
        ids, mask = _together(part, lm), _together([torch.ones_like(ids) for ids in part], lm)
        output = lm.model(input_ids=ids, attention_mask=mask, output_hidden_states=True, use_cache=False)
        weights = (mask / mask.sum(1, keepdim=True))[..., None]
        pooled = [(hidden.float() * weights).sum(1) for hidden in output.hidden_states[1:]]
        means.append(torch.stack(pooled, 1).half().cpu())
    return torch.cat(means)


def _together(samples: Sequence[torch.Tensor], lm: CausalLM) -> torch.Tensor:
    """Padded on the right with zeros, on the model's device; without a mask the model sees no difference."""
    return pad_sequence(list(samples), batch_first=True).to(lm.device)


def _finish(lm: CausalLM) -> None:
    if lm.device.type == "cuda":
        torch.cuda.synchronize(lm.device)
