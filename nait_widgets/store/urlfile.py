"""An object at a URL as a file, for those who know only files."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nait_widgets.store.remote import Url


class UrlFile(io.RawIOBase):
    """Reads an object; each reading is a request of its own.

    Raises:
        FileNotFoundError: There is no such object, or its server doesn't say how long it is.
    """

    def __init__(self, url: Url) -> None:
        facts = url.facts()
        if facts is None or facts.n_bytes is None:
            raise FileNotFoundError(str(url))
        self._url, self._length, self._at = url, facts.n_bytes, 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is: any range can be asked for."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to another place; gives it."""
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._length}[whence]
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer; gives the number of bytes, fewer at the end."""
        data = self._url.read(self._at, min(self._at + len(buffer), self._length))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)
