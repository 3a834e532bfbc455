"""The scripts that make docs/evidence.md: the page is written, from figures that are right."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from shared import shared

from benchmarks.evidence import __main__ as evidence
from benchmarks.evidence import base, larger, measures
from benchmarks.evidence.data import Split, splits
from benchmarks.evidence.figure import Range, ranges
from benchmarks.evidence.page import PAGE, Place, Section
from benchmarks.evidence.study import Study


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
        assert len(split.in_domain) == 256
        assert len(split.held_out) + split.opened_alike == 200
        _assert_disjoint(split)
    assert found["MMLU"].opened_alike > 5  # its questions share passages and templates


def _assert_disjoint(split: Split) -> None:
    base, in_domain, held_out = (
        {(row["input"] or row["instruction"])[:120] for row in part}
        for part in (split.base, split.in_domain, split.held_out)
    )
    assert not held_out & (base | in_domain)


def test_what_is_held_out_is_like_nothing_that_is_read(tmp_path: Path) -> None:
    study = Study(tmp_path, 0.25, shared("data").parent, tmp_path / "results")
    known = study.splits["MBPP"]
    assert known.resembling > 0
    read = [_words(row["instruction"]) for row in (*known.base, *known.in_domain)]
    alike = [max(len(own & other) / len(own | other) for other in read) for own in map(_asked, known.held_out)]
    assert max(alike) < 0.8


def _asked(row: dict[str, str]) -> set[tuple[str, ...]]:
    return _words(row["instruction"])


def _words(text: str) -> set[tuple[str, ...]]:
    words = "".join(c if c.isalnum() else " " for c in text.casefold()).split()
    return {tuple(words[i : i + 3]) for i in range(max(1, len(words) - 2))}


def test_a_larger_model_s_figures_stay_where_none_is_given(tmp_path: Path) -> None:
    study = Study(tmp_path / "work", 1, tmp_path, tmp_path / "results")
    assert "not run" in larger.run(study).text[0]
    figures = {"row": {"model": "Large", "seeds": "3"}}
    known = Section(["| old rows |", "told"], ["verdict"], figures, {}, 900.0, {"cpu": "elsewhere"})
    known.save(tmp_path / "results" / "evidence-larger.json")
    Section(figures={"row": {"model": "shared model", "seeds": "4"}}).save(study.part("real"))
    section = larger.run(study)
    assert section.figures == figures
    assert section.text[1:] == ["told"]
    assert "| Large | 3 |" in section.text[0]
    assert "| shared model | 4 |" in section.text[0]
    assert (section.verdicts, section.seconds, section.machine) == (["verdict"], 900.0, {"cpu": "elsewhere"})


def test_a_rival_is_better_only_beyond_the_interval() -> None:
    own = [0.5, 0.6, 0.4, 0.5]
    others = {"higher": [0.7, 0.8, 0.61, 0.7], "lower": [0.3, 0.4, 0.21, 0.3], "lucky": [0.9, 0.6, 0.4, 0.49]}
    assert measures.told_apart(own, others) == {-1: ["lower"], 0: ["lucky"], 1: ["higher"]}


def test_another_base_has_other_files() -> None:
    names = {base.files_of("own base", Path("work") / folder) for folder in ("base-1a2b3c4d", "base-5e6f7a8b")}
    assert names == {"own-base-base-1a2b3c4d", "own-base-base-5e6f7a8b"}
