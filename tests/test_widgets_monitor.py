"""What shows a capture: the monitor in a notebook, a line elsewhere, and neither at the other's cost."""

from __future__ import annotations

import json
import multiprocessing
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import captures
import pytest
from conftest import make_rows
from tiny import tiny_model

from nait_widgets import capture
from nait_widgets.store import Status, open_store

if TYPE_CHECKING:
    import numpy as np

VIEW = "application/vnd.jupyter.widget-view+json"
SETUP = f"""
import sys
sys.path[:0] = {[str(Path(__file__).parents[1]), str(Path(__file__).parent)]!r}
from captures import OPTIONS
from conftest import make_rows
from tiny import tiny_model
import nait_widgets as nait
from nait_widgets.errors import Interrupted

lm, rows = tiny_model("llama"), make_rows(1_500)
rows[5]["output"], rows[9]["instruction"], rows[1400]["output"] = " ", "stone " * 300, ""
forwards_left = None

def interrupt(*_):
    global forwards_left
    if forwards_left is not None:
        forwards_left -= 1
        if forwards_left < 0:
            raise KeyboardInterrupt  # as an interrupt of the kernel does

lm.backbone.register_forward_pre_hook(interrupt)
"""
STOPPED = """
forwards_left = 36  # until it is within its second window
try:
    nait.capture(lm, rows, "s.zarr", **OPTIONS)
except Interrupted as error:
    print(error)
"""
RESUMED = 'forwards_left = None; nait.capture(lm, rows, "s.zarr", **OPTIONS)'
QUIET = """
nait.fit_direction(lm, rows[:40], name="sums", template="plain")
nait.capture(lm, rows[:9], "quiet.zarr", monitor=False)
"""
PACE = """
import time
from nait_widgets.widgets.monitor import CaptureMonitor
monitor, told = CaptureMonitor(10_000, 0), []
monitor.observe(told.append, "report")
start = time.monotonic()
for _ in range(10_000):
    monitor.ran(1, 30)
    time.sleep(5e-5)
print(len(told) <= (time.monotonic() - start) / 0.25 + 1, monitor.report["total"])
"""


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the kernel's own sockets
def test_a_notebook_shows_how_a_capture_goes_and_ends(tmp_path: Path) -> None:
    import nbformat  # takes seconds, which every process of the tests would pay
    from notebook_running import run

    new: Any = nbformat.v4  # it has no type annotations
    cells = [new.new_code_cell(source) for source in (SETUP, STOPPED, RESUMED, QUIET, PACE)]
    client = run(new.new_notebook(cells=cells), str(tmp_path))
    outputs = [cell.get("outputs", []) for cell in client.nb.cells]
    views = [[o["data"][VIEW]["model_id"] for o in own if VIEW in o.get("data", {})] for own in outputs]
    # A plain progress bar is a widget in a notebook, too.
    monitors = [[each for each in own if client.widget_state[each].get("kind") == "monitor"] for own in views]
    assert [len(own) for own in monitors] == [0, 1, 1, 0, 0]
    stopped, resumed = (client.widget_state[each]["report"] for own in monitors for each in own)

    sentence = next(o["text"] for o in outputs[1] if o.get("name") == "stdout").strip()
    assert stopped["state"] == "stopped"
    assert stopped["sentence"] == sentence
    assert sentence.startswith("stopped: 1,024 of 1,500 rows are safe in s.zarr")
    assert 1024 < stopped["done"] < stopped["total"] == 1500
    assert stopped["quarantined"] == {"empty": 1, "too_long": 1}

    store = open_store(tmp_path / "s.zarr")
    counted = {code.label: int((store.status == code).sum()) for code in (Status.EMPTY, Status.TOO_LONG)}
    assert resumed["state"] == "complete"
    assert (resumed["done"], resumed["total"], resumed["sentence"]) == (1500, 1500, "")
    assert resumed["quarantined"] == counted == {"empty": 2, "too_long": 1}
    # Only this run's rows count in its pace.
    assert resumed["rows_a_second"] * resumed["seconds"] == pytest.approx(1500 - 1024)
    tokens = store.n_tokens[1024:].sum()
    assert resumed["tokens_a_second"] * resumed["seconds"] == pytest.approx(tokens)
    assert next(o["text"] for o in outputs[4] if o.get("name") == "stdout").strip() == "True 10000"


def _capture_and_list_modules(rows: str, path: str, report: str) -> None:
    captures.run(rows, path, report)
    loaded = [name for name in ("anywidget", "ipywidgets", "IPython", "nait_widgets.widgets") if name in sys.modules]
    Path(report).write_text(json.dumps([Path(report).read_text(), loaded]))


def test_a_script_loads_no_widgets(tmp_path: Path) -> None:
    rows, report = tmp_path / "rows.jsonl", tmp_path / "report"
    rows.write_text("".join(json.dumps(row) + "\n" for row in make_rows(20)))
    context = multiprocessing.get_context("forkserver")
    process = context.Process(target=_capture_and_list_modules, args=(str(rows), str(tmp_path / "s.zarr"), str(report)))
    process.start()
    process.join()
    assert json.loads(report.read_text()) == ["complete", []]


def test_rows_that_run_again_with_their_window_are_counted_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of a window's blocks is lost: its neighbours run again with it, and were counted before."""
    from nait_widgets.capturing import loop

    counted: list[int] = []

    class Watch:
        def __enter__(self) -> Watch:
            return self

        def __exit__(self, *error: object) -> None:
            pass

        def ran(self, rows: int, tokens: int) -> None:  # noqa: ARG002
            counted.append(rows)

        def settled(self, status: np.ndarray[Any, Any]) -> None:
            counted.append(-len(status))

    model, rows = tiny_model("llama"), make_rows(100)
    options: dict[str, Any] = {"template": "plain", "block_rows": 32}
    store = capture(model, rows, tmp_path / "s.zarr", **options)
    (store.path / "status" / "c" / "1").unlink()
    totals: list[tuple[int, int]] = []

    def watch_capture(total: int, done: int, *, monitor: bool) -> Watch:  # noqa: ARG001
        totals.append((total, done))
        return Watch()

    monkeypatch.setattr(loop, "watch_capture", watch_capture)
    capture(model, rows, tmp_path / "s.zarr", **options)
    assert totals == [(100, 68)]
    assert sum(n for n in counted if n > 0) == 32
    assert sorted(n for n in counted if n < 0) == [-68, -32]
