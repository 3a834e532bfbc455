"""The Curator in JupyterLab: what each control chooses is what `nait.select` chooses with the same arguments."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from curating import Curating
from playwright.sync_api import expect

from nait_widgets import demo

if TYPE_CHECKING:
    from browser import Lab

# A lasso's edge lies in the widest gap between samples: no rounding to pixels decides on which side one is.
AMONG = """
x, y = project(store).xy.T.astype(float)

def gap(values):
    low, high = np.nanmin(values), np.nanmax(values)
    places = np.sort(((values[store.selectable] - low) / (high - low) + 0.04) / 1.08)  # on a map with its margins
    places = places[(places > 0.3) & (places < 0.7)]
    widest = np.diff(places).argmax()
    return (places[widest] + places[widest + 1]) / 2

def beyond(values, share):
    return values > np.nanmin(values) + (share * 1.08 - 0.04) * (np.nanmax(values) - np.nanmin(values))

is_left, is_upper = store.selectable & ~beyond(x, gap(x)), beyond(y, gap(y))
capability = {row["id"]: row["capability"] for row in store.originals(np.arange(len(store)))}
"""


def test_how_much_and_by_what(lab: Lab, demo_folder: Path) -> None:
    page = Curating.opened(lab, demo_folder, "amount")
    the_controls(page)
    the_histogram(page)


def the_controls(page: Curating) -> None:
    lab = page.lab
    page.has_chosen("fraction=0.1")

    fraction = page.slider("Fraction")
    points = page.along(fraction, 0.1, 0.4, 0.25)
    page.drag(*points[:2], release=False)
    page.has_chosen(f"fraction={fraction.input_value()}")  # while the button is down
    lab.page.mouse.move(*points[2])
    lab.page.mouse.up()
    page.has_chosen(f"fraction={fraction.input_value()}")
    assert 0.2 < float(fraction.input_value()) < 0.3
    for key in ("ArrowRight", "ArrowRight", "PageUp"):
        fraction.press(key)
    page.has_chosen(f"fraction={fraction.input_value()}")
    page.press("5 %")
    page.has_chosen("fraction=0.05")
    expect(fraction).to_have_value("0.05")

    rows = page.number("Rows")
    page.type(rows, "37")
    page.has_chosen("k=37")
    page.press("bottom")
    page.has_chosen("k=37, end='bottom'")
    page.press("random")
    page.has_chosen("k=37, end='random'")
    page.press("draw again")
    page.has_chosen("k=37, end='random', seed=1")
    page.press("top")

    threshold = page.number("Score from")
    page.type(threshold, "2.5")
    page.has_chosen("threshold=2.5")
    length = page.widget.get_by_role("combobox", name="Length")
    length.select_option("taken out of the scores")
    lab.eventually("curator.selection.wish.adjust", "length-residual")  # a score is now another: rows stay as many
    page.has_chosen(f"k={page.wish()['k']}, adjust='length-residual', seed=1")
    expect(page.table.get_by_role("columnheader", name="Adjusted")).to_be_visible()
    length.press("ArrowDown")
    lab.eventually("curator.selection.wish.adjust", "length-strata")
    expect(
        page.widget.get_by_role("group", name="Histogram of the score by arithmetic, among rows of like length")
    ).to_be_visible()
    page.type(threshold, "0.75")
    page.has_chosen("threshold=0.75, adjust='length-strata', seed=1")
    for _ in range(3):
        page.press("Undo")
    page.has_chosen("threshold=2.5, seed=1")
    expect(length).to_have_value("none")
    merge = page.widget.get_by_role("combobox", name="Merge")
    for title, name in (("in turns", "round-robin"), ("highest in any", "max"), ("highest mean", "mean-z")):
        merge.select_option(title)
        lab.eventually("curator.selection.wish.merge", name)
        page.press("10 %")
        page.has_chosen(f"fraction=0.1, merge='{name}', seed=1")

    python = page.slider("python")
    page.drag(*page.along(python, 0.5, 0.7, 0.9))
    weight = python.input_value()
    assert float(weight) > 1.5
    page.has_chosen(f"fraction=0.1, merge='mean-z', weights={{'python': {weight}}}, seed=1")
    merge.select_option("each direction's own best")
    page.has_chosen(f"fraction=0.1, weights={{'python': {weight}}}, seed=1")
    python.press("Home")
    page.has_chosen("fraction=0.1, weights={'python': 0}, seed=1")
    page.slider("arithmetic").press("Home")  # one of them must stay
    expect(page.slider("arithmetic")).not_to_have_value("0")
    page.type(rows, "100000")
    page.has_chosen("fraction=1, weights={'python': 0}, seed=1")


def the_histogram(page: Curating) -> None:
    lab = page.lab
    lab.run("curator.select(fraction=0.1)")
    page.has_chosen("fraction=0.1")
    lab.run("arithmetic, python = scores['score'].transpose('direction', ...).values")
    lab.run("best = lambda values, n: store.sample_id[np.argsort(-values, kind='stable')[:n]].tolist()")
    lab.run("z = lambda values: (values - np.nanmean(values)) / np.nanstd(values)")
    figure = page.widget.locator(".nait-histogram-figure")
    cut = page.slider("Cut")

    def cut_at(share: float) -> float:
        """Drags the cut to a place of the figure and gives the score that its axis has there."""
        start, end = page.inside(figure, (0.5, 0.4), (share, 0.3))
        page.drag(start, end)
        ticks = figure.evaluate(
            """svg => [...svg.querySelectorAll(".nait-axis > g")]
            .filter((tick) => tick.firstChild.getAttribute("y2") !== null)
            .map((tick) => [tick.firstChild.getBoundingClientRect().x, Number(tick.textContent.replace("−", "-"))])"""
        )
        (x0, low), (x1, high) = ticks[0], ticks[-1]
        return float(low + (end[0] - x0) / (x1 - x0) * (high - low))

    page.slider("python").press("Home")  # by arithmetic alone
    for share in (0.8, 0.6):
        score = cut_at(share)
        n = lab.value(f"(arithmetic >= {score}).sum()")
        lab.eventually("curator.selection.ids", lab.value(f"best(arithmetic, {n})"))
        page.page_counts(n)
    assert "fraction" in page.wish()
    cut.press("ArrowLeft")
    score = lab.value(f"np.nanmin(arithmetic[arithmetic >= {score}]) - np.ptp(arithmetic[store.selectable]) / 200")
    page.page_counts(lab.value(f"(arithmetic >= {score}).sum()"))
    cut.press("Home")
    page.has_chosen("fraction=1, weights={'python': 0}")

    page.slider("python").press("End")
    threshold = page.number("Score from")
    page.widget.get_by_role("combobox", name="Merge").select_option("highest mean")
    page.type(threshold, "0.5")
    page.has_chosen("threshold=0.5, merge='mean-z', weights={'python': 2}")
    score = cut_at(0.7)
    merged = "(z(arithmetic) + 2 * z(python)) / 3"
    lab.eventually("curator.selection.ids", lab.value(f"best({merged}, ({merged} >= {score}).sum())"))
    assert "threshold" in page.wish()

    page.widget.get_by_role("combobox", name="Merge").select_option("each direction's own best")
    page.slider("python").fill("1")
    page.press("bottom")
    page.widget.get_by_role("combobox", name="Histogram of").select_option("python")
    score = cut_at(0.2)
    lowest = lab.value(f"(python <= {score}).sum()")
    page.has_chosen(f"k={lowest}, end='bottom'")
    page.press("random")
    expect(cut).to_be_hidden()


def test_what_is_chosen_among(lab: Lab, demo_folder: Path) -> None:
    page = Curating.opened(lab, demo_folder, "among")
    lab.run(AMONG)
    canvas = page.widget.locator("canvas")
    x, y = lab.value("[gap(x), gap(y)]")
    left = [(0.01, 0.01), (x, 0.01), (x, 0.99), (0.01, 0.99)]
    upper = [(0.02, 0.02), (0.98, 0.02), (0.98, 1 - y), (0.02, 1 - y)]

    def lasso(corners: list[tuple[float, float]], *, key: str = "") -> None:
        if key:
            lab.page.keyboard.down(key)
        page.drag(*page.inside(canvas, *corners))
        if key:
            lab.page.keyboard.up(key)

    def lassoed(mask: str) -> None:
        page.has_chosen(f"fraction=0.1, filters={{'ids': store.sample_id[{mask}].tolist()}}")
        expect(page.widget.get_by_role("button", name="✕ lasso")).to_contain_text(
            f"({lab.value(f'({mask}).sum()')} rows)"
        )

    page.press("Lasso")
    lasso(left)
    lassoed("is_left")
    lasso(upper, key="Shift")
    lassoed("is_left | is_upper")
    page.press("Subtract")
    lasso(left)
    lassoed("is_upper & ~is_left")
    page.widget.get_by_role("button", name="✕ lasso").click()
    page.has_chosen("fraction=0.1")
    page.press("Replace")
    page.press("Move")
    lasso(upper, key="Shift")
    lassoed("is_upper")
    page.press("Clear lasso")
    page.has_chosen("fraction=0.1")

    page.chip("capability", "python").click()
    page.chip("capability", "lists").click()
    page.has_chosen("fraction=0.1, filters={'labels': {'capability': ['python', 'lists']}}")
    search = page.widget.get_by_role("searchbox", name="Text")
    search.press_sequentially("THE")
    page.type(page.number("Fewest tokens"), "20")
    page.type(page.number("Most tokens"), "80")
    filters = "'text': 'THE', 'tokens': (20, 80), 'labels': {'capability': ['python', 'lists']}"
    chosen = page.has_chosen(f"fraction=0.1, filters={{{filters}}}")

    rows = {row["id"]: row for row in map(json.loads, demo.POOL.read_text().splitlines()[:600])}
    tokens = dict(zip(*lab.value("[store.sample_id, store.n_tokens]"), strict=True))
    shown = [
        i
        for i, row in rows.items()
        if row["capability"] in ("python", "lists")
        and 20 <= tokens[i] <= 80
        and any("the" in row[field].lower() for field in ("instruction", "input", "output"))
    ]
    assert set(chosen) < set(shown)
    expect(page.widget.get_by_text(f"{len(shown)} of 600 rows shown")).to_be_visible()

    page.widget.get_by_role("checkbox", name="choose only among what is shown").uncheck()
    everywhere = page.has_chosen(f"fraction=0.1, filters={{{filters}, 'narrow': False}}")
    assert everywhere == lab.value("nait.select(scores, fraction=0.1).ids")
    page.press(f"Exclude the {len(shown)} shown")
    page.press("Clear filters")
    page.has_chosen(f"fraction=0.1, filters={{'narrow': False}}, excluded={shown}")
    page.chip("capability", "python").click()
    n = lab.value("len(pythons := [i for i in store.sample_id.tolist() if capability[i] == 'python'])")
    page.press(f"Pin the {n} shown")
    page.press("Clear filters")
    selectable = lab.value("[i for i in pythons if store.selectable[store.index(i)]]")
    excluded = [i for i in shown if i not in selectable]
    page.has_chosen(f"fraction=0.1, filters={{'narrow': False}}, excluded={excluded}, pinned={selectable}")
