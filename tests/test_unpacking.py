"""Archives that others made: of other tools, damaged, and hostile."""

from __future__ import annotations

import json
import random
import stat
import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from zips import DEFLATED, MANIFEST, STORED, Raw, contents, deflated, visible, write_zip

from nait_widgets import open_store, unpack
from nait_widgets.errors import NaitError, StoreError
from nait_widgets.store import ActivationStore


@pytest.fixture(scope="module")
def entries(packed: ActivationStore) -> dict[str, Raw]:
    """What a packed store holds, to be written again otherwise."""
    with zipfile.ZipFile(packed.path) as archive:
        return {name: Raw(name, archive.read(name)) for name in archive.namelist()}


def test_archives_of_other_tools(pool: ActivationStore, entries: dict[str, Raw], tmp_path: Path) -> None:
    """As `zip -r` and file managers make them: compressed, with the folder, folders' entries, and their own notes."""
    own = [entry.but(method=DEFLATED) for name, entry in entries.items() if name != MANIFEST]
    folders = {f"pool.zarr/{Path(e.name).parent}/".replace("./", "") for e in own}
    whole = write_zip(
        tmp_path / "whole.zip",
        [
            *(Raw(name, b"", attributes=(stat.S_IFDIR | 0o755) << 16 | 0x10) for name in sorted(folders)),
            *(entry.but(name=f"pool.zarr/{entry.name}", attributes=0) for entry in own),
            Raw("__MACOSX/._pool.zarr", b"\0"),
        ],
    )
    plain = write_zip(tmp_path / "plain.zip", own)
    for archive in (whole, plain):
        with pytest.raises(StoreError, match=r"packed by another tool .* can't be read as it is; unpack it"):
            open_store(archive)
        assert contents(unpack(archive, tmp_path / "x.zarr", overwrite=True).path) == contents(pool.path)
    stored = write_zip(tmp_path / "stored.zarr.zip", [entry.but(method=STORED) for entry in own])
    assert open_store(stored).verify().ok
    deflated_with_manifest = write_zip(tmp_path / "manifest.zip", [e.but(method=DEFLATED) for e in entries.values()])
    assert contents(unpack(deflated_with_manifest, tmp_path / "x.zarr", overwrite=True).path) == contents(pool.path)


Change = Callable[[dict[str, Raw]], list[Raw]]


def plus(*more: Raw, listed: bool = False) -> Change:
    """The genuine archive and other entries, in its manifest too or not."""

    def change(entries: dict[str, Raw]) -> list[Raw]:
        found = dict(entries)
        if listed:
            manifest = json.loads(found[MANIFEST].data)
            for raw in more:
                size = len(raw.data) if raw.size is None else raw.size
                manifest["files"][raw.name] = {"bytes": size, "sha256": sha256(raw.data).hexdigest()}
            found[MANIFEST] = Raw(MANIFEST, json.dumps(manifest).encode())
        return [*found.values(), *more]

    return change


def changed(name: str, **changes: Any) -> Change:
    return lambda entries: [e.but(**changes) if e.name == name else e for e in entries.values()]


def manifest(edit: Callable[[dict[str, Any]], Any]) -> Change:
    def change(entries: dict[str, Raw]) -> list[Raw]:
        values = json.loads(entries[MANIFEST].data)
        edit(values)
        return [entries[MANIFEST].but(data=json.dumps(values).encode()), *list(entries.values())[1:]]

    return change


LINK = (stat.S_IFLNK | 0o777) << 16


