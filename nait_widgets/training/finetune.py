"""Base model + samples -> fine-tuned model: a plain loop."""

from __future__ import annotations

import warnings
from contextlib import AbstractContextManager, contextmanager
from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from nait_widgets.errors import ModelError, NaitError
from nait_widgets.models import CausalLM, logits
from nait_widgets.training.batches import Piece, steps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Tensor

    from nait_widgets.records import Rendered
    from nait_widgets.training.options import Training

_HALF = ("bfloat16", "float16")
# Of a batch's longest piece. Steps of 2,048 response tokens ran 1.4 to 1.6 times as fast so on a CPU, where padding
# had been 1.6 times the tokens.
_SHORTEST = 0.75


def fine_tune(
    base: CausalLM,
    samples: Sequence[Rendered],
    training: Training,
    seed: int,
    *,
    masked: bool,
    batch_tokens: int,
    report: Callable[[int], None] = lambda _: None,
) -> tuple[CausalLM, list[float]]:
    """Fine-tune a copy of a model on the responses of some samples.

    AdamW on the mean negative log-likelihood of each step's response tokens. Weights are trained in float32; where
    the base is in half precision, its arithmetic is done in bfloat16 (autocast).

    Args:
        base: The model, which is left as it was.
        samples: Each with a response token at least.
        training: How.
        seed: Of the order of the samples, of dropout, and of the adapters' first weights.
        masked: Whether batches need an attention mask (what `models.probe` found).
        batch_tokens: Tokens that go through the model at once, padding included; a step of more is the sum of several.
            Halved where they don't fit a GPU.
        report: Called with 1 after each step.

    Returns:
        The model, in evaluation mode and without gradients; and the loss of each step before it was taken, in nats a
        token.

    Raises:
        ModelError: The loss is no longer finite, or a single sample doesn't fit the device's memory.
        NaitError: Adapters are asked for, and peft isn't installed.
    """
    losses: list[float] = []
    with seeded(seed, base.device):
        lm = trainable(base, training.lora)
        step_of = Stepper(lm, masked=masked, batch_tokens=batch_tokens)
        optimizer = torch.optim.AdamW(step_of.parameters, lr=training.learning_rate, weight_decay=training.weight_decay)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, training.share)
        torch.nn.Module.train(lm.model)
        for pieces in steps(samples, training.steps, training.response_tokens, seed):
            losses.append(step_of.gradient(pieces))
            if not np.isfinite(losses[-1]):
                raise ModelError(
                    f"the loss is {losses[-1]} at step {len(losses)} of {training.steps}: lower the learning rate "
                    f"({training.learning_rate:g})"
                )
            torch.nn.utils.clip_grad_norm_(step_of.parameters, training.clip)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
            report(1)
        torch.nn.Module.eval(lm.model)
        lm.model.requires_grad_(False)
    return lm, losses


