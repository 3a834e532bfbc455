"""Stores joined into one."""

from __future__ import annotations

import shutil
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from captures import assert_same
from conftest import Row, make_rows
from parts import OPTIONS, N, Told, assert_rows, data_files, inodes
from test_capture import overflowing
from test_store import flip
from tiny import bare_model, tiny_model, tiny_tokenizer

from nait_widgets import append, capture, fit_direction, join, read_records, score, subset
from nait_widgets.errors import NaitError, StoreError
from nait_widgets.models import CausalLM, load_model
from nait_widgets.store import ActivationStore, open_store
from nait_widgets.store.arrays import column


@pytest.fixture(scope="module")
def joined(parts: list[ActivationStore], tmp_path_factory: pytest.TempPathFactory) -> ActivationStore:
    return join(parts, tmp_path_factory.mktemp("joined") / "joined.zarr")


def test_four_parts_joined_are_the_store_captured_whole(
    whole: ActivationStore, parts: list[ActivationStore], joined: ActivationStore, lm: CausalLM, in_domain_rows: Any
) -> None:
    assert joined.sample_id.tolist() == whole.sample_id.tolist()
    assert any(str(sample_id).endswith("-2") for sample_id in parts[3].sample_id)  # a twin of a row of another part
    assert joined.verify().ok
    assert_same(joined.path, whole.path)
    mine, theirs = data_files(joined), data_files(whole)
    assert {key: file.read_bytes() for key, file in mine.items()} == {k: f.read_bytes() for k, f in theirs.items()}
    assert joined.layout == whole.layout
    assert joined.shared_first_token
    direction = fit_direction(lm, in_domain_rows, name="sums", template="plain")
    scores = [score(store, direction)["score"].to_numpy() for store in (joined, whole)]
    assert scores[0].tobytes() == scores[1].tobytes()
    assert list(joined.originals([0, 200, 468])) == list(whole.originals([0, 200, 468]))


def test_only_metadata_is_written_where_parts_fill_their_blocks(
    parts: list[ActivationStore], joined: ActivationStore
) -> None:
    shared = inodes(parts)
    new = {key for key, file in data_files(joined).items() if file.stat().st_ino not in shared}
    assert new == {
        "layer/c/0", "pool/c/0", "first_token/c/0/0", "neuron_mean/c/0/0/0", "neuron_std/c/0/0/0"
    }  # fmt: skip
    assert all((joined.path / key).stat().st_size < 2_000 for key in new)


def test_the_parts_are_told_and_may_be_deleted(
    parts: list[ActivationStore], whole: ActivationStore, tmp_path: Path
) -> None:
    copies = [shutil.copytree(part.path, tmp_path / part.path.name) for part in parts]
    told = Told()
    store = join(copies, tmp_path / "joined.zarr", report=told)
    assert (told.linked, told.blocks) == (15, 15)
    for path in copies:
        shutil.rmtree(path)
    assert open_store(store.path).verify().ok
    assert_same(store.path, whole.path)
    provenance = store.provenance
    assert [part["rows"] for part in provenance["parts"]] == [128, 128, 128, 86]
    assert [part["source"] for part in provenance["parts"]] == [part.provenance["source"] for part in parts]
    assert provenance["source"]["rows"] == N
    assert provenance["model"] == parts[0].provenance["model"]
    assert provenance["capture"] == parts[0].provenance["capture"]
    # Joined in two steps it says the same, and else another digest.
    steps = join([join(parts[:2], tmp_path / "a.zarr"), *parts[2:]], tmp_path / "b.zarr")
    assert steps.provenance["source"] == provenance["source"]
    assert steps.provenance["parts"] == provenance["parts"]
    other = join([*parts[2:], *parts[:2]], tmp_path / "c.zarr")
    assert other.provenance["source"]["sha256"] != provenance["source"]["sha256"]


