"""A notebook in a real JupyterLab and a real Chromium, to be measured."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from browser import Lab
    from playwright.sync_api import Locator, ViewportSize

VIEWPORT: ViewportSize = {"width": 1600, "height": 1300}  # all of a Curator is in view and painted
_SECONDS = 180
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--enable-unsafe-swiftshader",
]
_RUN = """(source) => {
  const { content } = [...jupyterapp.shell.widgets('main')].find((w) => w.context?.path.endsWith('.ipynb'));
  content.activeCellIndex = 1;
  content.activeCell.model.sharedModel.setSource(source);
  window.ran = false;
  jupyterapp.commands.execute('notebook:run-cell').finally(() => (window.ran = true));
}"""
_WEBGL = """() => {
  const gl = document.createElement('canvas').getContext('webgl');
  if (gl === null) return 'no WebGL';
  return gl.getParameter(gl.getExtension('WEBGL_debug_renderer_info').UNMASKED_RENDERER_WEBGL);
}"""


class Heap(NamedTuple):
    """What the page's scripts hold, in bytes, garbage collected."""

    objects: int
    arrays: int

    @property
    def all(self) -> int:
        """Objects and typed arrays."""
        return self.objects + self.arrays


class Page:
    """One window with one notebook of two cells: the first makes what the second shows."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self._protocol = lab.page.context.new_cdp_session(lab.page)
        lab.page.add_init_script(path=Path(__file__).with_name("browser.js"))

    def open(self, preparing: str) -> None:
        """Open a new notebook, with no other kernel left, and run its first cell."""
        self.lab.server.forget()
        self.lab.open_notebook([preparing, ""], timeout=_SECONDS)

    def show(self, source: str) -> None:
        """Run the second cell with another source, and wait until nothing is drawn any more."""
        self.lab.page.evaluate(_RUN, source)
        self.lab.page.wait_for_function("() => window.ran && bench.rests()", timeout=1000 * _SECONDS)

    def time_to(self, source: str, *selectors: str) -> list[float]:
        """Seconds from the second cell's start to the first paint of each element that it shows."""
        page = self.lab.page
        page.evaluate("(all) => void (window.waiting = all.map((one) => bench.painted(one)))", list(selectors))
        self.show(f"import time\n_began = time.time()\n{source}")
        painted: list[float] = page.evaluate("() => Promise.all(window.waiting)")
        began = self.lab.value("_began")
        return [time - began for time in painted]

    def drag(self, slider: str, values: Sequence[float]) -> list[dict[str, float]]:
        """Each frame's time of beginning and its milliseconds of work: `script`, and `all` with layout and paint."""
        frames: list[dict[str, float]] = self.lab.page.evaluate("(asked) => bench.drag(...asked)", [slider, values])
        return frames

    def moves(self, slider: str, values: Sequence[float]) -> list[float]:
        """Milliseconds from each move of a slider to the painted view; the last ones are left out where it is slow."""
        times: list[float] = self.lab.page.evaluate("(asked) => bench.moves(...asked)", [slider, values])
        return times

    def rate(self, slider: str, values: Sequence[float]) -> float:
        """Views a second while a slider moves in every frame."""
        rate: float = self.lab.page.evaluate("(asked) => bench.rate(...asked)", [slider, values])
        return rate

    def redraws(self, canvas: Locator, times: int) -> list[float]:
        """Milliseconds that drawing all points took, each time that the wheel zoomed in or out by a notch."""
        page = self.lab.page
        canvas.focus()
        canvas.hover()
        page.wait_for_function("() => bench.rests()", timeout=1000 * _SECONDS)
        page.evaluate("() => { bench.redraws.length = 0; bench.toTheEnd = true; }")
        for i in range(times):
            before = page.evaluate("() => bench.redraws.length")
            page.mouse.wheel(0, 20 if i % 2 else -20)
            page.wait_for_function("(before) => bench.redraws.length > before", arg=before)
            page.wait_for_function("() => bench.rests()")
        drawn: list[float] = page.evaluate("() => { bench.toTheEnd = false; return bench.redraws; }")
        return drawn

    def heap(self) -> Heap:
        """What the page's scripts hold now."""
        self._protocol.send("HeapProfiler.collectGarbage")
        usage = self._protocol.send("Runtime.getHeapUsage")
        return Heap(int(usage["usedSize"]), int(usage["backingStorageSize"]))

    def webgl(self) -> str:
        """Who draws WebGL here."""
        renderer: str = self.lab.page.evaluate(_WEBGL)
        return renderer


@contextmanager
def open_page(home: Path) -> Iterator[tuple[Page, str]]:
    """A page of a JupyterLab of its own, and the browser's name.

    Args:
        home: A folder for everything that JupyterLab keeps.
    """
    sys.path.append(str(Path(__file__).parents[1] / "tests"))  # where the harness of the browser tests lies
    from browser import Lab
    from browser_server import lab_server
    from playwright.sync_api import sync_playwright

    path = os.environ.get("NAIT_BROWSER") or shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright, lab_server(home) as server:
        browser = playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        yield Page(Lab(browser.new_page(viewport=VIEWPORT), server)), f"Chromium {browser.version}"
        browser.close()
