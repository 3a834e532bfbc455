"""The Curator of ten million rows in JupyterLab and Chromium: the page holds sums of them, and the rows in view."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.browser_page import VIEWPORT, Page, open_page
from benchmarks.report import Cell, Report, Target
from benchmarks.ten_million import ROWS, make_store

_FRACTION = "input[aria-label=Fraction]"
_FRAMES, _DRAGS = 120, 3
_MB, _GB = 1e6, 1e9
_SECONDS = 300
_OPEN = """
from pathlib import Path
import nait_widgets as nait
store = nait.open_store({path!r})
scores = nait.score(store)

def resident(field):
    status = Path("/proc/self/status").read_text()
    return next(1024 * int(line.split()[1]) for line in status.splitlines() if line.startswith(f"{{field}}:"))

before = resident("VmRSS")
Path("/proc/self/clear_refs").write_text("5")  # the peak is counted from here
"""
_SHOW = "curator = nait.Curator(store, scores, recipe={recipe!r}, limit={limit})\ncurator"
# Seconds from the cell's start to the first frame after each of these is true.
_SHOWN = {
    "controls": "document.querySelector('.nait-amount') !== null",
    "histogram and budget": "document.querySelector('.nait-budget')?.ariaBusy === 'false'",
    "table": "/^row-/.test(document.querySelector('.nait-table-body .nait-table-id')?.textContent ?? '')",
    "label columns": "document.querySelector('.nait-filters-chip') !== null",
}
_START = """(source) => {
  const { content } = [...jupyterapp.shell.widgets('main')].find((w) => w.context?.path.endsWith('.ipynb'));
  content.activeCellIndex = 1;
  content.activeCell.model.sharedModel.setSource(source);
  window.began = performance.now();
  void jupyterapp.commands.execute('notebook:run-cell');
}"""
# Once a control is used: milliseconds until what it shows last changes, where then nothing does for five seconds.
_SETTLING = """async (seconds) => {
  const [budget, table] = ['.nait-budget', '.nait-table-grid'].map((name) => document.querySelector(name));
  let last = performance.now();
  const seen = new MutationObserver(() => (last = performance.now()));
  const watched = { subtree: true, childList: true, characterData: true, attributes: true };
  for (const part of [budget, table]) seen.observe(part, watched);
  const busy = () => budget.ariaBusy === 'true' || table.ariaBusy === 'true' || table.textContent.includes('…');
  const end = window.began + 1000 * seconds;
  while ((busy() || performance.now() - last < 5000) && performance.now() < end)
    await new Promise((next) => setTimeout(next, 20));
  seen.disconnect();
  return last - window.began;
}"""


def run(workspace: Path, size: float) -> Iterator[Report]:
    """Open the Curator of one pool and use its controls."""
    if find_spec("playwright") is None or find_spec("jupyterlab") is None:
        print("ten_million_browser: skipped, since playwright or jupyterlab is not installed", file=sys.stderr)
        return
    rows = max(1_000, round(ROWS * size))
    path = workspace / "ten-million.zarr"
    if not path.exists():
        make_store(path, rows)
    with open_page(workspace / "jupyter") as (page, browser):
        setting = (
            f"The Curator of {rows:,} synthetic rows with text in a store of scores only, 2 directions, in JupyterLab "
            f"{version('jupyterlab')} and {browser}, headless, in a window of {VIEWPORT['width']} × "
            f"{VIEWPORT['height']}. Times of controls are from the click until the last thing that it changes in the "
            "budget line and the table is painted, the kernel's work and the page's own waiting for rest included."
        )
        yield _measured(page, path, rows, setting)


def _measured(page: Page, path: Path, rows: int, setting: str) -> Report:
    page.open(_OPEN.format(path=str(path)))
    tab, empty = page.lab.page, page.heap()
    recipe = str(path.with_name("curator.recipe.json"))
    tab.evaluate(_START, _SHOW.format(recipe=recipe, limit=min(2_000_000, rows // 2)))
    table: list[dict[str, Cell]] = []

    def tell(what: str, value: float, unit: str) -> None:
        table.append({"what": what, "value": value, "unit": unit})
        print(f"  {what}: {value:.4g} {unit}", file=sys.stderr, flush=True)

    for what, condition in _SHOWN.items():
        tab.wait_for_function(f"() => {condition}", polling="raf", timeout=1000 * _SECONDS)
        tell(f"from the cell's start to the {what}", tab.evaluate("() => performance.now() - window.began") / 1000, "s")
    _settled(tab)
    opened = page.heap()
    frames = _drags(page)
    work = median(frame["all"] for frame in frames)
    tell("a frame of the slider's drag, all work", work, "ms")
    tell("the longest such frame", max(frame["all"] for frame in frames), "ms")
    for what, act in _acts(page).items():
        tab.evaluate("() => void (window.began = performance.now())")
        act()
        tell(what, _settled(tab) / 1000, "s")
    used = page.heap()
    heap = used.all / _MB
    tell("the page's scripts before it is opened", empty.all / _MB, "MB")
    tell("the same with the Curator open", opened.all / _MB, "MB")
    tell("the same after all this", heap, "MB")
    tell("the tab's process at its peak", _renderer(page) / _GB, "GB")
    tell("the kernel before", page.lab.value("before") / _GB, "GB")
    tell("the kernel at its peak", page.lab.value("resident('VmHWM')") / _GB, "GB")
    fraction = 0.1
    same = page.lab.value(
        f"(curator.select(fraction={fraction}).ids_digest, nait.select(scores, fraction={fraction}).ids_digest)",
        timeout=_SECONDS,
    )
    assert len(set(same)) == 1, same
    return Report(
        "ten_million_browser",
        setting,
        table,
        [
            Target("ms of work a frame of the slider", 16, work, at_most=True),
            Target("MB that the page holds beyond an empty one", 64, (used.all - empty.all) / _MB, at_most=True),
        ],
    )


def _drags(page: Page) -> list[dict[str, float]]:
    values = [0.01 + 0.99 * i / (_FRAMES - 1) for i in range(_FRAMES)]
    frames: list[dict[str, float]] = []
    for _ in range(_DRAGS):
        frames += page.drag(_FRACTION, [round(value, 3) for value in values])
        values.reverse()
        _settled(page.lab.page)
    return frames


def _acts(page: Page) -> dict[str, Any]:
    """What is done with the controls, by what is told of it."""
    tab = page.lab.page
    widget = tab.locator(".nait-curator")
    k = widget.get_by_role("spinbutton", name=re.compile("^Rows"))

    def typed(field: Any, text: str) -> None:
        field.fill(text)
        field.press("Enter")

    def keys(key: str) -> None:
        widget.get_by_role("grid", name="Samples").focus()
        tab.keyboard.press(key)

    return {
        "10 %, a stop of the slider": lambda: widget.get_by_role("button", name="10 %").click(),
        "a number of rows between two stops": lambda: typed(k, "123457"),
        "a page of the table, at its end": lambda: keys("End"),
        "back at its beginning": lambda: keys("Home"),
        "sorted by tokens": lambda: widget.get_by_role("button", name="Tokens").click(),
        "sorted by rank": lambda: widget.get_by_role("button", name="Rank").click(),
        "the highest mean of both directions": lambda: widget.get_by_role("combobox", name="Merge").select_option(
            "mean-z"
        ),
        "at least 100 tokens": lambda: typed(widget.get_by_role("spinbutton", name="Fewest tokens"), "100"),
        "the filter cleared": lambda: widget.get_by_role("button", name="Clear filters").click(),
        "a row excluded": lambda: widget.get_by_role("button", name="Exclude", exact=True).first.click(),
    }


def _settled(tab: Any) -> float:
    """Milliseconds until the page had shown all."""
    took: float = tab.evaluate(_SETTLING, _SECONDS)
    return took


def _renderer(page: Page) -> int:
    """Resident bytes of the largest of the browser's renderers at their highest."""
    browser = page.lab.page.context.browser
    assert browser is not None
    processes = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
    peaks = []
    for process in processes:
        if process["type"] == "renderer":
            status = Path(f"/proc/{process['id']}/status").read_text()
            peaks.append(1024 * int(re.findall(r"VmHWM:\s+(\d+)", status)[0]))
    return max(peaks)
