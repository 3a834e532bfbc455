"""Reads the structure of a zip archive that a stranger may have made, and believes none of it unchecked.

Python's `zipfile` parses the central directory; what it says is checked here as a whole before any of it is used.
"""

from __future__ import annotations

import re
import stat
import struct
import unicodedata
import zipfile
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nait_widgets.errors import StoreError
from nait_widgets.store.files import OpenFiles, Place
from nait_widgets.store.objects import OpenObjects, Span
from nait_widgets.store.remote import Url

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

MAX_ENTRIES = 1 << 20
MAX_RATIO = 200  # of the sizes with and without compression; activations deflate by 1.1, metadata by 10
_SMALL = 1 << 20  # an entry that can't become larger than this may compress as well as it likes
_PIECE = 1 << 20
_LOCAL_HEADER = struct.Struct("<4s5H3I2H")
_ENCRYPTED, _UTF8 = 0x1 | 0x40 | 0x2000, 0x800
_DOS_FOLDER_OR_LABEL = 0x10 | 0x08
_UNWRITABLE = re.compile(r'[\x00-\x1f\x7f<>:"|?*]|[ .](?:/|$)|//')


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of an archive, as the central directory has it.

    Attributes:
        name: Its path.
        size: Its bytes.
        packed: Its bytes in the archive.
        crc: CRC-32 of its bytes.
        deflated: Whether it is compressed.
        start: Where its local header begins.
        limit: Where the next entry, or the central directory, begins.
        utf8: Whether its name is written in UTF-8.
    """

    name: str
    size: int
    packed: int
    crc: int
    deflated: bool
    start: int
    limit: int
    utf8: bool


class Archive:
    """A zip archive whose structure is sound.

    No file is held open: each reading opens its own, so that threads don't share one.

    Attributes:
        path: The file, here or at a URL.
        entries: Its files by name; folders have none.

    Raises:
        StoreError: It is no zip archive, or an entry could lead out of the folder, hide another, be read in two ways
            or fill the disk; the message names the entry.
    """

    def __init__(self, path: Path | Url) -> None:
        self.path = path
        self.entries = {entry.name: entry for entry in _entries(path)}
        self._places: dict[str, Place | Span] = {}

    @property
    def n_bytes(self) -> int | None:
        """Bytes of the archive."""
        if isinstance(self.path, Url):
            facts = self.path.facts()
            return facts and facts.n_bytes
        return self.path.stat().st_size

    def places(self, keys: Sequence[str]) -> dict[str, Place | Span]:
        """Where the bytes of several keys lie, those that are there."""
        return {key: place for key in keys if (place := self.place(key)) is not None}

    def opener(self) -> OpenFiles | OpenObjects:
        """What opens shards for one pass over the store."""
        return OpenObjects(self.place) if isinstance(self.path, Url) else OpenFiles(self)

    def place(self, key: str) -> Place | Span | None:
        """Where an entry's bytes lie, compressed or not; None where there is no such entry."""
        if key not in self.entries:
            return None
        if key not in self._places:
            self._places[key] = self._find(self.entries[key])
        return self._places[key]

    @property
    def root(self) -> str:
        """The folder in it that holds the store, `""` or with a slash at its end: some tools pack the folder itself.

        Raises:
            StoreError: It holds no Zarr store.
        """
        roots = [name.removesuffix("zarr.json") for name in self.entries if f"/{name}".endswith("/zarr.json")]
        if not roots:
            raise StoreError(f"{self.path} holds no activation store: there is no zarr.json in it")
        return min(roots, key=lambda root: root.count("/"))

    def require_plain(self) -> None:
        """Raise unless the store can be read where it lies."""
        compressed = next((name for name, entry in self.entries.items() if entry.deflated), None)
        if self.root or compressed:
            what = f"{compressed!r} is compressed" if compressed else f"the store lies in its folder {self.root!r}"
            raise StoreError(
                f"{self.path} was packed by another tool ({what}), so it can't be read as it is; unpack it with "
                f"`nait unpack {self.path}`"
            )

    def contents(self, name: str) -> Iterator[bytes]:
        """The bytes of an entry, a mebibyte at a time, size and CRC-32 checked at the end.

        Raises:
            StoreError: They are not what the archive declares.
        """
        entry, place = self.entries[name], self.place(name)
        assert place is not None
        size = crc = 0
        for piece in self._inflated(entry, place) if entry.deflated else place.pieces():
            size += len(piece)
            if size > entry.size:
                raise refusal(self.path, name, f"holds more than the {entry.size:,} bytes that it declares")
            crc = zlib.crc32(piece, crc)
            yield piece
        if size != entry.size or crc != entry.crc:
            raise refusal(self.path, name, "is damaged: its checksum doesn't match its bytes")

    def _inflated(self, entry: Entry, place: Place | Span) -> Iterator[bytes]:
        engine = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            for piece in place.pieces():
                if engine.eof:
                    break
                yield engine.decompress(piece, _PIECE)
                while rest := engine.unconsumed_tail:
                    yield engine.decompress(rest, _PIECE)
            while not engine.eof and (last := engine.decompress(b"", _PIECE)):
                yield last
        except zlib.error as error:
            raise refusal(self.path, entry.name, f"is damaged: it can't be decompressed ({error})") from error

    def _find(self, entry: Entry) -> Place | Span:
        """Where an entry's bytes begin, which its local header alone says."""
        size = _LOCAL_HEADER.size
        name = entry.name.encode("utf-8" if entry.utf8 else "cp437")
        header = self._range(entry.start, size + len(name)).read(0, size + len(name))
        if len(header) < size + len(name):
            raise refusal(self.path, entry.name, "lies where the archive has ended")
        signature, _, flags, method, *_, name_length, extra_length = _LOCAL_HEADER.unpack_from(header)
        agrees = (
            signature == b"PK\x03\x04"
            and header[size:] == name
            and name_length == len(name)
            and not flags & _ENCRYPTED
            and method == (zipfile.ZIP_DEFLATED if entry.deflated else zipfile.ZIP_STORED)
        )
        if not agrees:
            raise refusal(self.path, entry.name, "isn't what the archive's directory says it is")
        offset = entry.start + size + name_length + extra_length
        if offset + entry.packed > entry.limit:
            raise refusal(self.path, entry.name, "overlaps another")
        return self._range(offset, entry.packed)

    def _range(self, offset: int, length: int) -> Place | Span:
        return Span(self.path, offset, length) if isinstance(self.path, Url) else Place(self.path, offset, length)


