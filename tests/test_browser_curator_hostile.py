"""The Curator in JupyterLab over rows that want to act on the page: they stay text, and it stays quick."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from curating import CURATOR, Curating
from playwright.sync_api import expect

from nait_widgets import capture, demo, fit_direction, load_model, read_records

if TYPE_CHECKING:
    from browser import Lab

ATTACK = "<img src=x onerror='window.attacked = 1'>"
SCRIPT = "</script><script>window.attacked = 1</script>"
MARKS = "Z" + "\u0301\u0323" * 5000
MEGABYTE = "x" * 500_000 + "\n" + "word " * 100_000
SURROGATE = "half \ud83d"

# What moves a terminal's cursor or turns the direction of text round, and halves of characters.
ACTING = "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"

# Of each row: id, instruction, output, kind.
ROWS = {
    "image": (ATTACK, ATTACK, ATTACK, ATTACK),
    "script": (SCRIPT, SCRIPT, f"[{SCRIPT}](javascript:window.attacked=1)", SCRIPT),
    "terminal": ("\x1b]8;;http://evil\x07", "\x1b[31mred\x1b[0m\x00\x9b2J", "\x1b[2J gone\r over", "\x1b[1m"),
    "backwards": (
        "\u202eexe.gpj",
        "\u202egnp.exe \u2066\u2069 \u05d0\u05d1 \u0627\u0644",
        "\u200f\u202b.txt",
        "\u202e",
    ),
    "marks": ("Z" + "\u0301" * 200, MARKS, MARKS, "Z" + "\u0301" * 79),
    "wide": ("i" * 500, "W" * 5000, "\U0001f469\u200d\U0001f469\u200d\U0001f467" * 500, "w" * 80),
    "long": ("long", "Say it.", MEGABYTE, "long"),
    "surrogate label": ("surrogate label", "Half a character.", "Yes.", SURROGATE),
    "surrogate text": (SURROGATE, SURROGATE, SURROGATE, SURROGATE),
}
FIELD = "<b onmouseover='window.attacked = 1'>"
SETUP = """
import json
import nait_widgets as nait

store = nait.open_store({store!r})
scores = nait.score(store, [nait.Direction.load(path) for path in {directions!r}])
for name in ({field!r} + "2", "constructor", "__proto__"):
    scores[name] = "sample", ["<i>odd</i>" if i % 2 else "even" for i in range(len(store))]
