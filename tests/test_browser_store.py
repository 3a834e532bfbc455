"""Activation stores in JupyterLab without a kernel: opened, curated, downloaded, explained, restored."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from curating import DIRECTIONS
from playwright.sync_api import Locator, Response, Route, expect
from saved import LARGE_ROWS, SCORES, SELECTION
from screenshots import both_themes

import nait_widgets as nait
from nait_widgets.cli import main

if TYPE_CHECKING:
    from browser import Lab

READ_AT_MOST = 20e6  # bytes of a store of 500 MB


class StorePage:
    """The panel of one store, and what its page has read of it."""

    def __init__(self, lab: Lab, name: str) -> None:
        self.lab, self.name = lab, name
        self.responses: list[Response] = []
        lab.page.on("response", lambda response: self.responses.append(response) if "/files/" in response.url else None)

    def open(self, **options: Any) -> StorePage:
        self.lab.page.set_viewport_size({"width": 1280, "height": 1900})
        self.lab.open_lab(f"nait-store={self.name}", **options)
        return self.ready()

    def ready(self) -> StorePage:
        """Waits until there is a map and the table's first texts have come."""
        expect(self.panel.locator("canvas")).to_be_visible(timeout=30_000)
        expect(self.panel.get_by_role("grid").get_by_role("row").nth(1)).not_to_contain_text("…", timeout=30_000)
        return self

    @property
    def panel(self) -> Locator:
        return self.lab.page.locator(".nait-store:visible")

    def chosen(self, rows: int | str) -> None:
        """Waits until so many rows are chosen."""
        expect(self.panel.locator(".nait-budget dd").first).to_have_text(f"{rows}")

    def transferred(self) -> int:
        """Bytes of the store's files that have come."""
        return sum(int(response.headers.get("content-length", 0)) for response in self.responses)

    def download(self) -> list[dict[str, Any]]:
        with self.lab.page.expect_download() as downloading:
            self.panel.get_by_role("button", name="Download").click()
        return [json.loads(line) for line in downloading.value.path().read_text().splitlines()]

    def save(self, name: str) -> Path:
        """Keeps what is chosen as a recipe beside the store."""
        self.panel.get_by_role("button", name="Save selection").click()
        dialog = self.lab.page.locator(".jp-Dialog")
        dialog.locator("input").fill(name)
        dialog.get_by_role("button", name="Save").click()
        expect(self.panel.locator(".nait-store-companions li").filter(has_text=name)).to_be_visible()
        return self.lab.server.root / f"{name}.recipe.json"

    def no_kernel(self) -> None:
        assert self.lab.server.api("GET", "kernels") == []
        assert self.lab.server.api("GET", "sessions") == []


@pytest.fixture(autouse=True)
def clean_root(lab: Lab) -> None:
    """The server's folder, empty."""
    for path in lab.server.root.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def put(lab: Lab, folder: Path, *names: str) -> None:
    """Puts stores into the server's folder."""
    for name in names:
        source = folder / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, lab.server.root / name)


def repeated(recipe: Path, out: Path) -> list[dict[str, Any]]:
    """What `nait select` gives for a recipe."""
    assert main(["select", "--recipe", str(recipe), "-o", str(out)]) == 0
    return [json.loads(line) for line in out.read_text().splitlines()]


