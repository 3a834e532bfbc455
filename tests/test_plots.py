"""Figures show the numbers they are given; reports are one closed file in which hostile text stays text."""

from __future__ import annotations

import json
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tiny import tiny_model

from nait_widgets import ActivationStore, capture, explain, fit_direction, score, select
from nait_widgets.errors import NaitError, SelectionError
from nait_widgets.plots import Chart, Sample, Samples, Section, Table, figures, selection_report, write_report
from nait_widgets.plots.escaping import plain_text, safe_text
from nait_widgets.plots.selection_report import direction_section

if TYPE_CHECKING:
    import xarray as xr

HOSTILE = (
    '<img src=x onerror="alert(1)">',
    "</script><script>alert(1)</script>",
    "\x1b[31mred\x1b[0m \x00 \x07",
    "abc \u202egnp.exe\u202c \u2066hidden\u2069",
    "<!--<script> &lt;b&gt; ]]> \ud800 \U000e0041",
    "$$\\href{https://evil.example/}{x}$$",
    'javascript:alert(1)" onmouseover="alert(1)',
)
SAMPLES = [{"instruction": f"Say {word}.", "output": word * 3} for word in ("do", "re", "mi", "fa", "so")]
VOID = {"meta"}


class Page(HTMLParser):
    """A page taken apart, as a browser would."""

    def __init__(self, path: Path) -> None:
        super().__init__(convert_charrefs=True)
        self.source = path.read_text(encoding="utf-8")
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.scripts: list[str] = []
        self.feed(self.source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts[-1] += data
        elif self.open and self.open[-1] != "style":
            self.text += data

    def check_closed(self) -> None:
        """Nothing is loaded, nothing runs but the report's own scripts, nothing hides."""
        assert not self.open
        for tag, attributes in self.elements:
            assert tag not in ("img", "link", "iframe", "object", "embed", "base", "form", "b", "svg")
            assert not [name for name in attributes if name.startswith("on") or name in ("src", "srcset", "action")]
            assert (attributes.get("href") or "#section-").startswith("#section-")
        policy = next(a["content"] or "" for tag, a in self.elements if tag == "meta" and "http-equiv" in a)
        assert policy.startswith("default-src 'none';")
        data, *running = self.scripts
        for script in running:
            assert b64encode(sha256(script.encode()).digest()).decode() in policy
        assert policy.count("sha256-") == len(running) == 2
        json.loads(data)
        assert "<" not in data
        assert not set(self.text) & set("\x00\x07\x1b\u202e\u202c\u2066\u2069\U000e0041")


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> ActivationStore:
    rows = [
        {
            "id": f"{i} {HOSTILE[i % len(HOSTILE)]}".encode("utf-8", "replace").decode(),
            "instruction": text,
            "output": text,
        }
        for i, text in enumerate([*HOSTILE, *(f"Count to {n}: {'one ' * n}" for n in range(1, 60))])
    ]
    return capture(
        tiny_model(), [*rows, {"id": "e", "instruction": "", "output": ""}], tmp_path_factory.mktemp("s") / "p.zarr"
    )


@pytest.fixture(scope="module")
def scores(pool: ActivationStore) -> xr.Dataset:
    in_domain = capture(
        tiny_model(), SAMPLES, pool.path.parent / "in-domain.zarr", pools=("first", "last", "mean"), text=False
    )
    directions = [
        fit_direction(in_domain, name=HOSTILE[1]),
        fit_direction(in_domain, name="plain", difference="contrast", background=pool),
    ]
    return score(pool, directions)


def test_hostile_text_is_shown_as_text() -> None:
    assert safe_text(HOSTILE[0]) == "&lt;img src=x onerror=&quot;alert(1)&quot;&gt;"
    assert safe_text("a\u202eb\x1b\n\tc") == (
        'a<span class="code-point">U+202E</span>b<span class="code-point">U+001B</span>\n\tc'
    )
    assert plain_text("a\u202eb") == "a⟨U+202E⟩b"
    family = "👩\u200d👧 नमस्ते\u200c و\u200cگ"
    assert safe_text(family) == plain_text(family) == family


@pytest.mark.parametrize(
    "wish", [{"fraction": 0.2}, {"k": 7, "merge": "mean-z"}, {"threshold": 0.0}, {"fraction": 1.0}]
)
def test_report_of_hostile_rows_is_closed(
    scores: xr.Dataset, pool: ActivationStore, tmp_path: Path, wish: dict[str, float]
) -> None:
    selection = select(scores, **wish)  # type: ignore[arg-type]
    page = Page(selection_report(scores, selection, tmp_path / "report.html"))
    page.check_closed()
    assert page.text.count(HOSTILE[1]) >= 2  # the direction's heading and its link
    shown = [h for h in HOSTILE if "\x1b" not in h and "\u202e" not in h and "\ud800" not in h and h in page.text]
    assert shown
    assert f"{len(selection):,} rows of" in page.text
    assert pool.provenance["source"]["sha256"] in page.text


def test_report_holds_every_hostile_text(tmp_path: Path) -> None:
    samples = [Sample(text, n, 0.5, True, text, text, [text]) for n, text in enumerate(HOSTILE, 1)]
    sections = [
        Section(text, text, [Table([text, text], [[text, text]], text), Samples(text, samples)]) for text in HOSTILE
    ]
    drawn = figures.comparison(HOSTILE[:3], {HOSTILE[0]: [0.1, 0.2, 0.3]}, {HOSTILE[1]: [0.3, 0.4, 0.5]})
    sections.append(Section("drawn", "", [Chart(drawn, HOSTILE[1])]))
    page = Page(
        write_report(tmp_path / "r.html", HOSTILE[1], sections, lead=HOSTILE[0], tiles=[(HOSTILE[0], HOSTILE[1])])
    )
    page.check_closed()
    for text in (HOSTILE[0], HOSTILE[1], HOSTILE[5], HOSTILE[6]):
        assert page.text.count(text) > len(HOSTILE)
    for code in ("U+001B", "U+202E", "U+D800", "U+E0041", "U+0000"):
        assert code in page.text


def test_report_of_a_store_without_text(tmp_path: Path) -> None:
    silent = capture(tiny_model(), SAMPLES, tmp_path / "s.zarr", pools=("first", "last", "mean"), text=False)
    scored = score(silent, fit_direction(silent, name="x"))
    page = Page(selection_report(scored, select(scored, k=2), tmp_path / "r.html"))
    page.check_closed()
    assert all(str(i) in page.text for i in silent.sample_id)


def test_long_text_is_cut_and_says_so(tmp_path: Path) -> None:
    sample = Sample("a", 1, 1.0, True, "p" * 5_000, "r")
    page = Page(write_report(tmp_path / "r.html", "t", [Section("s", "", [Samples("h", [sample])])]))
    assert "… 1,000 more characters" in page.text
    assert not page.scripts[1:]  # without figures, no script


def test_report_refuses_scores_of_another_selection(scores: xr.Dataset, pool: ActivationStore, tmp_path: Path) -> None:
    other = score(pool, [d.scored_by(similarity="cosine") for d in scores.attrs["directions"]])
    with pytest.raises(SelectionError, match="was not made from these scores"):
        selection_report(other, select(scores, k=3), tmp_path / "r.html")
    assert not list(tmp_path.iterdir())


def test_report_into_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(NaitError, match="there is no folder"):
        write_report(tmp_path / "none" / "r.html", "t", [])


def test_histogram_counts_every_row_once(scores: xr.Dataset, pool: ActivationStore) -> None:
    selection = select(scores, fraction=0.2)
    values = scores["score"].to_numpy()[:, 0]
    bars = figures.score_histogram(values, selection.mask, "x", 0.0).renderers[0].data_source.data  # type: ignore[attr-defined]
    assert sum(bars["chosen"]) == len(selection)
    assert sum(bars["not chosen"]) == pool.selectable.sum() - len(selection)


def test_scatter_shows_both_parts_and_thins_large_ones() -> None:
    values = np.linspace(-1, 1, 10_000)
    values[:10] = np.nan
    ids = np.array([str(i) for i in range(len(values))], object)
    drawn = figures.score_against_length(values, np.arange(1, 10_001), values > 0.5, ids, "x")
    parts = [renderer.data_source.data for renderer in drawn.renderers]  # type: ignore[attr-defined]
    assert sum(len(part["id"]) for part in parts) == figures.POINTS
    assert min(parts[1]["score"]) > 0.5 >= max(parts[0]["score"])


def test_contributions_add_up_to_the_score(scores: xr.Dataset, pool: ActivationStore) -> None:
    direction = scores.attrs["directions"][1]
    explanation = explain(pool, str(pool.sample_id[20]), direction, scores)
    bars = figures.layer_contributions(explanation).renderers[0].data_source.data  # type: ignore[attr-defined]
    assert bars["value"].sum() == pytest.approx(float(scores["score"][20, 1]), rel=1e-5)


def test_only_principal_components_have_a_health_figure(scores: xr.Dataset) -> None:
    selection = select(scores, k=5)
    for name, n_figures in zip(scores["direction"].values, (1, 0), strict=True):
        charts = [part for part in direction_section(scores, selection, str(name)).parts if isinstance(part, Chart)]
        assert sum("principal component" in chart.caption for chart in charts) == n_figures
