from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
import zarr
from conftest import EMPTY_ROW, LONG_ROW, Row
from plain import close

from nait_widgets import capture, score
from nait_widgets.errors import StoreError
from nait_widgets.models import CausalLM
from nait_widgets.store import POOLS, ActivationStore, Layout, PoolReader, Status, StoreWriter, open_store
from nait_widgets.store.arrays import column
from nait_widgets.store.shards import ShardedArray


def read_all(reader: PoolReader) -> np.ndarray[Any, Any]:
    return reader.take(np.arange(reader.layout.n_samples))


def flip(path: Path, position: float = 0.4) -> None:
    data = bytearray(path.read_bytes())
    data[int(position * len(data))] ^= 0x10
    path.write_bytes(data)


def test_xarray_opens_it_with_the_layout_of_the_format(pool: ActivationStore) -> None:
    dataset = xr.open_zarr(pool.path, chunks=None)
    n, layers, neurons = len(pool), len(pool.layout.layers), pool.layout.n_neurons
    assert dict(dataset.sizes) == {
        "sample": n, "layer": layers, "neuron": neurons, "rank": 20, "component": 64, "pool": len(POOLS), "hidden": 32,
    }  # fmt: skip
    expected = {
        "sample_id": (("sample",), None),
        "n_tokens": (("sample",), "int32"),
        "n_response_tokens": (("sample",), "int32"),
        "status": (("sample",), "uint8"),
        "response_loss": (("sample",), "float32"),
        "response_alone_loss": (("sample",), "float32"),
        "embedding_mean": (("sample", "hidden"), "float32"),
        "embedding_weighted": (("sample", "hidden"), "float32"),
        "up_neuron_index": (("sample", "layer", "rank"), "uint16"),
        "top_neuron_index": (("sample", "layer", "rank"), "uint16"),
        "top_neuron_value": (("sample", "layer", "rank"), "float32"),
        "sketch": (("sample", "component"), "float16"),
        "neuron_mean": (("pool", "layer", "neuron"), "float32"),
        "neuron_std": (("pool", "layer", "neuron"), "float32"),
        **{f"resid_post_{name}": (("sample", "layer", "neuron"), "float16") for name in POOLS},
    }
    for name, (dims, dtype) in expected.items():
        assert dataset[name].dims == dims, name
        assert dtype is None or dataset[name].dtype == dtype, name
    assert "sample_id" in dataset.coords
    assert dataset["layer"].values.tolist() == list(pool.layout.layers)
    assert dataset["pool"].values.tolist() == list(POOLS)
    codes = dict(
        zip(dataset["status"].attrs["flag_meanings"].split(), dataset["status"].attrs["flag_values"], strict=True)
    )
    assert (codes["ok"], codes["truncated"], codes["pending"]) == (0, 1, 255)
    assert dataset.identical(pool.dataset)


def test_zarr_alone_reads_text_and_chunks_as_designed(pool: ActivationStore, pool_rows: list[Row]) -> None:
    group: Any = zarr.open_group(pool.path, mode="r")
    assert group.metadata.consolidated_metadata is not None
    array = group["resid_post_mean"]
    assert (array.chunks, array.shards) == ((256, 1, 32), (512, 3, 32))
    codecs = json.loads((pool.path / "resid_post_mean" / "zarr.json").read_text())["codecs"]
    assert [c["name"] for c in codecs[0]["configuration"]["codecs"]] == ["bytes", "crc32c"]
    text = group["text/original"]
    assert (text.chunks, text.shards) == ((128,), (512,))
    inner = json.loads((pool.path / "text/original/zarr.json").read_text())["codecs"][0]["configuration"]
    assert [c["name"] for c in inner["codecs"]] == ["vlen-utf8", "zstd", "crc32c"]
    assert [json.loads(value) for value in text[:20]] == pool_rows[:20]
    assert group["text/response"][7] == pool_rows[7]["output"]
    assert not [file for file in pool.path.rglob("*") if "pickle" in file.name or file.suffix == ".pkl"]