"""

Row = dict[str, Any]


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    """The hostile rows, and harmless ones behind them."""
    names = ("id", "instruction", "output", FIELD)
    hostile = [dict(zip(names, row, strict=True)) for row in ROWS.values()]
    harmless = [json.loads(line) for line in demo.POOL.read_text(encoding="utf-8").splitlines()[:60]]
    return [*hostile, *({name: row[name] for name in ("id", "instruction", "input", "output")} for row in harmless)]


@pytest.fixture(scope="module")
def setup(rows: list[Row], tmp_path_factory: pytest.TempPathFactory) -> str:
    """The cell that scores the rows by two directions, of which one has a hostile name."""
    folder = tmp_path_factory.mktemp("hostile")
    source = folder / "rows <img src=x onerror=attack()>.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    model = load_model(demo.MODEL)
    pool = capture(model, source, folder / "pool <img src=x>.zarr")
    directions = []
    for name, file in ((ATTACK, "attack.direction"), ("python", "python.direction")):
        samples = read_records(demo.in_domain("python"), limit=32)
        direction = fit_direction(model, samples, name=name, preset="robust", background=pool)
        directions.append(str(direction.save(folder / file)))
    return SETUP.format(store=str(pool.path), directions=directions, field=FIELD)


def in_place(page: Curating) -> None:
    """Fails where anything of the rows acts, or makes the page wider."""
    assert page.lab.page.evaluate("() => window.attacked") is None
    assert page.widget.locator("img, script, b, a, iframe").count() == 0
    assert page.widget.evaluate("(widget) => widget.scrollWidth <= widget.clientWidth")
    assert page.lab.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    text = page.widget.evaluate("(widget) => widget.textContent")
    assert re.search(ACTING, text) is None


def test_rows_stay_text(lab: Lab, setup: str, rows: list[Row]) -> None:
    dialogs: list[str] = []
    lab.page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    lab.page.set_viewport_size({"width": 1280, "height": 1900})
    lab.open_notebook([setup, CURATOR.format(recipe="hostile", limit="")])
    page = Curating(lab, lab.page.locator(".nait-curator"))
    page.ready()
    nothing_acts(page)
    exports_are_as_the_source(page, rows)
    for width in (1024, 700):
        lab.page.set_viewport_size({"width": width, "height": 1900})
        in_place(page)
    assert dialogs == []


def nothing_acts(page: Curating) -> None:
    lab = page.lab
    for name in (ATTACK, "python"):
        expect(page.slider(name)).to_be_visible()
    in_place(page)
    budget = page.fact("tokens")
    before = budget.screenshot()
    ids = lab.value(f"store.sample_id[:{len(ROWS)}]")
    for sample, (_, prompt, response, _) in zip(ids, ROWS.values(), strict=True):
        lab.run(f"curator.current = {sample!r}")
        for part, text in (("Prompt", prompt), ("Response", response)):
            units = len(text.encode("utf-16-le", "surrogatepass")) // 2
            expect(page.reader.get_by_role("heading", name=f"{part} {units:,} characters")).to_be_visible()
            box = page.reader.get_by_role("region", name=part)
            for piece in re.findall("[!-~]+", text[:60]):
                expect(box).to_contain_text(piece)
        assert budget.screenshot() == before  # no mark that is stacked on a letter reaches it
        in_place(page)
    lab.run("curator.current = 'long'")
    for rest in ("980,001", "880,001"):
        page.reader.get_by_role("button", name=f"Show the next 100,000 of {rest} characters").click()
    page.table.press("Home")
    lab.eventually("curator.current == nait.select(scores, fraction=1, merge='union').ids[0]", True)

    page.widget.get_by_role("combobox", name="Colour by").select_option(FIELD)
    expect(page.widget.locator(".nait-scatter-legend")).to_contain_text(ATTACK)
    page.widget.locator("canvas").hover()
    for kind in (ATTACK, SCRIPT, "half \ufffd"):
        page.chip(FIELD, kind).click()
        page.has_chosen(f"fraction=0.1, filters={{'labels': {{{FIELD!r}: [{kind!r}]}}}}")
        page.chip(FIELD, kind).click()
    for column in ("constructor", "__proto__"):  # which every object of JavaScript has
        expect(page.chip(column, "even")).to_have_attribute("aria-pressed", "false")
        page.chip(column, "even").click()
        page.has_chosen(f"fraction=0.1, filters={{'labels': {{{column!r}: ['even']}}}}")
        page.chip(column, "even").click()
    page.type(page.widget.get_by_role("searchbox", name="Text"), SCRIPT)
    page.has_chosen(f"fraction=0.1, filters={{'text': {SCRIPT!r}}}")
    page.press("Pin the 1 shown")
    page.press("Clear filters")
    page.has_chosen(f"fraction=0.1, pinned={[SCRIPT]!r}")
    page.press("Copy as Python")
    code = page.widget.locator(".nait-exporter-outcome pre")
    lab.run(f"made = {{}}; exec({code.inner_text()!r}, made)")
    assert lab.value("made['chosen'].ids == curator.selection.ids")
    in_place(page)


def exports_are_as_the_source(page: Curating, rows: list[Row]) -> None:
    lab = page.lab
    lab.run("curator.select(fraction=1.0)")
    chosen = set(page.has_chosen("fraction=1"))
    quarantined = {ROWS[name][0] for name in ("marks", "wide", "surrogate text")}
    assert chosen == {row["id"] for row in rows} - quarantined
    exporter = page.widget.locator(".nait-exporter")
    for column in ("score", "rank"):
        exporter.get_by_role("checkbox", name=column).uncheck()
    for name, suffix in (("JSONL", ".jsonl"), ("JSON", ".json")):
        path = lab.server.root / f"round-trip-{name}{suffix}"
        page.type(exporter.get_by_role("textbox", name="To"), str(path))
        page.press("Export")
        expect(exporter).to_contain_text(f"Written: {len(chosen)} rows")
        expect(exporter).to_contain_text(str(path))
        text = path.read_text(encoding="utf-8")
        written = json.loads(text) if name == "JSON" else [json.loads(line) for line in text.splitlines()]
        assert written == [row for row in rows if row["id"] not in quarantined]
    for name, what in (
        ("CSV", "a row holds text that is no Unicode"),
        ("Parquet", "the rows don't fit a Parquet table"),
    ):
        exporter.get_by_role("combobox", name="Format").select_option(name)
        page.press("Export")
        page.press("Replace them")
        expect(exporter.get_by_role("alert")).to_contain_text(what)
        expect(exporter.get_by_role("alert")).to_contain_text("as .jsonl")

    page.chip(FIELD, "half \ufffd").click()  # without the half of a character a table can hold the rest
    page.widget.get_by_role("checkbox", name="choose only").uncheck()
    page.press("Exclude the 2 shown")
    page.press("Clear filters")
    rest = page.has_chosen("fraction=1, excluded=['surrogate label'], filters={'narrow': False}")
    assert len(rest) == len(chosen) - 1
    path = lab.server.root / "round-trip-JSON.parquet"
    page.press("Export")
    page.press("Replace them")
    expect(exporter).to_contain_text(f"Written: {len(rest)} rows")
    table = [
        {name: value for name, value in row.items() if value is not None} for row in pq.read_table(path).to_pylist()
    ]
    assert table == [row for row in rows if row["id"] in rest]
