"""The Curator of a pool that the page doesn't hold: every control still chooses what `nait.select` chooses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from curating import Curating
from playwright.sync_api import expect
from screenshots import both_themes

from nait_widgets import read_records

if TYPE_CHECKING:
    from browser import Lab

LIMIT = 100


def test_a_pool_that_is_too_large_for_the_page(lab: Lab, demo_folder: Path, tmp_path: Path) -> None:
    page = Curating.opened(lab, demo_folder, "large", limit=LIMIT)
    expect(page.widget).to_contain_text("more than a page can hold")
    expect(page.fact("mean overlap")).to_contain_text("not computed in a pool this large")
    how_much(page)
    the_cut(page)
    among_which_rows(page)
    rows_by_hand(page)
    the_table(page)
    what_is_exported(page, tmp_path)
    both_themes(lab, page.widget, "curator-large")
    a_new_kernel_finds_it_again(page)


def settled(page: Curating, arguments: str) -> None:
    """Waits until kernel and page have chosen the same rows as `select`, and the page tells of them what is so."""
    page.has_chosen(arguments)
    tokens = page.lab.value("int(store.n_tokens[curator.selection.rows].sum())")
    expect(page.fact("tokens").locator("dd")).to_have_text(f"{tokens:,}")
    expect(page.widget.locator(".nait-budget")).to_have_attribute("aria-busy", "false")


def how_much(page: Curating) -> None:
    lab = page.lab
    settled(page, "fraction=0.1")
    fraction = page.slider("Fraction")
    page.drag(*page.along(fraction, 0.1, 0.4), release=False)
    settled(page, f"fraction={fraction.input_value()}")  # while the button is down
    lab.page.mouse.up()
    page.type(page.number("Rows"), "37")
    settled(page, "k=37")
    merge = page.widget.get_by_role("combobox", name="Merge")
    for value, name in (
        ("highest mean", "mean-z"),
        ("in turns", "round-robin"),
        ("each direction's own best", "union"),
    ):
        merge.select_option(value)
        settled(page, f"k=37, merge='{name}'")
    page.slider("python").fill("0.5")
    settled(page, "k=37, weights={'python': 0.5}")
    page.press("random")
    settled(page, "k=37, weights={'python': 0.5}, end='random'")
    page.press("top")
    page.slider("python").fill("0")
    settled(page, "k=37, weights={'python': 0}")
    page.type(page.number("Score from"), "1.5")
    page.slider("python").fill("1")
    settled(page, "threshold=1.5")
    page.widget.get_by_role("combobox", name="Length").select_option("taken out of the scores")
    lab.eventually("curator.selection.wish.adjust", "length-residual")
    settled(page, f"k={page.wish()['k']}, adjust='length-residual'")
    for _ in range(2):
        page.press("Undo")
    page.press("10 %")


def the_cut(page: Curating) -> None:
    page.slider("python").fill("0")
    cut = page.widget.get_by_role("slider", name="Cut")
    expect(page.widget.locator(".nait-histogram")).to_have_attribute("aria-busy", "false")
    page.drag(
        *page.inside(cut, (0.5, 0.5)), (page.inside(cut, (0.5, 0.5))[0][0] - 60, page.inside(cut, (0, 0.5))[0][1])
    )
    page.lab.page.wait_for_timeout(400)
    wish = page.wish()
    assert wish["fraction"] > 0.1
    settled(page, f"fraction={wish['fraction']}, weights={{'python': 0}}")
    threshold = float(cut.get_attribute("aria-valuenow") or "nan")
    beyond = page.lab.value(f"int((scores['score'].sel(direction='arithmetic').to_numpy() >= {threshold}).sum())")
    assert beyond == page.lab.value("len(curator.selection)")
    page.press("10 %")


def among_which_rows(page: Curating) -> None:
    page.type(page.number("Fewest tokens"), "40")
    page.type(page.widget.get_by_role("searchbox"), "the")
    page.chip("capability", "facts").click()
    arguments = (
        "fraction=0.1, weights={'python': 0},"
        "filters={'tokens': [40, None], 'text': 'the', 'labels': {'capability': ['facts']}}"
    )
    settled(page, arguments)
    shown = page.lab.value("int(curator._filter.passing(curator.selection.wish.filters).sum())")
    expect(page.widget.locator(".nait-filters")).to_contain_text(f"{shown:,} of 600 rows shown")
    page.widget.get_by_role("checkbox", name="choose only among").uncheck()
    settled(page, arguments.replace("]}}", "]}, 'narrow': False}"))
    page.press(f"Exclude the {shown:,} shown")
    page.lab.eventually("len(curator.selection.wish.excluded)", shown)
    excluded = page.lab.value("list(curator.selection.wish.excluded)")
    page.press("Clear filters")
    settled(page, f"fraction=0.1, weights={{'python': 0}}, filters={{'narrow': False}}, excluded={excluded}")
    for _ in range(2):
        page.press("Undo")
    settled(page, arguments.replace("]}}", "]}, 'narrow': False}"))
    page.press("Clear filters")
    page.widget.get_by_role("checkbox", name="choose only among").check()
    settled(page, "fraction=0.1, weights={'python': 0}")


def rows_by_hand(page: Curating) -> None:
    first, second, third = page.lab.value("curator.selection.ids[:3]")
    shows(page, [first, second, third])
    page.row(first).click()
    page.lab.page.keyboard.press("x")
    shows(page, [second, third])  # the kernel tells the new order; a click before would meet whatever moves there
    page.row(third).get_by_role("button", name="Pin").click()
    settled(page, f"fraction=0.1, weights={{'python': 0}}, pinned=['{third}'], excluded=['{first}']")
    assert page.lab.value("list(curator.selection.wish.pinned)") == [third]
    expect(page.reader).to_contain_text(second)  # the excluded row goes to the end, the place stays
    page.press("By hand: 1 pinned, 1 excluded")
    shows(page, [first, third])
    page.table.get_by_role("button", name="Rank").click()


def shows(page: Curating, ids: list[str]) -> None:
    """Waits until the table's first rows are these."""
    for place, sample in enumerate(ids):
        expect(page.table.locator(".nait-table-body .nait-table-id").nth(place)).to_have_text(sample)