def test_parts_that_end_inside_a_block_are_gathered_from_there_on(
    lm: CausalLM, part_rows: list[Row], tmp_path: Path
) -> None:
    records, cuts = read_records(part_rows), (0, 100, 110, 200)
    parts = [
        capture(lm, records.part(slice(*end)), tmp_path / f"{i}.zarr", **OPTIONS | {"block_rows": size})
        for i, (end, size) in enumerate(zip(pairwise(cuts), (32, 32, 64), strict=True))
    ]
    told = Told()
    store = join(parts, tmp_path / "joined.zarr", report=told)
    assert (told.linked, told.blocks) == (3, 7)
    assert_rows(store, [(part, list(range(len(part)))) for part in parts])


def test_packed_stores_are_joined_as_others(
    parts: list[ActivationStore], whole: ActivationStore, tmp_path: Path
) -> None:
    packed = [part.pack(tmp_path / f"{i}.zarr.zip") for i, part in enumerate(parts)]
    store = join(packed, tmp_path / "joined.zarr")
    assert store.verify().ok
    assert_same(store.path, whole.path)


def test_on_another_file_system_the_files_are_copied(
    parts: list[ActivationStore], whole: ActivationStore, tmp_path: Path
) -> None:
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no other file system here")
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        store = join(parts, Path(folder) / "joined.zarr")
        assert store.verify().ok
        assert_same(store.path, whole.path)


def test_a_full_disk_leaves_nothing(pool: ActivationStore, small_disk: Path) -> None:
    with pytest.raises(NaitError, match=r"x\.zarr can't be written: No space left"):
        join([pool], small_disk / "x.zarr")
    with pytest.raises(NaitError, match=r"x\.zarr takes .* free"):
        subset(pool, range(1, 699), small_disk / "x.zarr")
    assert not list(small_disk.iterdir())


def test_shards_of_an_older_form_are_gathered(
    parts: list[ActivationStore], whole: ActivationStore, tmp_path: Path
) -> None:
    older = open_store(shutil.copytree(parts[0].path, tmp_path / "older.zarr"))
    group: Any = zarr.open_group(older.path, mode="r+", use_consolidated=False)
    values = np.asarray(group["text/prompt"][...]).astype(object)
    del group["text/prompt"]
    column(group["text"], "prompt", (128,), "string", older.layout, fill="", chunk_rows=16)[...] = values
    told = Told()
    store = join([older.path, *parts[1:]], tmp_path / "joined.zarr", report=told)
    assert (told.linked, told.blocks) == (11, 15)
    assert_same(store.path, whole.path)


def test_float32_layers_of_one_part_are_those_of_all(tmp_path: Path) -> None:
    lm, rows = overflowing("Z"), make_rows(400)
    for i in (150, 370):
        rows[i]["output"] = "ZZZZ ZZZZ ZZZZ"
    records, options = read_records(rows), {**OPTIONS, "extras": ()}
    whole = capture(lm, rows, tmp_path / "whole.zarr", **options)
    ends = [(0, 128), (128, 256), (256, 400)]
    parts = [capture(lm, records.part(slice(*end)), tmp_path / f"{i}.zarr", **options) for i, end in enumerate(ends)]
    assert [sorted(part.wide_layers) for part in parts] == [[], ["last", "mean"], ["last", "mean"]]
    store = join(parts, tmp_path / "joined.zarr")
    assert store.wide_layers == whole.wide_layers
    assert store.verify().ok
    assert_same(store.path, whole.path)
    told = Told()
    uneven = subset(whole, [*range(64), *range(65, 400)], tmp_path / "uneven.zarr", report=told)
    assert told.linked == 2
    assert_rows(uneven, [(whole, [*range(64), *range(65, 400)])])
    again = join([subset(parts[0], range(1, 128), tmp_path / "narrow.zarr"), parts[1]], tmp_path / "again.zarr")
    assert_rows(again, [(whole, list(range(1, 256)))])


# -- what is refused


@pytest.fixture(scope="module")
def small(lm: CausalLM, tmp_path_factory: pytest.TempPathFactory) -> ActivationStore:
    return capture(lm, make_rows(8), tmp_path_factory.mktemp("small") / "small.zarr", template="plain")


