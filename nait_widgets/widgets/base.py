"""What every widget shares: the bundle, and questions from the page that the kernel answers."""

from __future__ import annotations

import traceback
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from inspect import getattr_static
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeVar

import anywidget
import numpy as np
import traitlets

from nait_widgets.errors import NaitError
from nait_widgets.widgets.bundle import bundled

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt

    Report = Callable[[int, int], None]

F = TypeVar("F", bound="Callable[..., Any]")

# What a typed array of the browser can hold, by what NumPy calls it.
_DTYPES = ("float64", "float32", "int32", "uint32", "uint16", "uint8")


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes to the page: values as JSON, and arrays as binary buffers.

    Attributes:
        body: JSON-able.
        arrays: By name, of the dtypes that a browser's typed arrays have.
    """

    body: Any = None
    arrays: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)

    def packed(self) -> tuple[list[dict[str, str]], list[memoryview]]:
        """Name and dtype of each array, and its bytes."""
        for name, array in self.arrays.items():
            if array.dtype.name not in _DTYPES:
                raise TypeError(f"array {name!r} is {array.dtype}, which no typed array of a browser holds")
        headers = [{"name": name, "dtype": array.dtype.name} for name, array in self.arrays.items()]
        return headers, [np.ascontiguousarray(array).reshape(-1).view(np.uint8).data for array in self.arrays.values()]


class Answerer(NamedTuple):
    """A method that answers a question, see `answers`."""

    method: str
    in_background: bool
    taking: str | None


def answers(question: str, *, in_background: bool = False, taking: str | None = None) -> Callable[[F], F]:
    """Mark the method of a widget that answers a question of the page.

    The method takes the question's body (JSON) and, in the background, also `report(done, total)` and what it is
    `taking`; it returns an `Answer` or None.

    Args:
        question: Its name.
        in_background: Whether it takes long: it then runs in the widget's own thread, one at a time.
        taking: An attribute as it is when the question comes. By the time that the thread gets to it, a person may
            have gone on.
    """

    def mark(method: F) -> F:
        method.__dict__["answers"] = question, Answerer(method.__name__, in_background, taking)
        return method

    return mark


def sentence(error: Exception) -> str:
    """A failure as a person is told of it; one that we didn't foresee is called by its name."""
    return str(error) if isinstance(error, NaitError) else f"{type(error).__name__}: {error}"


class Widget(anywidget.AnyWidget):
    """A widget of the shared bundle.

    Attributes:
        kind: Which of the bundle's views is shown.
    """

    _esm = bundled("widget.js")
    _css = bundled("widget.css")
    kind = traitlets.Unicode().tag(sync=True)

    _answerers: ClassVar[dict[str, Answerer]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # Statically, since asking ipywidgets for its deprecated properties would warn.
        marks = [getattr(getattr_static(cls, name, None), "answers", None) for name in dir(cls)]
        cls._answerers = dict(mark for mark in marks if isinstance(mark, tuple))

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self.on_msg(self._asked)

    def tell(self, name: str, answer: Answer) -> None:
        """Send something to the page unasked."""
        headers, buffers = answer.packed()
        self.send({"tell": name, "body": answer.body, "arrays": headers}, buffers)

    @cached_property
    def _worker(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(1, thread_name_prefix=type(self).__name__)

    def _asked(self, _widget: Any, message: dict[str, Any], _buffers: Sequence[memoryview]) -> None:
        if "ask" not in message:
            return
        asked, body = message["id"], message.get("body") or {}
        if message["ask"] not in self._answerers:
            self.send({"id": asked, "error": {"sentence": f"unknown question {message['ask']!r}", "trace": ""}})
            return
        name, in_background, taking = self._answerers[message["ask"]]
        method = getattr(self, name)
        if in_background:
            taken = () if taking is None else (getattr(self, taking),)
            self._worker.submit(self._answer, asked, lambda: method(body, self._reporter(asked), *taken))
        else:
            self._answer(asked, lambda: method(body))

    def _answer(self, asked: str, work: Callable[[], Answer | None]) -> None:
        try:
            answer = work() or Answer()
            headers, buffers = answer.packed()
            self.send({"id": asked, "answer": answer.body, "arrays": headers}, buffers)
        except Exception as error:  # noqa: BLE001 - whatever fails is shown where it was asked for
            self.send({"id": asked, "error": {"sentence": sentence(error), "trace": traceback.format_exc()}})

    def _reporter(self, asked: str) -> Report:
        def report(done: int, total: int) -> None:
            self.send({"id": asked, "progress": {"done": done, "total": total}})

        return report
