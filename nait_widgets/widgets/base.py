"""What every widget shares: the bundle, and questions from the page that the kernel answers."""

from __future__ import annotations

import traceback
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

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


def answers(question: str, *, in_background: bool = False) -> Callable[[F], F]:
    """Mark the method of a widget that answers a question of the page.

    The method takes the question's body (JSON) and, in the background, also `report(done, total)`; it returns an
    `Answer` or None.

    Args:
        question: Its name.
        in_background: Whether it takes long: it then runs in the widget's own thread, one at a time.
    """

    def mark(method: F) -> F:
        method.__dict__["answers"] = (question, in_background)
        return method

    return mark


class Widget(anywidget.AnyWidget):
    """A widget of the shared bundle.

    Attributes:
        kind: Which of the bundle's views is shown.
    """

    _esm = bundled("widget.js")
    _css = bundled("widget.css")
    kind = traitlets.Unicode().tag(sync=True)

    _answerers: ClassVar[dict[str, tuple[str, bool]]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        marked = {name: getattr(getattr(cls, name, None), "answers", None) for name in dir(cls)}
        cls._answerers = {mark[0]: (name, mark[1]) for name, mark in marked.items() if isinstance(mark, tuple)}

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
        number, body = message["id"], message.get("body") or {}
        if message["ask"] not in self._answerers:
            self.send({"id": number, "error": {"sentence": f"unknown question {message['ask']!r}", "trace": ""}})
            return
        name, in_background = self._answerers[message["ask"]]
        method = getattr(self, name)
        if in_background:
            self._worker.submit(self._answer, number, lambda: method(body, self._reporter(number)))
        else:
            self._answer(number, lambda: method(body))

    def _answer(self, number: int, work: Callable[[], Answer | None]) -> None:
        try:
            answer = work() or Answer()
            headers, buffers = answer.packed()
            self.send({"id": number, "answer": answer.body, "arrays": headers}, buffers)
        except Exception as error:  # noqa: BLE001 - whatever fails is shown where it was asked for
            sentence = str(error) if isinstance(error, NaitError) else f"{type(error).__name__}: {error}"
            self.send({"id": number, "error": {"sentence": sentence, "trace": traceback.format_exc()}})

    def _reporter(self, number: int) -> Report:
        def report(done: int, total: int) -> None:
            self.send({"id": number, "progress": {"done": done, "total": total}})

        return report
