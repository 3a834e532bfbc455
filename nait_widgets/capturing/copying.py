"""Results of a batch on their way from the device to the host, while the next batch runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt


class Copies:
    """Tensors that are being copied to the host.

    Args:
        tensors: What is copied; not to be written to any more.
        stream: The stream that copies; None where the tensors are on the host already.
    """

    def __init__(self, tensors: Sequence[torch.Tensor], stream: torch.cuda.Stream | None) -> None:
        self._event = None
        if stream is None:
            self._host = list(tensors)
            return
        stream.wait_stream(torch.cuda.current_stream(stream.device))
        with torch.cuda.stream(stream):
            self._host = [
                torch.empty_like(t, device="cpu", pin_memory=True).copy_(t, non_blocking=True) for t in tensors
            ]
            for tensor in tensors:
                tensor.record_stream(stream)
            self._event = stream.record_event()

    def wait(self) -> list[npt.NDArray[Any]]:
        """The tensors as arrays, once they have arrived."""
        if self._event is not None:
            self._event.synchronize()
        return [tensor.cpu().numpy() for tensor in self._host]