def test_direct_reading_equals_zarrs_bit_for_bit(pool: ActivationStore) -> None:
    for name in POOLS:
        reader = pool.pool(name)
        assert reader.direct
        zarrs = np.asarray(pool.array(f"resid_post_{name}")[...]).astype(np.float32)
        for rows, layers in reader.map_chunks(lambda _, layers: [values.copy() for _, values in layers]):
            assert np.stack(layers, 1).tobytes() == zarrs[rows].tobytes()
        by_layer = [np.concatenate([values.copy() for _, values in reader.chunks(layer)]) for layer in range(3)]
        assert np.stack(by_layer, 1).tobytes() == zarrs.tobytes()
        assert np.isnan(zarrs[[EMPTY_ROW, LONG_ROW]]).all()


def test_a_compressed_array_is_read_through_zarr_alike(pool: ActivationStore, tmp_path: Path) -> None:
    values = np.asarray(pool.array("resid_post_mean")[...])
    group = zarr.open_group(tmp_path / "compressed.zarr", mode="w")
    array = group.create_array("x", shape=values.shape, dtype="float16", chunks=(256, 1, 32), shards=(512, 3, 32))
    array[...] = values
    sharded = ShardedArray(array, 512, 256)
    assert not sharded.direct
    reader = PoolReader(pool.layout, sharded, {})
    assert read_all(reader).tobytes() == read_all(pool.pool("mean")).tobytes()
    assert (
        np.concatenate([v.copy() for _, v in reader.chunks(1)]).tobytes() == values[:, 1].astype(np.float32).tobytes()
    )


def test_texts_are_read_in_any_order_by_chunk_or_by_block_and_from_older_stores(
    copy: ActivationStore, pool_rows: list[Row]
) -> None:
    orders = [[699, 0, 600, 600], [3], [], list(range(700)), list(range(690, 5, -1)), [*range(0, 700, 130), 1]]
    for _ in range(2):
        for rows in orders:
            assert list(copy.originals(rows)) == [pool_rows[row] for row in rows]
            assert list(copy.text("response", np.array(rows, np.int64))) == [pool_rows[row]["output"] for row in rows]
        group: Any = zarr.open_group(copy.path, mode="r+", use_consolidated=False)
        for name in ("prompt", "response", "original"):  # one chunk a block, as they were written before
            values = np.asarray(group[f"text/{name}"][...]).astype(object)
            del group[f"text/{name}"]
            column(group["text"], name, (700,), "string", copy.layout, fill="")[...] = values
        copy = open_store(copy.path)
    assert copy.array("text/prompt").shards is None
    assert copy.verify().ok


def test_rows_are_taken_in_the_order_asked_for(pool: ActivationStore) -> None:
    rows = np.array([699, 3, 511, 512, 3])
    np.testing.assert_array_equal(pool.pool("last").take(rows), read_all(pool.pool("last"))[rows])


def test_statistics_are_numpys(pool: ActivationStore) -> None:
    for name in ("mean", "delta"):
        values = read_all(pool.pool(name))[pool.selectable].astype(np.float64)
        statistics = pool.statistics(name)
        assert close(statistics.mean, values.mean(0), 1e-6)
        assert close(statistics.std, values.std(0), 1e-6)


def test_statistics_keep_a_small_spread_about_a_large_constant(tmp_path: Path) -> None:
    layout = Layout(300, "resid_post", (0,), 2, ("mean",), dtype="float32", block_rows=256)
    group = zarr.open_group(tmp_path / "x.zarr", mode="w")
    array: Any = group.create_array("x", shape=(300, 1, 2), dtype="float32", chunks=(256, 1, 2), shards=(256, 1, 2))
    values = np.random.default_rng(0).normal(5000, 0.01, (300, 1, 2)).astype(np.float32)
    array[...] = values
    from nait_widgets.store.statistics import neuron_statistics

    statistics = neuron_statistics(PoolReader(layout, ShardedArray(array, 256, 256), {}), np.ones(300, np.bool_))
    np.testing.assert_allclose(statistics.std, values.astype(np.float64).std(0), rtol=1e-3)


def test_the_derived_tail_mean_is_the_captured_one(
    lm: CausalLM, pool: ActivationStore, pool_rows: list[Row], tmp_path: Path
) -> None:
    lean = capture(lm, pool_rows, tmp_path / "lean.zarr", pools=["mean"], template="plain", text=False)
    assert lean.shared_first_token
    derived, captured = (read_all(s.pool("tail_mean"))[pool.selectable] for s in (lean, pool))
    assert close(derived, captured, 5e-3)  # the largest of 67,008 roundings of float16
    assert close(lean.statistics("tail_mean").mean, captured.mean(0), 1e-3)
    with pytest.raises(StoreError, match=r"has the pools mean but not 'last'.*--pools mean,last"):
        lean.pool("last")


