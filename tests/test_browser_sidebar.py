"""The sidebar of JupyterLab: it finds stores in large trees, tells what each is, and works by keyboard alone."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from listing import Listing, changed, clear, metadata_of, put_metadata
from playwright.sync_api import Request, expect
from screenshots import both_themes

import nait_widgets as nait

if TYPE_CHECKING:
    from browser import Lab

STORES, FILES = 200, 10_000
AT_ONCE = 4  # requests that the sidebar makes at a time

LONGEST = """() => {
  window.longest = 0;
  const longer = (list) => list.getEntries().forEach(({ duration }) => {
    window.longest = Math.max(window.longest, duration);
  });
  new PerformanceObserver(longer).observe({ type: 'longtask' });
}"""

ATTACK = "<img src=x onerror='window.attacked=1'>"


@pytest.fixture(autouse=True)
def root(lab: Lab) -> Path:
    """The server's folder, empty."""
    clear(lab.server.root)
    return lab.server.root


@pytest.fixture(scope="module")
def metadata(demo_folder: Path) -> dict[str, Any]:
    return metadata_of(demo_folder / "pool.zarr")


class Watch:
    """The requests of a page for listings and files: all of them, and the most that were open at once."""

    def __init__(self, lab: Lab) -> None:
        self.urls: list[str] = []
        self.most = self._open = 0
        lab.page.on("request", self._begun)
        lab.page.on("requestfinished", self._ended)
        lab.page.on("requestfailed", self._ended)

    def _begun(self, request: Request) -> None:
        if self._counts(request):
            self.urls.append(request.url)
            self._open += 1
            self.most = max(self.most, self._open)

    def _ended(self, request: Request) -> None:
        self._open -= self._counts(request)

    def _counts(self, request: Request) -> bool:
        return any(part in request.url for part in ("/api/contents", "/files/")) and "checkpoints" not in request.url


