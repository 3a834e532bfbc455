"""Notebooks run without a browser. Loaded where it is used: nbclient takes seconds, which every process would pay."""

from __future__ import annotations

from typing import Any

import zmq
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.channels import AsyncZMQSocketChannel
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from traitlets import Type


class Channel(AsyncZMQSocketChannel):
    """Looks for answers after it has sent something: one that comes at that moment would go unseen until a timeout.

    Only an Output widget sends while a cell runs. See https://github.com/jupyter/nbclient/issues/312.
    """

    def send(self, msg: dict[str, Any]) -> None:
        super().send(msg)
        assert self.socket is not None
        self.socket.get(zmq.EVENTS)


class Client(AsyncKernelClient):
    """A kernel's client with such a channel."""

    shell_channel_class = Type(Channel)


class Manager(AsyncKernelManager):
    """Starts kernels for such clients."""

    client_factory = Type(Client)


def run(notebook: Any, folder: str) -> NotebookClient:
    """Run all cells of a notebook, which then has their outputs, in a kernel of its own; gives what ran them."""
    resources = {"metadata": {"path": folder}}
    client = NotebookClient(notebook, timeout=300, resources=resources, kernel_manager_class=Manager)
    client.execute()
    return client