class Stepper:
    """Gradients of a step's mean loss, summed over batches that fit the device.

    Args:
        lm: The model that is trained.
        masked: Whether batches need an attention mask.
        batch_tokens: Tokens at once, padding included.

    Attributes:
        parameters: What is trained.
    """

    def __init__(self, lm: CausalLM, *, masked: bool, batch_tokens: int) -> None:
        self._lm, self._backbone, self._masked, self._batch_tokens = lm, lm.backbone, masked, batch_tokens
        self.parameters = [parameter for parameter in lm.model.parameters() if parameter.requires_grad]

    def gradient(self, pieces: Sequence[Piece]) -> float:
        """Leave the gradient of the mean loss over a step's tokens in the parameters; returns that loss."""
        n_tokens = sum(len(piece) for piece in pieces)
        while True:
            try:
                total = 0.0
                for batch in micro_batches(pieces, self._batch_tokens):
                    loss = self.loss(batch) / n_tokens
                    loss.backward()  # type: ignore[no-untyped-call]
                    total += loss.item()
                return total
            except torch.OutOfMemoryError:
                self._halve(longest=max(piece.stop for piece in pieces))

    def loss(self, pieces: Sequence[Piece]) -> Tensor:
        """The negative log-likelihood of all pieces' tokens together, in nats."""
        device = self._lm.device
        width = max(piece.stop for piece in pieces)
        # Padded on the right with a real token: no token sees what follows it, and padding is not predicted.
        ids = np.zeros((len(pieces), width), np.int64)
        for padded, piece in zip(ids, pieces, strict=True):
            padded[: piece.stop] = piece.sample.input_ids[: piece.stop]
            padded[piece.stop :] = padded[piece.stop - 1]
        input_ids = torch.from_numpy(ids).to(device)
        mask = None
        if self._masked:
            lengths = torch.tensor([piece.stop for piece in pieces], device=device)
            mask = (torch.arange(width, device=device) < lengths[:, None]).long()
        rows = np.repeat(np.arange(len(pieces)), [len(piece) for piece in pieces])
        at = np.concatenate([np.arange(piece.start, piece.stop) for piece in pieces])
        row, target = (torch.from_numpy(values).to(device) for values in (rows, at))
        with arithmetic(self._lm):
            hidden = self._backbone(input_ids=input_ids, attention_mask=mask, use_cache=False)[0]
            predicted = logits(self._lm, hidden[row, target - 1]).float()
            return torch.nn.functional.cross_entropy(predicted, input_ids[row, target], reduction="sum")

    def _halve(self, longest: int) -> None:
        for parameter in self.parameters:
            parameter.grad = None
        if self._batch_tokens <= longest:
            raise ModelError(
                f"a sample of {longest:,} tokens doesn't fit the device's memory in training: lower `max_length`, or "
                "train adapters (`lora`)"
            ) from None
        torch.cuda.empty_cache()
        self._batch_tokens = max(longest, self._batch_tokens // 2)


def micro_batches(pieces: Sequence[Piece], batch_tokens: int) -> Iterator[list[Piece]]:
    """A step's pieces, longest first, in batches of at most `batch_tokens` with padding, or of a single piece.

    A batch also ends where a piece is much shorter than its longest, see `_SHORTEST`.
    """
    batch: list[Piece] = []
    for piece in sorted(pieces, key=lambda piece: -piece.stop):
        full = batch and (len(batch) + 1) * batch[0].stop > batch_tokens
        if full or (batch and piece.stop < _SHORTEST * batch[0].stop):
            yield batch
            batch = []
        batch.append(piece)
    yield batch


def trainable(base: CausalLM, lora: int | None) -> CausalLM:
    """A copy of a model whose weights, or whose new adapters, take gradients."""
    model: Any = deepcopy(base.model)
    if lora is None:
        model = model.float().requires_grad_(True)
    else:
        peft = import_peft()
        config = peft.LoraConfig(task_type="CAUSAL_LM", r=lora, lora_alpha=2 * lora, target_modules="all-linear")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it tells how it adapts itself to the architecture
            model = peft.inject_adapter_in_model(config, model)
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.data = parameter.data.float()
    return replace(base, model=model)


def import_peft() -> Any:
    """The library of adapters.

    Raises:
        NaitError: It isn't installed.
    """
    try:
        import peft
    except ImportError as error:
        raise NaitError(
            "to train low-rank adapters (`lora`), the library peft is needed and isn't installed: pip install "
            "'nait-widgets[train]', or leave the rank out to train all weights"
        ) from error
    return peft


def arithmetic(lm: CausalLM) -> AbstractContextManager[Any]:
    """Where the base was loaded in half precision, bfloat16 arithmetic, whatever the weights are kept in by now."""
    return torch.autocast(lm.device.type, torch.bfloat16, enabled=lm.identity.dtype in _HALF)


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Torch's random numbers from a seed while inside; what they were before afterwards."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield
