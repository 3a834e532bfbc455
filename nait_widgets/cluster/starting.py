"""A client of a cluster: one that runs already, or processes of this machine."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from nait_widgets.errors import NaitError
from nait_widgets.store.mapping import available_cpus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distributed import Client

_PATIENCE = 5  # seconds to find a scheduler


@contextmanager
def cluster(scheduler: str | None, workers: int | None) -> Iterator[Client | None]:
    """A client while inside; None where neither is asked for.

    Args:
        scheduler: The address of a scheduler, such as `tcp://10.0.0.1:8786`.
        workers: Or so many processes of this machine, which share its processors.

    Raises:
        NaitError: Both are given, no scheduler answers there, or Dask isn't installed.
    """
    if scheduler is None and workers is None:
        yield None
        return
    if scheduler is not None and workers is not None:
        raise NaitError("a scheduler has its own workers: give --scheduler or --workers, not both")
    if workers is not None and workers < 1:
        raise NaitError(f"{workers} workers can't do anything; give at least 1")
    try:
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise NaitError("a cluster needs Dask: install nait-widgets[cluster]") from error
    if scheduler is not None:
        try:
            client = Client(scheduler, timeout=_PATIENCE, set_as_default=False)
        except (OSError, ValueError) as error:
            raise NaitError(f"no Dask scheduler answers at {scheduler}: {error}") from error
        with client:
            yield client
        return
    threads = max(1, available_cpus() // (workers or 1))
    with (
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
            scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},  # its server of plain facts; one port may be taken
            env={"OMP_NUM_THREADS": str(threads)},
        ) as local,
        Client(local, set_as_default=False) as client,
    ):
        yield client
