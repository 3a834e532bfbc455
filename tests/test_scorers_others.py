"""Scorers of other packages, and the page that tells of them."""

from __future__ import annotations

import math
import re
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import EMPTY_ROW, Row

import nait_widgets as nait
from nait_widgets import Scorer, capture, scorer
from nait_widgets.errors import ScorerError
from nait_widgets.models import CausalLM
from nait_widgets.scorers import KINDS, TargetScorer, available, find
from nait_widgets.store import ActivationStore

PAGE = (Path(__file__).parents[1] / "docs" / "scorers.md").read_text()


def install(folder: Path, package: str, entries: dict[str, str], **modules: str) -> None:
    """A distribution as an installer leaves it."""
    about = folder / f"{package}-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    lines = [f"{name} = {value}" for name, value in entries.items()]
    (about / "entry_points.txt").write_text("\n".join(["[nait_widgets.scorers]", *lines, ""]))
    for name, text in modules.items():
        (folder / f"{name}.py").write_text(text)


def page_block(language: str, containing: str) -> str:
    blocks = re.findall(rf"^```{language}\n(.*?)^```", PAGE, flags=re.DOTALL | re.MULTILINE)
    (block,) = [block for block in blocks if containing in block]
    return str(block)


def test_the_example_of_the_page_runs_once_it_is_installed(
    pool: ActivationStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = page_block("python", "class Digits")
    assert len([line for line in code.splitlines() if line.strip()]) <= 10
    entries = tomllib.loads(page_block("toml", "Digits"))["project"]["entry-points"]["nait_widgets.scorers"]
    install(tmp_path, "digit-counter", entries, digits=code)
    assert "digits" not in available()
    monkeypatch.syspath_prepend(tmp_path)
    assert available() == (*KINDS, "digits")
    one = scorer("digits", least=3)
    scores = one.score(pool)
    for row in (0, 1, 2, EMPTY_ROW):
        (text,) = pool.text("response", [row])
        valid = pool.selectable[row] and len(text) >= 3
        expected = sum(c in "0123456789" for c in text) / len(text) if valid else math.nan
        np.testing.assert_equal(scores[row], expected)
    back = Scorer.load(one.save(tmp_path / "d.scorer"))
    assert (back.kind, back.options, back.digest) == ("digits", {"least": 3}, one.digest)
    assert nait.score(pool, one)["score"].shape == (len(pool), 1)


def test_the_first_lines_of_the_page_run(
    lm: CausalLM,
    pool: ActivationStore,
    in_domain_rows: list[Row],
    direction: nait.Direction,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("alpaca.zarr").symlink_to(pool.path)
    capture(lm, in_domain_rows, tmp_path / "gsm8k.zarr", extras="all", template="plain")
    direction.save("math.direction")
    names: dict[str, Any] = {}
    exec(page_block("python", "open_store"), names)
    assert names["scores"]["direction"].to_numpy().tolist() == ["sums", "ifd", "knn gsm8k", "length"]
    assert Scorer.load("near.scorer").digest == names["near"].digest


def test_the_page_tells_of_every_kind_and_option() -> None:
    table = {line.split("|")[1].strip(" `"): line for line in PAGE.splitlines() if line.startswith("| `")}
    assert list(table) == list(KINDS)
    for kind, cls in KINDS.items():
        assert all(f"`{option}`" in table[kind] for option in cls.option_names()), kind
        assert all(f"`{extra}`" in table[kind] for extra in cls.needs[-1:]), kind
        assert ("targets" in table[kind].split("|")[-3]) == issubclass(cls, TargetScorer), kind


def test_a_name_that_is_taken_or_leads_nowhere_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = page_block("python", "class Digits")
    ours = {"length": "digits:Digits", "digits": "digits:Digits", "gone": "digits:Gone", "lost": "nowhere:X"}
    install(tmp_path / "a", "one", {**ours, "digit": "digits:Digits", "math": "math:pi"}, digits=module)
    install(tmp_path / "b", "two", {"digits": "digits:Digits"})
    monkeypatch.syspath_prepend(tmp_path / "a")
    assert find("digits").__name__ == "Digits"
    monkeypatch.syspath_prepend(tmp_path / "b")
    for kind, words in [
        ("length", "scorer 'length' is claimed by nait-widgets itself and the package one; uninstall"),
        ("digits", "scorer 'digits' is claimed by the package two and the package one; uninstall one"),
        ("gone", "scorer 'gone' of the package one can't be imported: "),
        ("lost", "scorer 'lost' of the package one can't be imported: No module named 'nowhere'"),
        ("digit", "digits:Digits of the package one is registered as scorer 'digit', but isn't a Scorer of that kind"),
        ("math", "math:pi of the package one is registered as scorer 'math', but isn't a Scorer of that kind"),
    ]:
        with pytest.raises(ScorerError, match=re.escape(words)):
            scorer(kind)
    assert scorer("random").kind == "random"  # the others still work
