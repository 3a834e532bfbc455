"""The Curator in JupyterLab: what is read of a sample, what is written, and the whole way without a mouse."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from browser import PANEL, Lab
from curating import Curating
from datasets import load_from_disk
from playwright.sync_api import Locator, expect
from screenshots import both_themes

from nait_widgets import Recipe, demo

Row = dict[str, Any]

# How near the map's pixels come to a colour; single dots are a little faint.
DISTANCE = """(canvas, colour) => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let least = Infinity;
  for (let i = 0; i < data.length; i += 4) {
    least = Math.min(least, Math.hypot(...colour.map((value, channel) => value - data[i + channel])));
  }
  return least;
}"""
NEAR = 30
CHOSEN = {"JupyterLab Light": [213, 94, 0], "JupyterLab Dark": [242, 142, 60]}


def source_rows() -> dict[str, Row]:
    """The source's rows as its file has them."""
    return {row["id"]: row for row in map(json.loads, demo.POOL.read_text().splitlines()[:600])}


def test_one_sample_is_looked_at_everywhere(lab: Lab, demo_folder: Path) -> None:
    page = Curating.opened(lab, demo_folder, "current")
    rows = source_rows()
    first, second = page.shown_ids(2)
    page.row(first).click()
    lab.eventually("curator.current", first)
    expect(page.reader.get_by_role("region", name="Response")).to_have_text(rows[first]["output"])
    page.table.press("ArrowDown")
    lab.eventually("curator.current", second)
    other = "d00123"
    lab.run(f"curator.current = {other!r}")
    expect(page.reader.get_by_role("heading", name=other)).to_be_visible()
    expect(page.reader.get_by_role("region", name="Prompt")).to_contain_text(rows[other]["instruction"])
    expect(page.reader.get_by_role("region", name="Response")).to_have_text(rows[other]["output"])
    expect(page.row(other)).to_have_attribute("aria-selected", "true")  # the table has gone there
    page.reader.get_by_role("button", name="Next").click()
    after = lab.value("(order := nait.select(scores, fraction=1).ids)[order.index('d00123') + 1]")
    lab.eventually("curator.current", after)

    canvas = page.widget.locator("canvas")
    for theme in ("JupyterLab Dark", "JupyterLab Light"):
        lab.theme(theme)
        arguments = [canvas.element_handle(), CHOSEN[theme]]
        lab.page.wait_for_function(f"([canvas, colour]) => ({DISTANCE})(canvas, colour) < {NEAR}", arg=arguments)
        for other_theme in CHOSEN.keys() - {theme}:
            assert canvas.evaluate(DISTANCE, CHOSEN[other_theme]) > NEAR
    page.widget.get_by_role("textbox", name="To").fill("subset.jsonl")
    page.chip("quality", "clean").click()
    for key in ("Home", "ArrowDown", "ArrowDown", "p"):
        page.table.press(key)
    lab.eventually("len(curator.selection.wish.pinned)", 1)
    expect(page.fact("mean overlap")).not_to_contain_text("…")
    both_themes(lab, page.widget, "curator")

    lab.run("curator.current = 'nobody'")
    expect(page.widget.get_by_role("alert").first).to_contain_text("has no sample 'nobody'")


