"""The capture monitor in JupyterLab: a capture is watched, stopped in the page, and goes on to the same store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect
from screenshots import both_themes

if TYPE_CHECKING:
    from browser import Lab

# The tiny model sleeps before each batch: after the first window it has a large model's pace, until `pauses` is set.
SETUP = """
import itertools, time
from captures import OPTIONS, assert_same
from conftest import make_rows
from tiny import tiny_model
import nait_widgets as nait

pauses = itertools.chain([0.05] * 28, itertools.repeat(1))
lm = tiny_model("llama")
lm.backbone.register_forward_pre_hook(lambda *_: time.sleep(next(pauses)))
rows = make_rows(3_000)
rows[5]["output"] = " "
rows[9]["instruction"] = "stone " * 300
"""
CAPTURE = 'store = nait.capture(lm, rows, "stopped.zarr", **OPTIONS)'


def test_a_capture_is_stopped_in_the_page_and_goes_on_later(lab: Lab) -> None:
    interrupts: list[str] = []
    lab.page.on("request", lambda r: interrupts.append(r.url) if r.url.endswith("/interrupt") else None)
    lab.open_notebook([SETUP, CAPTURE], wait=False)
    monitor = lab.page.locator(".nait-capture")
    bar = monitor.get_by_role("progressbar")
    expect(monitor).to_contain_text("Quarantined: 1 empty, 1 too long", timeout=60_000)
    expect(monitor).to_contain_text("of 3,000 rows")
    expect(monitor).to_contain_text("tokens/s")
    expect(monitor).to_contain_text("left")
    assert 0 < int(bar.get_attribute("aria-valuenow") or 0) < 3_000
    both_themes(lab, lab.page.locator(".nait-monitor"), "monitor")

    monitor.get_by_role("button", name="Stop").click()
    lab.page.wait_for_function("() => window.ran", timeout=30_000)
    expect(monitor.get_by_role("heading")).to_have_text("■ Stopped")
    expect(monitor).to_contain_text("rows are safe in stopped.zarr; run the same command again to go on")
    expect(lab.page.locator(".jp-OutputArea").last).to_contain_text("Interrupted: stopped: ")
    expect(monitor.get_by_role("button", name="Stop")).to_be_hidden()
    assert len(interrupts) == 1

    lab.run("pauses = itertools.repeat(0); kept = int((nait.open_store('stopped.zarr').status != 255).sum())")
    lab.run(CAPTURE)
    assert 0 < lab.value("kept") < 3_000
    lab.run("whole = nait.capture(lm, rows, 'whole.zarr', overwrite=True, monitor=False, **OPTIONS)", timeout=60)
    lab.run("assert_same(store.path, whole.path)")


def test_a_page_of_no_server_says_how_to_stop(lab: Lab) -> None:
    lab.open_notebook([SETUP, CAPTURE.replace("stopped", "elsewhere")], wait=False)
    monitor = lab.page.locator(".nait-capture")
    stop = monitor.get_by_role("button", name="Stop")
    stop.wait_for(timeout=60_000)
    lab.page.evaluate("() => document.getElementById('jupyter-config-data').remove()")
    stop.click()
    expect(monitor.get_by_role("alert")).to_contain_text("interrupt it by the notebook's own stop button")
    expect(stop).to_be_enabled()
    lab.page.evaluate("() => void jupyterapp.commands.execute('notebook:interrupt-kernel')")
    expect(monitor.get_by_role("heading")).to_have_text("■ Stopped", timeout=20_000)
