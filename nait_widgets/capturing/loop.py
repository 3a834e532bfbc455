"""The loop of a capture: windows of rows, their batches, and the writes behind them."""

from __future__ import annotations

import errno
import shutil
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

import numpy as np
import torch

from nait_widgets.capturing.assembly import Assembly
from nait_widgets.capturing.batches import Window, ahead, batches, windows
from nait_widgets.errors import Interrupted, ModelError, StoreError
from nait_widgets.progress import CaptureWatch, watch_capture
from nait_widgets.store import ActivationStore, Block, Layout, Status, StoreWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from nait_widgets.capturing.forward import Forward
    from nait_widgets.records import Records, Rendered, Renderer

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

_WRITES_AHEAD = 4  # blocks that may wait for the disk before the model does


class _Pending(Protocol[T_co]):
    """Results that are on their way to the host."""

    def wait(self) -> T_co: ...


@dataclass(slots=True)
class Run:
    """The loop over windows and batches, with the writes behind it.

    Attributes:
        writer: The store.
        forward: What runs a batch.
        layout: The store's shape.
        budget: Tokens a batch, padding included.
        halve: Whether batches are halved where the device runs out of memory.
        monitor: Whether a notebook shows the capture monitor.
    """

    writer: StoreWriter
    forward: Forward
    layout: Layout
    budget: int
    halve: bool
    monitor: bool

    def all(self, records: Records, renderer: Renderer) -> ActivationStore:
        """Capture every missing block and complete the store."""
        missing = self.writer.missing_blocks()
        status = self.writer.store.status
        kept = status[status != Status.PENDING]
        with watch_capture(self.layout.n_samples, len(kept), monitor=self.monitor) as watch, self._told():
            watch.settled(kept)
            with ThreadPoolExecutor(1) as disk:
                writes: deque[Future[None]] = deque()
                try:
                    for window in ahead(windows(records, renderer, self.layout, missing)):
                        for block in self._window(window, missing, watch):
                            while len(writes) >= _WRITES_AHEAD:
                                writes.popleft().result()
                            writes.append(disk.submit(self.writer.write, block))
                            watch.settled(block.columns["status"])
                finally:
                    # Also when interrupted: blocks that are whole are worth their write.
                    while writes:
                        writes.popleft().result()
            return self.writer.finish(self.forward.first_token)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Say what is kept, and how to go on, when the user or the disk ends the run."""
        try:
            yield
        except KeyboardInterrupt:
            raise Interrupted(f"stopped: {self._kept()}; run the same command again to go on") from None
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise self._disk_full() from error

    def _window(self, window: Window, missing: Sequence[int], watch: CaptureWatch) -> Iterator[Block]:
        # A block that is whole runs again with its window, but its rows were counted when it was written.
        new = [(window.start + i) // self.layout.block_rows in missing for i in range(len(window.rendered))]
        assembly = Assembly(window, self.layout)
        watch.ran(sum(new[i] for i, sample in enumerate(window.rendered) if sample.defect is not None), 0)
        if "ifd" in self.layout.extras:
            # First, since a row counts as run, and may be quarantined, when it has run whole.
            alone = [self.forward.alone(sample) for sample in window.rendered]
            for positions, losses in self._batched(alone, self.forward.start_alone):
                assembly.add(positions, losses)
                watch.ran(0, sum(len(alone[i].input_ids) for i in positions))
        for positions, pooled in self._batched(window.rendered, self.forward.start):
            assembly.fill(positions, pooled)
            watch.ran(sum(new[i] for i in positions), sum(len(window.rendered[i].input_ids) for i in positions))
        yield from assembly.blocks(missing)

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

    def _kept(self) -> str:
        store = self.writer.store
        done = int(np.count_nonzero(store.status != Status.PENDING))
        return f"{done:,} of {len(store):,} rows are safe in {store.path}"

    def _disk_full(self) -> StoreError:
        store = self.writer.store
        if (store.status == Status.PENDING).all():
            shutil.rmtree(store.path)
            return StoreError(f"the disk of {store.path} is full, and nothing was captured yet; free some space")
        return StoreError(f"the disk is full: {self._kept()}; free some space and run the same command again to go on")