# Refused by its structure alone: neither opened nor unpacked.
STRUCTURE: dict[str, tuple[Change, str]] = {
    "absolute": (plus(Raw("/etc/cron.d/x", b"x"), listed=True), "'/etc/cron.d/x' has an absolute name"),
    "drive": (plus(Raw("C:/x", b"x"), listed=True), "'C:/x' has a drive letter"),
    "backslash": (plus(Raw("..\\x", b"x"), listed=True), r"'..\\\\x' has a backslash"),
    "parent": (plus(Raw("../x", b"x"), listed=True), "'../x' leads out of the folder"),
    "inner parent": (plus(Raw("a/../../x", b"x"), listed=True), "'a/../../x' leads out of the folder"),
    "parent folder": (plus(Raw("../", b"", attributes=stat.S_IFDIR << 16)), "'../' leads out of the folder"),
    "dot": (plus(Raw("./x", b"x"), listed=True), "'./x' has a name that not every system can write"),
    "zero byte": (plus(Raw("x\0.txt", b"x"), listed=True), "not every system can write"),
    "line end": (plus(Raw("x\ny", b"x"), listed=True), r"'x\\ny' has a name"),
    "stream": (plus(Raw("status:x", b"x"), listed=True), "not every system can write"),
    "trailing dot": (plus(Raw("status./x", b"x"), listed=True), "not every system can write"),
    "nameless": (plus(Raw("", b"x"), listed=True), "not every system can write"),
    "link": (plus(Raw("x", b"/etc/passwd", attributes=LINK), listed=True), "'x' is a link or another special"),
    "linked folder": (plus(Raw("x/", b"", attributes=LINK)), "'x/' is a link or another special"),
    "pipe": (plus(Raw("x", b"", attributes=stat.S_IFIFO << 16), listed=True), "'x' is a link or another special"),
    "dos folder": (plus(Raw("x", b"x", attributes=0x10), listed=True), "'x' is no file"),
    "folder with bytes": (plus(Raw("x/", b"x", attributes=0x10)), "'x/' is a folder with bytes"),
    "twice": (plus(Raw("status/c/0", b"other"), listed=False), "'status/c/0' is there twice"),
    "case": (plus(Raw("STATUS/c/0", b"x"), listed=True), "'STATUS/c/0' differs from 'status/c/0' by case"),
    "accents": (plus(Raw("e\u0301", b"x"), Raw("\u00e9", b"x"), listed=True), "by case alone"),
    "below a file": (plus(Raw("status/c/0/x", b"x"), listed=True), "'status/c/0/x' lies in 'status/c/0', which is"),
    "encrypted": (changed("status/c/0", flags=0x801), "'status/c/0' is encrypted"),
    "method": (changed("status/c/0", method=14), "'status/c/0' is compressed by a method other"),
    "two sizes": (changed("status/c/0", size=10**6), "'status/c/0' declares two sizes"),
    "overlap": (plus(Raw("x", b"x" * 5000, start=0), listed=True), "overlaps another"),
    "same bytes": (plus(Raw("x", b"x", start=0), listed=True), "overlaps another"),
    "in the directory": (plus(Raw("x", b"x" * 99_000, start=10_000_000), listed=True), "overlaps another"),
    "ratio": (plus(Raw("x", bytes(10**8), method=DEFLATED), listed=True), "'x' would grow from"),
}


# Seen when its bytes are read.
BYTES: dict[str, tuple[Change, str]] = {
    "local name": (changed("status/c/0", local_name="status/c/9"), "'status/c/0' isn't what the archive's directory"),
    "local lock": (changed("status/c/0", local_flags=0x801), "'status/c/0' isn't what the archive's directory"),
    "bomb": (plus(Raw("x", bytes(10**8), method=DEFLATED, size=10**6), listed=True), "'x' holds more than the 1,000,0"),
    "short": (plus(Raw("x", b"x" * 900, method=DEFLATED, size=1000), listed=True), "'x' is damaged: its checksum"),
    "local extra": (changed("status/c/0", extra=60_000), "'status/c/0' overlaps another"),
    "no deflate": (plus(Raw("x", b"x", method=DEFLATED, packed=b"\xff" * 50), listed=True), "'x' is damaged: it can't"),
    "cut deflate": (
        plus(Raw("x", b"abc" * 99, method=DEFLATED, packed=deflated(b"abc" * 99)[:-4]), listed=True),
        "'x' is damaged: its checksum",
    ),
    "crc": (changed("status/c/0", crc=1), "'status/c/0' is damaged: its checksum"),
    "unlisted": (plus(Raw("x", b"x")), "'x' isn't in its manifest"),
    "missing": (lambda e: [r for r in e.values() if r.name != "status/c/0"], "'status/c/0' is missing"),
    "size": (manifest(lambda m: m["files"]["status/c/0"].update(bytes=1)), "'status/c/0' has .* in its manifest 1"),
    "sum": (manifest(lambda m: m["files"]["status/c/0"].update(sha256="0" * 64)), "'status/c/0' is damaged: its SHA"),
    "truth": (manifest(lambda m: m["files"]["status/c/0"].update(bytes=True)), f"'{MANIFEST}' can't be read"),
    "digits": (manifest(lambda m: m["files"]["status/c/0"].update(sha256=3)), f"'{MANIFEST}' can't be read"),
    "more": (manifest(lambda m: m["files"]["status/c/0"].update(mode=3)), f"'{MANIFEST}' can't be read"),
    "format": (manifest(lambda m: m.update(format="nait-manifest-9")), f"'{MANIFEST}' is of another format"),
    "no object": (changed(MANIFEST, data=b"[1]"), f"'{MANIFEST}' can't be read"),
    "no json": (changed(MANIFEST, data=b"{"), f"'{MANIFEST}' can't be read"),
    "deep": (changed(MANIFEST, data=b"[" * 10**6), f"'{MANIFEST}' can't be read"),
}  # fmt: skip


