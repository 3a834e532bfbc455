"""The notebook that JupyterLab makes to curate in: from the launcher, and for a store."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from listing import Listing, clear
from playwright.sync_api import expect
from screenshots import both_themes

import nait_widgets as nait

if TYPE_CHECKING:
    from browser import Lab


@pytest.fixture(autouse=True)
def root(lab: Lab) -> Path:
    """The server's folder, empty."""
    clear(lab.server.root)
    return lab.server.root


def test_the_launcher_makes_one_that_runs_as_it_is(lab: Lab, root: Path) -> None:
    (root / "work").mkdir()
    (root / "work" / "curation.ipynb").write_text("something that must stay")
    lab.open_lab()
    lab.command("filebrowser:go-to-path", path="work")
    lab.command("launcher:create", cwd="work")
    lab.page.locator(".jp-LauncherCard").get_by_text("Curate Instruction Data").last.click()
    lab.wait_for_notebook()
    lab.run_all(timeout=240)
    lab.page.evaluate("() => void jupyterapp.shell.currentWidget.content.scrollToItem(9)")
    curator = lab.page.locator(".nait-curator")
    expect(curator.get_by_role("slider", name="Rows")).to_be_visible(timeout=60_000)
    lab.page.evaluate("() => void jupyterapp.shell.currentWidget.content.scrollToItem(0)")
    both_themes(lab, lab.page.locator("#main"), "curation")
    lab.run_all(timeout=240)  # a second time, too

    assert (root / "work" / "curation.ipynb").read_text() == "something that must stay"
    store = nait.open_store(root / "work" / "curation-2.zarr")
    assert store.score_sets() == ("curation",)
    assert store.selections() == ("chosen",)
    assert (root / "work" / "chosen.jsonl").exists()
    assert store.selection("chosen").ids == nait.select(store.scores("curation"), fraction=0.1).ids
    listing = Listing.shown(lab)
    listing.panel.get_by_role("button", name="Refresh").click()
    expect(listing.row("work/curation-2.zarr")).to_contain_text("1,500 rows")
    expect(listing.row("work/curation-2.zarr")).to_have_attribute("title", re.compile("1 score set"))


def test_for_a_store_it_goes_on_with_what_is_there(lab: Lab, root: Path, demo_folder: Path) -> None:
    store = nait.open_store(shutil.copytree(demo_folder / "pool.zarr", root / "runs" / "pool.zarr"))
    direction = nait.Direction.load(demo_folder / "python.direction")
    store.save_scores(nait.score(store, [direction]), "by python")
    listing = Listing.opened(lab)
    listing.act("runs/pool.zarr", "New Curation Notebook")
    lab.wait_for_notebook()
    assert (root / "runs" / "curation.ipynb").exists()
    expect(lab.page.locator(".jp-Notebook")).to_contain_text('nait.open_store("pool.zarr")')
    lab.run_all(timeout=120)
    expect(lab.page.locator(".nait-curator").get_by_role("slider").first).to_be_visible(timeout=60_000)
    assert lab.value("len(curator.selection)") == 60
