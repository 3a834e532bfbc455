"""The loop of a capture, whoever runs the model: what is missing is filled, and what ends it is told."""

from __future__ import annotations

import errno
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from nait_widgets.errors import Interrupted, RemoteError, StoreError
from nait_widgets.progress import CaptureWatch, watch_capture
from nait_widgets.store import ActivationStore, Layout, Status, StoreWriter

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from nait_widgets.fingerprints import Basis
    from nait_widgets.records import Record, Records
    from nait_widgets.store.mapping import Mapper


class Engine(Protocol):
    """Who runs the model: this process, or the workers of a cluster."""

    @property
    def layout(self) -> Layout:
        """The store's shape."""

    @property
    def provenance(self) -> dict[str, Any]:
        """What a store says of model, template, capture and versions."""

    @property
    def mapper(self) -> Mapper | None:
        """Who reads the store, for its checks and its statistics; None for threads of this process."""

    def basis(self, records: list[Record]) -> Basis:
        """What the activations of some rows, which are run for it, vary along most."""

    def fill(self, writer: StoreWriter, records: Records, missing: Sequence[int], watch: CaptureWatch) -> None:
        """Write the missing blocks."""

    def first_token(self, token_id: int) -> npt.NDArray[np.float32]:
        """Activation of a token that stands first, in every layer: (layer, neuron)."""


def run(engine: Engine, writer: StoreWriter, records: Records, *, monitor: bool) -> ActivationStore:
    """Capture every missing block and complete the store.

    Args:
        engine: What runs the model.
        writer: The store.
        records: The source's rows.
        monitor: Whether a notebook shows the capture monitor.
    """
    missing = writer.missing_blocks(engine.mapper)
    status = writer.store.status
    kept = status[status != Status.PENDING]
    with watch_capture(engine.layout.n_samples, len(kept), monitor=monitor) as watch, _told(writer):
        watch.settled(kept)
        engine.fill(writer, records, missing, watch)
        return writer.finish(engine.first_token, mapper=engine.mapper)


@contextmanager
def _told(writer: StoreWriter) -> Iterator[None]:
    """Say what is kept, and how to go on, when the user or the disk ends the run."""
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted(f"stopped: {_kept(writer.store)}; run the same command again to go on") from None
    except RemoteError as error:
        raise RemoteError(f"{error}; what was written is safe: run the same command again to go on") from error
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise _disk_full(writer.store) from error


def _kept(store: ActivationStore) -> str:
    done = int(np.count_nonzero(store.status != Status.PENDING))
    return f"{done:,} of {len(store):,} rows are safe in {store.path}"


def _disk_full(store: ActivationStore) -> StoreError:
    if isinstance(store.path, Path) and (store.status == Status.PENDING).all():
        shutil.rmtree(store.path)
        return StoreError(f"the disk of {store.path} is full, and nothing was captured yet; free some space")
    return StoreError(f"the disk is full: {_kept(store)}; free some space and run the same command again to go on")
