"""One batch through the model: pooled activations of every layer, and what else the same pass gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from nait_widgets.capturing.pooling import token_weights
from nait_widgets.models import CausalLM, Site, response_nll, tapped
from nait_widgets.store.layout import FLOAT16_MAX, SKETCH_COMPONENTS, Layout

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from nait_widgets.records import Rendered

_SKETCH_SEED = 20260313  # any constant; stores made with the same one can be compared


class Pooled(NamedTuple):
    """What a batch leaves behind, on the host; rows as in the batch.

    Attributes:
        activations: (row, pool, layer, neuron) in the store's dtype.
        wide: (row, pool, neuron) float32 by position of each layer that float16 can't hold in this batch.
        finite: Whether every pooled activation of a row is finite: (row,).
        top_index, top_value: Strongest neurons of the first pool by size, (row, layer, rank).
        sketch: (row, component) float16.
        loss: Mean response loss in nats a token, (row,), or None.
    """

    activations: npt.NDArray[np.floating]
    wide: dict[int, npt.NDArray[np.float32]]
    finite: npt.NDArray[np.bool_]
    top_index: npt.NDArray[np.int64]
    top_value: npt.NDArray[np.float32]
    sketch: npt.NDArray[np.float16]
    loss: npt.NDArray[np.float32] | None


class Forward:
    """Runs batches through the backbone and pools inside its hooks, on the device, in float32.

    A batch's results are copied to the host while the next batch runs: `start` returns a handle, `Pending.wait`
    its arrays.

    Args:
        lm: The model.
        site: What a neuron is; `site.layers` are captured.
        layout: Pools, dtype and sizes.
        masked: Whether batches need an attention mask (what `models.probe` found).
    """

    def __init__(self, lm: CausalLM, site: Site, layout: Layout, *, masked: bool) -> None:
        self._lm, self._site, self._layout, self._masked = lm, site, layout, masked
        self._position = {layer: position for position, layer in enumerate(site.layers)}
        self._special = np.array(sorted(set(lm.tokenizer.all_special_ids)), np.int32)
        self._dtype = torch.float16 if layout.dtype == "float16" else torch.float32
        stream: Any = torch.cuda.Stream
        self._copies = stream(lm.device) if lm.device.type == "cuda" else None
        signs = np.random.default_rng(_SKETCH_SEED).integers(
            0, 2, (len(site.layers), layout.n_neurons, SKETCH_COMPONENTS), dtype=np.int8
        )
        # Random signs project as well as normal numbers do (Achlioptas 2003) and are the same on every machine.
        scale = (len(site.layers) * layout.n_neurons) ** -0.5
        half = torch.float32 if lm.device.type == "cpu" else torch.bfloat16
        self._signs = (torch.from_numpy(signs).to(lm.device, half) * 2 - 1) * scale

    @torch.inference_mode()
    def start(self, batch: Sequence[Rendered]) -> Pending:
        """Run a batch; its results are on their way to the host when this returns."""
        lengths = [len(sample.input_ids) for sample in batch]
        # A sample is padded with its own last token: a pad token may have no sound embedding.
        ids = np.empty((len(batch), max(lengths)), np.int64)
        for row, sample in zip(ids, batch, strict=True):
            row[: len(sample.input_ids)] = sample.input_ids
            row[len(sample.input_ids) :] = sample.input_ids[-1]
        input_ids = self._send(ids)
        weights = self._send(token_weights(batch, self._layout.pools, self._special, max(lengths)))
        mask = self._send((np.arange(max(lengths)) < np.array(lengths)[:, None]).astype(np.int64))
        shape = (len(batch), len(self._layout.pools), len(self._site.layers), self._layout.n_neurons)
        pooled = torch.empty(shape, device=self._lm.device)

        def pool(layer: int, values: torch.Tensor) -> None:
            pooled[:, :, self._position[layer]] = torch.bmm(weights, values.float())

        with tapped(self._site, pool):
            hidden = self._lm.last_hidden(input_ids, mask if self._masked else None)
        loss = response_nll(self._lm, hidden, input_ids, [s.response for s in batch]) if self._layout.loss else None
        return Pending(pooled, self._summary(pooled), loss, self._copies)

    @torch.inference_mode()
    def first_token(self, token_id: int) -> npt.NDArray[np.float32]:
        """Activation of a token that stands first, in every layer: (layer, neuron)."""
        out = np.empty((len(self._site.layers), self._layout.n_neurons), np.float32)

        def keep(layer: int, values: torch.Tensor) -> None:
            out[self._position[layer]] = values[0, 0].float().cpu().numpy()

        with tapped(self._site, keep):
            self._lm.last_hidden(torch.tensor([[token_id]], device=self._lm.device))
        return out

    def _summary(self, pooled: torch.Tensor) -> list[torch.Tensor]:
        """What is kept of a batch's pooled activations (row, pool, layer, neuron), but for the loss, as in `Pooled`.

        The peak of each layer stands in the place of the layers that float16 can't hold.
        """
        finite = pooled.isfinite().flatten(1).all(1)
        peak = pooled.abs().nan_to_num(0, 0, 0).amax((0, 1, 3))
        kept = pooled if self._dtype == torch.float32 else pooled.clamp(-FLOAT16_MAX, FLOAT16_MAX).half()
        own = pooled[:, 0]
        index = own.abs().topk(self._layout.top_neurons, dim=-1).indices
        # Each layer at unit size: the last ones would drown the others.
        unit = own / own.square().mean(-1, keepdim=True).sqrt().clamp_min(1e-12)
        sketch = unit.flatten(1).to(self._signs.dtype) @ self._signs.flatten(0, 1)
        return [kept, peak, finite, index, own.gather(-1, index), sketch.half()]

    def _send(self, values: npt.NDArray[np.generic]) -> torch.Tensor:
        tensor = torch.from_numpy(values)
        if self._copies is not None:
            return tensor.pin_memory().to(self._lm.device, non_blocking=True)
        return tensor.to(self._lm.device)


class Pending:
    """A batch whose results are being copied to the host."""

    def __init__(
        self,
        pooled: torch.Tensor,
        summary: list[torch.Tensor],
        loss: torch.Tensor | None,
        stream: torch.cuda.Stream | None,
    ) -> None:
        self._pooled = pooled
        tensors = [*summary, *([loss] if loss is not None else [])]
        self._event = None
        if stream is None:
            self._host = tensors
            return
        stream.wait_stream(torch.cuda.current_stream(stream.device))
        with torch.cuda.stream(stream):
            self._host = [
                torch.empty_like(t, device="cpu", pin_memory=True).copy_(t, non_blocking=True) for t in tensors
            ]
            for tensor in tensors:
                tensor.record_stream(stream)
            self._event = stream.record_event()

    def wait(self) -> Pooled:
        """The batch's arrays, once they have arrived."""
        if self._event is not None:
            self._event.synchronize()
        activations, peak, finite, top_index, top_value, sketch, *loss = (t.cpu().numpy() for t in self._host)
        wide = {}
        if activations.dtype == np.float16:
            wide = {int(p): self._pooled[:, :, p].cpu().numpy() for p in np.flatnonzero(peak > FLOAT16_MAX)}
        return Pooled(activations, wide, finite, top_index, top_value, sketch, loss[0] if loss else None)
