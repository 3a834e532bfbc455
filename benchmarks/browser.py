"""The Curator in a real JupyterLab and Chromium: a slider's frames, opening, memory, and other widgets beside it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from statistics import median

from benchmarks.browser_page import VIEWPORT, Heap, Page, open_page
from benchmarks.browser_peers import CURATOR, FRACTION, FRACTIONS, PEERS
from benchmarks.browser_pool import make_pool
from benchmarks.report import Cell, Report, Target
from benchmarks.timing import Spread

ROWS = 52_002, 1_000_000
_LIMITS = 16, 16, 33, 33  # milliseconds a frame, with one and two directions each
_SESSIONS, _DRAGS, _FRAMES, _MOVES, _REDRAWS = 2, 3, 120, 12, 10
_PAINTED = ".nait-histogram-chosen[d]", "div:not([hidden]) > .nait-scatter-stage"
_SETTLED = "() => !document.querySelector('.nait-budget').textContent.includes('…')"
_MB = 1e6


@dataclass(slots=True)
class Sessions:
    """What was measured with one pool, a value or a list of frames for each session, drag or opening."""

    rows: int
    directions: int
    drags: list[list[dict[str, float]]] = field(default_factory=list)
    first: list[list[float]] = field(default_factory=list)
    again: list[list[float]] = field(default_factory=list)
    heaps: list[tuple[Heap, Heap, Heap]] = field(default_factory=list)

    @property
    def name(self) -> dict[str, Cell]:
        """The columns that say which pool it is."""
        return {"rows": f"{self.rows:,}", "directions": str(self.directions)}

    def of_drags(self, value: Callable[[list[dict[str, float]]], float]) -> Spread:
        """A value of each drag."""
        return Spread.of([value(drag) for drag in self.drags])


def run(workspace: Path, size: float) -> Iterator[Report]:
    """Measure with pools of 52,002 and 1,000,000 rows."""
    if find_spec("playwright") is None or find_spec("jupyterlab") is None:
        print("browser: skipped, since playwright or jupyterlab is not installed", file=sys.stderr)
        return
    rows = [round(n * size) for n in ROWS]
    for n in rows:
        make_pool(workspace / f"{n}.zarr", n)
    with open_page(workspace / "jupyter") as (page, browser):
        where = (
            f"JupyterLab {version('jupyterlab')} in {browser}, headless, all of the widget in a window of "
            f"{VIEWPORT['width']} × {VIEWPORT['height']}."
        )
        curators = [_curate(page, workspace, n, directions) for n in rows for directions in (1, 2)]
        page.lab.check()
        yield _frames(curators, where)
        yield _opening(curators, where)
        yield _memory(curators, where)
        yield from _against(page, workspace, rows, where)


def _prepare(path: Path, n_directions: int) -> str:
    return (
        "import nait_widgets as nait\nfrom pathlib import Path\nfrom benchmarks.browser_pool import open_pool\n"
        f"store, scores = open_pool(Path({str(path)!r}), {n_directions})"
    )


def _curate(page: Page, workspace: Path, n: int, n_directions: int) -> Sessions:
    """Open a Curator, drag its slider, open it again; in several sessions."""
    sessions = Sessions(n, n_directions)
    values = [0.01 + 0.99 * i / (_FRAMES - 1) for i in range(_FRAMES)]
    for _ in range(_SESSIONS):
        page.open(_prepare(workspace / f"{n}.zarr", n_directions))
        before = page.heap()
        sessions.first.append(page.time_to(CURATOR.source, *_PAINTED))
        opened = page.heap()
        page.lab.page.locator(".nait-curator-head").scroll_into_view_if_needed()
        for _ in range(_DRAGS):
            sessions.drags.append(page.drag(FRACTION, values))
            values.reverse()
            page.lab.page.wait_for_function(_SETTLED)  # the kernel works for a moment once the slider is let go
        sessions.heaps.append((before, opened, page.heap()))
        sessions.again.append(page.time_to(CURATOR.source, *_PAINTED))
        _tell(f"{n:,} rows, {n_directions} directions: {sessions.of_drags(_median('all'))} ms a frame")
    return sessions


def _frames(curators: Sequence[Sessions], where: str) -> Report:
    table: list[dict[str, Cell]] = []
    targets = []
    for each, limit in zip(curators, _LIMITS, strict=True):
        all_work = each.of_drags(_median("all"))
        table.append(
            each.name
            | {
                "script, ms": each.of_drags(_median("script")),
                "all work, ms": all_work,
                "95 % of frames, ms": each.of_drags(lambda drag: sorted(_all(drag))[int(0.95 * len(drag))]),
                "longest, ms": each.of_drags(lambda drag: max(_all(drag))),
                "frames a second": each.of_drags(_rate),
            }
        )
        what = f"ms a frame, {each.rows:,} rows, {each.directions} direction{'s, union' * (each.directions > 1)}"
        targets.append(Target(what, limit, all_work.median, at_most=True))
    return Report(
        "browser-frames",
        f"The Curator's slider is dragged between 1 and 100 % with an event in every frame: {_SESSIONS} sessions of "
        f"{_DRAGS} drags of {_FRAMES} frames; map, histogram, budget line and table follow. `script` is the event and "
        f"the frame's callbacks, `all work` also style, layout and paint; waiting for the frame is in neither. {where}",
        table,
        targets,
    )


def _opening(curators: Sequence[Sessions], where: str) -> Report:
    table: list[dict[str, Cell]] = [
        each.name
        | {
            f"{what}, {when}, s": Spread.of([times[i] for times in opened])
            for when, opened in (("first in a session", each.first), ("again", each.again))
            for i, what in enumerate(("painted", "map"))
        }
        for each in curators
    ]
    first = [times[0] for times in curators[0].first]
    return Report(
        "browser-opening",
        "From the start of the cell `nait.Curator(store, scores)` to the first paint of its controls, histogram, "
        f"budget line and table, and to that of the map. {where}",
        table,
        [Target(f"s to the first paint, {curators[0].rows:,} rows", 1, median(first), at_most=True)],
    )


def _memory(curators: Sequence[Sessions], where: str) -> Report:
    def grown(each: Sessions, at: int, part: Callable[[Heap], int]) -> Spread:
        return Spread.of([(part(heaps[at]) - part(heaps[0])) / _MB for heaps in each.heaps])

    table: list[dict[str, Cell]] = [
        each.name
        | {
            "page before, MB": Spread.of([heaps[0].all / _MB for heaps in each.heaps]),
            "opened: objects, MB more": grown(each, 1, lambda heap: heap.objects),
            "opened: typed arrays, MB more": grown(each, 1, lambda heap: heap.arrays),
            "after the drags: all, MB more": grown(each, 2, lambda heap: heap.all),
        }
        for each in curators
    ]
    return Report(
        "browser-memory",
        f"What the page's scripts hold, garbage collected: with JupyterLab alone, with a Curator open. {where}",
        table,
        [],
    )


def _against(page: Page, workspace: Path, rows: Sequence[int], where: str) -> Iterator[Report]:
    """The same slider in other widgets, and the same points drawn by them."""
    moved: list[dict[str, Cell]] = []
    drawn: list[dict[str, Cell]] = []
    for n in rows:
        for peer in PEERS:
            name: dict[str, Cell] = {"rows": f"{n:,}", "widget": peer.name}
            if not peer.installed:
                moved.append({**name, "a move, ms": None, "views a second": None})
                continue
            page.open(_prepare(workspace / f"{n}.zarr", 1))
            page.show(peer.source)
            times = Spread.of(page.moves(peer.slider, FRACTIONS[:_MOVES]))
            moved.append({**name, "a move, ms": times, "views a second": page.rate(peer.slider, FRACTIONS * 4)})
            _tell(f"{n:,} rows, {peer.name}: {times} ms a move")
            if peer.canvas is not None:
                canvas = page.lab.page.locator(peer.canvas)
                redraws = Spread.of(page.redraws(canvas, _REDRAWS))
                size = canvas.evaluate("(canvas) => `${canvas.width} × ${canvas.height}`")
                drawn.append({**name, "canvas": size, "a redraw, ms": redraws})
                _tell(f"{n:,} rows, {peer.name}: {redraws} ms a redraw")
    yield Report(
        "browser-peers",
        "One direction. A move: from the slider's event to the paint of what it changes, with every wait for the "
        "kernel and the frame, the view at rest before. Views a second: the slider moves in every frame. jupyter-"
        f"scatter filters to the chosen rows; Bokeh recomputes them in NumPy. {where}",
        moved,
        [],
    )
    yield Report(
        "browser-drawing",
        "All rows drawn anew after a notch of the wheel, until their pixels can be read: our raster of typed arrays "
        f"against regl-scatterplot's WebGL, here drawn by {page.webgl()}: a graphics card would draw WebGL faster. "
        f"{where}",
        drawn,
        [],
    )


def _median(part: str) -> Callable[[list[dict[str, float]]], float]:
    return lambda drag: median(frame[part] for frame in drag)


def _all(drag: list[dict[str, float]]) -> list[float]:
    return [frame["all"] for frame in drag]


def _rate(drag: list[dict[str, float]]) -> float:
    return 1000 * (len(drag) - 1) / (drag[-1]["began"] - drag[0]["began"])


def _tell(what: str) -> None:
    print(f"  {what}", file=sys.stderr, flush=True)