def test_each_format_holds_the_selection(lab: Lab, demo_folder: Path) -> None:
    page = Curating.opened(lab, demo_folder, "export")
    rows = source_rows()
    page.chip("capability", "arithmetic").click()
    page.press("20 %")
    chosen = page.has_chosen("fraction=0.2, filters={'labels': {'capability': ['arithmetic']}}")
    scores = dict(zip(chosen, lab.value("curator.selection.scores"), strict=True))
    where = page.widget.get_by_role("textbox", name="To")
    kind = page.widget.get_by_role("combobox", name="Format")
    best_first = [{**rows[i], "nait_score": scores[i], "nait_rank": rank} for rank, i in enumerate(chosen, start=1)]
    as_in_source = sorted(best_first, key=lambda row: str(row["id"]))

    exporter = page.widget.locator(".nait-exporter")
    alert = exporter.get_by_role("alert")
    kind.select_option("datasets folder")
    page.press("Export")
    expect(exporter.get_by_text(f"Written: {len(chosen)} rows")).to_be_visible()
    assert len(load_from_disk(str(demo_folder / "export.rows"))) == len(chosen)
    page.type(where, "nowhere/rows.jsonl")
    page.press("Export")
    expect(alert.locator("span")).to_have_text("there is no folder nowhere to write rows.jsonl into")
    trace = alert.locator("pre")
    expect(trace).to_be_hidden()
    alert.get_by_text("Trace", exact=True).click()
    expect(trace).to_contain_text("NaitError: there is no folder")

    def export(kind_title: str, suffix: str, *, replaces: bool = False) -> Path:
        path = lab.server.root / f"rows{suffix}"
        kind.select_option(kind_title)
        expect(where).to_have_value(f"{path}/" if kind_title == "datasets folder" else str(path))
        page.press("Export")
        if replaces:  # at least the recipe, the card and the directions of the export before
            expect(exporter.get_by_text(re.compile(" more that go with it are there already"))).to_be_visible()
            page.press("Replace them")
        written = exporter.get_by_role("listitem").filter(has=lab.page.get_by_text(str(path), exact=True))
        expect(written).to_be_visible()
        expect(alert).to_be_hidden()
        expect(exporter.get_by_text(f"Written: {len(chosen)} rows")).to_be_visible()
        assert Recipe.load(path.with_suffix(".recipe.json")).repeat().ids == chosen
        return path

    page.type(where, str(lab.server.root / "rows.jsonl"))
    assert read_lines(export("JSONL", ".jsonl")) == as_in_source
    page.widget.get_by_role("combobox", name="Order").select_option("best first")
    assert read_lines(export("JSONL", ".jsonl", replaces=True)) == best_first
    assert json.loads(export("JSON", ".json", replaces=True).read_text()) == best_first
    assert pq.read_table(export("Parquet", ".parquet", replaces=True)).to_pylist() == best_first
    assert load_from_disk(str(export("datasets folder", "", replaces=True))).to_list() == best_first
    as_text = [{name: str(value) for name, value in row.items()} for row in best_first]
    for title, suffix, delimiter in (("CSV", ".csv", ","), ("TSV", ".tsv", "\t")):
        with export(title, suffix, replaces=True).open(encoding="utf-8", newline="") as file:
            assert list(csv.DictReader(file, delimiter=delimiter)) == as_text
    for column in ("score", "rank"):
        page.widget.get_by_role("checkbox", name=column).uncheck()
    page.widget.get_by_role("checkbox", name="reason").check()
    reasons = lab.value("curator.selection.reasons")
    assert read_lines(export("JSONL", ".jsonl", replaces=True)) == [
        {**rows[i], "nait_reason": reason} for i, reason in zip(chosen, reasons, strict=True)
    ]

    lab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    shown = exporter.locator(".nait-exporter-outcome pre")
    for way in ("nait.select(", "nait.Recipe.load("):
        page.press("Copy as Python")
        expect(exporter.get_by_text("Copied:")).to_be_visible()
        expect(shown).to_contain_text(way)
        code = shown.inner_text()
        assert code.strip() == lab.page.evaluate("() => navigator.clipboard.readText()").strip()
        lab.run(f"made = {{}}; exec({code!r}, made)")
        assert lab.value("made['chosen'].ids") == lab.value("curator.selection.ids")
        page.press("Pin the 60 shown")  # so many ids that the code reads them from the recipe
        lab.eventually("len(curator.selection.wish.pinned) > 40", True)


def test_without_a_mouse(lab: Lab, demo_folder: Path) -> None:
    page = Curating.opened(lab, demo_folder, "keys")
    keyboard = lab.page.keyboard

    def tab_to(control: Locator, key: str = "Tab") -> None:
        for _ in range(60):
            keyboard.press(key)
            if control.evaluate("(control) => control === document.activeElement"):
                return
        raise AssertionError(f"no Tab leads to {control}")

    assert lab.page.evaluate("() => document.activeElement.closest('.jp-Notebook') !== null")
    fraction = page.slider("Fraction")
    tab_to(fraction)
    for key in ("PageUp", "ArrowRight", "x", "d", "d", "b", "Enter"):  # the last ones are a notebook's
        keyboard.press(key)
    page.has_chosen(f"fraction={fraction.input_value()}")
    assert float(fraction.input_value()) > 0.1
    tab_to(page.slider("Cut"))
    keyboard.press("Shift+ArrowRight")
    lab.eventually(f"curator.selection.wish.fraction < {fraction.input_value()}", True)
    tab_to(page.widget.get_by_role("searchbox", name="Text"))
    keyboard.type("The")
    keyboard.press("Enter")
    tab_to(page.chip("capability", "python"))
    keyboard.press("Space")
    wish = "fraction=curator.selection.wish.fraction, filters={'text': 'The', 'labels': {'capability': ['python']}}"
    page.has_chosen(wish)
    tab_to(page.widget.locator("canvas"))
    for key in ("l", "ArrowLeft", "Shift+ArrowRight", "Shift+ArrowDown", "Enter"):
        keyboard.press(key)
    lasso = page.widget.get_by_role("button", name="✕ lasso")
    expect(lasso).to_be_visible()
    lab.eventually("0 < len(curator.selection.wish.filters.ids) < 600", True)
    tab_to(lasso, "Shift+Tab")
    keyboard.press("Enter")
    page.has_chosen(wish)

    tab_to(page.table)
    for _ in range(3):
        keyboard.press("ArrowDown")
    third = page.shown_ids(3)[2]
    lab.eventually("curator.current", third)
    keyboard.press("x")
    page.has_chosen(f"{wish}, excluded=[{third!r}]")
    keyboard.press("Home")
    first = page.shown_ids(1)[0]
    lab.eventually("curator.current", first)
    keyboard.press("p")
    chosen = page.has_chosen(f"{wish}, excluded=[{third!r}], pinned=[{first!r}]")
    where = page.widget.get_by_role("textbox", name="To")
    tab_to(where)
    keyboard.press("Control+a")
    keyboard.type("typed.jsonl")
    tab_to(page.widget.get_by_role("button", name="Export"))
    keyboard.press("Enter")
    expect(page.widget.locator(".nait-exporter").get_by_text("Written:")).to_be_visible()
    assert {row["id"] for row in read_lines(lab.server.root / "typed.jsonl")} == set(chosen)
    cells = "panel.content.model.cells.length"
    assert lab.page.evaluate(f"() => {{ {PANEL} return {cells}; }}") == 2


def read_lines(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
