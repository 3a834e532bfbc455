"""Stores that can't be read, or mean harm: each is explained in its panel, and nothing of it runs."""

from __future__ import annotations

import json
import shutil
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import zarr
from playwright.sync_api import expect

import nait_widgets as nait
from nait_widgets.store import StoreWriter

if TYPE_CHECKING:
    from browser import Lab

Break = Callable[[Path], None]


def edit_metadata(store: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the root's metadata."""
    metadata = json.loads((store / "zarr.json").read_text())
    change(metadata)
    (store / "zarr.json").write_text(json.dumps(metadata))


def nait_attribute(metadata: dict[str, Any]) -> dict[str, Any]:
    attribute: dict[str, Any] = metadata["attributes"]["nait"]
    return attribute


def second_version(store: Path) -> None:
    shutil.rmtree(store)
    store.mkdir()
    (store / ".zgroup").write_text('{"zarr_format": 2}')


def foreign(store: Path) -> None:
    shutil.rmtree(store)
    zarr.open_group(store, mode="w", zarr_format=3).create_array("a", shape=(3,), dtype="int32")


def newer(store: Path) -> None:
    edit_metadata(store, lambda metadata: nait_attribute(metadata).update(format_version=99))


def incomplete(store: Path) -> None:
    own = nait.open_store(store)
    shutil.rmtree(store)
    StoreWriter.create(store, own.layout, own.provenance)


def no_json(store: Path) -> None:
    (store / "zarr.json").write_text((store / "zarr.json").read_text()[:1000])


def enormous_attributes(store: Path) -> None:
    edit_metadata(store, lambda metadata: nait_attribute(metadata).update(padding="x" * 50_000_000))


def nested(store: Path) -> None:
    text = (store / "zarr.json").read_text()
    deep = "[" * 100_000 + "]" * 100_000
    (store / "zarr.json").write_text(text.replace('"provenance":', f'"deep": {deep}, "provenance":', 1))


def enormous_shape(store: Path) -> None:
    def grow(metadata: dict[str, Any]) -> None:
        nait_attribute(metadata)["layout"]["n_samples"] = 10**15
        for node in metadata["consolidated_metadata"]["metadata"].values():
            if node["node_type"] == "array":
                node["shape"][0] = 10**15

    edit_metadata(store, grow)


def lost_scores(store: Path) -> None:
    for file in (store / "scores").rglob("c/0"):
        if "score" in file.parts:
            file.unlink() if file.is_file() else shutil.rmtree(file)


def flipped_bit(store: Path) -> None:
    file = next(path for path in (store / "scores").rglob("*") if "/score/c/" in str(path) and path.is_file())
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 4
    file.write_bytes(data)


def unscored(store: Path) -> None:
    own = nait.open_store(store)
    for name in own.selections():
        own.delete("selections", name)
    for name in own.score_sets():
        own.delete("scores", name)


EXPLAINED: dict[Break, list[str]] = {
    second_version: ["Zarr's version 2"],
    foreign: ["not an activation store", "nait capture"],
    newer: ["format version 99", "Upgrade nait-widgets"],
    incomplete: ["0 of 600 rows", "nait capture"],
    no_json: ["zarr.json is damaged"],
    enormous_attributes: ["zarr.json is 48 MiB", "at most 8 MiB"],
    nested: ["complete"],  # nobody looks there
    enormous_shape: ["1,000,000,000,000,000 rows"],
    lost_scores: ["scores/robust/score", "promises it", "nait verify"],
    flipped_bit: ["scores/robust/score", "nait verify"],
    unscored: ["No scores are saved", "save_scores"],
}


def test_a_store_that_can_not_be_shown_is_explained(lab: Lab, saved_folder: Path) -> None:
    lab.open_lab()
    for break_it, told in EXPLAINED.items():
        store = lab.server.root / f"{break_it.__name__}.zarr"
        shutil.copytree(saved_folder / "pool.zarr", store)
        break_it(store)
        explained(lab, store, told)
    missing = [error for error in lab.errors if "404" in error]  # the browser logs every file that isn't there
    assert missing
    lab.errors[:] = [error for error in lab.errors if error not in missing]


def explained(lab: Lab, store: Path, told: list[str]) -> None:
    """Opens a store and waits for the words about it."""
    lab.command("nait:open", path=store.name)
    panel = lab.page.locator(".nait-store:visible")
    for words in (store.name, *told):
        expect(panel).to_contain_text(words, timeout=20_000)


def test_a_truncated_shard_is_told_where_it_is_read(lab: Lab, saved_folder: Path) -> None:
    store = lab.server.root / "truncated.zarr"
    shutil.copytree(saved_folder / "pool.zarr", store)
    own = nait.open_store(store)
    shard = own.path / own.layout.array("mean") / "c" / "0" / "0" / "0"
    shard.write_bytes(shard.read_bytes()[:5000])
    lab.open_lab(f"nait-store={store.name}")
    panel = lab.page.locator(".nait-store:visible")
    expect(panel.locator("canvas")).to_be_visible(timeout=20_000)
    panel.get_by_role("grid").get_by_role("row").nth(2).click()
    expect(panel.locator(".nait-store-inspector").get_by_role("alert")).to_contain_text(own.layout.array("mean"))
    expect(panel.get_by_role("region", name="Prompt").first).not_to_be_empty()  # all else goes on


def escaping(path: Path) -> None:
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("../../escaped.txt", "x")


def deflated(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def many_entries(path: Path) -> None:
    data = bytearray(path.read_bytes())
    end = data.rindex(b"PK\x05\x06")
    struct.pack_into("<HHII", data, end + 8, 65_535, 65_535, 0x7FFFFFFF, 22)
    path.write_bytes(data)


DISTRUSTED: dict[Break, list[str]] = {
    escaping: ["../../escaped.txt"],
    deflated: ["compress", "nait pack"],
    cut_off: ["can't be opened"],
    many_entries: ["can't be opened"],
}


def test_an_archive_that_can_not_be_trusted_is_explained(lab: Lab, saved_folder: Path) -> None:
    lab.open_lab()
    for break_it, told in DISTRUSTED.items():
        path = lab.server.root / f"{break_it.__name__}.zarr.zip"
        shutil.copy(saved_folder / "pool.zarr.zip", path)
        break_it(path)
        explained(lab, path, told)


def test_text_and_names_of_a_stranger_stay_text(lab: Lab, saved_folder: Path) -> None:
    evil = '<img src=x onerror="window.harmed=1"><script>window.harmed=1</script>'
    store = lab.server.root / "evil.zarr"
    shutil.copytree(saved_folder / "pool.zarr", store)
    group = zarr.open_group(store, mode="r+", use_consolidated=False)
    for name in ("prompt", "response"):
        array: Any = group[f"text/{name}"]
        array[:] = [evil] * array.shape[0]

    def rename(metadata: dict[str, Any]) -> None:
        provenance = nait_attribute(metadata)["provenance"]
        provenance["model"]["name"] = provenance["source"]["name"] = evil
        provenance[evil] = {"__proto__": {"polluted": 1}, "constructor": evil}
        nodes = metadata["consolidated_metadata"]["metadata"]
        nodes["scores/robust"]["attributes"]["nait_scores"]["name"] = evil
        nodes["scores/robust"]["attributes"]["nait_scores"]["map"] = evil
        for label in nodes["scores/robust"]["attributes"]["nait_scores"]["labels"]:
            label["values"][0] = evil

    edit_metadata(store, rename)
    lab.open_lab("nait-store=evil.zarr")
    panel = lab.page.locator(".nait-store:visible")
    expect(panel.locator("canvas")).to_be_visible(timeout=20_000)
    panel.get_by_text("Where it came from").click()
    panel.get_by_role("grid").get_by_role("row").nth(2).click()
    expect(panel.get_by_role("region", name="Response").first).to_contain_text("<script>")
    assert lab.page.evaluate("window.harmed === undefined && ({}).polluted === undefined")
    assert panel.locator("img, script").count() == 0


def test_a_server_that_gives_out_no_files_is_explained(lab: Lab, saved_folder: Path) -> None:
    shutil.copytree(saved_folder / "pool.zarr", lab.server.root / "pool.zarr", dirs_exist_ok=True)
    lab.page.route("**/files/**", lambda route: route.fulfill(status=403, body="no"))
    lab.open_lab("nait-store=pool.zarr")
    panel = lab.page.locator(".nait-store:visible")
    expect(panel).to_contain_text("ask whoever runs the server", timeout=20_000)
    lab.page.unroute("**/files/**")
    panel.get_by_role("button", name="Try again").click()
    expect(panel.locator("canvas")).to_be_visible(timeout=20_000)
    lab.errors.clear()  # of the refused files
