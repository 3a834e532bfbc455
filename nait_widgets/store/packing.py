"""Packs a store into one file that can be sent, checked, and read as it is."""

from __future__ import annotations

import stat
import zipfile
import zlib
from hashlib import sha256
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from nait_widgets.errors import StoreError
from nait_widgets.paths import require_space, written_whole
from nait_widgets.progress import progress
from nait_widgets.store.archive import check_names
from nait_widgets.store.files import Sources, open_group
from nait_widgets.store.manifest import MANIFEST, FileFacts, write_manifest
from nait_widgets.store.parts import quiet
from nait_widgets.store.places import folder_beside, local

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from nait_widgets.store.store import ActivationStore

_UNKNOWN = "0" * 64


def pack(
    store: ActivationStore, path: str | os.PathLike[str] | None = None, *, text: bool = True, overwrite: bool = False
) -> Path:
    """Write a store into one zip file, uncompressed: activations hardly compress, and so it is read where it lies.

    A store gives the same bytes wherever and whenever it is packed under the same name. The first entry,
    `nait-manifest.json`, lists every file with its size and SHA-256. What Zarr doesn't know of in the folder stays
    behind.

    Without text, no byte of a sample is in the archive:

    - `text/` and the label columns that came from the source's rows are left out, and so is whatever else somebody
      has added to the group by other means, as nobody knows what it tells;
    - where a saved selection was filtered by text or by such a label, its wish names instead the samples that passed,
      so that it can still be repeated.

    Sample ids, token counts, the source's hash and label columns that were added to the scores stay, as does what the
    model made of the samples.

    Args:
        store: A complete store, as a folder or packed.
        path: The archive, `NAME.zarr.zip`; by default the store's own name beside it, or in the working folder for a
            store at a URL.
        text: Whether the samples' text goes along.
        overwrite: Replace a file that is there.

    Returns:
        The archive's path.

    Raises:
        StoreError: The store is incomplete or lacks files, changes meanwhile, or the path is taken.
        NaitError: The archive can't be written there.
    """
    store.require_complete()
    name = store.path.name.removesuffix(".zip")
    path = folder_beside(store.path) / f"{name}.zip" if path is None else local(path)
    _check_target(path, overwrite=overwrite)
    sources = _sources(store)
    if not text:
        from nait_widgets.store.textless import without_text

        sources = without_text(store, sources)
    check_names(path, sources)
    require_space(path, sum(source.length for source in sources.values()))
    with written_whole(path) as temporary, temporary.open("xb") as file:
        _write(file, name, sources)
    return path


def _check_target(path: Path, *, overwrite: bool) -> None:
    if path.suffix.lower() != ".zip":
        raise StoreError(f"a packed store is called NAME.zarr.zip, and not {path.name}: it is known by that")
    if path.is_dir():
        raise StoreError(f"{path} is a folder; a packed store is a file")
    if path.exists() and not overwrite:
        raise StoreError(f"{path} is there already; name another file, or replace it (`overwrite=True`, `--overwrite`)")


def _sources(store: ActivationStore) -> Sources:
    """Every file that Zarr knows of."""
    import zarr

    keys, whole, needed = ["zarr.json"], set(store.block_arrays), []
    with quiet():
        members = open_group(store.path).members(max_depth=None)
    for name, node in members:
        keys.append(f"{name}/zarr.json")
        if isinstance(node, zarr.Array):
            chunks = list(_chunks(name, node))
            keys += chunks
            needed += (
                chunks if name in whole else []
            )  # of one that somebody added, any that hold nothing may be missing
    found = store.files.places(keys)
    for key in needed:
        if key not in found:
            raise StoreError(f"shard {store.path / key} is missing; run `nait verify {store.path}` to see what else is")
    return {key: found[key] for key in keys if key in found}


def _chunks(name: str, array: Any) -> Iterator[str]:
    """The keys of an array's shards or chunks."""
    sizes = zip(array.shape, array.shards or array.chunks, strict=True)
    for position in product(*(range(-(-length // chunk)) for length, chunk in sizes)):
        yield f"{name}/{array.metadata.encode_chunk_key(position)}"


def _write(file: BinaryIO, name: str, sources: Sources) -> None:
    """Write the archive in one pass over the bytes; what the manifest says of them is filled in at the end."""
    facts = {key: FileFacts(source.length, _UNKNOWN) for key, source in sources.items()}
    total = sum(fact.n_bytes for fact in facts.values())
    with zipfile.ZipFile(file, "w") as archive, progress(total, "packing", "bytes", scaled=True) as bar:
        draft = write_manifest(name, facts)
        first = _entry(MANIFEST, len(draft))
        archive.writestr(first, draft)
        for key in sorted(sources):
            digest, written = sha256(), 0
            with archive.open(_entry(key, facts[key].n_bytes), "w") as target:
                for piece in sources[key].pieces():
                    target.write(piece)
                    digest.update(piece)
                    bar.update(len(piece))
                    written += len(piece)
            if written != facts[key].n_bytes:
                raise StoreError(f"{key} of {name} was changed while it was packed; pack it again")
            facts[key] = FileFacts(written, digest.hexdigest())
        manifest = write_manifest(name, facts)
        first.CRC = zlib.crc32(manifest)  # for the central directory, which is written on leaving
    file.seek(first.header_offset)
    file.write(first.FileHeader() + manifest)


def _entry(name: str, n_bytes: int) -> zipfile.ZipInfo:
    """An entry whose header depends on name and size alone."""
    entry = zipfile.ZipInfo(name)  # of 1980-01-01
    entry.create_system = 3
    entry.external_attr = (stat.S_IFREG | 0o644) << 16
    entry.file_size = n_bytes  # tells zipfile whether the entry needs ZIP64
    return entry
