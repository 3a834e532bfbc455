"""What can be done with a store from JupyterLab's sidebar: code, paths, deletion, and work in a kernel of its own."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from listing import Listing, clear, no_kernel
from playwright.sync_api import Route, expect

import nait_widgets as nait

if TYPE_CHECKING:
    from browser import Lab

DELETE = re.compile("Move to Trash|Delete")  # JupyterLab 4.2 isn't told which

HOSTILE = 'it\'s "quoted" \\ {0} %s \u202e 數.zarr'

LAUNCH = "from ipykernel.kernelapp import launch_new_instance; launch_new_instance()"

# Before a kernel starts: the package isn't installed in it; it takes its time.
BARE = 'import sys; sys.modules["nait_widgets"] = None'
SLOW = "import time; time.sleep(20)"


@contextmanager
def default_kernel(lab: Lab, before: str) -> Iterator[None]:
    """Makes a Python kernel the server's default, in which something is done first."""
    spec: dict[str, Any] = {
        "argv": [sys.executable, "-c", f"{before}\n{LAUNCH}", "-f", "{connection_file}"],
        "display_name": "Another",
        "language": "python",
    }
    folder = lab.server.root.parent / "data" / "kernels" / "another"
    folder.mkdir()
    (folder / "kernel.json").write_text(json.dumps(spec))

    def answer(route: Route) -> None:
        response = route.fetch()
        route.fulfill(response=response, json={**response.json(), "default": folder.name})

    lab.page.route("**/api/kernelspecs*", answer)
    yield
    shutil.rmtree(folder)


@pytest.fixture(autouse=True)
def root(lab: Lab) -> Path:
    """The server's folder, empty."""
    clear(lab.server.root)
    return lab.server.root


def put(demo_folder: Path, path: Path) -> nait.ActivationStore:
    """A copy of the demo's store."""
    return nait.open_store(shutil.copytree(demo_folder / "pool.zarr", path))


def test_code_goes_into_the_notebook_and_runs(lab: Lab, root: Path, demo_folder: Path) -> None:
    store = put(demo_folder, root / "runs" / HOSTILE)
    direction = nait.Direction.load(demo_folder / "python.direction")
    nait.select(nait.score(store, [direction]), fraction=0.1).export(root / "runs" / "chosen.jsonl")
    lab.open_notebook(["before = 1", "after = 1"])
    listing = Listing.shown(lab)
    lab.page.evaluate("() => { panel = jupyterapp.shell.currentWidget; panel.content.activeCellIndex = 0; }")
    for path, action in {
        f"runs/{HOSTILE}": "Insert Code That Opens It",
        "runs/chosen.python.direction": "Insert Code That Loads It",
        "runs/chosen.recipe.json": "Insert Code That Repeats It",
    }.items():
        listing.act(path, action)
    cells = lab.page.locator(".jp-Cell")
    expect(cells).to_have_count(5)
    expect(cells.nth(1)).to_contain_text("nait.open_store(")
    expect(cells.nth(3)).to_contain_text("Recipe.load")
    lab.run_all()
    assert lab.value("[store.path.name, direction.name, len(selection)]") == [HOSTILE, "python", 60]
    assert lab.value("selection.store.path == store.path.resolve()") is True


def test_without_a_notebook_that_is_said(lab: Lab, root: Path, demo_folder: Path) -> None:
    put(demo_folder, root / "pool.zarr")
    listing = Listing.opened(lab)
    listing.act("pool.zarr", "Insert Code")
    listing.told("No notebook is open")


def test_a_path_is_copied_from_sidebar_and_file_browser_offers_the_same(
    lab: Lab, root: Path, demo_folder: Path
) -> None:
    put(demo_folder, root / "runs" / "pool.zarr")
    lab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    listing = Listing.opened(lab)
    listing.act("runs/pool.zarr", "Copy Path")
    assert lab.page.evaluate("navigator.clipboard.readText()") == "runs/pool.zarr"

    lab.command("filebrowser:activate")
    lab.command("filebrowser:go-to-path", path="runs")
    item = lab.page.locator(".jp-DirListing-item[data-file-type=nait-store]")
    item.click(button="right")
    for action in ("Open Activation Store", "Insert Code That Opens It", "Verify", "Pack into One File…"):
        expect(listing.menu.get_by_text(action)).to_be_visible()
    listing.menu.get_by_text("Open Activation Store").click()
    expect(lab.page.locator(".nait-store-head")).to_contain_text("pool.zarr")


