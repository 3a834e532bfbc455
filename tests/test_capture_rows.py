"""A capture of some rows of the data, from Python and on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from test_cli import ROWS, nait, refused
from tiny import tiny_model

from nait_widgets import capture
from nait_widgets.errors import RecordError
from nait_widgets.models import CausalLM


def test_rows_that_are_no_rows_are_refused(tmp_path: Path) -> None:
    lm = tiny_model("llama")
    lm.model.save_pretrained(tmp_path / "model")
    lm.tokenizer.save_pretrained(tmp_path / "model")
    (tmp_path / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    for rows, words in (("5", "FROM:TO"), (":", "FROM:TO"), ("a:b", "'a' is no whole number"), ("9:9", "rows 9:9")):
        refused(nait("capture", "model", "data.jsonl", "-o", "x.zarr", "--rows", rows, cwd=tmp_path), words)
    refused(
        nait("capture", "model", "data.jsonl", "-o", "x.zarr", "--rows", "120:", cwd=tmp_path), "there is no row 121"
    )


def test_some_rows_are_captured_with_the_ids_of_all(lm: CausalLM, tmp_path: Path) -> None:
    twins = [{"instruction": "mill", "output": "lake"}] * 6
    whole = capture(lm, twins, tmp_path / "whole.zarr", template="plain")
    part = capture(lm, twins, tmp_path / "part.zarr", rows=slice(2, 5), template="plain")
    assert part.sample_id.tolist() == whole.sample_id.tolist()[2:5]
    assert (part.provenance["source"]["rows"], part.provenance["source"]["rows_from"]) == (3, 2)
    assert part.provenance["source"]["sha256"] != whole.provenance["source"]["sha256"]
    assert capture(lm, twins, tmp_path / "part.zarr", rows=slice(2, 5), template="plain").complete
    for rows in (slice(4, 2), slice(-2, None), slice(0, 6, 2)):
        with pytest.raises(RecordError, match=r"rows -?\d+:\S* can't be read: name one stretch, counted from 0"):
            capture(lm, twins, tmp_path / "x.zarr", rows=rows, template="plain")