def grow(root: Path, metadata: dict[str, Any]) -> None:
    """A tree of many stores and many more other files."""
    text = json.dumps(metadata)
    for i in range(STORES):
        put_metadata(root / f"runs/run-{i % 20}/seed-{i // 20}/pool-{i}.zarr", text)
    folders = [root / "data" / "big", *(root / "data" / f"part-{i}" for i in range(50))]
    for folder in folders:
        folder.mkdir(parents=True)
        for i in range(FILES // 2 if folder.name == "big" else FILES // 100):
            (folder / f"row-{i}.json").touch()
    put_metadata(root / "pool.zarr", text)
    for skipped in ("node_modules", "__pycache__", ".hidden", "pool.zarr/inner"):
        put_metadata(root / skipped / "no.zarr", text)


def test_a_large_tree_is_found_by_few_requests_at_a_time_and_listed_by_few_elements(
    lab: Lab, root: Path, metadata: dict[str, Any]
) -> None:
    grow(root, metadata)
    lab.open_lab()
    lab.command("filebrowser:hide-main")
    lab.page.wait_for_timeout(500)
    lab.page.evaluate(LONGEST)
    watch = Watch(lab)
    listing = Listing.shown(lab)
    print(f"longest task: {lab.page.evaluate('window.longest'):.0f} ms")

    expect(listing.rows.first).to_have_attribute("aria-label", f"Stores, {STORES + 1}")
    listings = [url for url in watch.urls if "/api/contents" in url]
    assert len(listings) == len(set(listings)) > 270
    assert not [url for url in listings if any(part in url for part in ("node_modules", ".zarr", "hidden", "pycache"))]
    # The file browser polls now and then, too.
    assert AT_ONCE <= watch.most <= 2 * AT_ONCE + 1

    expect(listing.rows.nth(5)).to_contain_text("600 rows")
    read = [url for url in watch.urls if "/files/" in url]
    assert 10 < len(read) < STORES / 2  # what was in view as the list grew, and no more
    assert listing.rows.count() < 40

    listing.rows.first.focus()
    lab.page.keyboard.press("End")
    expect(listing.rows.last).to_be_focused()
    lab.page.keyboard.press("ArrowUp")
    lab.page.keyboard.press("ArrowUp")
    expect(listing.row("runs/run-19/seed-9/pool-199.zarr")).to_contain_text("600 rows")
    assert listing.rows.count() < 40

    listing.filter.fill("run-7 POOL-1")
    expect(listing.rows.first).to_have_attribute("aria-label", f"Stores, 5 of {STORES + 1}")
    listing.lists([f"runs/run-7/seed-{i // 20}/pool-{i}.zarr" for i in (107, 127, 147, 167, 187)])


def test_a_folder_that_holds_itself_is_looked_into_once(lab: Lab, root: Path, metadata: dict[str, Any]) -> None:
    put_metadata(root / "a" / "b" / "pool.zarr", metadata)
    (root / "a" / "b" / "again").symlink_to(root / "a", target_is_directory=True)
    (root / "all").symlink_to(root, target_is_directory=True)
    listing = Listing.opened(lab)
    listing.lists(["a/b/pool.zarr"])
    expect(listing.foot).to_have_text("Looked into 5 folders.")


def test_where_it_stopped_is_told_and_can_be_set(lab: Lab, root: Path, metadata: dict[str, Any]) -> None:
    for path in ("near.zarr", "one/two/deep.zarr", "other/x.zarr", "other/y.zarr"):
        put_metadata(root / path, metadata)
    lab.open_lab()
    settings = lab.server.settings / "nait-widgets" / "plugin.jupyterlab-settings"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text('{"depth": 1, "mostResults": 2, "folders": ["", "gone"]}')
    lab.reload()
    listing = Listing.shown(lab)
    listing.lists(["near.zarr", "other/x.zarr"])
    expect(listing.foot).to_contain_text("more than 1 folder deep: “one/two”")
    expect(listing.foot).to_contain_text("Stopped at 2 results; not looked into: “other”")
    expect(listing.foot).to_contain_text("“gone” can't be read")
    listing.foot.get_by_role("button", name="Where to look").click()
    expect(lab.page.get_by_text("How deep to look")).to_be_visible(timeout=30_000)
    lab.errors[:] = [error for error in lab.errors if "404" not in error]  # of the folder that is gone


BROKEN: dict[str, tuple[Callable[[dict[str, Any]], dict[str, Any] | str], str]] = {
    "newer": (lambda m: changed(m, lambda nait: nait.update(format_version=99)), "has format version 99, newer"),
    "foreign": (lambda m: {**m, "attributes": {}}, "a Zarr group, but not an activation store"),
    "garbage": (lambda _: "{", "zarr.json is damaged: it is no JSON"),
    "large": (lambda m: json.dumps(m) + " " * 9_000_000, "zarr.json is 9 MiB"),
}


def capturing(attribute: dict[str, Any]) -> None:
    attribute["state"] = "capturing"
    attribute["layout"]["n_samples"] = 8_000  # eight blocks
    attribute["provenance"]["model"]["name"] = ATTACK


def test_each_line_tells_what_it_is_or_why_that_is_not_known(
    lab: Lab, root: Path, demo_folder: Path, metadata: dict[str, Any]
) -> None:
    store = nait.open_store(shutil.copytree(demo_folder / "pool.zarr", root / "pool.zarr"))
    direction = nait.Direction.load(demo_folder / "python.direction")
    nait.select(nait.score(store, [direction]), fraction=0.1).export(root / "chosen.jsonl")
    store.pack(root / "sent.zarr.zip")
    for name, (make, _) in BROKEN.items():
        put_metadata(root / f"{name}.zarr", make(metadata))
    (root / "v2.zarr").mkdir()
    (root / "v2.zarr" / ".zgroup").write_text('{"zarr_format": 2}')
    (root / "cut.direction").write_bytes((root / "chosen.python.direction").read_bytes()[:500])
    (root / "cut.zarr.zip").write_bytes((root / "sent.zarr.zip").read_bytes()[:500_000])
    (root / "wrong.recipe.json").write_text('{"format": "other"}')
    put_metadata(root / f"{ATTACK}\u202e.zarr", changed(metadata, capturing))
    (root / f"{ATTACK}\u202e.zarr" / "status" / "c").mkdir(parents=True)
    for block in range(3):
        (root / f"{ATTACK}\u202e.zarr" / "status" / "c" / str(block)).touch()

    listing = Listing.opened(lab)
    for path, text in {
        **{f"{name}.zarr": text for name, (_, text) in BROKEN.items()},
        "v2.zarr": "one of Zarr's version 2",
        "pool.zarr": "model · 600 rows · ≈ ",
        "sent.zarr.zip": f"model · 600 rows · {(root / 'sent.zarr.zip').stat().st_size / 1e6:.2g} MB",
        "chosen.python.direction": "python · model · resid_post · preset robust",
        "chosen.recipe.json": "60 rows · python · of pool.zarr",
        "cut.direction": "cut off",
        "cut.zarr.zip": "no zip archive, or its end was cut off",
        "wrong.recipe.json": "isn't a recipe",
    }.items():
        expect(listing.row(path)).to_contain_text(text)
    hostile = listing.tree.locator("[data-state=capturing]")
    expect(hostile).to_contain_text(f"{ATTACK}⟨RLO⟩.zarr")
    expect(hostile).to_contain_text("capturing, 37 % · " + ATTACK)
    assert lab.page.evaluate("window.attacked") is None

    # A capture that goes on is looked at again by itself.
    (root / f"{ATTACK}\u202e.zarr" / "status" / "c" / "3").touch()
    expect(hostile).to_contain_text("capturing, 50 %", timeout=15_000)

    both_themes(lab, lab.page.locator("#main"), "sidebar")
    listing.act("newer.zarr", "Properties")
    expect(listing.dialog).to_contain_text("Upgrade nait-widgets.")
    listing.dialog.get_by_role("button", name="Close").click()
    lab.errors[:] = [error for error in lab.errors if "404" not in error]  # of the store without metadata


def test_what_is_made_moved_or_deleted_here_is_seen(lab: Lab, root: Path, metadata: dict[str, Any]) -> None:
    listing = Listing.opened(lab)
    expect(listing.panel.get_by_text("No activation stores here yet")).to_be_visible()
    expect(listing.tree).to_be_hidden()
    both_themes(lab, lab.page.locator("#main"), "sidebar-empty")

    put_metadata(root / "made.zarr", metadata)  # by somebody else, who tells nobody
    listing.panel.get_by_role("button", name="Refresh").click()
    expect(listing.row("made.zarr")).to_contain_text("600 rows")
    expect(listing.panel.get_by_text("No activation stores here yet")).to_be_hidden()
    contents = "jupyterapp.serviceManager.contents"
    lab.page.evaluate(f"() => {contents}.rename('made.zarr', 'moved.zarr')")
    expect(listing.row("moved.zarr")).to_be_visible()
    expect(listing.row("made.zarr")).to_have_count(0)
    lab.page.evaluate(f"() => {contents}.save('new.recipe.json', {{ type: 'file', format: 'text', content: '1' }})")
    expect(listing.row("new.recipe.json")).to_contain_text("must be an object")
    lab.page.evaluate(f"() => {contents}.delete('new.recipe.json')")
    expect(listing.row("new.recipe.json")).to_have_count(0)
    listing.lists(["moved.zarr"])


def test_it_works_by_keyboard_alone(lab: Lab, root: Path, metadata: dict[str, Any]) -> None:
    for path in ("a.zarr", "b/c.zarr"):
        put_metadata(root / path, metadata)
    (root / "d.direction").write_text("no direction")
    lab.open_lab()
    # JupyterLab's launcher takes the focus once it is there, whoever has it by then.
    lab.page.wait_for_function("document.activeElement.closest('.jp-Launcher') !== null")
    press = lab.page.keyboard.press
    press("ControlOrMeta+Shift+A")
    listing = Listing(lab)
    listing.found()
    expect(listing.filter).to_be_focused()
    press("ArrowDown")
    expect(listing.rows.first).to_be_focused()
    expect(listing.rows.first).to_have_attribute("aria-expanded", "true")
    press("ArrowRight")
    expect(listing.row("a.zarr")).to_be_focused()
    expect(listing.row("a.zarr")).to_have_attribute("aria-posinset", "1")
    expect(listing.row("a.zarr")).to_have_attribute("aria-setsize", "2")
    press("ArrowDown")
    expect(listing.row("b/c.zarr")).to_be_focused()
    press("ArrowLeft")
    press("ArrowLeft")
    expect(listing.rows.first).to_have_attribute("aria-expanded", "false")
    listing.lists(["d.direction"])
    press("Enter")
    expect(listing.rows.first).to_have_attribute("aria-expanded", "true")
    expect(listing.row("a.zarr")).to_be_visible()
    press("ArrowDown")
    expect(listing.row("a.zarr")).to_be_focused()

    # The line's own button, by the tab key.
    press("Tab")
    expect(lab.page.get_by_role("button", name="More actions for a.zarr")).to_be_focused()
    press("Enter")
    expect(listing.menu.get_by_text("Copy Path")).to_be_visible()
    press("Escape")
    expect(listing.menu).to_have_count(0)
    listing.row("a.zarr").focus()
    press("Shift+F10")
    expect(listing.menu.get_by_text("Open Activation Store")).to_be_visible()
    press("Escape")
    expect(listing.menu).to_have_count(0)

    listing.row("a.zarr").focus()
    press("Delete")
    expect(listing.dialog.get_by_role("button", name="Cancel")).to_be_focused()
    press("Enter")
    expect(listing.dialog).to_have_count(0)
    listing.row("a.zarr").focus()
    press("Enter")
    expect(lab.page.locator(".nait-store-head")).to_contain_text("a.zarr")
    assert (root / "a.zarr").exists()
