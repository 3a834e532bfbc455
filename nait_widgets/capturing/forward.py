"""One batch through the model: pooled activations of every layer, and what else the same pass gives."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from nait_widgets.capturing.copying import Copies
from nait_widgets.capturing.pooling import token_weights
from nait_widgets.models import CausalLM, Site, response_nll, tapped
from nait_widgets.store.layout import FLOAT16_MAX, SKETCH_COMPONENTS, Layout

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

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
        extras: Every array of the layout's extras that one forward gives, by its name: (row, …).
    """

    activations: npt.NDArray[np.floating]
    wide: dict[int, npt.NDArray[np.float32]]
    finite: npt.NDArray[np.bool_]
    top_index: npt.NDArray[np.int64]
    top_value: npt.NDArray[np.float32]
    sketch: npt.NDArray[np.float16]
    extras: dict[str, npt.NDArray[Any]]


class Forward:
    """Runs batches through the backbone and pools inside its hooks, on the device, in float32.

    A batch's results are copied to the host while the next batch runs: `start` returns a handle, `Pending.wait`
    its arrays.

    Args:
        lm: The model.
        site: What a neuron is; `site.layers` are captured.
        layout: Pools, extras, dtype and sizes.
        masked: Whether batches need an attention mask (what `models.probe` found).
        up: `up_proj_abs` of the same layers, where the extra `nag` is kept.
    """

    def __init__(self, lm: CausalLM, site: Site, layout: Layout, *, masked: bool, up: Site | None = None) -> None:
        self._lm, self._site, self._layout, self._masked, self._up = lm, site, layout, masked, up
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
        input_ids, mask = self._padded(batch)
        weights = self._weights(batch, self._layout.pools)
        shape = (len(batch), len(self._layout.pools), len(self._site.layers), self._layout.n_neurons)
        pooled = torch.empty(shape, device=self._lm.device)

        def pool(layer: int, values: torch.Tensor) -> None:
            pooled[:, :, self._position[layer]] = torch.bmm(weights, values.float())

        with tapped(self._site, pool), self._up_neurons(batch) as extras:
            hidden = self._lm.last_hidden(input_ids, mask)
        if "loss" in self._layout.extras:
            extras["response_loss"] = response_nll(self._lm, hidden, input_ids, [s.response for s in batch])
        if "embedding" in self._layout.extras:
            embedded = torch.bmm(self._weights(batch, ("mean", "weighted")), hidden.float())
            extras["embedding_mean"], extras["embedding_weighted"] = embedded.unbind(1)
        return Pending(pooled, self._summary(pooled), extras, self._copies)

    @torch.inference_mode()
    def start_alone(self, batch: Sequence[Rendered]) -> PendingLoss:
        """Run a batch of responses without their prompts (`alone`), of which nothing but the loss is kept."""
        input_ids, mask = self._padded(batch)
        hidden = self._lm.last_hidden(input_ids, mask)
        loss = response_nll(self._lm, hidden, input_ids, [s.response for s in batch])
        return PendingLoss("response_alone_loss", Copies([loss], self._copies))

    def alone(self, sample: Rendered) -> Rendered:
        """A sample without its prompt: its BOS, where it begins with that, and the response's tokens."""
        start, stop = sample.response
        kept = int(start > 0 and int(sample.input_ids[0]) == self._lm.tokenizer.bos_token_id)
        ids = np.concatenate([sample.input_ids[:kept], sample.input_ids[start:stop]])
        return replace(sample, input_ids=ids, response=(kept, len(ids)))

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

    @contextmanager
    def _up_neurons(self, batch: Sequence[Rendered]) -> Iterator[dict[str, torch.Tensor]]:
        """Keep the strongest up-projection neurons of the forward inside, where the layout wants them."""
        if self._up is None:
            yield {}
            return
        shape = (len(batch), len(self._up.layers), self._layout.top_neurons)
        index = torch.empty(shape, dtype=torch.int32, device=self._lm.device)
        mean = self._weights(batch, ("mean",))

        def rank(layer: int, values: torch.Tensor) -> None:
            index[:, self._position[layer]] = torch.bmm(mean, values.float())[:, 0].topk(shape[2]).indices

        with tapped(self._up, rank):
            yield {"up_neuron_index": index}

    def _padded(self, batch: Sequence[Rendered]) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Token ids of a batch, right-padded, and the attention mask where one is needed: both (row, token)."""
        lengths = np.array([len(sample.input_ids) for sample in batch])
        # A sample is padded with its own last token: a pad token may have no sound embedding.
        ids = np.empty((len(batch), lengths.max()), np.int64)
        for row, sample in zip(ids, batch, strict=True):
            row[: len(sample.input_ids)] = sample.input_ids
            row[len(sample.input_ids) :] = sample.input_ids[-1]
        mask = (np.arange(lengths.max()) < lengths[:, None]).astype(np.int64)
        return self._send(ids), self._send(mask) if self._masked else None

    def _weights(self, batch: Sequence[Rendered], pools: Sequence[str]) -> torch.Tensor:
        """The weights of a batch's tokens, (row, pool, token), on the device."""
        width = max(len(sample.input_ids) for sample in batch)
        return self._send(token_weights(batch, pools, self._special, width))

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
        extras: dict[str, torch.Tensor],
        stream: torch.cuda.Stream | None,
    ) -> None:
        self._pooled, self._names = pooled, list(extras)
        self._copies = Copies([*summary, *extras.values()], stream)

    def wait(self) -> Pooled:
        """The batch's arrays, once they have arrived."""
        activations, peak, finite, top_index, top_value, sketch, *extras = self._copies.wait()
        wide = {}
        if activations.dtype == np.float16:
            wide = {int(p): self._pooled[:, :, p].cpu().numpy() for p in np.flatnonzero(peak > FLOAT16_MAX)}
        named = dict(zip(self._names, extras, strict=True))
        return Pooled(activations, wide, finite, top_index, top_value, sketch, named)


class PendingLoss(NamedTuple):
    """Losses that are being copied to the host, and the name of their array."""

    name: str
    copies: Copies

    def wait(self) -> dict[str, npt.NDArray[Any]]:
        """The losses, (row,), once they have arrived, by the name of their array."""
        return {self.name: self.copies.wait()[0]}
