"""The scripts that make docs/evidence.md: the page is written, from figures that are right."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from shared import shared

from benchmarks.evidence import __main__ as evidence
from benchmarks.evidence import measures
from benchmarks.evidence.data import Split, splits
from benchmarks.evidence.figure import Range, ranges
from benchmarks.evidence.page import PAGE, Place, Section


def test_the_demo_part_writes_its_part_of_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    evidence.main(["demo", "--size", "0.05", "--work", str(tmp_path / "work"), "--out", str(tmp_path / "out")])
    page = (tmp_path / "out" / "evidence.md").read_text(encoding="utf-8")
    told = page.partition("<!-- demo -->")[2].partition("<!-- end of demo -->")[0]
    figures = json.loads((tmp_path / "out" / "results" / "evidence-demo.json").read_text(encoding="utf-8"))["figures"]
    share = figures["precision"]["10%"]["NAIT robust, mlp_act"]["python"]
    rows = [line for line in told.splitlines() if line.startswith("| NAIT robust, mlp_act |")]
    assert f"{share:.0%}" in rows[1].split(" | ")[2]  # the table by capability; the first is the mean by ratio
    assert share > 3 * figures["precision"]["10%"]["random"]["python"]
    assert figures["defects"]["length"]["boilerplate"] == pytest.approx(1)  # these are the longest responses there
    assert "Planted defects, top 20%" in page.partition("<!-- end of summary -->")[0]
    assert (tmp_path / "out" / "images" / "evidence-precision.svg").read_text(encoding="utf-8").startswith("<svg")
    assert page.partition("<!-- real -->")[2] == PAGE.read_text(encoding="utf-8").partition("<!-- real -->")[2]

    capsys.readouterr()
    evidence.main(["demo", "--size", "0.05", "--work", str(tmp_path / "work"), "--out", str(tmp_path / "again")])
    assert capsys.readouterr().out == ""  # it was finished
    assert (tmp_path / "again" / "evidence.md").read_text(encoding="utf-8") == page


def test_every_part_has_its_place_on_the_page() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert all(f"<!-- {part} -->\n" in page and f"<!-- end of {part} -->" in page for part in evidence.PARTS)


def test_parts_on_real_data_are_skipped_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(evidence, "SHARED", tmp_path / "nowhere")
    evidence.main(["real", "--size", "0.1", "--work", str(tmp_path / "work"), "--out", str(tmp_path / "out")])
    assert "real: skipped, data/alpaca52k" in capsys.readouterr().err
    assert not (tmp_path / "out" / "results").exists()


def test_a_trial_needs_a_place_of_its_own() -> None:
    with pytest.raises(SystemExit):
        evidence.main(["demo", "--size", "0.1"])


def test_measures() -> None:
    above, below = np.array([3.0, 1.0, np.nan]), np.array([2.0, 1.0, 0.0, np.nan])
    assert measures.auc(above, below) == pytest.approx((3 + 1.5) / 6)
    scores, mask = np.array([0.1, 0.9, np.nan, 0.5, 0.4, 0.3]), np.array([0, 1, 0, 0, 1, 0], bool)
    assert measures.top(scores, 0.4).tolist() == [1, 3]
    assert measures.kept(measures.top(scores, 0.4), mask) == 0.5
    assert measures.jaccard(np.array([1, 2]), np.array([2, 3])) == pytest.approx(1 / 3)
    valid = ~np.isnan(scores)
    draws = [
        mask[np.random.default_rng(i).choice(np.flatnonzero(valid), 2, replace=False)].sum() / 2 for i in range(4000)
    ]
    share, spread = measures.chance(mask, valid, 0.4)
    assert share == pytest.approx(np.mean(draws), abs=0.02)
    assert spread == pytest.approx(np.std(draws), abs=0.02)


def test_a_figure_is_well_formed_and_names_all() -> None:
    from xml.etree import ElementTree

    svg = ranges({"a < b": {"top": Range(-0.2, -0.3, -0.1), "bottom": Range(0.1, 0.0, 0.2)}}, "loss & more")
    texts = [element.text for element in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]
    assert {"a < b", "top", "bottom", "loss & more"} <= set(texts)


def test_figures_of_a_part_survive_its_cache(tmp_path: Path) -> None:
    section = Section(["text"], ["verdict"], {"a": [1.5]}, {"p": "<svg/>"}, 12.0, {}, 0.5)
    section.save(tmp_path / "part.json")
    assert Section.load(tmp_path / "part.json") == section
    place = Place.of(tmp_path / "out")
    section.save(place.figures("demo"))
    place.summarise(("demo", "real"))
    assert "- verdict\n" in place.page.read_text(encoding="utf-8")


def test_the_parts_of_the_real_sets_are_disjoint() -> None:
    found = splits(shared("data").parent, 256, 200)
    assert list(found) == ["GSM8K", "MBPP", "TyDiQA", "MMLU"]
    for split in found.values():
        assert (len(split.in_domain), len(split.held_out)) == (256, 200)
        _assert_disjoint(split)


def _assert_disjoint(split: Split) -> None:
    base, in_domain, held_out = (
        {(row["instruction"], row["input"]) for row in part} for part in (split.base, split.in_domain, split.held_out)
    )
    assert not held_out & (base | in_domain)
