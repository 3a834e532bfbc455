"""Files: their names, and that they are either whole or not there."""

from __future__ import annotations

import shutil
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from nait_widgets.errors import NaitError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Give a temporary path beside the target, and move what was written there into place at the end.

    Whatever goes wrong, nothing half-written is left, and what was there before stays.

    Raises:
        NaitError: The folder is missing or can't be written, or the disk is full.
    """
    # The suffix is kept: writers choose their format by it.
    temporary = path.with_name(f".{uuid.uuid4().hex[:8]}.partial.{path.name}")
    try:
        yield temporary
        if temporary.is_dir() and path.is_dir():
            shutil.rmtree(path)
        temporary.replace(path)
    except OSError as error:
        raise NaitError(f"{path} can't be written: {error.strerror or error}") from error
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary, ignore_errors=True)
        else:
            temporary.unlink(missing_ok=True)


def slug(name: str) -> str:
    """A name as a part of a file name."""
    return "".join(c if c.isalnum() or c in "-_" else "-" for c in name)
