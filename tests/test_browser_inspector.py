"""The inspector and the direction health in JupyterLab, on a part of the demo."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from playwright.sync_api import Locator, expect
from screenshots import both_themes

from nait_widgets import capture, demo, fit_direction, load_model, read_records

if TYPE_CHECKING:
    from browser import Lab

HOSTILE = {
    "id": "hostile",
    "instruction": 'Say <img src=x onerror="window.hurt = 1"> and <script>window.hurt = 1</script>.',
    "input": "",
    "output": "\u202eevil\u202c </div><b>bold</b> \x1b[31mred مرحبا",
}
EMPTY = {"id": "empty", "instruction": "Say nothing.", "input": "", "output": " "}

SETUP = """
import numpy as np
import nait_widgets as nait
from nait_widgets import demo, explaining

store = nait.open_store("{folder}/pool.zarr")
directions = [nait.Direction.load(f"{folder}/{{name}}.direction") for name in ("arithmetic", "paper")]
scores = nait.score(store, directions)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A part of the demo's candidates with a hostile and an empty one, and a direction of each preset."""
    folder = tmp_path_factory.mktemp("inspector")
    model = load_model(demo.MODEL)
    rows = [record.original for record in read_records(demo.POOL, limit=700)]
    pool = capture(model, [*rows, HOSTILE, EMPTY], folder / "pool.zarr", site="mlp_act")
    samples = read_records(demo.in_domain("arithmetic"), limit=96)
    fit_direction(model, samples, name="arithmetic", preset="robust", background=pool).save(
        folder / "arithmetic.direction"
    )
    fit_direction(model, samples, name="paper", background=pool).save(folder / "paper.direction")
    return folder


def inspector(lab: Lab, folder: Path, arguments: str) -> Locator:
    lab.page.set_viewport_size({"width": 1500, "height": 1700})
    lab.open_notebook([SETUP.format(folder=folder), f"widget = nait.Inspector(store, {arguments})\nwidget"])
    widget = lab.page.locator(".nait-inspector")
    expect(widget.get_by_text("tokens", exact=False).first).to_be_visible(timeout=30_000)
    return widget


def written(text: str) -> float:
    """The number in a text that may have a typographic minus."""
    found = re.search(r"[+−]?[\d,]*\.?\d+(e−?\d+)?", text)
    assert found, text
    return float(found[0].replace("−", "-").replace(",", ""))


def test_a_sample_is_explained_by_layer_neuron_and_token(lab: Lab, folder: Path) -> None:
    widget = inspector(lab, folder, "str(demo.MODEL), scores=scores")
    best = lab.value("store.sample_id[np.nanargmax(scores['score'].values[:, 0])]")
    sample = widget.get_by_label("Sample", exact=True)
    expect(sample).to_have_value(best)
    score = lab.value("float(np.nanmax(scores['score'].values[:, 0]))")
    assert written(widget.locator(".nait-inspector-about strong").inner_text()) == pytest.approx(score, rel=6e-3)

    # The terms that are written out add up to the score.
    terms = widget.locator(".nait-layers-sum > span:has(sub)").all_inner_texts()
    assert sum(written(term) for term in terms) == pytest.approx(score, rel=1e-2)

    # Every token's number is in its name, and they add up to the score with the constant.
    tokens = widget.get_by_role("grid", name="Tokens").get_by_role("gridcell")
    expect(tokens.first).to_be_visible(timeout=60_000)
    lab.run("found = explaining.token_contributions(store, widget.sample_id, directions[0], demo.MODEL, scores)")
    labels = tokens.evaluate_all("cells => cells.map(cell => cell.getAttribute('aria-label'))")
    expected = lab.value("found.contributions")
    assert len(labels) == len(expected)
    told = [label.rsplit(": ", 1)[1] for label in labels]
    shown = np.array([0 if "not counted" in each else written(each) for each in told])
    np.testing.assert_allclose(shown, expected, rtol=6e-3, atol=1e-9)

    rows = widget.get_by_role("table", name="Neurons").locator("tbody tr")
    expect(rows).to_have_count(20)
    expect(rows.first.locator("td").last.locator("bdi")).to_have_count(6, timeout=60_000)
    top = lab.value("list(widget.explanation.top(1)[0])")
    cells = rows.first.locator("td").all_inner_texts()
    assert [written(cell) for cell in cells[:4]] == pytest.approx(top, rel=6e-3)
    value, layer, neuron = top[2], top[0], top[1]
    column = f"store.pool('tail_mean').take(np.flatnonzero(store.selectable))[:, {layer}, {neuron}].astype(float)"
    share = lab.value(f"float(({column} < {value}).mean() + ({column} == {value}).mean() / 2)")
    assert written(cells[5]) == pytest.approx(100 * share, abs=0.06)
    both_themes(lab, widget, "inspector")

    # By keyboard: one token is in the tab order, and the arrows lead on.
    tokens.first.focus()
    lab.page.keyboard.press("ArrowRight")
    expect(tokens.nth(1)).to_be_focused()
    expect(widget.locator(".nait-tokens-pointed")).to_have_text(labels[1])

    widget.get_by_label("Direction", exact=True).select_option("paper")
    lab.eventually("widget.direction", "paper")
    other = lab.value("float(scores['score'].sel(direction='paper').values[store.index(widget.sample_id)])")
    expect(widget.locator(".nait-inspector-about strong")).not_to_contain_text(f"{score:.3g}")
    assert written(widget.locator(".nait-inspector-about strong").inner_text()) == pytest.approx(other, rel=6e-3)


