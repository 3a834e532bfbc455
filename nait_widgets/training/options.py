"""How a model is fine-tuned, as one value."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from nait_widgets.errors import NaitError

Schedule = Literal["cosine", "constant"]


@dataclass(frozen=True, slots=True)
class Training:
    """Everything but the data and the seed that decides a fine-tuning run.

    Attributes:
        steps: Steps of the optimiser.
        response_tokens: Response tokens of a step, exactly: the same for every subset.
        learning_rate: The highest one, of AdamW (betas 0.9 and 0.999).
        schedule: After the warm-up `cosine` falls to nothing along half a cosine, `constant` stays.
        warmup: Share of the steps over which the rate rises in a line.
        weight_decay: AdamW's, decoupled from the gradient.
        clip: Largest norm of the gradient; a larger one is scaled down to it.
        lora: Rank of low-rank adapters on every linear layer but the head, scaled by 2 (alpha = 2 · rank); None to
            train all weights.

    Raises:
        NaitError: A value is out of range.
    """

    steps: int = 100
    response_tokens: int = 2048
    learning_rate: float = 2e-5
    schedule: Schedule = "cosine"
    warmup: float = 0.1
    weight_decay: float = 0.0
    clip: float = 1.0
    lora: int | None = None

    def __post_init__(self) -> None:
        for name in ("steps", "response_tokens", "lora"):
            value = getattr(self, name)
            if name == "lora" and value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                unless = ", the rank of adapters, or none to train all weights" if name == "lora" else ""
                raise NaitError(f"{name} is {value!r}; give a whole number from 1 on{unless}")
        for name in ("learning_rate", "clip"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise NaitError(f"{name} is {value}; give a number above 0")
        if not 0 <= self.warmup < 1:
            raise NaitError(f"warmup is {self.warmup}; give a share of the steps, from 0 to below 1")
        if not (math.isfinite(self.weight_decay) and self.weight_decay >= 0):
            raise NaitError(f"weight_decay is {self.weight_decay}; give 0 or more")
        if self.schedule not in get_args(Schedule):
            raise NaitError(f"schedule is {self.schedule!r}; choose {' or '.join(get_args(Schedule))}")

    def share(self, step: int) -> float:
        """Share of the learning rate that step `step` (from 0) is taken with; never 0 for one of the steps."""
        warm = round(self.warmup * self.steps)
        if step < warm:
            return (step + 1) / warm
        if self.schedule == "constant":
            return 1.0
        return (1 + math.cos(math.pi * (step - warm) / (self.steps - warm))) / 2
