"""A capture in this process: the model runs while blocks are written behind it."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from nait_widgets.capturing.batches import ahead, windows
from nait_widgets.capturing.fingerprinting import adopt_basis, fit_basis

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    import numpy.typing as npt

    from nait_widgets.capturing.preparing import Prepared
    from nait_widgets.fingerprints import Basis
    from nait_widgets.progress import CaptureWatch
    from nait_widgets.records import Record, Records
    from nait_widgets.store import Layout, StoreWriter

_WRITES_AHEAD = 4  # blocks that may wait for the disk before the model does


@dataclass(frozen=True, slots=True)
class Local:
    """The engine of one process.

    Attributes:
        prepared: The model.
        deterministic: Whether PyTorch's deterministic kernels are to run.
    """

    prepared: Prepared
    deterministic: bool

    @property
    def layout(self) -> Layout:
        """The store's shape."""
        return self.prepared.layout

    @property
    def provenance(self) -> dict[str, Any]:
        """What a store says of model, template, capture and versions."""
        return self.prepared.provenance

    @property
    def mapper(self) -> None:
        """Threads of this process read the store."""

    def basis(self, records: list[Record]) -> Basis:
        """What the activations of some rows, which are run for it, vary along most."""
        with deterministic_kernels(self.deterministic):
            return fit_basis(self.prepared, records)

    def fill(self, writer: StoreWriter, records: Records, missing: Sequence[int], watch: CaptureWatch) -> None:
        """Write the missing blocks."""
        adopt_basis(self.prepared.runner, writer.store)
        waiting = ahead(windows(records, self.prepared.renderer, self.layout, missing))
        with deterministic_kernels(self.deterministic), ThreadPoolExecutor(1) as disk:
            writes: deque[Future[None]] = deque()
            try:
                for window in waiting:
                    for block in self.prepared.runner.blocks(window, missing, watch.ran):
                        while len(writes) >= _WRITES_AHEAD:
                            writes.popleft().result()
                        writes.append(disk.submit(writer.write, block))
                        watch.settled(block.columns["status"])
            finally:
                # Also when interrupted: blocks that are whole are worth their write. Where one fails, all others would.
                try:
                    while writes:
                        writes.popleft().result()
                finally:
                    for write in writes:
                        write.cancel()

    def first_token(self, token_id: int) -> npt.NDArray[np.float32]:
        """Activation of a token that stands first, in every layer: (layer, neuron)."""
        with deterministic_kernels(self.deterministic):
            return self.prepared.runner.forward.first_token(token_id)


@contextmanager
def deterministic_kernels(on: bool) -> Iterator[None]:
    """PyTorch's deterministic kernels while inside."""
    if not on or torch.are_deterministic_algorithms_enabled():
        yield  # nothing to say: to be told anything, PyTorch loads its compiler, which takes a second
        return
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(False)