def test_without_a_shared_first_token_there_is_no_derived_tail(lm: CausalLM, tmp_path: Path) -> None:
    from tiny import tiny_tokenizer

    tokenizer = tiny_tokenizer()
    tokenizer.bos_token = None
    rows = [{"instruction": first, "output": "lake"} for first in ("river", "mill", "add")]
    store = capture(lm.model, rows, tmp_path / "s.zarr", tokenizer=tokenizer, template="plain")
    assert not store.shared_first_token
    with pytest.raises(StoreError, match="not 'tail_mean'"):
        store.pool("tail_mean")


def test_the_shared_first_token_is_the_selectable_rows_own(lm: CausalLM, tmp_path: Path) -> None:
    from tiny import tiny_tokenizer

    tokenizer = tiny_tokenizer()
    tokenizer.bos_token = None
    rows = [{"instruction": "Zebra " * 100, "output": "never reached"}]  # too long, and it begins otherwise
    rows += [{"instruction": f"mill {word}", "output": "lake"} for word in ("a", "b", "c")]
    store = capture(
        lm.model,
        rows,
        tmp_path / "s.zarr",
        tokenizer=tokenizer,
        template="plain",
        pools=["mean", "first"],
        max_length=64,
    )
    assert store.status.tolist() == [Status.TOO_LONG, 0, 0, 0]
    assert store.shared_first_token
    assert close(store.array("first_token")[...], read_all(store.pool("first"))[1], 1e-3)


def test_verify_finds_a_sound_store_sound(pool: ActivationStore) -> None:
    verification = pool.verify()
    assert (verification.ok, verification.problems, verification.rows) == (True, (), 700)


@pytest.mark.parametrize(
    "file",
    [
        "resid_post_mean/c/0/0/0",
        "resid_post_delta/c/1/0/0",
        "status/c/1",
        "n_tokens/c/0",
        "text/response/c/1",
        "sketch/c/1/0",
        "top_neuron_value/c/0/0/0",
        "neuron_mean/c/0/0/0",
        "first_token/c/0/0",
        "layer/c/0",
    ],
)
@pytest.mark.parametrize("damage", ["first byte", "middle", "last byte", "cut", "deleted"])
def test_verify_names_the_damaged_shard(copy: ActivationStore, file: str, damage: str) -> None:
    path = copy.path / file
    match damage:
        case "cut":
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        case "deleted":
            path.unlink()
        case _:
            flip(path, {"first byte": 0, "middle": 0.5, "last byte": 0.99999}[damage])
    verification = open_store(copy.path).verify()
    assert not verification.ok
    assert all(str(path) in problem for problem in verification.problems), verification.problems
    assert len(verification.problems) <= 2  # once, or for each row chunk of it


def test_a_damaged_shard_is_an_error_when_it_is_read(copy: ActivationStore) -> None:
    shard = copy.path / "resid_post_mean/c/1/0/0"
    flip(shard)
    with pytest.raises(StoreError, match=r"resid_post_mean/c/1/0/0 is damaged.*checksum"):
        read_all(copy.pool("mean"))
    shard.unlink()
    with pytest.raises(StoreError, match="resid_post_mean/c/1/0/0 is missing"):
        read_all(copy.pool("mean"))
    flip(copy.path / "status/c/0")
    with pytest.raises(StoreError, match=r"array 'status' .* can't be decoded .*nait verify"):
        _ = copy.status


def test_verify_knows_wrong_shapes_twins_and_rows_that_are_not_finite(copy: ActivationStore) -> None:
    group: Any = zarr.open_group(copy.path, mode="r+", use_consolidated=False)
    ids = group["sample_id"][...]
    group["sample_id"][1] = ids[0]
    group["resid_post_mean"][600, 2, 1] = np.nan
    first, second = open_store(copy.path).verify().problems
    assert f"id '{ids[0]}' occurs 2 times" in first
    assert f"row 600 ({ids[600]}) is not finite in layer 2" in second
    group["n_tokens"].resize((699,))
    assert "array 'n_tokens' has 699 rows" in open_store(copy.path).verify().problems[0]
    shutil.rmtree(copy.path / "sketch")
    group["n_tokens"].resize((700,))
    assert "its array 'sketch' is missing" in open_store(copy.path).verify().problems[0]


