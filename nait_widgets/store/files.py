"""Where the bytes of a store lie: in the files of a folder, or inside one archive."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zarr.abc.store import Store

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


Sources = dict[str, Place | Made]  # what is to be packed, by key


class Files(Protocol):
    """The files of a store by their keys, such as `resid_post_mean/c/0/0/0`.

    Attributes:
        path: The folder or the archive.
    """

    path: Path

    def place(self, key: str) -> Place | None:
        """Where the bytes of a key lie; None where there is no such key."""

    @property
    def n_bytes(self) -> int:
        """Bytes on disk."""


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

    @property
    def n_bytes(self) -> int:
        """Bytes of all files together."""
        return sum(file.stat().st_size for file in self.path.rglob("*") if file.is_file())


def zarr_store(path: Path) -> Store:
    """A store's folder or archive as zarr-python reads it."""
    from zarr.storage import LocalStore

    if not is_packed(path):
        return LocalStore(path, read_only=True)
    from nait_widgets.store.archive import Archive
    from nait_widgets.store.packed import PackedStore

    archive = Archive(path)
    archive.require_plain()
    return PackedStore(archive)


def files_of(store: Store) -> Files | None:
    """The local files behind a Zarr store; None where it isn't local."""
    from zarr.storage import LocalStore

    from nait_widgets.store.packed import PackedStore

    if isinstance(store, PackedStore):
        return store.archive
    return Folder(store.root) if isinstance(store, LocalStore) else None


def is_store(path: str | os.PathLike[str]) -> bool:
    """Whether a path looks like a store rather than like rows: a Zarr folder, or an archive."""
    return (Path(path) / "zarr.json").exists() or is_packed(path)


def is_packed(path: str | os.PathLike[str]) -> bool:
    """Whether a path is a store in one file, `NAME.zarr.zip`."""
    path = Path(path)
    return path.suffix.lower() == ".zip" and path.is_file()