@pytest.mark.parametrize("name", ["pool.zarr", "pool.zarr.zip"])
def test_a_store_is_curated_without_a_kernel(lab: Lab, saved_folder: Path, tmp_path: Path, name: str) -> None:
    put(lab, saved_folder, name)
    lab.page.set_viewport_size({"width": 1280, "height": 1900})
    lab.open_lab()
    item = lab.page.locator(".jp-DirListing-item", has_text=name)
    if name.endswith(".zip"):
        item.dblclick()
    else:
        item.click(button="right")
        lab.page.get_by_role("menuitem", name="Open Activation Store").click()
    page = StorePage(lab, name).ready()
    lab.command("nait:open", ask=True)  # as the launcher does: it doesn't open what a menu was open on before
    dialog = lab.page.locator(".jp-Dialog")
    expect(dialog).to_contain_text("Its path")
    dialog.get_by_role("button", name="Cancel").click()
    page.chosen(len(nait.select(nait.open_store(saved_folder / name).scores(SCORES), fraction=0.1)))
    expect(page.panel.locator(".nait-budget")).to_contain_text("needs a kernel")

    page.panel.get_by_role("slider", name="Fraction").fill("0.2")
    # Both before the page is drawn again, as on a slow one: neither undoes the other.
    lab.page.evaluate(
        "chosen => chosen.forEach(([select, value]) => {"
        " select.value = value; select.dispatchEvent(new Event('change')); })",
        [
            [page.panel.get_by_label("Merge").element_handle(), "max"],
            [page.panel.get_by_label("Length").element_handle(), "length-strata"],
        ],
    )
    page.panel.get_by_role("button", name=re.compile("^clean")).click()
    page.panel.get_by_role("searchbox").fill("THE")
    page.panel.get_by_role("searchbox").press("Enter")
    expect(page.panel.locator(".nait-filters")).to_contain_text("rows shown")
    row = page.panel.get_by_role("grid").get_by_role("row").nth(3)
    row.get_by_role("button", name=re.compile("Exclude")).click()
    expect(page.panel.locator(".nait-filters")).to_contain_text("1 excluded")
    recipe = page.save("mine")
    rows = page.download()
    expected = repeated(recipe, tmp_path / "expected.jsonl")
    wish = json.loads(recipe.read_text())["wish"]
    assert (wish["merge"], wish["adjust"]) == ("max", "length-strata")
    assert wish["filters"]["text"] == "THE"
    assert wish["excluded"]
    assert 20 < len(expected) < 120
    assert [{k: v for k, v in row.items() if not k.startswith("nait_")} for row in rows] == expected
    selection = nait.Recipe.load(recipe).repeat()
    by_row = np.argsort(selection.rows)
    assert [row["nait_rank"] for row in rows] == (by_row + 1).tolist()
    np.testing.assert_array_equal([row["nait_score"] for row in rows], selection.scores[by_row])

    page.panel.get_by_role("button", name="Copy as Python").click()
    code = page.panel.locator(".nait-exporter pre").inner_text()
    made: dict[str, Any] = {}
    exec(code.replace(f'"{name}"', repr(str(lab.server.root / name))), made)
    assert made["chosen"].ids == selection.ids
    page.no_kernel()
    assert not list(lab.server.root.rglob(".ipynb_checkpoints/*"))


@pytest.mark.parametrize("name", ["large.zarr", "large.zarr.zip"])
def test_only_ranges_of_a_large_store_are_read(lab: Lab, large_folder: Path, tmp_path: Path, name: str) -> None:
    put(lab, large_folder, name)
    files = [path for path in (lab.server.root / name).rglob("*") if path.is_file()] or [lab.server.root / name]
    assert sum(path.stat().st_size for path in files) > 480e6
    page = StorePage(lab, name).open()
    page.panel.get_by_role("slider", name="Fraction").fill("0.02")
    page.chosen(round(0.02 * LARGE_ROWS))
    page.panel.get_by_role("grid").press("End")
    expect(page.panel.get_by_role("grid").get_by_role("row").last).not_to_contain_text("…")
    page.panel.get_by_role("grid").get_by_role("row").nth(4).click()
    inspector = page.panel.get_by_role("region", name="Why it scores so")
    expect(inspector.get_by_role("table", name="Neurons").get_by_role("row")).to_have_count(21)
    rows = page.download()
    expected = repeated(page.save("large-mine"), tmp_path / "expected.jsonl")
    assert [{k: v for k, v in row.items() if not k.startswith("nait_")} for row in rows] == expected
    print(f"{name}: {page.transferred() / 1e6:.1f} MB in {len(page.responses)} requests")
    assert page.transferred() < READ_AT_MOST
    whole = [response for response in page.responses if response.status != 206]
    assert not whole or name == "large.zarr"
    assert all(int(response.headers["content-length"]) < 1e6 for response in whole)
    page.no_kernel()


