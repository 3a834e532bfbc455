"""The browser harness itself: a notebook runs, its kernel answers, and nothing goes by unseen."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from browser_server import CHECKOUT

if TYPE_CHECKING:
    from browser import Lab


def test_a_notebook_runs_in_this_checkout_and_the_kernel_is_asked(lab: Lab, tmp_path: Path) -> None:
    lab.open_notebook(["import nait_widgets, sys\nx = [1, 2]", "print('seen', sum(x))"])
    lab.page.get_by_text("seen 3").wait_for()
    assert Path(lab.value("nait_widgets.__file__")).parents[1] == CHECKOUT
    assert lab.run("print('a')\nlen(x)") == "a\n2"
    lab.run("import threading; threading.Timer(0.3, x.append, [3]).start()")
    lab.eventually("x", [1, 2, 3])

    lab.theme("JupyterLab Dark")
    lab.screenshot(lab.page.locator(".jp-Notebook"), tmp_path / "dark.png")
    assert (tmp_path / "dark.png").read_bytes().startswith(b"\x89PNG")

    lab.restart_kernel()
    assert lab.value("'x' in globals()") is False
    lab.run_all()
    assert lab.value("x") == [1, 2]


def test_what_must_not_happen_is_noticed(lab: Lab) -> None:
    lab.open_notebook(["1 / 0"], check=False)
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        lab.run_all()
    with pytest.raises(AssertionError, match="did not answer"):
        lab.run("import time; time.sleep(1)", timeout=0.2)
    lab.page.evaluate("() => { console.error('wrong'); setTimeout(() => { throw new Error('uncaught'); }); }")
    lab.page.evaluate("() => void fetch('http://192.0.2.1/').catch(() => 0)")
    lab.page.wait_for_timeout(200)
    assert lab.foreign == ["http://192.0.2.1/"]
    assert any("wrong" in error for error in lab.errors)
    assert any("uncaught" in error for error in lab.errors)
    lab.foreign.clear()
    lab.errors.clear()
