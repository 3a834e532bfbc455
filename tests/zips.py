"""Zip archives written byte by byte, so that they can lie; and what lies in a folder."""

from __future__ import annotations

import stat
import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

MANIFEST = "nait-manifest.json"
STORED, DEFLATED, UTF8 = 0, 8, 0x800


@dataclass(frozen=True)
class Raw:
    """One entry; what is None is told truly."""

    name: str
    data: bytes
    method: int = STORED
    flags: int = UTF8
    attributes: int = (stat.S_IFREG | 0o644) << 16
    size: int | None = None
    crc: int | None = None
    local_name: str | None = None
    local_flags: int | None = None
    start: int | None = None  # of another's local header, to share its bytes
    extra: int = 0  # bytes of an extra field that isn't there
    packed: bytes | None = None  # in place of the data, compressed

    def but(self, **changes: Any) -> Raw:
        return replace(self, **changes)


def deflated(data: bytes) -> bytes:
    engine = zlib.compressobj(9, zlib.DEFLATED, -15)
    return engine.compress(data) + engine.flush()


def write_zip(path: Path, entries: Iterable[Raw]) -> Path:
    """Write local headers and data, the central directory, and its end."""
    body, directory, count = bytearray(), bytearray(), 0
    for entry in entries:
        packed = deflated(entry.data) if entry.method == DEFLATED else entry.data
        packed = packed if entry.packed is None else entry.packed
        size = len(entry.data) if entry.size is None else entry.size
        crc = zlib.crc32(entry.data) if entry.crc is None else entry.crc
        start = len(body) if entry.start is None else entry.start
        name = entry.name.encode()
        local = name if entry.local_name is None else entry.local_name.encode()
        flags = entry.flags if entry.local_flags is None else entry.local_flags
        sums = (entry.method, 0, 33, crc, len(packed), size)
        if entry.start is None:
            body += struct.pack("<4s5H3I2H", b"PK\x03\x04", 20, flags, *sums, len(local), entry.extra) + local + packed
        head = (b"PK\x01\x02", 3 << 8 | 20, 20, entry.flags, *sums, len(name), 0, 0, 0, 0)
        directory += struct.pack("<4s6H3I5H2I", *head, entry.attributes, start) + name
        count += 1
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, count, count, len(directory), len(body), 0)
    path.write_bytes(body + directory + end)
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


def visible(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