def test_a_reload_restores_the_panels(lab: Lab, saved_folder: Path) -> None:
    put(lab, saved_folder, "pool.zarr", "pool.zarr.zip")
    page = StorePage(lab, "pool.zarr").open(workspace="restored")
    page.panel.get_by_role("slider", name="Fraction").fill("0.3")
    chosen = len(nait.select(nait.open_store(saved_folder / "pool.zarr").scores(SCORES), fraction=0.3))
    page.chosen(chosen)
    page.panel.get_by_role("grid").get_by_role("row").nth(2).click()
    inspected = page.panel.get_by_role("textbox", name="Sample")
    expect(inspected).not_to_have_value("")
    sample = inspected.input_value()
    lab.command("nait:open", path="pool.zarr.zip")
    expect(lab.page.locator(".lm-DockPanel-tabBar .lm-TabBar-tab")).to_have_count(2)
    StorePage(lab, "pool.zarr.zip").ready()
    lab.page.wait_for_timeout(3000)  # JupyterLab saves its workspace when nothing has changed for a while
    lab.reload()
    tabs = lab.page.locator(".lm-DockPanel-tabBar .lm-TabBar-tab")
    expect(tabs).to_have_text(["pool.zarr", "pool.zarr.zip"])
    tabs.first.click()
    page.ready()
    page.chosen(chosen)
    expect(inspected).to_have_value(sample)
    page.no_kernel()
    both_themes(lab, lab.page.locator("#jp-main-dock-panel"), "lab-store")


def test_a_row_is_explained_as_in_python(lab: Lab, saved_folder: Path, tmp_path: Path) -> None:
    put(lab, saved_folder, "pool.zarr")
    store = nait.open_store(lab.server.root / "pool.zarr")
    mixed = nait.score(store, [store.direction(DIRECTIONS[0]), "length"])
    store.save_scores(mixed, "with length")
    page = StorePage(lab, "pool.zarr").open()
    explanation = store.explain("d00123", store.direction(DIRECTIONS[1]))

    def shown_score(sample: str, direction: str) -> str:
        score = store.explain(sample, store.direction(direction)).score
        return f"score {score:+.3g}".replace("-", "−")

    inspector = page.panel.get_by_role("region", name="Why it scores so")
    page.panel.get_by_role("grid").get_by_role("row").nth(2).click()
    looked_at = page.panel.get_by_role("region", name="Sample", exact=True).locator("h3")
    asked = inspector.get_by_role("textbox", name="Sample")
    expect(asked).to_have_value(looked_at.inner_text())
    before = asked.input_value()
    waiting: list[Route] = []
    focused = False
    lab.page.route("**/files/**", lambda route: route.continue_() if focused else waiting.append(route))
    page.panel.get_by_role("grid").get_by_role("row").nth(4).click()
    expect(looked_at).not_to_have_text(before)
    asked.focus()  # whoever is about to write there isn't interrupted by what comes then
    focused = True
    assert waiting
    for route in waiting:
        route.continue_()
    other = looked_at.inner_text()
    expect(inspector.locator(".nait-inspector-about strong")).to_have_text(shown_score(other, DIRECTIONS[0]))
    expect(asked).to_have_value(before)
    asked.fill("d00123")
    asked.press("Enter")
    expect(looked_at).to_have_text("d00123")  # the curation goes there, too
    inspector.get_by_label("Direction").select_option(DIRECTIONS[1])
    expect(inspector.locator(".nait-inspector-about strong")).to_have_text(shown_score("d00123", DIRECTIONS[1]))
    cells = inspector.get_by_role("table", name="Neurons").locator("tbody tr")
    expect(cells).to_have_count(20)
    shown = [tuple(map(int, row.locator("td").all_inner_texts()[:2])) for row in cells.all()]
    assert shown == [(neuron.layer, neuron.neuron) for neuron in explanation.top(20)]

    # Another scorer's score has no parts, and it is said so; rows are chosen by it as by a direction.
    page.panel.get_by_label("Scores", exact=True).select_option("with length")
    page.ready()
    page.chosen(len(nait.select(mixed, fraction=0.1)))
    page.panel.get_by_role("grid").get_by_role("row").nth(2).click()
    asked.fill("d00123")
    asked.press("Enter")
    expect(looked_at).to_have_text("d00123")
    inspector.get_by_label("Direction").select_option("length")
    tokens = store.n_response_tokens[store.index("d00123")]
    expect(inspector.locator(".nait-inspector-about strong")).to_have_text(f"score {tokens:+.1f}")
    expect(inspector).to_contain_text("This method scores a sample as a whole")
    for part in ("Contributions by layer", "Strongest neurons", "Neurons that move the score most"):
        expect(inspector.get_by_role("heading", name=part)).to_be_hidden()
    page.panel.get_by_label("Merge").select_option("max")
    rows = page.download()
    expected = repeated(page.save("by-length"), tmp_path / "expected.jsonl")
    assert [{k: v for k, v in row.items() if not k.startswith("nait_")} for row in rows] == expected
    assert {row["id"] for row in rows} == set(nait.select(mixed, fraction=0.1, merge="max").ids)


