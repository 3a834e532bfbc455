"""A cluster of two processes that the tests of a run share, since one takes seconds to start."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from nait_widgets.cluster import cluster

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from distributed import Client


@pytest.fixture(scope="session")
def client() -> Iterator[Client]:
    """Of two processes; one that dies comes back."""
    with cluster(None, 2) as client:
        assert client is not None
        yield client


@pytest.fixture
def empty() -> Iterator[Client]:
    """Of a cluster that has no workers."""
    from distributed import Client, LocalCluster

    plain = {"dashboard_address": "127.0.0.1:0"}
    with (
        LocalCluster(n_workers=0, processes=False, dashboard_address=None, scheduler_kwargs=plain) as local,
        Client(local, set_as_default=False) as client,
    ):
        yield client


def worker_pids(client: Client) -> list[int]:
    """The processes of its workers; one may be starting again."""
    return [nanny.pid for nanny in client.cluster.workers.values() if nanny.pid]


def wait_for(condition: Callable[[], bool]) -> None:
    """Until something holds."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)