def the_table(page: Curating) -> None:
    """From one end to the other, by keys, as the kernel has the order."""
    order = page.lab.value("[str(i) for i in store.sample_id[np.argsort(-store.n_tokens, kind='stable')]]")
    page.table.get_by_role("button", name="Tokens").click()
    shows(page, order[:5])
    page.table.focus()
    page.lab.page.keyboard.press("End")
    expect(page.row(order[-1])).to_have_attribute("aria-selected", "true")
    expect(page.reader).to_contain_text(order[-1])
    page.reader.get_by_role("button", name="Previous").click()
    expect(page.row(order[-2])).to_have_attribute("aria-selected", "true")
    page.lab.eventually("curator.current", order[-2])  # what is set there before would be set anew by the page
    page.lab.run(f"curator.current = {order[300]!r}")
    expect(page.row(order[300])).to_be_visible()


def what_is_exported(page: Curating, folder: Path) -> None:
    target = folder / "chosen.jsonl"
    page.type(page.widget.get_by_role("textbox", name="To"), str(target))
    page.press("Export")
    expect(page.widget.get_by_text("Written: ").last).to_be_visible()
    ids = page.lab.value("sorted(curator.selection.ids)")
    assert sorted(str(record.id) for record in read_records(target)) == ids
    recipe = json.loads(target.with_suffix(".recipe.json").read_text())
    assert recipe["wish"] == page.wish()


def a_new_kernel_finds_it_again(page: Curating) -> None:
    wish = page.wish()
    page.lab.run("curator._keeper.flush()")
    page.lab.restart_kernel()
    page.lab.run_all()
    page.ready(has_map=False)
    assert page.wish() == wish
    page.page_counts(page.lab.value("len(curator.selection)"))
    page.press("5 %")
    page.lab.eventually("curator.selection.wish.fraction", 0.05)