def test_deleting_names_what_goes_and_goes_back_by_default(lab: Lab, root: Path, demo_folder: Path) -> None:
    put(demo_folder, root / "keep.zarr")
    put(demo_folder, root / "runs" / "go.zarr")
    listing = Listing.opened(lab)
    for close in ("Enter", "Escape"):
        listing.act("runs/go.zarr", DELETE)
        expect(listing.dialog).to_contain_text("runs/go.zarr")
        expect(listing.dialog).to_contain_text("600 rows · ≈ 2.3 MB")
        lab.page.keyboard.press(close)
        expect(listing.dialog).to_have_count(0)
    assert (root / "runs" / "go.zarr" / "zarr.json").exists()
    listing.act("runs/go.zarr", DELETE)
    listing.dialog.get_by_role("button", name=DELETE).click()
    listing.lists(["keep.zarr"])
    assert not (root / "runs" / "go.zarr").exists()

    # What fails is told: here somebody else was quicker.
    listing.row("keep.zarr").click(button="right")
    listing.menu.get_by_text(DELETE).click()
    expect(listing.dialog).to_contain_text("600 rows")
    shutil.rmtree(root / "keep.zarr")
    listing.dialog.get_by_role("button", name=DELETE).click()
    expect(listing.dialog).to_contain_text("keep.zarr was not deleted")
    lab.errors[:] = [error for error in lab.errors if "404" not in error]


def test_a_store_is_verified_in_a_kernel_of_its_own(lab: Lab, root: Path, demo_folder: Path) -> None:
    store = put(demo_folder, root / "runs" / HOSTILE)
    listing = Listing.opened(lab)
    listing.act(f"runs/{HOSTILE}", "Verify")
    listing.told("Verifying it's")
    listing.told("is sound: 600 rows checked.", seconds=120)
    no_kernel(lab.server)

    (store.path / "n_tokens" / "c" / "0").unlink()
    listing.act(f"runs/{HOSTILE}", "Verify")
    expect(listing.dialog).to_contain_text("has 1 problem", timeout=120_000)
    expect(listing.dialog.locator("li")).to_contain_text("is missing")
    listing.dialog.get_by_role("button", name="Close").click()
    no_kernel(lab.server)


def test_a_store_is_packed_and_replaced_once_confirmed(lab: Lab, root: Path, demo_folder: Path) -> None:
    store = put(demo_folder, root / "runs" / "pool.zarr")
    listing = Listing.opened(lab)
    listing.act("runs/pool.zarr", "Pack into One File…")
    expect(listing.dialog).to_contain_text("pool.zarr.zip")
    expect(listing.dialog).not_to_contain_text("replaced")
    listing.dialog.get_by_role("button", name="Pack").click()
    listing.told("Packed: pool.zarr.zip", seconds=120)
    expect(listing.row("runs/pool.zarr.zip")).to_contain_text("600 rows")
    packed = root / "runs" / "pool.zarr.zip"
    assert packed.read_bytes() == store.pack(root / "same.zarr.zip").read_bytes()
    no_kernel(lab.server)

    listing.act("runs/pool.zarr", "Pack into One File…")
    expect(listing.dialog).to_contain_text("is replaced")
    listing.dialog.get_by_label("Leave the samples' text out").check()
    listing.dialog.get_by_role("button", name="Replace").click()
    expect(lab.page.locator(".Toastify__toast").filter(has_text="Packed: ")).to_have_count(2, timeout=120_000)
    assert nait.open_store(packed).layout.text is False


def test_work_is_stopped_on_request(lab: Lab, root: Path, demo_folder: Path) -> None:
    put(demo_folder, root / "pool.zarr")
    with default_kernel(lab, SLOW):
        listing = Listing.opened(lab)
        listing.act("pool.zarr", "Pack into One File…")
        listing.dialog.get_by_role("button", name="Pack").click()
        listing.told("Packing pool.zarr").get_by_role("button", name="Cancel").click()
        listing.told("Packing pool.zarr was stopped.")
    no_kernel(lab.server)
    assert [path.name for path in root.iterdir()] == ["pool.zarr"]


def test_a_kernel_without_the_package_is_explained(lab: Lab, root: Path, demo_folder: Path) -> None:
    put(demo_folder, root / "pool.zarr")
    with default_kernel(lab, BARE):
        listing = Listing.opened(lab)
        listing.act("pool.zarr", "Verify")
        failed = listing.told("Verifying pool.zarr failed: The default Python kernel has no nait_widgets.")
    failed.get_by_role("button", name="Details").click()
    expect(listing.dialog).to_contain_text(f"{sys.executable} -m pip install nait-widgets")
    listing.dialog.get_by_role("button", name="Close").click()
    no_kernel(lab.server)
