"""A running capture, and the button that stops it."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets

from nait_widgets.errors import Interrupted, NaitError
from nait_widgets.store import Status
from nait_widgets.store.layout import LAST_SELECTABLE
from nait_widgets.widgets.base import Widget

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    import numpy.typing as npt

SECONDS_A_REPORT = 0.25


class CaptureMonitor(Widget):
    """What `capture` shows in a notebook: how far it is, how fast, what it quarantines, and how to stop it.

    Args:
        total: Rows in all.
        done: Rows that an earlier run has captured; they don't count in the rate.

    Attributes:
        report: All that is shown, sent at most four times a second.
        kernel_id: What the Jupyter server calls this kernel: the page asks it to interrupt.
    """

    report = traitlets.Dict().tag(sync=True)
    kernel_id = traitlets.Unicode().tag(sync=True)

    def __init__(self, total: int, done: int) -> None:
        super().__init__(kind="monitor", kernel_id=_kernel_id())
        self._total, self._before = total, done
        self._rows = self._tokens = 0
        self._quarantined: Counter[str] = Counter()
        self._state, self._sentence = "capturing", ""
        self._started = self._reported = time.monotonic()
        self._tell()

    def __enter__(self) -> Self:
        from IPython import display

        show: Any = display.display  # it has no type annotations
        show(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._state = "complete" if error is None else "stopped" if isinstance(error, Interrupted) else "failed"
        if error is not None:
            self._sentence = str(error) if isinstance(error, NaitError) else f"{type(error).__name__}: {error}"
        self._tell()

    def ran(self, rows: int, tokens: int) -> None:
        """Rows have gone through the model, or need not."""
        self._rows += rows
        self._tokens += tokens
        if time.monotonic() - self._reported >= SECONDS_A_REPORT:
            self._tell()

    def settled(self, status: npt.NDArray[np.uint8]) -> None:
        """It is known for good which rows of a block are quarantined, by their status codes: (row,)."""
        codes, counts = np.unique(status[status > LAST_SELECTABLE], return_counts=True)
        self._quarantined.update({Status(int(c)).label: int(n) for c, n in zip(codes, counts, strict=True)})

    def _tell(self) -> None:
        self._reported = time.monotonic()
        seconds = self._reported - self._started
        rate = self._rows / seconds if seconds > 0 else 0.0
        done = self._before + self._rows
        self.report = {
            "state": self._state,
            "sentence": self._sentence,
            "total": self._total,
            "done": done,
            "seconds": seconds,
            "rows_a_second": rate,
            "tokens_a_second": self._tokens / seconds if seconds > 0 else 0.0,
            "seconds_left": (self._total - done) / rate if rate > 0 else None,
            "quarantined": dict(self._quarantined),
        }


def _kernel_id() -> str:
    """The server's id of this kernel, which names its connection file `kernel-ID.json`; empty without a server."""
    import ipykernel

    stem = Path(ipykernel.get_connection_file()).stem
    return stem.removeprefix("kernel-") if stem.startswith("kernel-") else ""
