"""The list of files that a packed store begins with: what should be in it, byte for byte."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple

from nait_widgets.store.archive import refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nait_widgets.store.archive import Archive

MANIFEST = "nait-manifest.json"
FORMAT = "nait-manifest-1"
_MAX_BYTES = 1 << 28  # a file takes some 150, and an archive has at most a million


class FileFacts(NamedTuple):
    """What is known of a file: its bytes, and their SHA-256 in hexadecimal."""

    n_bytes: int
    sha256: str


def write_manifest(name: str, files: Mapping[str, FileFacts]) -> bytes:
    """The manifest of a store; its length depends on names and sizes alone, as every SHA-256 has 64 digits."""
    facts = {key: {"bytes": files[key].n_bytes, "sha256": files[key].sha256} for key in sorted(files)}
    return json.dumps({"format": FORMAT, "name": name, "files": facts}, separators=(",", ":")).encode()


def read_manifest(archive: Archive) -> dict[str, FileFacts] | None:
    """The files that an archive's manifest lists; None where it has none, so was made by another tool.

    Raises:
        StoreError: The manifest can't be read, or the archive's names and sizes aren't those that it lists.
    """
    if MANIFEST not in archive.entries:
        return None
    if archive.entries[MANIFEST].size > _MAX_BYTES:
        raise refusal(archive.path, MANIFEST, f"has more than {_MAX_BYTES:,} bytes")
    try:
        values = json.loads(b"".join(archive.contents(MANIFEST)))
        if values["format"] != FORMAT:
            raise refusal(archive.path, MANIFEST, f"is of another format than {FORMAT}")
        files = {key: _facts(**facts) for key, facts in values["files"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise refusal(archive.path, MANIFEST, f"can't be read: {error}") from error
    for name, entry in archive.entries.items():
        if name != MANIFEST and name not in files:
            raise refusal(archive.path, name, "isn't in its manifest")
        if name != MANIFEST and files[name].n_bytes != entry.size:
            raise refusal(archive.path, name, f"has {entry.size:,} bytes, in its manifest {files[name].n_bytes:,}")
    for name in files:
        if name not in archive.entries:
            raise refusal(archive.path, name, "is missing")
    return files


def _facts(*, bytes: int, sha256: str) -> FileFacts:  # noqa: A002 - the name that the format gives it
    if type(bytes) is not int or not re.fullmatch("[0-9a-f]{64}", sha256):
        raise ValueError(f"a file has {bytes!r} bytes and SHA-256 {sha256!r}")
    return FileFacts(bytes, sha256)
