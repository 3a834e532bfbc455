"""One window of rows through the model: its batches, and the blocks that they fill."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

import numpy as np
import torch

from nait_widgets.capturing.assembly import Assembly
from nait_widgets.capturing.batches import Window, batches
from nait_widgets.capturing.keeping import held
from nait_widgets.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy.typing as npt

    from nait_widgets.capturing.forward import Forward
    from nait_widgets.capturing.keeping import Target
    from nait_widgets.fingerprints import Basis
    from nait_widgets.records import Rendered
    from nait_widgets.store import Block, Layout

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class _Pending(Protocol[T_co]):
    """Results that are on their way to the host."""

    def wait(self) -> T_co: ...


@dataclass(slots=True)
class WindowRunner:
    """Runs windows.

    Attributes:
        forward: What runs a batch.
        layout: The store's shape.
        budget: Tokens a batch, padding included.
        halve: Whether batches are halved where the device runs out of memory.
        scores_for: The directions of a layout without activations.
        basis: Of the fingerprints that are kept beside their scores; as the store has it.
    """

    forward: Forward
    layout: Layout
    budget: int
    halve: bool
    scores_for: tuple[Target, ...] = ()
    basis: Basis | None = None

    def blocks(self, window: Window, wanted: Sequence[int], ran: Callable[[int, int], None]) -> Iterator[Block]:
        """The wanted blocks of a window, whole.

        Args:
            window: The rows.
            wanted: Blocks; those of other windows are passed over.
            ran: Told of rows (those of wanted blocks) and tokens that have gone through the model, or need not.
        """
        # A block that is whole runs again with its window, but its rows were counted when it was written.
        new = [(window.start + i) // self.layout.block_rows in wanted for i in range(len(window.rendered))]
        assembly = Assembly(window, self.layout, self.scores_for, self.basis)
        ran(sum(new[i] for i, sample in enumerate(window.rendered) if sample.defect is not None), 0)
        if "ifd" in self.layout.extras:
            # First, since a row counts as run, and may be quarantined, when it has run whole.
            alone = [self.forward.alone(sample) for sample in window.rendered]
            for positions, losses in self._batched(alone, self.forward.start_alone):
                assembly.add(positions, losses)
                ran(0, sum(len(alone[i].input_ids) for i in positions))
        for positions, pooled in self._batched(window.rendered, self.forward.start):
            assembly.fill(positions, pooled)
            ran(sum(new[i] for i in positions), sum(len(window.rendered[i].input_ids) for i in positions))
        yield from assembly.blocks(wanted)

    def activations(self, samples: Sequence[Rendered]) -> npt.NDArray[np.float32]:
        """The first pool of those samples that can run and are finite, in whatever order: (row, layer, neuron)."""
        nothing = np.empty((0, len(self.layout.layers), self.layout.n_neurons), np.float32)
        ran = self._batched(samples, self.forward.start)
        return np.concatenate([nothing, *(held(pooled)[:, 0] for _, pooled in ran)])

    def _batched(
        self, samples: Sequence[Rendered], start: Callable[[Sequence[Rendered]], _Pending[T]]
    ) -> Iterator[tuple[list[int], T]]:
        """Run samples in batches: the positions of each batch and its results, which arrive while the next one runs."""
        waiting = deque(batches(samples, self.budget))
        pending: tuple[list[int], _Pending[T]] | None = None
        while waiting:
            positions = waiting.popleft()
            try:
                started = start([samples[i] for i in positions])
            except torch.OutOfMemoryError:
                waiting.extendleft(reversed(self._halved(positions)))
                continue
            if pending is not None:
                yield pending[0], pending[1].wait()
            pending = positions, started
        if pending is not None:
            yield pending[0], pending[1].wait()

    def _halved(self, positions: list[int]) -> list[list[int]]:
        if len(positions) == 1 or not self.halve:
            raise ModelError(
                f"{len(positions)} sample(s) a batch don't fit the device's memory; lower "
                f"`max_length`{'' if self.halve else ' or `batch_tokens`'}"
            ) from None
        torch.cuda.empty_cache()
        self.budget = max(1, self.budget // 2)
        middle = len(positions) // 2
        return [positions[:middle], positions[middle:]]
