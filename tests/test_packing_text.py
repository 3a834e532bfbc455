"""A store packed without its text: nothing of that is left, and everything else serves."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
import zarr
from conftest import make_rows
from zips import contents

from nait_widgets import Direction, capture, open_store, score, select, unpack
from nait_widgets.errors import StoreError
from nait_widgets.models import CausalLM
from nait_widgets.store import ActivationStore

TOPICS = ("Bridges over water", "Mills and their wheels", "Paths in the hills")


@pytest.fixture
def telling(lm: CausalLM, direction: Direction, tmp_path: Path) -> ActivationStore:
    """A store whose scores and selections were made with the text at hand, and to which somebody has added."""
    rows = [{**row, "topic": TOPICS[i % 3]} for i, row in enumerate(make_rows(300, seed=4))]
    rows[7]["output"] = " "
    store = capture(lm, rows, tmp_path / "telling.zarr", template="plain", block_rows=256)
    scores = score(store, [direction])
    scores["half"] = ("sample", np.array(["first", "second"])[np.arange(300) // 150])
    store.save_scores(scores, "c")
    filters: dict[str, Any] = {
        "by text": {"text": "MILL", "tokens": (None, 40)},
        "by topic": {"labels": {"topic": [TOPICS[1], TOPICS[2]], "half": ["second"]}},
        "by both": {"text": "lake", "labels": {"topic": [TOPICS[0]]}, "ids": list(store.sample_id[100:])},
        "by half": {"labels": {"half": ["first"]}},
        "by nothing": {},
    }
    for name, given in filters.items():
        store.save_selection(select(scores, fraction=0.2, filters=given, pinned=[str(store.sample_id[3])]), name)
    group: Any = zarr.open_group(store.path, mode="r+", use_consolidated=False)
    text = np.dtypes.StringDType()
    group.create_array("copied", data=np.array([row["instruction"] for row in rows], text))
    group.create_group("scores/mine").create_array("copied", data=np.array([row["output"] for row in rows], text))
    group.attrs["first"] = rows[0]["instruction"]
    (store.path / "data.json").write_text(json.dumps(rows))
    return open_store(store.path)


def test_without_text_no_byte_of_a_sample_is_in_the_archive(telling: ActivationStore, tmp_path: Path) -> None:
    archive = telling.pack(tmp_path / "bare.zarr.zip", text=False)
    bare = open_store(archive)
    assert bare.verify().ok
    assert (bare.layout.text, bare.info()["text"]) == (False, False)
    every = range(len(telling))
    texts = {text for name in ("prompt", "response", "original") for text in telling.text(name, every)}
    texts |= {
        value for row in telling.originals(every) for key, value in row.items() if key in ("instruction", "topic")
    }
    texts = {text.strip() for text in texts if len(text.strip()) > 8}
    assert len(texts) > 600
    with zipfile.ZipFile(archive) as file:
        names = file.namelist()
        raw = [file.read(name) for name in names]
    unpacked: Any = zarr.open_group(unpack(archive).path, mode="r", use_consolidated=False)
    decoded = [np.asarray(a[...]) for _, a in unpacked.members(max_depth=None) if isinstance(a, zarr.Array)]
    everything = b"\0".join([*raw, *("\0".join(names).encode(),), *map(as_bytes, decoded)])
    assert b"row-4-0123" in everything
    assert b"second" in everything  # a label column of the user's own
    assert [
        text for text in texts if text.encode() in everything or json.dumps(text)[1:-1].encode() in everything
    ] == []
    assert not [name for name in names if name.startswith("text") or "copied" in name]
    assert [name for name in names if "label_code/c" in name] == [f"scores/c/label_code/c/0/{i}" for i in (0, 1)]
    # With text they are found by the same search.
    whole: Any = zarr.open_group(telling.path, mode="r", use_consolidated=False)
    found = as_bytes(whole["text/prompt"][...]) + as_bytes(whole["text/original"][...])
    assert all(text.encode() in found for text in list(telling.text("prompt", range(20))))


def test_without_text_what_is_saved_still_serves(telling: ActivationStore, tmp_path: Path) -> None:
    bare = open_store(telling.pack(tmp_path / "bare.zarr.zip", text=False))
    assert bare.scores("c")["score"].equals(telling.scores("c")["score"])
    assert bare.scores("c")["half"].values.tolist() == telling.scores("c")["half"].values.tolist()
    attributes: Any = bare.group("scores/c").attrs["nait_scores"]  # type: ignore[union-attr]
    assert [label["name"] for label in attributes["labels"]] == ["status", "half"]
    assert bare.array("scores/c/label_code").shape == (300, 2)
    assert bare.array("scores/c/label_code").chunks == telling.array("scores/c/label_code").chunks
    for name in telling.selections():
        there, here = telling.selection(name), bare.selection(name)
        assert here.rows.tolist() == there.rows.tolist(), name
        assert (here.wish == there.wish) == (name in ("by half", "by nothing"))
        assert here.wish.filters.text == ""
        assert set(here.wish.filters.labels) <= {"half"}
        assert here.wish.filters.tokens == there.wish.filters.tokens
    plain = zarr.storage.ZipStore(bare.pack(tmp_path / "again.zarr.zip"), read_only=True)
    assert xr.open_zarr(plain, chunks=None).identical(bare.dataset)
    assert xr.open_zarr(plain, group="scores/c", chunks=None)["label_code"].shape == (300, 2)
    with pytest.raises(StoreError, match="without text"):
        next(iter(bare.text("prompt", [0])))
    # What is left of it is the same whenever it is made, and from the whole archive too.
    (tmp_path / "w").mkdir()
    whole = open_store(telling.pack(tmp_path / "w" / "telling.zarr.zip"))
    assert whole.pack(tmp_path / "b.zip", text=False).read_bytes() == bare.path.read_bytes()
    again = unpack(bare.pack(tmp_path / "bare2.zarr.zip", text=False))
    assert contents(again.path) == contents(unpack(bare.path).path)


def as_bytes(values: np.ndarray[Any, Any]) -> bytes:
    return "\0".join(values.tolist()).encode() if values.dtype.kind in "TU" else values.tobytes()