def test_hostile_text_is_text_and_what_fails_is_told(lab: Lab, folder: Path) -> None:
    widget = inspector(lab, folder, "nait.load_model(demo.MODEL), scores=scores, sample_id='hostile'")
    tokens = widget.get_by_role("grid", name="Tokens")
    expect(tokens).to_be_visible(timeout=60_000)
    expect(tokens).to_contain_text("<script>")
    expect(widget).to_contain_text("⟨RLO⟩evil")
    expect(widget).to_contain_text("⟨ESC⟩")
    assert lab.page.evaluate("() => window.hurt") is None
    assert widget.locator("b, img, script").count() == 0

    sample = widget.get_by_label("Sample", exact=True)
    sample.fill("nobody")
    sample.press("Enter")
    expect(widget.get_by_role("alert")).to_contain_text("has no sample 'nobody'")
    assert lab.value("widget.sample_id") == "hostile"

    sample.fill("empty")
    sample.press("Enter")
    expect(widget).to_contain_text("It was quarantined (empty), so it has no score.")
    expect(widget.get_by_role("alert")).to_be_hidden()
    expect(tokens).to_be_hidden()
    lab.eventually("widget.sample_id", "empty")
    lab.run("widget.sample_id = 'hostile'")
    expect(sample).to_have_value("hostile")
    expect(tokens).to_be_visible()


def test_without_scores_the_strongest_neurons_are_shown(lab: Lab, folder: Path) -> None:
    widget = inspector(lab, folder, "")
    expect(widget.get_by_role("heading", name="Strongest neurons")).to_be_visible()
    lab.run("x = store.pool('mean').take(np.array([store.index(widget.sample_id)]))[0]")
    layer, neuron = lab.value("[int(i) for i in np.unravel_index(np.abs(x).argmax(), x.shape)]")
    cells = widget.get_by_role("table", name="Neurons").locator("tbody tr").first.locator("td").all_inner_texts()
    assert [int(cell) for cell in cells[:2]] == [layer, neuron]
    expect(widget.get_by_role("heading", name="Contributions by layer")).to_be_hidden()


def test_the_curators_current_sample_is_followed(lab: Lab, folder: Path) -> None:
    widget = inspector(lab, folder, "curator=(curator := nait.Curator(store, scores, recipe='followed.recipe.json'))")
    ids = lab.value("store.sample_id[:2].tolist()")
    for sample_id in ids:
        lab.run(f"curator.current = {sample_id!r}")
        expect(widget.get_by_label("Sample", exact=True)).to_have_value(sample_id)
    lab.run("curator.current = None")
    assert lab.value("widget.sample_id") == ids[1]


@pytest.mark.parametrize(("which", "figures"), [(0, 3), (1, 4)])
def test_health_shows_the_worst_first(lab: Lab, folder: Path, which: int, figures: int) -> None:
    lab.page.set_viewport_size({"width": 1500, "height": 1900})
    shown = f"widget = nait.DirectionHealth(directions[{which}], store, scores=scores)\nwidget"
    lab.open_notebook([SETUP.format(folder=folder), shown])
    widget = lab.page.locator(".nait-health")
    cards = widget.get_by_role("list", name="Findings, the worst first").get_by_role("listitem")
    expect(cards.first).to_be_visible(timeout=90_000)
    expected = lab.value("[[f.title, f.verdict, f.sentence] for f in widget.findings]", timeout=90)
    verdicts = [verdict for _, verdict, _ in expected]
    assert verdicts == sorted(verdicts, key=["bad", "caution", "unknown", "good"].index)
    assert sorted(expected) == sorted(lab.value("[[f.title, f.verdict, f.sentence] for f in widget.health.findings]"))
    assert cards.locator("h4").all_inner_texts() == [title for title, _, _ in expected]
    assert cards.locator("p").all_inner_texts() == [sentence for _, _, sentence in expected]
    words = {"bad": "bad", "caution": "caution", "unknown": "not known", "good": "good"}
    seen = cards.locator(".nait-finding-verdict").all_inner_texts()
    assert [text.split(maxsplit=1)[1] for text in seen] == [words[verdict] for verdict in verdicts]
    expect(widget.get_by_role("img")).to_have_count(figures)
    if which:
        both_themes(lab, widget, "health")
