"""The demo end to end: its figures against a count from the files that it wrote, and the safety of its folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from test_plots import Page
from tiny import tiny_model

from nait_widgets import capture, demo, open_store
from nait_widgets.demo.run import TARGETS, DemoResult, run_demo
from nait_widgets.errors import NaitError, StoreError
from nait_widgets.selection import Recipe


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "made" / "by the demo"


@pytest.fixture(scope="module")
def result(out: Path) -> DemoResult:
    return run_demo(out)


def rows(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def carries(row: dict[str, str], target: str) -> bool:
    return (row["capability"], row["quality"]) == (target, "clean")


def test_figures_are_a_count_of_the_exported_rows(result: DemoResult, out: Path) -> None:
    candidates = [row for row in rows(demo.POOL) if row["output"].strip()]
    assert result.figures.n_valid == len(candidates)
    for target in TARGETS:
        chosen = rows(out / f"{target}.jsonl")
        assert len(chosen) == result.figures.n_chosen == int(0.1 * len(candidates) + 0.5)
        true = [row["id"] for row in candidates if carries(row, target)]
        found = {row["id"] for row in chosen} & set(true)
        shares = result.figures.shares[target]
        assert shares["robust"] == len(found) / len(chosen)
        assert result.figures.base[target] == len(true) / len(candidates)
        assert result.figures.best[target] == min(1, len(true) / len(chosen))
        assert max(shares.values()) <= result.figures.best[target]
        assert shares["random"] == pytest.approx(result.figures.base[target], abs=0.015)


def test_defects_are_a_count_of_the_exported_rows(result: DemoResult, out: Path) -> None:
    chosen = [row for target in TARGETS for row in rows(out / f"{target}.jsonl")]
    spoilt = sum(row["quality"] != "clean" for row in chosen)
    assert result.figures.defects["robust"] == pytest.approx(spoilt / len(chosen))


def test_robust_finds_far_more_than_chance(result: DemoResult) -> None:
    for target in TARGETS:
        assert result.figures.shares[target]["robust"] >= 3 * result.figures.base[target]


def test_table_says_what_the_figures_are(result: DemoResult) -> None:
    lines = {line.split()[0]: line.split()[1:] for line in result.table.splitlines() if line.startswith(TARGETS)}
    for target in TARGETS:
        shares = result.figures.shares[target]
        expected = [result.figures.base[target], *shares.values(), result.figures.best[target]]
        assert lines[target] == [f"{share:.1%}" for share in expected]


def test_files_are_whole(result: DemoResult, out: Path) -> None:
    assert sorted(out.iterdir()) == sorted(result.files)
    assert open_store(out / "pool.zarr").verify().ok
    for target in TARGETS:
        repeated = Recipe.load(out / f"{target}.recipe.json").repeat()
        assert sorted(repeated.ids) == sorted(row["id"] for row in rows(out / f"{target}.jsonl"))


def test_report_is_closed_and_holds_the_table(result: DemoResult, out: Path) -> None:
    page = Page(out / "report.html")
    page.check_closed()
    for row in result.figures.rows:
        assert "".join(row) in page.text
    assert result.figures.verdict in page.text


def test_somebody_elses_store_stays(tmp_path: Path) -> None:
    samples = [{"instruction": "a", "output": "b"}] * 3
    theirs = capture(tiny_model(), samples, tmp_path / "pool.zarr")
    with pytest.raises(NaitError, match="not the demo's"):
        run_demo(tmp_path)
    assert theirs.verify().ok


def test_a_folder_that_is_no_store_stays(tmp_path: Path) -> None:
    (tmp_path / "pool.zarr").mkdir()
    with pytest.raises(StoreError, match="not a Zarr"):
        run_demo(tmp_path)


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(NaitError, match="can't be made a folder"):
        run_demo(tmp_path / "out")
