"""Every notebook runs from top to bottom, as a user would run it, and shows what it says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from shared import ROOT, shared

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
FOLDER = "nait-demo"  # where the notebooks write
VIEW = "application/vnd.jupyter.widget-view+json"
STATE = "application/vnd.jupyter.widget-state+json"

# The kernel's own sockets.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def read(name: str) -> Any:
    import nbformat  # takes seconds, which every process of the tests would pay

    load: Any = nbformat.read  # it has no type annotations
    return load(NOTEBOOKS / f"{name}.ipynb", as_version=4)


def execute(name: str, folder: Path, check: str = "", **settings: str) -> Any:
    """The executed notebook.

    Args:
        name: Of its file.
        folder: Where its kernel runs.
        check: Code that is run after its cells, in its kernel, and not kept.
        settings: Other values of what its first cell sets.
    """
    import nbformat
    from notebook_running import run

    notebook = read(name)
    first = next(cell for cell in notebook.cells if cell.cell_type == "code")
    for variable, value in settings.items():
        first.source, found = re.subn(rf"\b({variable} ?= ?)\w+", rf"\g<1>{value}", first.source)
        assert found == 1, variable
    new_cell: Any = nbformat.v4.new_code_cell  # nor has it
    notebook.cells.append(new_cell(check))
    run(notebook, str(folder))
    notebook.cells.pop()
    warned = [o.text for o in outputs(notebook) if o.get("name") == "stderr" and "Warning" in o.text]
    # What fails inside `interact` is shown in its output, not raised.
    failed = [o for widget in widgets(notebook).values() for o in widget.get("outputs", []) if "ename" in o]
    assert not warned + failed
    return notebook


def outputs(notebook: Any) -> list[Any]:
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def widgets(notebook: Any) -> dict[str, Any]:
    """The state of each widget, by its id."""
    saved = notebook.metadata.get("widgets", {}).get(STATE, {"state": {}})
    return {identity: widget["state"] for identity, widget in saved["state"].items()}


def shown(notebook: Any) -> list[str]:
    """Which views of the package the page shows, in order."""
    states = widgets(notebook)
    views = [output.data[VIEW]["model_id"] for output in outputs(notebook) if VIEW in output.get("data", {})]
    return [states[view]["kind"] for view in views if "kind" in states.get(view, {})]


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_is_committed_clean(path: Path) -> None:
    notebook = read(path.stem)
    assert not outputs(notebook)
    assert all(cell.execution_count is None for cell in notebook.cells if cell.cell_type == "code")
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    assert notebook.metadata == {"kernelspec": kernel, "language_info": {"name": "python"}}
    text = path.read_text("utf-8")
    assert not [own for own in (NOTEBOOKS.parents[1], Path.home()) if f"{own}/" in text]


def test_the_quickstart_finds_its_choice_again(tmp_path: Path) -> None:
    fewer = {"limit": "600"}  # rows than the notebook's own, to save time
    first = execute(
        "01_quickstart",
        tmp_path,
        """
        assert curator.selection.ids == nait.select(scores, fraction=0.10).ids
        exported = nait.read_records(folder / "quickstart.jsonl")
        assert sorted(r.id for r in exported) == sorted(curator.selection.ids)
        curator.select(fraction=0.05, merge="max", pinned=[pool.sample_id[3]])
        """,
        **fewer,
    )
    assert shown(first) == ["monitor", "curator", "inspector", "overlap", "health"]
    again = execute(
        "01_quickstart",
        tmp_path,
        """
        chosen = nait.select(scores, fraction=0.05, merge="max", pinned=[pool.sample_id[3]])
        assert curator.selection.wish == chosen.wish
        assert curator.selection.ids == chosen.ids
        """,
        **fewer,
    )
    assert shown(again) == ["curator", "inspector", "overlap", "health"]
    assert [path.name for path in tmp_path.iterdir()] == [FOLDER]


def test_alpaca_is_curated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for parts in (("model",), ("data", "alpaca52k"), ("data", "gsm8k"), ("data", "mbpp")):
        shared(*parts)
    monkeypatch.setenv("NAIT_SHARED", str(ROOT))
    notebook = execute(
        "02_curate_alpaca",
        tmp_path,
        """
        assert curator.selection.ids == nait.select(robust, fraction=0.10).ids
        about = pd.Series(list(pool.text("prompt", range(len(pool)))))
        programming = about.str.contains("function|algorithm|program|string", case=False)
        code = nait.select(robust.sel(direction=["code"]), k=20)
        assert programming[code.rows].mean() > 5 * programming.mean()
        length = {direction.name: direction.health(pool, scores).length_correlation for direction in directions}
        assert max(length["math (paper)"], length["code (paper)"]) < -0.8  # as the text says
        assert length["math"] > 0.5
        chosen = {name: set(selection.ids) for name, selection in selections.items()}
        half = len(chosen["math"]) / 2
        assert len(chosen["math (paper)"] & chosen["code (paper)"]) > half > len(chosen["math"] & chosen["code"])
        """,
        rows="500",  # fewer than the notebook's own, to save time
        examples="128",
    )
    assert shown(notebook) == ["monitor", "health", "curator", "inspector", "overlap"]
    assert [path.name for path in tmp_path.iterdir()] == [FOLDER]


def test_without_alpaca_every_cell_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAIT_SHARED", "nowhere")
    notebook = execute("02_curate_alpaca", tmp_path)
    said = [output.text for output in outputs(notebook)]
    assert said[0].startswith("There is no nowhere/model, no nowhere/data/alpaca52k/alpaca_data.json")
    assert set(said[1:]) == {"Skipped, for lack of data: see the first cell.\n"}
    assert len(said) == sum(cell.cell_type == "code" for cell in notebook.cells)
    assert not list((tmp_path / FOLDER).iterdir())


def test_what_is_taught_is_true(tmp_path: Path) -> None:
    notebook = execute(
        "03_teaching",
        tmp_path,
        """
        np.testing.assert_allclose(direction.vectors, v, atol=1e-5)
        np.testing.assert_allclose(s, by_hand, atol=1e-3)
        assert nait.select(scores, fraction=0.10).rows.tolist() == chosen.tolist()
        np.testing.assert_allclose(contrast[1], fitted["python", "robust"].vectors, atol=1e-4)
        assert np.ptp(first, axis=0).max() < 1e-5
        assert found.loc["translation", "paper"] > 0.8
        assert found.loc[["python", "arithmetic"], "paper"].max() < 0.4
        assert (found["robust"] > found[["random", "longest", "paper"]].max(axis=1)).all()
        before = truth.value
        curator.select(fraction=0.10, end="bottom")
        assert "0% are translation" in truth.value != before
        """,
    )
    assert shown(notebook) == ["monitor", "inspector", "curator", "health", "health", "overlap"]
    sliders = [state for state in widgets(notebook).values() if state["_model_name"] == "IntSliderModel"]
    drawn = [o for state in widgets(notebook).values() for o in state.get("outputs", []) if "<svg" in str(o)]
    assert len(sliders) == len(drawn) == 3
    formulas = "".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    assert all(rf"\tag{{{number}}}" in formulas for number in range(1, 7))
    assert [path.name for path in tmp_path.iterdir()] == [FOLDER]


def test_what_it_says_of_being_better_is_so(tmp_path: Path) -> None:
    notebook = execute(
        "04_is_it_better",
        tmp_path,
        """
        import numpy as np
        rates = table["found"]
        assert rates["robust"] > 0.75 > 4 * rates[["length", "random", "all rows"]].max()
        assert 0.4 > rates[["paper", "ifd"]].max()
        assert rates[["knn", "rds"]].min() > rates["robust"] - 0.05
        assert leaked.ids and not {*leaked.ids, *repeated.ids} & {i for s in selections.values() for i in s.ids}
        assert all({*leaked.ids, *repeated.ids}.isdisjoint(draw.ids) for draw in subsets["random"])
        assert curator.selection.ids == selections["robust"].ids
        assert comparison.claim("held out").means and not comparison.cautions
        loss = {name: np.mean(comparison.values(name, "held out")) for name in ["base", *subsets]}
        assert max(loss["top"], loss["knn"]) < min(loss["random"], loss["length"]) < loss["base"]
        """,
        steps="4",  # fewer than the notebook's own, to save time
    )
    assert shown(notebook) == ["monitor", "health", "curator"]
    assert [path.name for path in tmp_path.iterdir()] == [FOLDER]
