"""A place as it was given: a `pathlib.Path` where files lie on this machine, else a `Url`."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nait_widgets.errors import StoreError
from nait_widgets.store.remote import Url

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from nait_widgets.store.cache import Cache

_URL = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)


def is_url(path: object) -> bool:
    """Whether a place is given as a URL."""
    return isinstance(path, Url) or (isinstance(path, str) and bool(_URL.match(path)))


def located(
    path: str | os.PathLike[str] | Url, storage_options: Mapping[str, Any] | None = None, cache: Cache | None = None
) -> Path | Url:
    """A place as it was given.

    Args:
        path: A path, a URL, or a `universal_pathlib.UPath`.
        storage_options: Of the URL's fsspec driver.
        cache: Where copies of what is read there are kept.

    Raises:
        StoreError: Options or a cache are given of a path; or the URL can't be one of a store.
    """
    given: Any = path
    if isinstance(path, Url):
        return replace(path, options={**path.options, **(storage_options or {})}, cache=cache or path.cache)
    if hasattr(given, "storage_options") and not isinstance(path, Path):
        path, storage_options = str(given), {**given.storage_options, **(storage_options or {})}
    if isinstance(path, str) and path.startswith("file://"):
        path = Path(path.removeprefix("file://"))
    if not is_url(path):
        if storage_options or cache:
            raise StoreError(f"{path} is no URL, so it has no storage options and needs no cache")
        return Path(path)
    return Url(str(path).rstrip("/"), dict(storage_options or {}), cache)


def local(path: str | os.PathLike[str] | Url) -> Path:
    """A path of this machine.

    Raises:
        StoreError: It is a URL.
    """
    if isinstance(path, Url) or is_url(path):
        raise StoreError(f"{path} is a URL, where this can't be written: write it to a folder, then copy it there")
    return Path(path)


def folder_beside(path: Path | Url) -> Path:
    """Where files go that belong beside a store; for one at a URL, the working folder."""
    return Path() if isinstance(path, Url) else path.parent
