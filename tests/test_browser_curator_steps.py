"""The Curator in JupyterLab: rows by hand, undo and redo, Python's hand on the controls, and a kernel that is new."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curating import Curating
from playwright.sync_api import expect

if TYPE_CHECKING:
    from browser import Lab


def test_steps_are_undone_done_again_and_kept(lab: Lab, demo_folder: Path) -> None:
    page = Curating.opened(lab, demo_folder, "steps")
    undo, redo = (page.widget.get_by_role("button", name=name, exact=True) for name in ("Undo", "Redo"))
    expect(undo).to_be_disabled()
    states = [(page.wish(), lab.value("curator.selection.ids"))]

    def done(**changes: Any) -> None:
        """Waits until the wish has these values in the kernel, and remembers the state."""
        for name, value in changes.items():
            lab.eventually(f"curator.selection.wish.{name}", value)
        wish = page.wish()
        ids = lab.value(f"nait.select(scores, **json.loads({json.dumps(json.dumps(wish))})).ids")
        lab.eventually("curator.selection.ids", ids)
        states.append((wish, ids))

    fraction = page.slider("Fraction")
    page.drag(*page.along(fraction, 0.1, 0.5, 0.3))
    done(fraction=float(fraction.input_value()))
    page.press("Lasso")
    page.drag(*page.inside(page.widget.locator("canvas"), (0.05, 0.05), (0.7, 0.05), (0.7, 0.95), (0.05, 0.95)))
    page.widget.get_by_role("button", name="✕ lasso").wait_for()
    done()
    first, second, third, fourth = page.shown_ids(4)
    page.row(first).click()
    lab.page.keyboard.press("x")
    done(excluded=[first])
    expect(page.reader).to_contain_text(second)  # the excluded row goes to the end, the place stays
    page.row(second).get_by_role("button", name="Pin").click()
    done(pinned=[second])
    page.row(third).click()
    page.row(fourth).click(modifiers=["Shift"])
    lab.page.keyboard.press("p")
    done(pinned=sorted([second, third, fourth]))
    page.row(third).get_by_role("button", name="Exclude").click()  # it can't be both
    done(pinned=sorted([second, fourth]), excluded=sorted([first, third]))
    page.reader.get_by_role("button", name="Pin").click()  # the reader's
    done(pinned=[second])
    page.press("20 %")
    done(fraction=0.2)

    def stands_at(step: int) -> None:
        wish, ids = states[step]
        lab.eventually("curator.selection.wish.as_json()", wish)
        assert lab.value("curator.selection.ids") == ids
        page.page_counts(len(ids))
        expect(fraction).to_have_value(str(wish["fraction"]))

    last = len(states) - 1
    for step in range(last - 1, -1, -1):
        if step % 2:
            page.press("Undo")
        else:
            fraction.press("Control+z")
        stands_at(step)
    expect(undo).to_be_disabled()
    for step in range(1, last + 1):
        if step % 2:
            page.press("Redo")
        else:
            page.table.press("Control+Shift+z")
        stands_at(step)
    expect(redo).to_be_disabled()

    lab.run("seen = []; curator.observe(lambda change: seen.append(len(change['new'])), 'selection')")
    lab.run("kept = curator.recipe; chosen = curator.select(k=5, end='bottom', filters={'text': 'the'})")
    page.has_chosen("k=5, end='bottom', filters={'text': 'the'}")
    expect(page.number("Rows each")).to_have_value("5")
    expect(page.widget.get_by_role("button", name="bottom")).to_have_attribute("aria-pressed", "true")
    expect(page.widget.get_by_role("searchbox")).to_have_value("the")
    page.press("Undo")
    stands_at(last)
    page.press("Redo")
    page.has_chosen("k=5, end='bottom', filters={'text': 'the'}")
    lab.run("curator.recipe = kept")
    stands_at(last)
    fraction.press("ArrowRight")
    lab.eventually("len(seen)", 5)
    assert lab.value("seen[0] == seen[2] == len(chosen)")
    a_new_kernel_finds_everything_again(page)


def a_new_kernel_finds_everything_again(page: Curating) -> None:
    lab = page.lab
    page.press("20 %")
    page.widget.get_by_role("combobox", name="Merge").select_option("highest in any")
    page.type(page.widget.get_by_role("searchbox"), "the")
    page.chip("capability", "facts").click()
    lab.eventually("curator.selection.wish.filters.labels", {"capability": ["facts"]})
    wish, ids = page.wish(), lab.value("curator.selection.ids")
    assert {"pinned", "excluded"} < wish.keys()
    assert {"text", "ids", "labels"} == wish["filters"].keys()
    lab.run("curator._keeper.flush()")

    lab.restart_kernel()
    lab.run_all()
    page.ready()
    assert page.wish() == wish
    assert lab.value("curator.selection.ids") == ids
    page.page_counts(len(ids))
    expect(page.widget.get_by_text("Restored from steps.recipe.json.")).to_be_visible()
    expect(page.slider("Fraction")).to_have_value("0.2")
    expect(page.widget.get_by_role("combobox", name="Merge")).to_have_value("max")
    expect(page.widget.get_by_role("searchbox")).to_have_value("the")
    expect(page.chip("capability", "facts")).to_have_attribute("aria-pressed", "true")
    page.press("Clear filters")  # controls and kernel still hear each other
    page.has_chosen(f"fraction=0.2, merge='max', pinned={wish['pinned']}, excluded={wish['excluded']}")
