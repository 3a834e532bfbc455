"""Where the bytes of a store lie: in the files of a folder, inside one archive, or at a URL."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from nait_widgets.store.places import located
from nait_widgets.store.remote import Url

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import zarr
    from zarr.abc.store import Store

    from nait_widgets.store.objects import Span

_PIECE = 1 << 20


class Place(NamedTuple):
    """A range of a file."""

    file: Path
    offset: int
    length: int

    def read(self, start: int, stop: int) -> bytes:
        """Some of its bytes; what would lie outside is left out."""
        start, stop = max(0, start), min(stop, self.length)
        with self.file.open("rb") as file:
            file.seek(self.offset + start)
            return file.read(max(0, stop - start))

    def pieces(self) -> Iterator[bytes]:
        """All of its bytes, a mebibyte at a time; fewer where the file has been cut or deleted meanwhile."""
        try:
            file = self.file.open("rb")
        except FileNotFoundError:
            return
        with file:
            file.seek(self.offset)
            left = self.length
            while left and (piece := file.read(min(left, _PIECE))):
                left -= len(piece)
                yield piece


class Made(NamedTuple):
    """Bytes that lie in no file."""

    data: bytes

    @property
    def length(self) -> int:
        """How many."""
        return len(self.data)

    def pieces(self) -> Iterator[bytes]:
        """All of them."""
        yield self.data


class Opened(Protocol):
    """The bytes of a key, open for reading by one thread."""

    def tail(self, n_bytes: int) -> bytes:
        """The last of them."""

    def expect(self, ranges: Sequence[tuple[int, int]]) -> None:
        """Say which ranges, (start, stop) each, will be read, and in which order."""

    def read_into(self, buffer: bytearray, offset: int) -> int:
        """Fill a buffer from an offset on; gives the number of bytes, fewer where they end before."""

    def close(self) -> None:
        """Let them go."""


class Opener(Protocol):
    """Opens the shards of one pass over a store."""

    def open(self, key: str, whole: int | None) -> Opened:
        """A shard, for one thread.

        Args:
            key: Of the shard.
            whole: About its bytes, where other readers of this pass will want the rest of them; else None.

        Raises:
            FileNotFoundError: There is no such key.
        """


class OpenFile:
    """A range of a local file."""

    def __init__(self, place: Place) -> None:
        self._file, self._offset, self._length = os.open(place.file, os.O_RDONLY), place.offset, place.length

    def tail(self, n_bytes: int) -> bytes:
        """The last bytes."""
        return os.pread(self._file, n_bytes, self._offset + max(0, self._length - n_bytes))

    def expect(self, ranges: Sequence[tuple[int, int]]) -> None:
        """Nothing: the disk reads ahead by itself."""

    def read_into(self, buffer: bytearray, offset: int) -> int:
        """Fill a buffer from an offset on."""
        inside = offset + len(buffer) <= self._length
        return os.preadv(self._file, [buffer], self._offset + offset) if inside else 0

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


Sources = dict[str, "Place | Span | Made"]  # what is to be packed, by key


class Files(Protocol):
    """The files of a store by their keys, such as `resid_post_mean/c/0/0/0`."""

    @property
    def path(self) -> Path | Url:
        """The folder, the archive or the URL."""

    def place(self, key: str) -> Place | Span | None:
        """Where the bytes of a key lie; None where there is no such key."""

    def places(self, keys: Sequence[str]) -> Mapping[str, Place | Span]:
        """Where the bytes of several keys lie, those that are there."""

    def opener(self) -> Opener:
        """What opens shards for one pass over the store."""

    @property
    def n_bytes(self) -> int | None:
        """Bytes that are stored; None where a server doesn't say."""


class OpenFiles:
    """Opens local files."""

    def __init__(self, files: Files) -> None:
        self._files = files

    def open(self, key: str, _whole: int | None) -> OpenFile:
        """A shard."""
        place = self._files.place(key)
        if not isinstance(place, Place):
            raise FileNotFoundError(key)
        return OpenFile(place)


class Folder:
    """A store as a folder: each key is a file of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def place(self, key: str) -> Place | None:
        """The whole of the key's file; None where there is no such file."""
        file = self.path / key
        try:
            return Place(file, 0, file.stat().st_size)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def places(self, keys: Sequence[str]) -> dict[str, Place]:
        """Where the bytes of several keys lie, those that are there."""
        return {key: place for key in keys if (place := self.place(key)) is not None}

    def opener(self) -> OpenFiles:
        """What opens shards for one pass over the store."""
        return OpenFiles(self)

    @property
    def n_bytes(self) -> int:
        """Bytes of all files together."""
        return sum(file.stat().st_size for file in self.path.rglob("*") if file.is_file())


def zarr_store(path: Path | Url, *, read_only: bool = True) -> Store:
    """A store's folder, archive or URL as zarr-python sees it."""
    from zarr.storage import LocalStore

    if is_packed(path):
        from nait_widgets.store.archive import Archive
        from nait_widgets.store.packed import PackedStore

        archive = Archive(path.absolute())
        archive.require_plain()
        return PackedStore(archive)
    if isinstance(path, Url):
        from nait_widgets.store.objects import Objects
        from nait_widgets.store.objectstore import ObjectStore

        return ObjectStore(Objects(path), read_only=read_only)
    return LocalStore(path.absolute(), read_only=read_only)


def open_group(path: Path | Url) -> zarr.Group:
    """The root of a store, for reading.

    At a URL, the metadata of all arrays are had from the root's, in one read: a writer puts that there last. In a
    folder each array's own is read, so that one that was damaged is found.
    """
    import zarr

    consolidated = None if isinstance(path, Url) else False
    return zarr.open_group(zarr_store(path), mode="r", zarr_format=3, use_consolidated=consolidated)


def names_in(path: Path | Url) -> set[str]:
    """What lies right in a folder, if it is there."""
    return path.names() if isinstance(path, Url) else {file.name for file in path.glob("*")}


def files_of(store: Store) -> Files | None:
    """The files behind a Zarr store; None where it is in memory."""
    from zarr.storage import LocalStore

    from nait_widgets.store.objectstore import ObjectStore
    from nait_widgets.store.packed import PackedStore

    if isinstance(store, PackedStore):
        return store.archive
    if isinstance(store, ObjectStore):
        return store.objects
    return Folder(store.root) if isinstance(store, LocalStore) else None


def is_store(path: str | os.PathLike[str] | Url) -> bool:
    """Whether a place looks like a store rather than like rows: a Zarr group, or an archive."""
    path = located(path)
    return (path / "zarr.json").exists() or is_packed(path)


def is_packed(path: Path | Url) -> bool:
    """Whether a place is a store in one file, `NAME.zarr.zip`."""
    return path.suffix.lower() == ".zip" and path.is_file()
