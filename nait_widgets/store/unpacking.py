"""Unpacks an archive that a stranger may have made, and leaves nothing unless all of it is sound."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from nait_widgets.errors import StoreError
from nait_widgets.paths import require_space, written_whole
from nait_widgets.progress import progress
from nait_widgets.store.archive import Archive, refusal
from nait_widgets.store.manifest import MANIFEST, FileFacts, read_manifest
from nait_widgets.store.opening import open_store
from nait_widgets.store.places import folder_beside, local, located
from nait_widgets.store.remote import Url
from nait_widgets.store.store import ActivationStore

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping


def unpack(
    archive: str | os.PathLike[str] | Url, path: str | os.PathLike[str] | None = None, *, overwrite: bool = False
) -> ActivationStore:
    """Unpack a store, every file checked against the archive's manifest.

    Names, sizes and kinds of all entries are checked before anything is written. The folder appears once all of it is
    there and sound. An archive of a store that another tool made has no manifest; its CRC-32 sums are checked, and a
    folder that the store lies in is left out.

    Args:
        archive: `NAME.zarr.zip`, here or at a URL.
        path: The folder to write; by default `NAME.zarr` beside the archive, or in the working folder for a URL.
        overwrite: Replace a store that is there.

    Returns:
        The unpacked store.

    Raises:
        StoreError: The archive is damaged, could harm, or holds no activation store; or the path is taken.
        NaitError: The folder can't be written there.
    """
    source = located(archive)
    if not source.is_file():
        raise StoreError(f"there is no archive at {source}")
    target = _default(source) if path is None else local(path)
    _check_target(target, overwrite=overwrite)
    found = Archive(source)
    root = found.root
    files = read_manifest(found)
    names = [name for name in found.entries if name.startswith(root) and name != MANIFEST]
    require_space(target, sum(found.entries[name].size for name in names))
    with written_whole(target) as building:
        _extract(found, names, files, building, root)
        try:
            open_store(building)
        except StoreError as error:
            what = str(error).replace(str(building), "it")
            raise StoreError(f"{source} holds no activation store that can be used: {what}") from error
    return open_store(target)


def _default(archive: Path | Url) -> Path:
    name = Path(archive.name).stem if archive.suffix.lower() == ".zip" else archive.name
    return folder_beside(archive) / (name if name.endswith(".zarr") else f"{name}.zarr")


def _check_target(path: Path, *, overwrite: bool) -> None:
    if not path.exists():
        return
    if not overwrite:
        raise StoreError(
            f"{path} is there already; name another folder, or replace it (`overwrite=True`, `--overwrite`)"
        )
    if not (path / "zarr.json").is_file():
        raise StoreError(f"{path} is no store, and only a store is overwritten; name another folder")


def _extract(
    archive: Archive, names: list[str], files: Mapping[str, FileFacts] | None, folder: Path, root: str
) -> None:
    folder.mkdir()
    total = sum(archive.entries[name].size for name in names)
    with progress(total, "unpacking", "bytes", scaled=True) as bar:
        for name in names:
            file = folder / name.removeprefix(root)
            file.parent.mkdir(parents=True, exist_ok=True)
            digest = sha256()
            with file.open("xb") as out:
                for piece in archive.contents(name):
                    out.write(piece)
                    digest.update(piece)
                    bar.update(len(piece))
            if files is not None and digest.hexdigest() != files[name].sha256:
                raise refusal(archive.path, name, "is damaged: its SHA-256 isn't that of the manifest")
