"""Progress with rate and time left, in a terminal and in a notebook."""

from __future__ import annotations

import sys
import threading
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from nait_widgets.errors import NaitError

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    import numpy as np
    import numpy.typing as npt
    from tqdm.auto import tqdm


def progress(total: int, what: str, unit: str, done: int = 0, *, scaled: bool = False) -> tqdm[Any]:
    """A progress bar, used as a context manager; silent where nobody watches standard error.

    Args:
        total: Units in all.
        what: The work, as a word.
        unit: What is counted.
        done: Units that an earlier run has done; they don't count in the rate.
        scaled: Whether amounts are shown in thousands, millions and so on.
    """
    from tqdm.auto import tqdm

    watched = "ipykernel" in sys.modules or sys.stderr.isatty()
    return tqdm(
        total=total, desc=what, unit=f" {unit}", initial=done, disable=not watched, leave=False, unit_scale=scaled
    )


class CaptureWatch(Protocol):
    """Who is told how a capture goes: a context manager, left when the store is complete or by what ended it."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def ran(self, rows: int, tokens: int) -> None:
        """Rows have gone through the model, or need not."""

    def settled(self, status: npt.NDArray[np.uint8]) -> None:
        """It is known for good which rows of a block are quarantined, by their status codes: (row,)."""


def watch_capture(total: int, done: int, *, monitor: bool) -> CaptureWatch:
    """What shows a capture: a progress bar, or in a notebook the capture monitor.

    Args:
        total: Rows in all.
        done: Rows that an earlier run has captured.
        monitor: Whether a notebook shows the monitor.
    """
    if monitor and _in_notebook():
        try:
            # By name, when it is needed: nothing imports the widgets, yet a capture that is called without any widget
            # at hand is to show one. They can't register themselves before somebody has imported them.
            widget: CaptureWatch = import_module("nait_widgets.widgets.monitor").CaptureMonitor(total, done)
        except (ImportError, NaitError):  # anywidget isn't installed, or a checkout's bundle isn't built
            return _Bar(total, done)
        return widget
    return _Bar(total, done)


class _Bar:
    """A capture as a line of text."""

    def __init__(self, total: int, done: int) -> None:
        self._bar = progress(total, "capturing", "rows", done)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.close()

    def ran(self, rows: int, tokens: int) -> None:  # noqa: ARG002 - a line has room for the rows alone
        self._bar.update(rows)

    def settled(self, status: npt.NDArray[np.uint8]) -> None:
        pass


def _in_notebook() -> bool:
    """Whether a Jupyter kernel runs this, in the thread that an interrupt reaches: a button is to stop it."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return getattr(shell, "kernel", None) is not None and threading.current_thread() is threading.main_thread()