def test_saved_selections_are_taken_up(lab: Lab, saved_folder: Path) -> None:
    put(lab, saved_folder, "pool.zarr")
    page = StorePage(lab, "pool.zarr").open()
    selection = nait.open_store(saved_folder / "pool.zarr").selection(SELECTION)
    page.panel.get_by_role("button", name=f"Show the selection {SELECTION}").click()
    page.chosen(f"{len(selection)} (1 only pinned)")
    page.panel.get_by_role("button", name="Undo").click()
    expect(page.panel.locator(".nait-budget dd").first).not_to_have_text(f"{len(selection)} (1 only pinned)")

    chosen = nait.select(nait.open_store(saved_folder / "pool.zarr").scores(SCORES), k=7, end="bottom")
    chosen.export(lab.server.root / "pool.few.jsonl")
    (lab.server.root / "pool.broken.recipe.json").write_text('{"format": "nait-recipe-1"}')
    page.open()
    page.panel.get_by_role("button", name="Show the selection pool.few").click()
    page.chosen(len(chosen))
    page.panel.get_by_role("button", name="Reload").click()
    page.ready().chosen(len(chosen))
    page.panel.get_by_role("button", name="Show the selection pool.broken").click()
    expect(page.panel.get_by_role("alert").filter(has_text="pool.broken")).to_contain_text("must be")


def test_a_store_without_text_has_every_view(lab: Lab, saved_folder: Path) -> None:
    nait.open_store(saved_folder / "pool.zarr").pack(lab.server.root / "private.zarr.zip", text=False)
    page = StorePage(lab, "private.zarr.zip").open()
    expect(page.panel.get_by_role("columnheader", name="Prompt")).to_have_count(0)
    page.panel.get_by_role("grid").get_by_role("row").nth(2).click()
    expect(page.panel.get_by_role("region", name="Sample", exact=True)).to_contain_text("The store holds no text.")
    expect(page.panel.get_by_role("table", name="Neurons")).to_be_visible()
    rows = page.download()
    selection = nait.select(nait.open_store(lab.server.root / "private.zarr.zip").scores(SCORES), fraction=0.1)
    assert {row["id"] for row in rows} == set(selection.ids)
