"""Where a capture writes: whether it may, whether there is room, and the store that it begins or goes on with."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from nait_widgets.errors import StoreError
from nait_widgets.paths import readable, require_place
from nait_widgets.store import Layout, StoreWriter, open_store
from nait_widgets.store.appearing import ROOT, require_replaceable
from nait_widgets.store.remote import Url

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from nait_widgets.fingerprints import Basis
    from nait_widgets.methods import Direction


def require_free(path: Path | Url, *, overwrite: bool) -> None:
    """Raise where no store can be begun or gone on with.

    Raises:
        StoreError: There is something else, or a store that can't be written.
        RemoteError: Nothing can be written at the URL.
    """
    if isinstance(path, Url):
        path.require_writable()
        if (path / ROOT).exists() and not overwrite:
            open_store(path).require_writable()
        else:
            require_replaceable(path)
        return
    require_place(path)
    if path.exists() and not overwrite:
        open_store(path).require_writable()  # refuses what isn't a store before the model is loaded
    elif path.exists() and not path.is_dir():
        raise StoreError(f"{path} is a file; a store is a folder")
    elif path.exists() and any(path.iterdir()) and not (path / "zarr.json").is_file():
        raise StoreError(f"{path} is a folder with other things in it; only a store is overwritten")


def require_room(path: Path, layout: Layout) -> None:
    """Raise unless the disk of a store that is to be written has room for its activations.

    Raises:
        StoreError: It hasn't.
    """
    need = layout.n_samples * layout.bytes_per_row
    free = shutil.disk_usage(path.parent).free
    if need > free:
        raise StoreError(
            f"the activations take {readable(need)} and {path.parent} has {readable(free)} free; choose another disk, "
            "fewer pools or fewer layers"
        )


def open_writer(
    path: Path | Url,
    layout: Layout,
    provenance: dict[str, Any],
    directions: Sequence[Direction],
    basis: Callable[[], Basis | None],
    *,
    overwrite: bool,
) -> StoreWriter:
    """Begin a store, or go on with the one that is there.

    Args:
        path: Where.
        layout: Its shape.
        provenance: What it says of where it comes from.
        directions: Those of the layout, where it is to hold scores only.
        basis: Makes what its fingerprints are of, if it is to hold any; not asked where a store is gone on with.
        overwrite: Replace a store that is there.

    Raises:
        StoreError: The store that is there was begun otherwise, or the disk is too small.
    """
    there = (path / ROOT).exists() if isinstance(path, Url) else path.exists()
    if there and not overwrite:
        return StoreWriter.resume(path, layout, provenance)
    if isinstance(path, Url):
        return StoreWriter.create(path, layout, provenance, directions, basis())
    require_room(path, layout)
    fitted = basis()
    if there:
        shutil.rmtree(path)
    try:
        return StoreWriter.create(path, layout, provenance, directions, fitted)
    except OSError as error:
        raise StoreError(f"{path} can't be written: {error.strerror or error}") from error
