"""Copies of what was read at URLs, in a folder of this machine.

A copy is of a whole object, and its name holds the object's address and whatever tells its versions apart (entity tag
or time, and size), which is asked for once by each opened store. So a copy is never of other bytes than those that are
there; what nothing tells apart is not kept.
"""

from __future__ import annotations

import os
import threading
import uuid
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from nait_widgets.errors import StoreError

if TYPE_CHECKING:
    from nait_widgets.store.remote import Facts, Url

CACHE_BYTES = 20 * 10**9


@dataclass(frozen=True, slots=True)
class Cache:
    """A folder of copies, which other processes and stores may share.

    Attributes:
        folder: Made where it isn't there.
        max_bytes: Of all copies together; those that were used longest ago go first.
    """

    folder: Path
    max_bytes: int = CACHE_BYTES

    @classmethod
    def of(cls, given: str | os.PathLike[str] | Cache | None) -> Cache | None:
        """A cache as it was given, by its folder or whole."""
        return given if given is None or isinstance(given, Cache) else cls(Path(given))

    def copy(self, url: Url, facts: Facts) -> Path | None:
        """A copy of an object, made where there is none; None where no copy of it can be trusted.

        Args:
            url: Of the object.
            facts: What it is at present.

        Raises:
            FileNotFoundError: It is there no longer.
            StoreError: The copy can't be written.
        """
        if facts.tag is None or facts.n_bytes is None:
            return None
        version = _digest(f"{facts.tag} {facts.n_bytes}")
        place = self.folder / _digest(str(url.parent)) / f"{_digest(str(url))}-{version}"
        try:
            os.utime(place)  # used just now
        except FileNotFoundError:
            self._fetch(url, facts.n_bytes, place)
        return place

    def _fetch(self, url: Url, n_bytes: int, place: Path) -> None:
        # Its last letters are those of the thread's own: others may be at the same object.
        partial = place.with_name(f"{place.name}.{uuid.uuid4().hex[:8]}.partial")
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            with partial.open("xb") as file:
                for piece in url.pieces(0, n_bytes):
                    file.write(piece)
                if file.tell() != n_bytes:
                    raise FileNotFoundError(str(url))
            partial.replace(place)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise StoreError(f"the cache {self.folder} can't be written: {error.strerror or error}") from error
        finally:
            partial.unlink(missing_ok=True)
        with _tidying:
            self._tidy(place)

    def _tidy(self, newest: Path) -> None:
        """Delete the copies that were used longest ago while there are too many bytes; the newest stays."""
        found = []
        for file in self.folder.glob("*/*"):
            try:
                facts = file.stat()
            except FileNotFoundError:
                continue  # another process has tidied
            found.append((facts.st_mtime_ns, facts.st_size, file))
        total = sum(size for _, size, _ in found)
        for _, size, file in sorted(found, key=lambda each: each[0]):
            if total <= self.max_bytes:
                return
            if file != newest and file.suffix != ".partial":
                file.unlink(missing_ok=True)
                total -= size


_tidying = threading.Lock()


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:32]
