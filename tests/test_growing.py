"""Stores made of stores: joined, lengthened, and cut down to some rows."""

from __future__ import annotations

import random
import shutil
import signal
import tempfile
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import growths
import numpy as np
import pytest
import zarr
from captures import assert_same
from conftest import Row, make_rows
from test_capture import overflowing
from test_store import flip, read_all
from tiny import bare_model, tiny_model, tiny_tokenizer

from nait_widgets import append, capture, fit_direction, join, read_records, score, select, subset
from nait_widgets.errors import NaitError, StoreError
from nait_widgets.models import CausalLM, load_model
from nait_widgets.store import ActivationStore, open_store
from nait_widgets.store.layout import column

OPTIONS: dict[str, Any] = {
    "pools": ["mean", "last"],
    "template": "plain",
    "block_rows": 32,
    "batch_tokens": 1024,
    "extras": "all",
}
N = 470
CUTS = (0, 128, 256, 384, N)  # each part but the last fills a window of four blocks


@dataclass
class Told:
    """What `report` was told: blocks that were linked, and all."""

    linked: int = -1
    blocks: int = -1

    def __call__(self, linked: int, blocks: int) -> None:
        self.linked, self.blocks = linked, blocks


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    """Rows without ids, a third of them twins of others, so that an id depends on the rows before."""
    rows = make_rows(N)
    for i, row in enumerate(rows):
        del row["id"]
        if i % 3 == 2:
            rows[i] = dict(rows[i // 2])
    rows[40]["output"] = rows[469]["output"] = " "
    return rows


@pytest.fixture(scope="module")
def whole(lm: CausalLM, rows: list[Row], tmp_path_factory: pytest.TempPathFactory) -> ActivationStore:
    return capture(lm, rows, tmp_path_factory.mktemp("whole") / "whole.zarr", **OPTIONS)


@pytest.fixture(scope="module")
def parts(lm: CausalLM, rows: list[Row], tmp_path_factory: pytest.TempPathFactory) -> list[ActivationStore]:
    """The same rows, captured in four places."""
    folder, records = tmp_path_factory.mktemp("parts"), read_records(rows)
    return [
        capture(lm, records.part(slice(*end)), folder / f"{i}.zarr", **OPTIONS) for i, end in enumerate(pairwise(CUTS))
    ]


@pytest.fixture(scope="module")
def joined(parts: list[ActivationStore], tmp_path_factory: pytest.TempPathFactory) -> ActivationStore:
    return join(parts, tmp_path_factory.mktemp("joined") / "joined.zarr")


def data_files(store: ActivationStore) -> dict[str, Path]:
    """The files that aren't metadata, by their keys."""
    files = (file for file in store.path.rglob("*") if file.is_file() and file.name != "zarr.json")
    return {str(file.relative_to(store.path)): file for file in files}


def inodes(stores: list[ActivationStore]) -> set[int]:
    return {file.stat().st_ino for store in stores for file in data_files(store).values()}


def assert_rows(store: ActivationStore, expected: list[tuple[ActivationStore, list[int]]]) -> None:
    """A store holds just these rows, every array of them bit for bit, and is sound."""
    assert store.verify().ok
    for name in store.layout.columns:
        there = [np.asarray(source.array(name)[...])[rows] for source, rows in expected]
        values = np.asarray(store.array(name)[...])
        assert values.dtype == there[0].dtype
        assert values.tolist() == np.concatenate(there).tolist() or values.tobytes() == np.concatenate(there).tobytes()
    for pool in store.layout.pools:
        for reader in (0, -1):  # with the float32 layers, and the float16 array itself
            values = read_all(store.parts(pool)[reader])
            there = [source.parts(pool)[reader].take(np.array(rows)) for source, rows in expected]
            if reader == -1 or all(source.wide_layers.keys() == store.wide_layers.keys() for source, _ in expected):
                assert values.tobytes() == np.concatenate(there).tobytes()
        chosen = read_all(store.pool(pool))[store.selectable].astype(np.float64)
        np.testing.assert_allclose(store.statistics(pool).mean, chosen.mean(0), rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(store.statistics(pool).std, chosen.std(0), rtol=1e-4, atol=1e-5)


# -- joined


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
    lm: CausalLM, rows: list[Row], tmp_path: Path
) -> None:
    records, cuts = read_records(rows), (0, 100, 110, 200)
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


# -- lengthened


@pytest.fixture
def short(lm: CausalLM, rows: list[Row], tmp_path: Path) -> ActivationStore:
    """The first 140 rows: a window, and a block that isn't full."""
    return capture(lm, read_records(rows).part(slice(0, 140)), tmp_path / "short.zarr", **OPTIONS)


@pytest.fixture(scope="module")
def rest(lm: CausalLM, rows: list[Row], tmp_path_factory: pytest.TempPathFactory) -> ActivationStore:
    """The rows behind them."""
    return capture(lm, read_records(rows).part(slice(140, N)), tmp_path_factory.mktemp("rest") / "r.zarr", **OPTIONS)


def test_a_store_grows_by_another(
    short: ActivationStore, rest: ActivationStore, whole: ActivationStore, lm: CausalLM, in_domain_rows: Any
) -> None:
    direction = fit_direction(lm, in_domain_rows, name="sums", template="plain")
    short.save_direction(direction)
    full = {key: file.stat().st_ino for key, file in data_files(short).items() if "/c/4" not in key and "/c/" in key}
    full = {key: inode for key, inode in full.items() if key.split("/c/")[0] in short.block_arrays}
    before = read_all(short.pool("mean"))
    twin = shutil.copytree(short.path, short.path.with_name("twin.zarr"))
    expected = join([twin, rest], short.path.with_name("expected.zarr"))
    told = Told()
    longer = append(short, rest, report=told)
    assert (told.linked, told.blocks) == (4, 15)
    assert longer.path == short.path
    assert longer.sample_id.tolist() == whole.sample_id.tolist()
    assert_rows(longer, [(open_store(twin), list(range(140))), (rest, list(range(N - 140)))])
    assert {key: (longer.path / key).stat().st_ino for key in full} == full
    assert longer.direction("sums").digest == direction.digest
    longer.delete("directions", "sums")
    shutil.rmtree(longer.path / "directions")
    assert_same(longer.path, expected.path)
    assert longer.provenance["parts"] == expected.provenance["parts"]
    assert read_all(short.pool("mean")).tobytes() == before.tobytes()  # opened before, it sees its own rows
    assert not list(short.path.parent.glob(".*"))


def test_a_store_grows_by_one_path_after_another(
    parts: list[ActivationStore], whole: ActivationStore, tmp_path: Path
) -> None:
    path = shutil.copytree(parts[0].path, tmp_path / "s.zarr")
    (tmp_path / "link.zarr").symlink_to(path)
    for part in parts[1:]:
        append(tmp_path / "link.zarr", part.path)
    assert (tmp_path / "link.zarr").is_symlink()
    assert open_store(path).verify().ok
    assert_same(path, whole.path)


def test_what_can_not_grow_is_refused_and_left_as_it_was(
    short: ActivationStore, rest: ActivationStore, lm: CausalLM, in_domain_rows: Any
) -> None:
    with pytest.raises(StoreError, match="is packed, so nothing can be saved into it"):
        append(short.pack(), rest)
    scores = score(short, fit_direction(lm, in_domain_rows, name="sums", template="plain"))
    short.save_scores(scores, "first")
    with pytest.raises(StoreError, match=r"scores 'first' of .* are of its rows as they are: delete them first"):
        append(open_store(short.path), rest)
    short.save_selection(select(scores, k=3), "three")
    with pytest.raises(StoreError, match="selections 'three' of"):
        append(open_store(short.path), rest)
    short.delete("selections", "three")
    short.delete("scores", "first")
    group: Any = zarr.open_group(short.path, mode="r+", use_consolidated=False)
    group.create_array("quality", shape=(140,), dtype="float32")
    with pytest.raises(StoreError, match=r"holds 'quality', which somebody has added"):
        append(short.path, rest)
    del group["quality"]
    with pytest.raises(StoreError, match=r"is in .*short\.zarr and in .*short\.zarr too"):
        append(short.path, short.path)
    assert len(open_store(short.path)) == 140
    assert len(append(short.path, rest)) == N


def test_appending_that_is_killed_leaves_the_old_store_or_the_new(
    short: ActivationStore, rest: ActivationStore, tmp_path: Path
) -> None:
    rng, lengths, halfway = random.Random(20260313), [], 0
    started = tmp_path / "started"
    took = 1.0
    for attempt in range(4):
        path = Path(shutil.copytree(short.path, tmp_path / f"{attempt}.zarr"))
        before = {key: file.read_bytes() for key, file in data_files(open_store(path)).items()}
        process = growths.start(path, rest.path, started)
        while not started.exists():
            assert process.is_alive()
            time.sleep(0.002)
        begun = time.monotonic()
        if attempt:
            process.join(rng.uniform(0, took))
            process.kill()
        process.join()
        took = time.monotonic() - begun if attempt == 0 else took
        assert process.exitcode in (0, -signal.SIGKILL)
        started.unlink()
        store = open_store(path)
        assert store.complete
        assert store.verify().ok
        lengths.append(len(store))
        if len(store) == 140:
            assert {key: file.read_bytes() for key, file in data_files(store).items()} == before
            halfway += bool(list(tmp_path.glob(f".*{attempt}.zarr*")))
    assert lengths[0] == N
    assert set(lengths) == {140, N}
    assert halfway
    assert len(append(tmp_path / f"{lengths.index(140)}.zarr", rest)) == N


# -- some rows


def test_a_subset_is_by_row_by_id_or_by_selection(pool: ActivationStore, direction: Any, tmp_path: Path) -> None:
    scores = score(pool, direction)
    selection = select(scores, fraction=0.1)
    rows = sorted(selection.rows.tolist())
    by_selection = subset(pool, selection, tmp_path / "selection.zarr")
    assert_rows(by_selection, [(pool, rows)])
    assert by_selection.layout.block_rows == pool.layout.block_rows
    assert by_selection.provenance["source"]["rows"] == len(rows)
    assert by_selection.provenance["subset_of"] == pool.provenance["source"]
    again = score(by_selection, direction)["score"].to_numpy()
    np.testing.assert_allclose(again, scores["score"].to_numpy()[rows], rtol=1e-5, atol=1e-6)
    by_id = subset(pool.path, iter(selection.ids), tmp_path / "ids.zarr")
    assert_same(by_id.path, by_selection.path)
    assert by_id.provenance["source"] == by_selection.provenance["source"]
    by_row = subset(pool, selection.rows, tmp_path / "ids.zarr", overwrite=True)
    assert_same(by_row.path, by_selection.path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ids.zarr", "selection.zarr"]


def test_a_subset_by_a_saved_selection_of_a_packed_store(copy: ActivationStore, direction: Any, tmp_path: Path) -> None:
    scores = score(copy, direction)
    copy.save_scores(scores, "sums")
    copy.save_selection(select(scores, k=9), "nine")
    packed = open_store(copy.pack())
    store = subset(packed, "nine", tmp_path / "nine.zarr")
    assert_rows(store, [(copy, sorted(copy.selection("nine").rows.tolist()))])
    assert store.score_sets() == ()
    with pytest.raises(StoreError, match="no 'ten' among its selections"):
        subset(packed, "ten", tmp_path / "ten.zarr")


def test_blocks_that_stay_whole_are_linked(parts: list[ActivationStore], tmp_path: Path) -> None:
    told, source = Told(), parts[3]  # of 86 rows
    kept = [row for row in range(86) if row != 40]
    store = subset(source, kept, tmp_path / "s.zarr", report=told)
    assert (told.linked, told.blocks) == (1, 3)
    assert_rows(store, [(source, kept)])
    tail = subset(source, range(64, 86), tmp_path / "tail.zarr", report=told)  # one block, and not a full one
    assert (told.linked, told.blocks) == (1, 1)
    assert_rows(tail, [(source, list(range(64, 86)))])


def test_a_first_token_that_nobody_knows_is_not_said_to_be_shared(tmp_path: Path) -> None:
    lm = tiny_model("llama")
    lm.tokenizer.bos_token = None
    rows = [{"instruction": word, "output": "lake"} for word in ("mill", "mill", "stone", "path")]
    rows = [{**row, "id": str(i)} for i, row in enumerate(rows)]
    store = capture(lm, rows, tmp_path / "s.zarr", template="plain")
    assert not store.shared_first_token
    alike = subset(store, [0, 1], tmp_path / "alike.zarr")
    assert len(set(alike.column("first_token_id").tolist())) == 1
    assert not alike.shared_first_token
    assert alike.verify().ok
    assert join([alike, subset(store, [2], tmp_path / "one.zarr")], tmp_path / "joined.zarr").verify().ok


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "no row of .* is named"),
        ([3, 700], r"there is no row 700 in .*pool\.zarr: they count from 0 to 699"),
        ([-1], "there is no row -1 in"),
        ([5, 7, 5], r"row 5 of .* \(row-0-0005\) is named twice"),
        (["row-0-0005", "row-0-0005"], r"row 5 of .* is named twice"),
        (["row-0-0005", "mill"], "has no sample 'mill'"),
        ([0.5], "rows are named by whole numbers or by sample ids, but these are float64"),
        ([True, False], "but these are bool"),
    ],
)
def test_rows_that_are_not_there_are_refused(pool: ActivationStore, rows: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=message):
        subset(pool, rows, tmp_path / "x.zarr")
    assert not list(tmp_path.iterdir())


def test_a_selection_of_another_store_is_refused(
    pool: ActivationStore, copy: ActivationStore, direction: Any, tmp_path: Path
) -> None:
    with pytest.raises(StoreError, match=r"the selection is of .*copy\.zarr, and not of .*pool\.zarr"):
        subset(pool, select(score(copy, direction), k=3), tmp_path / "x.zarr")
