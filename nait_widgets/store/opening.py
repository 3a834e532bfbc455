"""Opens an activation store, wherever it lies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nait_widgets.errors import StoreError
from nait_widgets.store.cache import Cache
from nait_widgets.store.files import open_group
from nait_widgets.store.places import located
from nait_widgets.store.remote import Url
from nait_widgets.store.store import ActivationStore

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping


def open_store(
    path: str | os.PathLike[str] | Url,
    *,
    storage_options: Mapping[str, Any] | None = None,
    cache: str | os.PathLike[str] | Cache | None = None,
) -> ActivationStore:
    """Open an activation store for reading.

    Args:
        path: The store's folder, `NAME.zarr`, or the one file that it was packed into, `NAME.zarr.zip`. That is read
            where it lies, as fast as a folder; nothing can be saved into it. Or the URL of either, such as
            `s3://bucket/NAME.zarr`, of any kind that fsspec has a driver for.
        storage_options: Of that driver, such as `{"anon": True}`; credentials are found by its own means.
        cache: A folder for copies of what is read from a URL, which are used as long as it hasn't changed there; or a
            `Cache`, which also says how many bytes they may be.

    Raises:
        StoreError: There is no such store, or it isn't one that this version reads.
        RemoteError: The URL can't be read: there is no such bucket, access is forbidden, nothing answers.
    """
    place = located(path, storage_options, Cache.of(cache))
    if isinstance(place, Path):
        _require_group(place)
    try:
        group = open_group(place)
    except (FileNotFoundError, ValueError, NotADirectoryError, json.JSONDecodeError) as error:
        if isinstance(place, Url) and isinstance(error, FileNotFoundError):
            raise StoreError(f"there is no store at {place}; capture one with `nait capture`") from error
        raise StoreError(f"{place} is not a Zarr v3 group, so not an activation store") from error
    return ActivationStore(place, group)


def _require_group(path: Path) -> None:
    if not path.exists():
        raise StoreError(f"there is no store at {path}; capture one with `nait capture`")
    if (path / ".zgroup").exists() and not (path / "zarr.json").exists():
        raise StoreError(f"{path} is a Zarr v2 store; activation stores are Zarr v3")
