"""The sidebar of stores that is open in JupyterLab: acts on it, and makes what it lists."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playwright.sync_api import Locator, expect

if TYPE_CHECKING:
    from browser import Lab
    from browser_server import LabServer


def clear(root: Path) -> None:
    """Empties the server's folder."""
    for path in root.iterdir():
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def metadata_of(store: Path) -> dict[str, Any]:
    metadata: dict[str, Any] = json.loads((store / "zarr.json").read_text("utf-8"))
    return metadata


def put_metadata(store: Path, metadata: dict[str, Any] | str) -> None:
    """Makes a store of nothing but metadata: all that a list of stores reads."""
    store.mkdir(parents=True)
    text = metadata if isinstance(metadata, str) else json.dumps(metadata)
    (store / "zarr.json").write_text(text, encoding="utf-8")


def changed(metadata: dict[str, Any], change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    """A copy of a store's metadata, something in its `nait` attribute changed."""
    copy: dict[str, Any] = json.loads(json.dumps(metadata))
    change(copy["attributes"]["nait"])
    return copy


@dataclass(frozen=True)
class Listing:
    """The sidebar of one page."""

    lab: Lab

    @classmethod
    def opened(cls, lab: Lab) -> Listing:
        """Opens JupyterLab with the sidebar, and waits until everything is found."""
        lab.open_lab()
        return cls.shown(lab)

    @classmethod
    def shown(cls, lab: Lab) -> Listing:
        """Shows the sidebar of a page that is open."""
        lab.command("nait:show")
        listing = cls(lab)
        listing.found()
        return listing

    def found(self) -> None:
        """Waits until it has looked everywhere."""
        expect(self.foot).to_contain_text("Looked into", timeout=60_000)

    @property
    def panel(self) -> Locator:
        return self.lab.page.locator("#nait-sidebar")

    @property
    def foot(self) -> Locator:
        return self.panel.locator(".nait-sidebar-foot")

    @property
    def tree(self) -> Locator:
        return self.panel.get_by_role("tree")

    @property
    def rows(self) -> Locator:
        """The lines that are elements, headings too."""
        return self.tree.get_by_role("treeitem")

    @property
    def filter(self) -> Locator:
        return self.panel.get_by_role("searchbox")

    def row(self, path: str) -> Locator:
        escaped = path.replace("\\", "\\\\").replace('"', '\\"')
        return self.tree.locator(f'[data-path="{escaped}"]')

    def lists(self, paths: list[str]) -> None:
        """Waits until just this is listed; all of it is to fit in view."""
        found = self.tree.locator("[data-path]")
        expect(found).to_have_count(len(paths))
        assert [row.get_attribute("data-path") for row in found.all()] == paths

    def act(self, path: str, action: str | re.Pattern[str]) -> None:
        """Chooses from the context menu of a row."""
        self.row(path).click(button="right")
        self.menu.get_by_text(action).first.click()

    @property
    def menu(self) -> Locator:
        return self.lab.page.locator(".lm-Menu")

    @property
    def dialog(self) -> Locator:
        return self.lab.page.locator(".jp-Dialog")

    def told(self, text: str, *, seconds: float = 60) -> Locator:
        """Waits for a notification that says so."""
        toast = self.lab.page.locator(".Toastify__toast").filter(has_text=text)
        expect(toast.first).to_be_visible(timeout=seconds * 1000)
        return toast.first


def no_kernel(server: LabServer) -> None:
    """Nothing runs on the server."""
    assert server.api("GET", "kernels") == []
    assert server.api("GET", "sessions") == []