def test_an_incomplete_store_says_so(pool: ActivationStore, tmp_path: Path) -> None:
    store = StoreWriter.create(tmp_path / "new.zarr", pool.layout, pool.provenance).store
    assert store.verify().problems == (f"the capture of {store.path} is incomplete: 700 of 700 rows are pending",)
    with pytest.raises(StoreError, match=r"incomplete \(0 of 700 rows\).*again to finish"):
        store.require_complete()
    assert xr.open_zarr(store.path, chunks=None, consolidated=False)["status"].values.tolist() == [255] * 700
    assert not store.selectable.any()


def test_what_is_no_store_is_refused(pool: ActivationStore, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no store at"):
        open_store(tmp_path / "absent.zarr")
    file = tmp_path / "file.zarr"
    file.write_text("text")
    with pytest.raises(StoreError, match="is not a Zarr v3 group"):
        open_store(file)
    with pytest.raises(StoreError, match="is not a Zarr v3 group"):
        open_store(tmp_path)
    zarr.open_group(tmp_path / "v2.zarr", mode="w", zarr_format=2)
    with pytest.raises(StoreError, match="is a Zarr v2 store"):
        open_store(tmp_path / "v2.zarr")
    zarr.open_group(tmp_path / "foreign.zarr", mode="w", zarr_format=3)
    with pytest.raises(StoreError, match="not an activation store"):
        open_store(tmp_path / "foreign.zarr")
    zarr.create_array(tmp_path / "array.zarr", shape=(3,), dtype="int32")
    with pytest.raises(StoreError, match="is not a Zarr v3 group"):
        open_store(tmp_path / "array.zarr")
    (tmp_path / "broken.zarr").mkdir()
    (tmp_path / "broken.zarr" / "zarr.json").write_text("{")
    with pytest.raises(StoreError, match="is not a Zarr v3 group"):
        open_store(tmp_path / "broken.zarr")
    newer: Any = zarr.open_group(tmp_path / "newer.zarr", mode="w", zarr_format=3)
    newer.attrs["nait"] = {**pool._attributes, "format_version": 3}
    with pytest.raises(StoreError, match=r"format version 3, newer than the 2 .*upgrade nait-widgets"):
        open_store(tmp_path / "newer.zarr")


def test_info_text_and_ids(pool: ActivationStore, pool_rows: list[Row]) -> None:
    info = pool.info()
    assert json.loads(json.dumps(info)) == info
    assert info["status"] == {"ok": 698, "empty": 1, "too_long": 1}
    assert info["tokens"] == pool.n_tokens.sum()
    assert list(pool.originals([699, 0, 600])) == [pool_rows[699], pool_rows[0], pool_rows[600]]
    assert [list(row) for row in pool.originals([3])] == [list(pool_rows[3])]
    assert pool.index("row-0-0123") == 123
    with pytest.raises(StoreError, match=r"no sample 'x'; its ids look like 'row-0-0000'"):
        pool.index("x")
    assert "700 samples × 3 layers × 32 neurons" in repr(pool)


@pytest.mark.parametrize(("field", "value"), [("dtype", "float64"), ("block_rows", 300), ("block_rows", 0)])
def test_a_layout_that_can_not_be_written_is_refused(field: str, value: Any) -> None:
    options: dict[str, Any] = {field: value}
    with pytest.raises(StoreError, match="must be"):
        Layout(10, "resid_post", (0,), 4, ("mean",), **options)


def test_a_store_stays_where_it_was_opened(
    pool: ActivationStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A notebook may change its working folder between two cells."""
    folder = tmp_path / "here"
    folder.mkdir()
    shutil.copytree(pool.path, folder / "own.zarr")
    monkeypatch.chdir(folder)
    own = open_store("own.zarr")
    packed = open_store(own.pack("own.zarr.zip"))
    monkeypatch.chdir(tmp_path)
    for store in (own, packed):
        assert np.array_equal(store.sample_id, pool.sample_id)
        assert next(store.pool("mean").chunks(0))[1].tobytes() == next(pool.pool("mean").chunks(0))[1].tobytes()
        assert store.place.parent == folder
    own.save_scores(score(own, "length"), "by length")
    assert open_store(folder / "own.zarr").score_sets() == ("by length",)
    assert own.is_same(open_store(folder / "own.zarr"))
    assert [file.name for file in tmp_path.iterdir()] == ["here"]
