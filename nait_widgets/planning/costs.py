"""What a capture will cost, as a value."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds of a capture, by part.

    Attributes:
        starting: The rows are read and checked; the model is loaded and probed.
        rendering: The rows are read again and made into tokens.
        model: Forward passes, and what is pooled in them.
        writing: Blocks are put together and written.
        finishing: Statistics over the whole store, and its metadata.
        beside: Whether rendering, model and writing run beside each other, as they do with a GPU: then the longest
            counts. On a CPU they share its cores, and all count.
    """

    starting: float
    rendering: float
    model: float
    writing: float
    finishing: float
    beside: bool

    @property
    def total(self) -> float:
        """Seconds in all."""
        between = (self.rendering, self.model, self.writing)
        return self.starting + (max(between) if self.beside else sum(between)) + self.finishing


@dataclass(frozen=True, slots=True)
class GpuCost:
    """What a capture will take on a GPU that isn't at hand.

    Attributes:
        name: The GPU.
        memory: Its bytes.
        fits: Whether model and longest sample fit them, in bfloat16.
        seconds: The whole capture: the model by the GPU's data sheet, everything else as on the machine at hand.
    """

    name: str
    memory: int
    fits: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class Plan:
    """What a capture will cost. As text it is a table.

    Attributes:
        model: Its name.
        source: The rows' name.
        status: Rows by what becomes of them, as a store's status says it.
        tokens: That go through the model, without padding; the responses that the extra `ifd` runs alone are among
            them.
        padded_tokens: The same with padding, which is computed too.
        parameters: Of the model outside its embedding; of a mixture of experts, those that a token goes through.
        flops: Of all forward passes.
        activation_bytes: Of the store's activations.
        column_bytes: Of its small columns, the extras among them, and of its metadata.
        text_bytes: Of its texts.
        folder: Where it would be written.
        free_bytes: Of that folder's disk.
        shortage: What a capture would be refused with, since the disk is too small; else None.
        device: What runs the model.
        tried: How many batches were run to measure it.
        times: Of the capture on it.
        gpu_memory: Bytes that the model takes on a GPU with the longest sample, in bfloat16.
        gpu_share: The share of their peak that GPUs are taken to reach.
        gpus: What others would take.
    """

    model: str
    source: str
    status: dict[str, int]
    tokens: int
    padded_tokens: int
    parameters: int
    flops: float
    activation_bytes: int
    column_bytes: int
    text_bytes: int
    folder: str
    free_bytes: int
    shortage: str | None
    device: str
    tried: int
    times: Times
    gpu_memory: int
    gpu_share: float
    gpus: tuple[GpuCost, ...]

    @property
    def rows(self) -> int:
        """Rows of the source."""
        return sum(self.status.values())

    @property
    def store_bytes(self) -> int:
        """Bytes of the store."""
        return self.activation_bytes + self.column_bytes + self.text_bytes

    @property
    def seconds(self) -> float:
        """Of the capture on the machine at hand."""
        return self.times.total

    def as_json(self) -> dict[str, Any]:
        """Everything, JSON-able."""
        told = {field.name: getattr(self, field.name) for field in fields(self)}
        return told | {
            "rows": self.rows,
            "store_bytes": self.store_bytes,
            "seconds": self.seconds,
            "times": asdict(self.times),
            "gpus": [asdict(gpu) for gpu in self.gpus],
        }

    def __str__(self) -> str:
        from nait_widgets.planning.telling import table

        return table(self)
