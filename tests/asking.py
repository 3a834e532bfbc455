"""What the page does with a Curator of the kernel: ask, and read what is answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pytest

    from nait_widgets import Curator


class Page:
    """What the page would do with it: ask, and set what a control sets."""

    def __init__(self, curator: Curator, monkeypatch: pytest.MonkeyPatch) -> None:
        self.curator = curator
        self.sent: list[tuple[dict[str, Any], list[memoryview]]] = []
        monkeypatch.setattr(curator, "send", lambda content, buffers=None: self.sent.append((content, buffers or [])))

    def ask(self, question: str, **body: Any) -> dict[str, Any]:
        self.curator._asked(None, {"id": len(self.sent), "ask": question, "body": body}, [])
        self.curator._worker.submit(lambda: None).result()
        return self.sent[-1][0]

    def arrays(self) -> dict[str, np.ndarray[Any, Any]]:
        content, buffers = self.sent[-1]
        heads = content["arrays"]
        return {h["name"]: np.frombuffer(b, h["dtype"]) for h, b in zip(heads, buffers, strict=True)}
