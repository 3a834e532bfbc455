"""Files: their names, and that they are either whole or not there."""

from __future__ import annotations

import shutil
import uuid
from contextlib import contextmanager
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING

from nait_widgets.errors import NaitError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Give a temporary path beside the target, and move what was written there into place at the end.

    Whatever goes wrong, nothing half-written is left, and what was there before stays.

    Raises:
        NaitError: The folder is missing or can't be written, or the disk is full.
    """
    require_place(path)
    # The suffix is kept: writers choose their format by it.
    temporary = path.with_name(f".{uuid.uuid4().hex[:8]}.partial.{path.name}")
    try:
        yield temporary
        if temporary.is_dir() and path.is_dir():
            # Aside in one step: whoever stops this finds the old folder or the new one, and no half of either.
            aside = path.with_name(f".{uuid.uuid4().hex[:8]}.replaced.{path.name}")
            path.replace(aside)
            try:
                temporary.replace(path)
            except OSError:
                aside.replace(path)
                raise
            shutil.rmtree(aside, ignore_errors=True)
        elif path.is_dir():
            raise NaitError(f"{path} is a folder: name a file")
        else:
            temporary.replace(path)
    except OSError as error:
        raise NaitError(f"{path} can't be written: {error.strerror or error}") from error
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary, ignore_errors=True)
        else:
            temporary.unlink(missing_ok=True)


def require_place(path: Path) -> None:
    """Raise unless there is a folder to write a path into.

    Raises:
        NaitError: The folder is missing, or is a file.
    """
    if not path.parent.is_dir():
        what = (
            f"{path.parent} is a file, and no folder" if path.parent.exists() else f"there is no folder {path.parent}"
        )
        raise NaitError(f"{what} to write {path.name} into")


def require_file_place(path: Path) -> None:
    """Raise unless a file can be written there, as far as names tell; for checks before the work.

    Raises:
        NaitError: The folder is missing, or the path is a folder.
    """
    require_place(path)
    if path.is_dir():
        raise NaitError(f"{path} is a folder: name a file")


def readable(n_bytes: float) -> str:
    """A number of bytes in the unit that suits it."""
    unit, size = next(((unit, size) for unit, size in (("GB", 1e9), ("MB", 1e6)) if n_bytes >= size), ("kB", 1e3))
    return f"{n_bytes / size:,.1f} {unit}"


def require_space(path: Path, n_bytes: int) -> None:
    """Raise unless there is a folder to write a path into, with room for its bytes.

    Raises:
        NaitError: The folder is missing, or its disk too small.
    """
    require_place(path)
    free = shutil.disk_usage(path.parent).free
    if n_bytes > free:
        raise NaitError(
            f"{path.name} takes {readable(n_bytes)} and {path.parent} has {readable(free)} free; free some, or "
            "write to another disk"
        )


def unique(names: Iterable[str]) -> list[str]:
    """Names that differ: one that was there before gets a number."""
    found: list[str] = []
    for name in names:
        numbered = chain([name], (f"{name}-{number}" for number in count(2)))
        found.append(next(other for other in numbered if other not in found))
    return found


def slug(name: str) -> str:
    """A name as a part of a file name."""
    return "".join(c if c.isalnum() or c in "-_" else "-" for c in name)