def refusal(path: Path | Url, name: str, what: str) -> StoreError:
    """The error that names an entry."""
    return StoreError(f"{path} is refused: its entry {name[:200]!r} {what}")


def check_names(path: Path | Url, names: Iterable[str]) -> None:
    """Raise unless every system can have files of these names side by side, all of them below one folder.

    Args:
        path: The archive, for the message.
        names: Of its files; `/` parts folders.

    Raises:
        StoreError: The message names the first that can't be.
    """
    taken: dict[str, str] = {}
    for name in names:
        if (fault := _name_fault(name)) is not None:
            raise refusal(path, name, fault)
        folded = _folded(name)
        if folded in taken:
            other = taken[folded]
            raise refusal(path, name, "is there twice" if other == name else f"differs from {other!r} by case alone")
        taken[folded] = name
    if len(taken) > MAX_ENTRIES:
        raise StoreError(f"{path} is refused: it has {len(taken):,} entries, more than {MAX_ENTRIES:,}")
    for folded, name in taken.items():
        parent = folded
        while parent := parent.rpartition("/")[0]:
            if parent in taken:
                raise refusal(path, name, f"lies in {taken[parent]!r}, which is a file")


def _folded(name: str) -> str:
    """A name as systems compare it that know no case and more than one way to write an accent."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _name_fault(name: str) -> str | None:
    if name.startswith("/"):
        return "has an absolute name"
    if "\\" in name:
        return "has a backslash in its name"
    if re.match(r"[A-Za-z]:", name):
        return "has a drive letter in its name"
    if ".." in name.split("/"):
        return "leads out of the folder"
    if not name or _UNWRITABLE.search(name):
        return "has a name that not every system can write"
    return None


def _entries(path: Path | Url) -> list[Entry]:
    """Every file of an archive, in the order in which they lie."""
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            infos, end = archive.infolist(), archive.start_dir
    # Of what it reads, zipfile says that it is bad in all these ways.
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OverflowError, EOFError, struct.error) as error:
        raise StoreError(f"{path} is no zip archive, or not all of one ({error}); fetch it again") from error
    for info in infos:
        fault = _kind_fault(info) or _name_fault(info.orig_filename.removesuffix("/"))
        if fault is not None:
            raise refusal(path, info.orig_filename, fault)
    check_names(path, [info.orig_filename for info in infos if not info.orig_filename.endswith("/")])
    infos = sorted(infos, key=lambda info: info.header_offset)
    limits = [info.header_offset for info in infos[1:]] + [end]
    for info, limit in zip(infos, limits, strict=True):
        if info.header_offset < 0 or info.header_offset + _LOCAL_HEADER.size + info.compress_size > limit:
            raise refusal(path, info.orig_filename, "overlaps another")
    return [
        Entry(
            name=info.orig_filename,
            size=info.file_size,
            packed=info.compress_size,
            crc=info.CRC,
            deflated=info.compress_type == zipfile.ZIP_DEFLATED,
            start=info.header_offset,
            limit=limit,
            utf8=bool(info.flag_bits & _UTF8),
        )
        for info, limit in zip(infos, limits, strict=True)
        if not info.orig_filename.endswith("/")
    ]


def _kind_fault(info: zipfile.ZipInfo) -> str | None:
    """What is wrong with an entry by itself, its name aside."""
    mode, folder = info.external_attr >> 16, info.orig_filename.endswith("/")
    if stat.S_IFMT(mode) not in (0, stat.S_IFDIR if folder else stat.S_IFREG):
        return "is a link or another special file"
    if not folder and info.external_attr & _DOS_FOLDER_OR_LABEL:
        return "is no file"
    if info.flag_bits & _ENCRYPTED:
        return "is encrypted"
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "is compressed by a method other than deflate"
    if info.compress_type == zipfile.ZIP_STORED and info.compress_size != info.file_size:
        return "declares two sizes"
    if folder and info.file_size:
        return "is a folder with bytes of its own"
    if info.file_size > max(_SMALL, MAX_RATIO * info.compress_size):
        return f"would grow from {info.compress_size:,} to {info.file_size:,} bytes"
    return None
