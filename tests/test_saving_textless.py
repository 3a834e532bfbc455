"""What is saved in a store without text holds none, and serves like any other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from conftest import Row, make_rows

from nait_widgets import Curator, Direction, Inspector, Recipe, capture, score, select
from nait_widgets.errors import StoreError
from nait_widgets.models import CausalLM
from nait_widgets.plots.selection_report import selection_report
from nait_widgets.selection.labels import label_columns
from nait_widgets.store import ActivationStore


@pytest.fixture(scope="module")
def secret_rows() -> list[Row]:
    return [
        {**row, "instruction": f"Zanzibar {i}", "mood": "mellow"[: 3 + i % 2]} for i, row in enumerate(make_rows(90))
    ]


@pytest.fixture
def textless(lm: CausalLM, secret_rows: list[Row], tmp_path: Path) -> ActivationStore:
    return capture(lm, secret_rows, tmp_path / "textless.zarr", template="plain", text=False, monitor=False)


def test_a_store_without_text_holds_no_text(
    textless: ActivationStore, secret_rows: list[Row], direction: Direction
) -> None:
    textless.save_scores(score(textless, direction), "set")
    textless.save_selection(select(textless.scores("set"), k=5), "best")
    texts = {text for row in secret_rows for text in (row["instruction"], row["output"], row["mood"]) if len(text) > 3}
    for file in textless.path.rglob("zarr.json"):
        assert not [text for text in texts if text in file.read_text()], file
    group: Any = zarr.open_group(textless.path, mode="r", use_consolidated=False)
    arrays = [node for _, node in group.members(max_depth=None) if isinstance(node, zarr.Array)]
    for array in (array for array in arrays if array.dtype.kind == "T"):
        values = " ".join(map(str, np.asarray(array[...]).ravel()))
        assert not [text for text in texts if text in values], array.name
    assert "text" not in group


def test_everything_works_without_text(textless: ActivationStore, direction: Direction, tmp_path: Path) -> None:
    scores = score(textless, direction)
    scores["topic"] = "sample", np.array(["a", "b"])[np.arange(90) % 2]
    textless.save_scores(scores, "set")
    assert list(label_columns(scores)) == ["topic"]
    chosen = select(textless.scores("set"), k=9, filters={"labels": {"topic": ["a"]}})
    textless.save_selection(chosen, "best")
    assert textless.selection("best").ids == chosen.ids
    assert textless.verify().ok
    assert textless.info()["text"] is False
    assert textless.explain(chosen.ids[0], direction).score == pytest.approx(chosen.scores[0])
    assert selection_report(scores, chosen, tmp_path / "report.html").exists()
    for suffix in (".jsonl", ".json", ".parquet", ".csv", ".tsv", ""):
        rows, recipe, card, *_ = chosen.export(tmp_path / f"rows{suffix}", columns=["rank"], order="rank")
        assert "The store has no text, so a row here is its `id` in the source" in card.read_text("utf-8")
        assert Recipe.load(recipe).repeat().ids == chosen.ids
    lines = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    assert lines == [{"id": name, "nait_rank": rank} for rank, name in enumerate(chosen.ids, 1)]
    with pytest.raises(StoreError, match="was captured without text"):
        select(scores, k=3, filters={"text": "x"})
    assert rows.is_dir()


def test_the_widgets_work_without_text(
    textless: ActivationStore, direction: Direction, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = score(textless, direction)
    curator, inspector = Curator(textless, scores), Inspector(textless, scores=scores)
    sent: list[dict[str, Any]] = []
    for widget, questions in (
        (curator, (("columns", {}), ("rows", {"rows": [3]}), ("sample", {"row": 3}), ("code", {}))),
        (inspector, (("sample", {"id": str(textless.sample_id[3]), "direction": "sums"}),)),
    ):
        monkeypatch.setattr(widget, "send", lambda content, _buffers=None: sent.append(content))
        for question, body in questions:
            widget._asked(None, {"id": 0, "ask": question, "body": body}, [])
    columns, rows, sample, _, inspected = [content["answer"] for content in sent]
    assert columns["text"] is False
    assert rows == [{"id": str(textless.sample_id[3]), "prompt": "", "response": ""}]
    assert sample == {"prompt": "", "response": ""}
    assert (inspected["hasText"], inspected["prompt"]) == (False, "")
