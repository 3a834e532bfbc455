"""A URL as a place: what can be done there, by the driver behind it.

A `Url` has those of a path's methods that a store needs, and reads and writes whole objects and ranges of them. fsspec
has the drivers; `patience` the errors.
"""

from __future__ import annotations

import io
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from nait_widgets.errors import RemoteError, StoreError
from nait_widgets.store.patience import patiently
from nait_widgets.store.urlfile import UrlFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nait_widgets.store.cache import Cache

_EXTRAS = {
    **dict.fromkeys(("s3", "s3a"), "s3"),
    **dict.fromkeys(("gs", "gcs"), "gcs"),
    **dict.fromkeys(("az", "abfs", "abfss", "adl"), "azure"),
    **dict.fromkeys(("http", "https"), "http"),
}
_READ_ONLY = {"http": "over HTTP a store can only be read", "https": "over HTTP a store can only be read"}
_READ_ONLY["hf"] = "on the hub every object would be a commit of its own"
# What tells one version of an object from the next, as the drivers call it.
_TAGS = [
    *("ETag", "etag", "generation", "md5Hash", "content_md5", "blob_id"),
    *("LastModified", "last_modified", "Last-Modified", "mtime", "created"),
]
# What is tried again is so in `patience` alone. Some makers' servers send the checksum of an object with a range of it;
# every byte of an array is under a checksum of the store's own.
_BOTOCORE = {"retries": {"total_max_attempts": 1}, "response_checksum_validation": "when_required"}
_PIECE = 8 << 20
TRIAL = ".nait-trial-"  # how the name of an object begins that is put and deleted at once
CONNECTIONS = 16  # requests at once

pool = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="nait-remote")


class Facts(NamedTuple):
    """What is known of an object: its bytes, and what changes when it does (None where nothing says)."""

    n_bytes: int | None
    tag: str | None


