"""A Curator that is open in JupyterLab: acts on it, and asks the kernel what is chosen."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import Locator, expect

from nait_widgets import capture, demo, fit_direction, load_model, read_records

if TYPE_CHECKING:
    from browser import Lab

SETUP = """
import json
import numpy as np
import nait_widgets as nait
from nait_widgets.explaining.projection import project

folder = {folder!r}
store = nait.open_store(folder + "/pool.zarr")
scores = nait.score(store, [nait.Direction.load(f"{{folder}}/{{name}}.direction") for name in {directions!r}])
"""
CURATOR = 'curator = nait.Curator(store, scores, recipe="{recipe}.recipe.json"{limit})\ncurator'

DIRECTIONS = ("arithmetic", "python")


def make_folder(folder: Path, rows: Path, *, directions: tuple[str, ...], limit: int | None = None) -> Path:
    """A store `pool.zarr` of some rows by the demo's model, and a direction of each capability beside it."""
    model = load_model(demo.MODEL)
    pool = capture(model, read_records(rows, limit=limit), folder / "pool.zarr")
    for name in directions:
        samples = read_records(demo.in_domain(name), limit=64)
        fit_direction(model, samples, name=name, preset="robust", background=pool).save(folder / f"{name}.direction")
    return folder


@pytest.fixture(scope="session")
def demo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """600 of the demo's candidates, and a direction of each of `DIRECTIONS`."""
    return make_folder(tmp_path_factory.mktemp("demo"), demo.POOL, directions=DIRECTIONS, limit=600)


@dataclass(frozen=True)
class Curating:
    """One Curator on the page; in the kernel it is `curator`, of `store` and `scores`."""

    lab: Lab
    widget: Locator

    @classmethod
    def opened(
        cls,
        lab: Lab,
        folder: Path,
        recipe: str,
        *,
        directions: tuple[str, ...] = DIRECTIONS,
        height: int = 1900,
        limit: int | None = None,
    ) -> Curating:
        """Opens a notebook with a Curator that keeps its recipe under this name, and waits for all of it.

        Args:
            lab: Where.
            folder: Of the store and the directions.
            recipe: The name.
            directions: By which rows are scored.
            height: Of the window.
            limit: Rows that the page holds whole; a larger pool has no map.
        """
        lab.page.set_viewport_size({"width": 1280, "height": height})
        setup = SETUP.format(folder=str(folder), directions=directions)
        limited = "" if limit is None else f", limit={limit}"
        lab.open_notebook([setup, CURATOR.format(recipe=recipe, limit=limited)])
        curating = cls(lab, lab.page.locator(".nait-curator"))
        curating.ready(has_map=limit is None)
        return curating

    def ready(self, *, has_map: bool = True) -> None:
        """Waits until what comes after the first paint is there: the label columns and the map."""
        expect(self.widget.locator(".nait-filters-chip").first).to_be_visible(timeout=30_000)
        if has_map:
            expect(self.widget.locator("canvas")).to_be_visible()

    def slider(self, name: str) -> Locator:
        return self.widget.get_by_role("slider", name=name)

    def number(self, name: str) -> Locator:
        return self.widget.get_by_role("spinbutton", name=name)

    def press(self, name: str) -> None:
        self.widget.get_by_role("button", name=name, exact=True).click()

    def type(self, field: Locator, text: str) -> None:
        """Types another text into a field, as a person does."""
        field.press("ControlOrMeta+a")
        field.press_sequentially(text)
        field.press("Enter")

    def chip(self, column: str, value: str) -> Locator:
        """The button that lets one value of a label column through."""
        return self.widget.get_by_role("group", name=column, exact=True).get_by_role("button", name=value)

    @property
    def table(self) -> Locator:
        return self.widget.get_by_role("grid", name="Samples")

    @property
    def reader(self) -> Locator:
        return self.widget.get_by_role("region", name="Sample", exact=True)

    def row(self, sample: str) -> Locator:
        """A row of the table in view."""
        return self.table.get_by_role("row").filter(has=self.lab.page.get_by_text(sample, exact=True))

    def shown_ids(self, n: int) -> list[str]:
        """Ids of the table's first rows in view."""
        cells = self.table.locator(".nait-table-body .nait-table-id")
        expect(cells.nth(n - 1)).not_to_have_text("…")
        return [cells.nth(i).inner_text() for i in range(n)]

    def fact(self, name: str) -> Locator:
        """A figure of the budget line."""
        return self.widget.locator(".nait-budget > div").filter(has=self.lab.page.get_by_text(name, exact=True))

    def has_chosen(self, arguments: str) -> list[str]:
        """Waits until kernel and page have chosen what `select` chooses with these arguments; gives the ids."""
        ids: list[str] = self.lab.value(f"nait.select(scores, {arguments}).ids")
        self.lab.eventually("curator.selection.ids", ids)
        self.page_counts(len(ids))
        return ids

    def page_counts(self, n: int) -> None:
        """Waits until the page, which chooses by itself, counts as many rows."""
        expect(self.fact("rows").locator("dd")).to_have_text(re.compile(rf"^{n:,}\b"))

    def drag(self, *points: tuple[float, float], release: bool = True) -> None:
        """Moves the pressed mouse along some points of the page."""
        mouse = self.lab.page.mouse
        mouse.move(*points[0])
        mouse.down()
        for point in points[1:]:
            mouse.move(*point, steps=4)
        if release:
            mouse.up()

    def along(self, range_input: Locator, *shares: float) -> list[tuple[float, float]]:
        """Points of the page along a slider."""
        return self.inside(range_input, *((share, 0.5) for share in shares))

    def inside(self, part: Locator, *shares: tuple[float, float]) -> list[tuple[float, float]]:
        """Points of the page in a part of it, as shares of its width and height."""
        box = part.bounding_box()
        assert box is not None
        return [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in shares]

    def wish(self) -> dict[str, Any]:
        wish: dict[str, Any] = self.lab.value("curator.selection.wish.as_json()")
        return wish