@pytest.mark.parametrize("kind", [*STRUCTURE, *BYTES])
def test_a_hostile_archive_is_refused_and_leaves_nothing(entries: dict[str, Raw], tmp_path: Path, kind: str) -> None:
    change, expected = (STRUCTURE | BYTES)[kind]
    inside = tmp_path / "inside"
    inside.mkdir()
    archive = write_zip(inside / "evil.zarr.zip", change(entries))
    with pytest.raises(StoreError, match=expected) as caught:
        unpack(archive)
    assert str(archive) in str(caught.value)
    assert "\n" not in str(caught.value)
    if kind in STRUCTURE:
        with pytest.raises(StoreError, match=expected):
            open_store(archive)
    assert [str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*")] == ["inside", "inside/evil.zarr.zip"]


def test_more_than_can_be_is_refused(
    entries: dict[str, Raw], tmp_path: Path, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = write_zip(tmp_path / "pool.zarr.zip", entries.values())
    with pytest.raises(NaitError, match=r"pool.zarr takes [\d.]+ MB and .* has [\d.]+ [kM]B free"):
        unpack(archive, small_disk / "pool.zarr")
    with pytest.raises(NaitError, match=r"x.zip takes [\d.]+ MB and .* has [\d.]+ [kM]B free"):
        open_store(archive).pack(small_disk / "x.zip")
    assert not list(small_disk.iterdir())
    monkeypatch.setattr("nait_widgets.store.archive.MAX_ENTRIES", 20)
    with pytest.raises(StoreError, match="entries, more than 20"):
        unpack(archive)
    monkeypatch.undo()
    monkeypatch.setattr("nait_widgets.store.manifest._MAX_BYTES", 500)
    with pytest.raises(StoreError, match=f"{MANIFEST}' has more than 500 bytes"):
        unpack(archive)
    assert visible(tmp_path) == ["disk", "pool.zarr.zip"]


@pytest.mark.parametrize("share", [0, 0.5, 0.99, 0.999999])
def test_an_archive_that_is_cut_off(packed: ActivationStore, tmp_path: Path, share: float) -> None:
    path = tmp_path / "pool.zarr.zip"
    data = packed.path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    for use in (open_store, unpack):
        with pytest.raises(StoreError, match=r"pool.zarr.zip is no zip archive, or not all of one .*fetch it again"):
            use(path)
    assert visible(tmp_path) == ["pool.zarr.zip"]


def test_an_archive_of_something_else(tmp_path: Path, pool: ActivationStore) -> None:
    foreign = write_zip(tmp_path / "foreign.zip", [Raw("readme.txt", b"hello")])
    with pytest.raises(StoreError, match=r"foreign.zip holds no activation store: there is no zarr.json"):
        unpack(foreign)
    with pytest.raises(StoreError, match=r"foreign.zip holds no activation store: there is no zarr.json"):
        open_store(foreign)
    newer = json.loads((pool.path / "zarr.json").read_text())
    newer["attributes"]["nait"]["format_version"] = 9
    archive = write_zip(tmp_path / "newer.zip", [Raw("zarr.json", json.dumps(newer).encode())])
    with pytest.raises(StoreError, match=r"newer.zip holds .* it has format version 9, newer .*upgrade nait-widgets"):
        unpack(archive)
    assert visible(tmp_path) == ["foreign.zip", "newer.zip"]


def test_random_damage_is_never_taken_for_sound(packed: ActivationStore, pool: ActivationStore, tmp_path: Path) -> None:
    """Bytes flipped anywhere: refused in a sentence, or without consequence (a date, a field that nobody reads)."""
    data, files = packed.path.read_bytes(), contents(pool.path)
    rng = random.Random(0)
    end = len(data) - 22
    directory = int.from_bytes(data[end + 16 : end + 20], "little")
    refused = 0
    for trial in range(150):
        position = rng.randrange(directory, len(data)) if trial % 3 else rng.randrange(len(data))
        damaged = bytearray(data)
        damaged[position] ^= 1 << rng.randrange(8)
        path = tmp_path / "pool.zarr.zip"
        path.write_bytes(damaged)
        try:
            store = unpack(path, tmp_path / "x.zarr", overwrite=True)
        except StoreError:
            refused += 1
        else:
            assert contents(store.path) == files
    assert refused > 75
