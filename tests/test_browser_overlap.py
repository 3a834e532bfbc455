"""The overlap widget in JupyterLab: from a layer to its neurons, from the sets to their core and its export."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Locator, expect
from screenshots import both_themes

from nait_widgets import capture, demo, fit_direction, load_model, read_records

if TYPE_CHECKING:
    from browser import Lab

TARGETS = ("arithmetic", "python", "translation")

SETUP = """
import numpy as np
import nait_widgets as nait
from nait_widgets.widgets.overlap import Overlap

store = nait.open_store("{folder}/pool.zarr")
directions = [nait.Direction.load(f"{folder}/{{name}}.direction") for name in ("arithmetic", "python", "translation")]
scores = nait.score(store, directions)
sets = {{d.name: nait.select(scores.sel(direction=[d.name]), fraction=0.3) for d in directions}}
sets["long"] = [str(i) for i in store.sample_id[store.n_tokens > 75]]
"""

# What a shortcut of the notebook would change: its mode, its cells, and which of them is active.
NOTEBOOK = """() => {
  const cells = [...document.querySelectorAll('.jp-Cell')];
  const mode = document.querySelector('.jp-Notebook').classList.contains('jp-mod-commandMode');
  return [mode, cells.length, cells.findIndex((cell) => cell.classList.contains('jp-mod-active'))];
}"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of a part of the demo's candidates, and a direction of each capability."""
    folder = tmp_path_factory.mktemp("overlap")
    model = load_model(demo.MODEL)
    pool = capture(model, read_records(demo.POOL, limit=1000), folder / "pool.zarr", site="mlp_act")
    for name in TARGETS:
        samples = read_records(demo.in_domain(name), limit=64)
        direction = fit_direction(model, samples, name=name, preset="robust", background=pool)
        direction.save(folder / f"{name}.direction")
    return folder


def opened(lab: Lab, folder: Path, sets: str) -> Locator:
    """The widget of some sets, once the layer that agrees most is open."""
    lab.page.set_viewport_size({"width": 1400, "height": 1900})
    lab.open_notebook([SETUP.format(folder=folder), f"widget = Overlap(store, {sets})\nwidget"])
    widget = lab.page.locator(".nait-overlap")
    expect(widget.get_by_role("grid", name="Neurons that most sets share")).to_be_visible(timeout=30_000)
    return widget


def test_from_a_layer_to_a_neuron_and_from_the_core_to_a_file(lab: Lab, folder: Path) -> None:
    widget = opened(lab, folder, "sets")
    # Its own number is in the cell's name: what is seen is what the kernel has.
    cell = widget.get_by_role("gridcell", name="arithmetic ∩ long, layer 2")
    expect(cell).to_have_attribute(
        "aria-label", f"arithmetic ∩ long, layer 2: {lab.value('widget.jaccard[2, 2].item()'):.2f}"
    )
    cell.click()
    expect(cell).to_have_attribute("aria-selected", "true")
    expect(widget.get_by_role("heading", name="Layer 2: shared neurons")).to_be_visible()
    both = lab.value("len(set(widget._overlap.tops[0, 2].tolist()) & set(widget._overlap.tops[3, 2].tolist()))")
    expect(widget).to_contain_text(f"arithmetic and long share {both} of their top 19")

    shared = widget.get_by_role("grid", name="Neurons that most sets share")
    neuron = shared.get_by_role("rowheader").first.get_attribute("aria-label")
    shared.get_by_role("gridcell").first.click()
    expect(widget.get_by_role("heading", name=f"Neuron {neuron} of layer 2")).to_be_visible()
    lab.run(f"values = store.pool('mean').take(np.arange(len(store)))[:, 2, {neuron}]")
    strongest = lab.value("store.sample_id[np.nanargmax(abs(values))]")
    samples = widget.get_by_role("list", name="Samples that fire it most").get_by_role("listitem")
    expect(samples.first).to_contain_text(strongest)

    bar = widget.get_by_role("option", name="rows only in arithmetic and long").first
    bar.click()
    expect(widget.get_by_role("list", name="Only in arithmetic and long")).to_be_visible()
    both_themes(lab, widget, "overlap")

    stepper = widget.get_by_label("Core: rows in at least")
    stepper.press("ArrowUp")
    lab.eventually("widget.at_least", 3)
    expect(widget).to_contain_text(f"The core has {lab.value('len(widget.core())')} rows")
    widget.get_by_label("Export the core to").fill("shared/core.jsonl")
    widget.get_by_role("button", name="Export core").click()
    expect(widget.get_by_role("alert")).to_contain_text("there is no folder shared")
    widget.get_by_label("Export the core to").fill("core.jsonl")
    widget.get_by_label("Export the core to").press("Enter")
    expect(widget).to_contain_text("rows written, with recipe and card: core.jsonl")
    expect(widget.get_by_role("alert")).to_be_hidden()
    rows = [json.loads(line) for line in (lab.server.root / "core.jsonl").read_text().splitlines()]
    assert [row["id"] for row in rows] == lab.value("widget.core(3)")
    lab.run("widget.at_least = 1")
    expect(stepper).to_have_value("1")


def test_all_of_it_works_by_keyboard_and_the_notebook_stays_still(lab: Lab, folder: Path) -> None:
    widget = opened(lab, folder, "{'arithmetic': directions[0], **{t: sets[t] for t in ('python', 'long')}}")
    keyboard = lab.page.keyboard

    def focused() -> str:
        return str(lab.page.evaluate("() => document.activeElement.getAttribute('aria-label')"))

    layers = widget.get_by_role("grid", name="Shared neurons by pair of sets and layer")
    layers.get_by_role("gridcell", selected=True).click()
    before = lab.page.evaluate(NOTEBOOK)
    keyboard.press("Control+Home")
    for key, place in (
        ("ArrowDown", "arithmetic ∩ long, layer 0"),
        ("ArrowRight", "arithmetic ∩ long, layer 1"),
        ("End", "arithmetic ∩ long, layer 5"),
        ("ArrowLeft", "arithmetic ∩ long, layer 4"),
        ("ArrowUp", "arithmetic ∩ python, layer 4"),
    ):
        keyboard.press(key)
        assert focused().startswith(place)
    keyboard.press("Enter")
    expect(widget.get_by_role("heading", name="Layer 4: shared neurons")).to_be_visible()
    assert focused().startswith("arithmetic ∩ python, layer 4")
    expect(widget.get_by_role("status")).to_contain_text("Layer 4: arithmetic and python share")

    # One stop of the tab key for a whole grid: past the next figure's two buttons comes the stepper, then the bars.
    for _ in range(4):
        keyboard.press("Tab")
    assert focused().endswith("rows only in python and long")
    keyboard.press("ArrowRight")
    keyboard.press("Space")
    expect(widget.get_by_role("option", selected=True)).to_have_attribute("aria-label", focused())
    expect(widget.get_by_role("listitem").filter(has_text="in ").first).to_be_visible()
    assert lab.page.evaluate(NOTEBOOK) == before