@dataclass(frozen=True)
class Url:
    """A URL, like a `pathlib.Path` as far as a store needs it.

    Attributes:
        text: Without a slash at its end.
        options: Of its fsspec driver; they may hold secrets and are never shown.
        cache: Where copies of what is read are kept, if anywhere.
    """

    text: str
    options: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    cache: Cache | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        rest = self.text.partition("://")[2]
        if "@" in rest.partition("/")[0]:
            raise StoreError(
                f"{self.text.partition('://')[0]}://… has credentials in it, and a URL is shown and kept in many "
                "places: give them as its library takes them, in the environment or as `storage_options`"
            )
        if self.scheme in ("http", "https") and ("?" in rest or "#" in rest):
            raise StoreError(f"{self.text.partition('?')[0]} has a query or fragment, and a store's files none")

    def __reduce__(self) -> tuple[Any, ...]:
        return Url, (self.text, dict(self.options), self.cache)  # each process has a driver of its own

    def __str__(self) -> str:
        return self.text

    @property
    def itself(self) -> Url:
        """The URL without a cache, for whoever writes there."""
        return replace(self, cache=None)

    def __truediv__(self, key: str | Path) -> Url:
        return replace(self, text=f"{self.text}/{key}")

    @property
    def scheme(self) -> str:
        """What it begins with, such as `s3`."""
        return self.text.partition("://")[0].lower()

    @property
    def name(self) -> str:
        """Its last part."""
        return self.text.rpartition("/")[2]

    @property
    def suffix(self) -> str:
        """What its name ends with."""
        return Path(self.name).suffix

    @property
    def parent(self) -> Url:
        """All but its last part."""
        return replace(self, text=self.text.rpartition("/")[0])

    @property
    def listed(self) -> bool:
        """Whether what lies below it can be listed."""
        return self.scheme not in ("http", "https")

    def with_name(self, name: str) -> Url:
        """Another beside it."""
        return self.parent / name

    def with_suffix(self, suffix: str) -> Url:
        """With another end."""
        return self.with_name(str(Path(self.name).with_suffix(suffix)))

    def resolve(self) -> Url:
        """Itself: it begins nowhere else."""
        return self

    def absolute(self) -> Url:
        """Itself."""
        return self

    def read(self, start: int = 0, stop: int | None = None) -> bytes:
        """Its bytes, or a range of them; a negative start counts from the end.

        Raises:
            FileNotFoundError: There is no such object.
            RemoteError: It can't be read.
        """
        if stop is not None and stop <= start:
            return b""
        # Never without a range: s3fs would ask for the size first.
        data: bytes = patiently(self.text, lambda: self._driver.cat_file(self.text, start=start, end=stop))
        wanted = -start if start < 0 else None if stop is None else stop - start
        # A server that knows no ranges has sent everything.
        return data if wanted is None or len(data) <= wanted else data[start:stop]

    def ranges(self, wanted: Sequence[tuple[int, int]]) -> list[bytes]:
        """Several ranges, (start, stop) each, at once."""
        if len(wanted) == 1:
            return [self.read(*wanted[0])]
        return list(pool.map(lambda each: self.read(*each), wanted))

    def pieces(self, start: int, stop: int) -> Iterator[bytes]:
        """A range, some mebibytes at a time; fewer where it has been cut or deleted meanwhile."""
        for first in range(start, stop, _PIECE):
            try:
                yield self.read(first, min(first + _PIECE, stop))
            except FileNotFoundError:
                return

    def facts(self) -> Facts | None:
        """What is known of it; None where there is no such object."""

        def ask() -> Any:
            self._driver.invalidate_cache()
            return self._driver.info(self.text)

        try:
            found = patiently(self.text, ask)
        except FileNotFoundError:
            return None
        if found.get("type") == "directory":
            return None
        tag = next((str(found[name]) for name in _TAGS if found.get(name)), None)
        return Facts(found.get("size"), tag)

    def exists(self) -> bool:
        """Whether there is such an object."""
        return self.facts() is not None

    def is_file(self) -> bool:
        """Whether there is such an object."""
        return self.exists()

    def below(self) -> dict[str, int]:
        """Bytes of everything below it, by keys that begin behind its slash.

        Raises:
            RemoteError: It can't be listed.
        """

        def find() -> Any:
            self._driver.invalidate_cache()
            return self._driver.find(self.text, detail=True)

        try:
            found = patiently(self.text, find)
        except FileNotFoundError:
            return {}
        start = f"{self._driver._strip_protocol(self.text)}/"
        return {name.removeprefix(start): info["size"] for name, info in found.items() if name.startswith(start)}

    def names(self) -> set[str]:
        """What lies right below it."""

        def find() -> Any:
            self._driver.invalidate_cache()
            return self._driver.ls(self.text, detail=False)

        try:
            found = patiently(self.text, find)
        except FileNotFoundError:
            return set()
        return {name.rstrip("/").rpartition("/")[2] for name in found}

    def write(self, data: bytes) -> None:
        """Put an object there, whole, in place of one that is."""
        patiently(self.text, lambda: self._driver.pipe_file(self.text, data))

    def unlink(self, *, missing_ok: bool = False) -> None:
        """Delete it."""
        try:
            patiently(self.text, lambda: self._driver.rm_file(self.text))
        except FileNotFoundError:
            if not missing_ok:
                raise

    def open(self, _mode: str = "rb") -> io.BufferedReader:
        """It as a file to read from; each reading is a request of its own."""
        return io.BufferedReader(UrlFile(self), 1 << 16)

    def require_writable(self) -> None:
        """Raise unless objects can be written below it, which is tried.

        Raises:
            RemoteError: They can't.
        """
        if (why := _READ_ONLY.get(self.scheme)) is not None:
            raise RemoteError(f"nothing can be written to {self}: {why}; write to a folder or a bucket, then copy it")
        trial = self / f"{TRIAL}{uuid.uuid4().hex[:8]}"
        trial.write(b"nait")
        trial.unlink(missing_ok=True)

    @cached_property
    def _driver(self) -> Any:
        import fsspec

        options = dict(self.options)
        if self.scheme in ("s3", "s3a"):
            options["config_kwargs"] = {**_BOTOCORE, **options.get("config_kwargs", {})}
        try:
            return fsspec.filesystem(self.scheme, **options)
        except ImportError as error:
            extra = _EXTRAS.get(self.scheme)
            how = f"`pip install 'nait-widgets[{extra}]'`" if extra else str(error)
            raise RemoteError(f"{self} needs a driver that isn't installed: {how}") from error
        except ValueError as error:
            raise RemoteError(f"{self} can't be opened: {error}") from error
