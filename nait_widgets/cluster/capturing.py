"""A capture by the workers of a cluster: each runs whole windows and writes their shards; this process declares them.

Who may write what keeps the store sound whoever dies: a worker writes the data of blocks, which count for nothing
until the driver, alone, writes the status that declares them whole. A task that is run twice writes the same bytes.
"""

from __future__ import annotations

import socket
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from nait_widgets.capturing.batches import Span, render, spans
from nait_widgets.capturing.fingerprinting import adopt_basis, fit_basis
from nait_widgets.capturing.local import deterministic_kernels
from nait_widgets.capturing.preparing import Prepared, Settings, prepare
from nait_widgets.cluster.flowing import flow, result, threads
from nait_widgets.cluster.memory import keep_freed_memory
from nait_widgets.cluster.scanning import Workers
from nait_widgets.errors import ModelError, StoreError
from nait_widgets.models import load_model
from nait_widgets.store import StoreWriter

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt
    from distributed import Client

    from nait_widgets.fingerprints import Basis
    from nait_widgets.progress import CaptureWatch
    from nait_widgets.records import Record, Records
    from nait_widgets.store import Layout
    from nait_widgets.store.layout import Wide
    from nait_widgets.store.remote import Url

_AHEAD = 2  # windows a worker has: one that runs, and one that waits for it
_REMEDY = (
    "most often their memory is too small: give them more, or lower `batch_tokens`; then run the same command again to "
    "go on"
)


@dataclass(frozen=True, slots=True)
class Job:
    """What a worker must know to capture.

    Attributes:
        model: A hub id or a folder that every worker can read.
        loading: Options of `load_model`, as pairs.
        settings: What the store is to hold.
        n_samples: Its rows.
    """

    model: str
    loading: tuple[tuple[str, Any], ...]
    settings: Settings
    n_samples: int


class Written(NamedTuple):
    """A block whose data a worker has written, and what is needed to declare it whole."""

    block: int
    status: npt.NDArray[np.uint8]
    wide: Wide


class Ran(NamedTuple):
    """What became of a window: its blocks, and the rows and tokens that ran."""

    written: list[Written]
    rows: int
    tokens: int


class OnCluster:
    """The engine of a cluster.

    Args:
        client: Of any cluster; each worker loads the model once and keeps it.
        job: What is to be captured.

    Attributes:
        mapper: Who reads the store, for its checks and its statistics.
    """

    def __init__(self, client: Client, job: Job) -> None:
        self._client, self._job = client, job
        self.mapper = Workers(client)
        self.layout, self.provenance = self._ask(_describe, job)

    def basis(self, records: list[Record]) -> Basis:
        """What the activations of some rows vary along most, which one of the workers runs for it."""
        basis: Basis = self._ask(_fit_basis, self._job, records)
        return basis

    def fill(self, writer: StoreWriter, records: Records, missing: Sequence[int], watch: CaptureWatch) -> None:
        """Write the missing blocks."""
        left, path = set(missing), writer.store.place
        weights: str = self.provenance["model"]["weights_hash"]
        windows = (
            # Not pure: a window of an earlier capture is not this one's.
            self._client.submit(
                _run_window, self._job, weights, path, span, [b for b in span.blocks if b in left], pure=False
            )
            for span in spans(records, self.layout, missing)
        )
        for ran in flow(self._client, windows, self._room, ordered=False, remedy=_REMEDY):
            for block, status, wide in ran.written:
                writer.declare(block, status, wide)
                watch.settled(status)
            watch.ran(ran.rows, ran.tokens)

    def first_token(self, token_id: int) -> npt.NDArray[np.float32]:
        """Activation of a token that stands first, in every layer: (layer, neuron)."""
        values: npt.NDArray[np.float32] = self._ask(_first_token, self._job, token_id)
        return values

    def _room(self) -> int:
        return _AHEAD * max(1, len(threads(self._client)))

    def _ask(self, work: Any, *arguments: Any) -> Any:
        return result(self._client.submit(work, *arguments, pure=False), _REMEDY)


# -- what runs in a worker

_busy = threading.Lock()  # a worker with several threads has one model all the same
_ready: dict[Job, Prepared] = {}


def _prepared(job: Job) -> Prepared:
    """The model of a job, loaded when it is first asked for."""
    if job not in _ready:
        _ready.clear()  # one at a time is what a worker's memory is for
        keep_freed_memory()
        _ready[job] = prepare(load_model(job.model, **dict(job.loading)), job.settings, job.n_samples)
    return _ready[job]


def _describe(job: Job) -> tuple[Layout, dict[str, Any]]:
    with _busy:
        prepared = _prepared(job)
        return prepared.layout, prepared.provenance


def _first_token(job: Job, token_id: int) -> npt.NDArray[np.float32]:
    with _busy, deterministic_kernels(job.settings.deterministic):
        return _prepared(job).runner.forward.first_token(token_id)


def _fit_basis(job: Job, records: list[Record]) -> Basis:
    with _busy, deterministic_kernels(job.settings.deterministic):
        return fit_basis(_prepared(job), records)


def _run_window(job: Job, weights: str, path: Path | Url, span: Span, wanted: list[int]) -> Ran:
    counts = [0, 0]

    def ran(rows: int, tokens: int) -> None:
        counts[0] += rows
        counts[1] += tokens

    writer = _writer(path)
    with _busy, deterministic_kernels(job.settings.deterministic):
        prepared = _prepared(job)
        if prepared.provenance["model"]["weights_hash"] != weights:
            raise ModelError(
                f"{job.model} has other weights on {socket.gethostname()} than on the machine that was asked first; "
                "give the workers one folder, or name a revision"
            )
        adopt_basis(prepared.runner, writer.store)
        written = []
        for block in prepared.runner.blocks(render(span, prepared.renderer), wanted, ran):
            writer.write_data(block)
            written.append(Written(block.index, block.columns["status"], block.wide))
    return Ran(written, *counts)


def _writer(path: Path | Url) -> StoreWriter:
    try:
        return StoreWriter(path)
    except (OSError, StoreError) as error:
        raise StoreError(
            f"{socket.gethostname()} can't open {path} ({error}); a cluster writes into a folder that all its "
            "machines share"
        ) from error