def other_tokenizer() -> CausalLM:
    tokenizer = tiny_tokenizer()
    tokenizer.add_tokens(["riverside"])
    return load_model(bare_model("llama"), tokenizer=tokenizer)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"model": lambda: tiny_model("llama", seed=1)}, "model weights"),
        ({"model": other_tokenizer}, "tokenizer"),
        ({"template": "alpaca"}, r"template \(plain \w{8} and alpaca \w{8}\)"),
        ({"max_length": 100}, r"maximum length \(256 and 100\)"),
        ({"site": "mlp_out"}, r"site \(resid_post and mlp_out\)"),
        ({"layers": [0, 2]}, r"layers \(0, 1, 2 and 0, 2\)"),
        ({"pools": ["mean", "last"]}, r"pools \(mean, response_mean and mean, last\)"),
        ({"extras": "loss"}, r"extras \(none and loss\)"),
        ({"store_dtype": "float32"}, r"dtype \(float16 and float32\)"),
        ({"text": False}, r"text \(kept and left out\)"),
    ],
)
def test_stores_that_differ_are_refused_by_name(
    small: ActivationStore, change: dict[str, Any], what: str, tmp_path: Path
) -> None:
    lm = change.get("model", lambda: tiny_model("llama"))()
    options = {"template": "plain", **{key: value for key, value in change.items() if key != "model"}}
    other = capture(lm, make_rows(8, seed=1), tmp_path / "other.zarr", **options)
    with pytest.raises(StoreError, match=rf"small\.zarr and .*other\.zarr can't be joined: they differ in {what}"):
        join([small, other], tmp_path / "x.zarr")
    with pytest.raises(StoreError, match=f"they differ in {what.split(' (')[0].rstrip(chr(92))}"):
        append(shutil.copytree(small.path, tmp_path / "copy.zarr"), other)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy.zarr", "other.zarr"]


def test_what_can_not_be_joined_is_refused(small: ActivationStore, tmp_path: Path) -> None:
    target = tmp_path / "x.zarr"
    with pytest.raises(StoreError, match="nothing to join"):
        join([], target)
    with pytest.raises(StoreError, match=r"'row-0-0000' is in .*small\.zarr and in .*small\.zarr too; leave it out"):
        join([small, small], target)
    with pytest.raises(StoreError, match=r"there is no store at .*nowhere\.zarr"):
        join([small, tmp_path / "nowhere.zarr"], target)
    begun = Path(shutil.copytree(small.path, tmp_path / "begun.zarr"))
    group: Any = zarr.open_group(begun, mode="r+", use_consolidated=False)
    group.attrs["nait"] = {**group.attrs["nait"], "state": "capturing"}
    with pytest.raises(StoreError, match=r"the capture of .*begun\.zarr is incomplete"):
        join([begun], target)
    with pytest.raises(StoreError, match=r"small\.zarr is there already; name another folder, or replace it"):
        join([small], small.path)
    (tmp_path / "folder").mkdir()
    with pytest.raises(StoreError, match="folder is no store, and only a store is overwritten"):
        join([small], tmp_path / "folder", overwrite=True)
    with pytest.raises(NaitError, match="there is no folder"):
        join([small], tmp_path / "no" / "x.zarr")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["begun.zarr", "folder"]


@pytest.mark.parametrize("damage", ["flipped", "deleted"])
@pytest.mark.parametrize("file", ["resid_post_last/c/1/0/0", "text/prompt/c/1", "n_tokens/c/1"])
def test_a_damaged_store_is_named_and_nothing_written(
    parts: list[ActivationStore], file: str, damage: str, tmp_path: Path
) -> None:
    path = Path(shutil.copytree(parts[1].path, tmp_path / "damaged.zarr"))
    if damage == "flipped":
        flip(path / file)
    else:
        (path / file).unlink()
    chosen = [row for row in range(128) if row != 5]  # so that every block is gathered
    with pytest.raises(StoreError, match=rf"damaged\.zarr/{file}.*mend .*damaged\.zarr first"):
        subset(path, chosen, tmp_path / "x.zarr")
    if file == "resid_post_last/c/1/0/0" or damage == "deleted":  # others keep their checksums, and are found by these
        with pytest.raises(StoreError, match=rf"damaged\.zarr/{file}.*mend .*damaged\.zarr first"):
            join([parts[0], path], tmp_path / "x.zarr")
    assert [found.name for found in tmp_path.iterdir()] == ["damaged.zarr"]
