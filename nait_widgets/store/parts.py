"""What a store carries besides its activations: named parts, each a group of arrays with one attribute of JSON.

A part is written in a folder of its own beside the store and moved into place, so that it is whole or not there. At a
URL its objects are put where nobody looks for them yet, and the store's root, which then names them, last; so nothing
can be replaced in one step there, and it isn't replaced.
"""

from __future__ import annotations

import json
import shutil
import unicodedata
import uuid
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from nait_widgets.errors import StoreError
from nait_widgets.paths import slug
from nait_widgets.store.appearing import ROOT, delete, put
from nait_widgets.store.arrays import constant
from nait_widgets.store.files import names_in, zarr_store
from nait_widgets.store.records import Records
from nait_widgets.store.remote import Url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence, Set
    from pathlib import Path

    import numpy.typing as npt
    import zarr
    from zarr.storage import MemoryStore

    from nait_widgets.store.store import ActivationStore

Kind = Literal["directions", "scorers", "scores", "selections", "fingerprints"]

# The group of each kind, and the attribute that its parts have.
KINDS: dict[Kind, str] = {
    "directions": "nait_direction",
    "scorers": "nait_scorer",
    "scores": "nait_scores",
    "selections": "nait_selection",
    "fingerprints": "nait_fingerprint",
}
_AT_ONCE = 64  # chunks that are held while an array is checked
_LONGEST_KEY = 60  # characters, each up to 4 of the 255 bytes that a file's name may have


class Column(NamedTuple):
    """An array to be kept.

    Attributes:
        values: Numbers, or strings (NumPy's `StringDType` or object).
        dims: Names of its dimensions.
        chunks: Shape of a chunk; None for one chunk of all.
    """

    values: npt.NDArray[Any]
    dims: tuple[str, ...]
    chunks: tuple[int, ...] | None = None


class Part:
    """A part that is there.

    Attributes:
        key: Name of its group, unique in its kind.
        attributes: Its JSON; `name` is its real name.
        place: Where it is, for messages.
    """

    def __init__(self, key: str, attributes: dict[str, Any], group: zarr.Group, place: str) -> None:
        self.key, self.attributes, self.place, self._group = key, attributes, place, group

    @property
    def names(self) -> list[str]:
        """Its arrays.

        Raises:
            StoreError: The metadata of one of them is damaged.
        """
        try:
            with quiet():
                return sorted(self._group.array_keys())
        except ValueError as error:
            raise StoreError(f"{self.place} is damaged: the metadata of an array can't be read ({error})") from error

    def array(self, name: str) -> npt.NDArray[Any]:
        """An array, its checksums verified; strings as objects.

        Raises:
            StoreError: It is missing or damaged.
        """
        try:
            node = self._node(name)
            self._require_chunks(node, name)
            values = np.asarray(node[...])
        except (ValueError, RuntimeError) as error:
            raise StoreError(f"{self.place} is damaged: array {name!r} can't be decoded ({error})") from error
        return values.astype(object) if values.dtype.kind == "T" else values

    def require_decodable(self, name: str) -> None:
        """Raise unless an array can be decoded, of which some chunks at a time are held.

        Raises:
            StoreError: It is missing or damaged.
        """
        try:
            node = self._node(name)
            self._require_chunks(node, name)
            step = _AT_ONCE * node.chunks[0]
            for start in range(0, node.shape[0], step):
                node[start : start + step]
        except (ValueError, RuntimeError) as error:
            raise StoreError(f"{self.place} is damaged: array {name!r} can't be decoded ({error})") from error

    def _require_chunks(self, node: zarr.Array[Any], name: str) -> None:
        from nait_widgets.store.objectstore import ObjectStore

        # Zarr reads a chunk that isn't there as one of nothing but fill values; at a URL that is told by reading.
        if not isinstance(node.store_path.store, ObjectStore) and node.nchunks_initialized < node.nchunks:
            raise StoreError(f"{self.place} is damaged: a chunk of its array {name!r} is missing; save it again")

    def records(self, name: str) -> Records:
        """An array of records, of which single samples can be read.

        Raises:
            StoreError: It is missing, or its metadata is damaged.
        """
        try:
            return Records(self._node(name), f"{self.place}/{name}")
        except ValueError as error:
            raise StoreError(f"{self.place} is damaged: array {name!r} can't be read ({error})") from error

    def _node(self, name: str) -> zarr.Array[Any]:
        import zarr

        node = self._group.get(name)
        if not isinstance(node, zarr.Array):
            raise StoreError(f"{self.place} is damaged: its array {name!r} is missing; save it again")
        return node


def read_parts(store: ActivationStore, kind: Kind) -> dict[str, Part]:
    """The parts of a kind by their names, ordered by their keys.

    Raises:
        StoreError: The metadata of one of them is damaged.
    """
    group, place = store.group(kind), store.path / kind
    if group is None:
        return {}
    found: dict[str, Part] = {}
    try:
        with quiet():
            for key, node in sorted(group.groups()):
                attributes: Any = node.attrs.get(KINDS[kind])
                if attributes is not None:
                    found[attributes["name"]] = Part(key, attributes, node, str(place / key))
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"the metadata of something in {place} is damaged ({error}); delete its folder and save it again"
        ) from error
    return found


def write_part(
    store: ActivationStore,
    kind: Kind,
    attributes: Mapping[str, Any],
    columns: Mapping[str, Column],
    fill: Callable[[zarr.Group], None] | None = None,
) -> str:
    """Keep a part, replacing the whole of one of the same name; gives its key.

    Args:
        store: A complete store in a folder.
        kind: Which group it belongs to.
        attributes: JSON, with a `name`.
        columns: Arrays by their names.
        fill: Writes what is too large to be given at once.

    Raises:
        StoreError: The store is incomplete, packed, or can't be written; it is at a URL and has a part of that name; or
            the attributes are no JSON.
    """
    import zarr

    _require_writable(store)
    require_new(store, kind, attributes["name"])
    key = _key(store, kind, attributes["name"])
    try:
        json.dumps(attributes, allow_nan=False)
    except ValueError as error:  # a browser could no longer read the store's metadata
        raise StoreError(f"{attributes['name']!r} can't be saved in {store.path}: {error}") from error
    with _written(store, kind, key) as building:
        group = zarr.open_group(building, mode="w", zarr_format=3)
        _fill(group, kind, attributes, columns)
        if fill:
            fill(group)
    return key


def begin_parts(group: zarr.Group, kind: Kind, parts: Sequence[tuple[Mapping[str, Any], Mapping[str, Column]]]) -> None:
    """Keep parts in a store that is being created, whose group this is: the attributes and arrays of each."""
    of_kind, taken = group.require_group(kind), set[str]()
    for attributes, columns in parts:
        key = _free(attributes["name"], taken)
        taken.add(key.casefold())
        _fill(of_kind.create_group(key), kind, attributes, columns)


def require_new(store: ActivationStore, kind: Kind, name: str) -> None:
    """Raise where a part would be replaced that can't be.

    Raises:
        StoreError: The store is at a URL, and has one of that name.
    """
    if isinstance(store.path, Url) and name in read_parts(store, kind):
        raise StoreError(
            f"{kind} {name!r} are in {store.path} already, and at a URL nothing can be replaced in one step: delete "
            f'them first (`store.delete("{kind}", {name!r})`), or take another name'
        )


def delete_part(store: ActivationStore, kind: Kind, name: str) -> None:
    """Delete a part.

    Raises:
        StoreError: There is none of that name, or the store is incomplete, packed, or can't be written.
    """
    _require_writable(store)
    found = read_parts(store, kind)
    if name not in found:
        raise StoreError(f"{store.path} has no {name!r} among its {kind} ({', '.join(found) or 'none'})")
    with _written(store, kind, found[name].key):
        pass


def part_damage(store: ActivationStore) -> Iterator[str]:
    """A sentence for every part, or array of one, that can't be read as it was written."""
    for kind in KINDS:
        try:
            found = read_parts(store, kind).values()
        except StoreError as error:
            yield str(error)
            continue
        for part in found:
            # What grows with the store, block by block, is checked with its other columns.
            yield from _undecodable(part, but=[n for n in store.layout.columns if n.startswith(f"{kind}/{part.key}/")])


def _undecodable(part: Part, but: Sequence[str]) -> Iterator[str]:
    try:
        names = part.names
    except StoreError as error:
        yield str(error)
        return
    for name in set(names) - {column.rpartition("/")[2] for column in but}:
        try:
            part.require_decodable(name)
        except StoreError as error:
            yield str(error)


def consolidate(path: Path | Url) -> None:
    """Gather the metadata of a store's arrays in its root, where xarray and browsers find them in one read.

    Raises:
        StoreError: Some of it is damaged.
    """
    import zarr

    try:
        with quiet():
            zarr.consolidate_metadata(zarr_store(path, read_only=False), zarr_format=3)
    except json.JSONDecodeError as error:
        raise StoreError(f"the metadata of something in {path} is damaged: {error}") from error


def _fill(group: zarr.Group, kind: Kind, attributes: Mapping[str, Any], columns: Mapping[str, Column]) -> None:
    for name, column in columns.items():
        text = "string" if column.values.dtype.kind in "OT" else None
        constant(group, name, column.values, column.dims, dtype=text, chunks=column.chunks)
    if "sample_id" in columns:
        group.attrs["coordinates"] = "sample_id"
    group.attrs[KINDS[kind]] = dict(attributes)


@contextmanager
def _written(store: ActivationStore, kind: Kind, key: str) -> Iterator[Path | MemoryStore]:
    """Give a place to be filled, and put what it holds in that of a part; where nothing is made, the part is gone."""
    import zarr

    if isinstance(store.path, Url):
        yield from _put(store.path.itself, kind, key)
        store.refresh()
        return
    path = store.place.resolve()
    # Beside the store and not in it: what a killed writer leaves is then no part of it, nor of its metadata.
    stem = f".{path.name}.{uuid.uuid4().hex[:8]}"
    building, replaced = path.with_name(f"{stem}.partial"), path.with_name(f"{stem}.replaced.partial")
    try:
        yield building
        zarr.open_group(path / kind, mode="a", zarr_format=3)
        if (place := path / kind / key).exists():
            place.rename(replaced)
        if building.exists():
            building.rename(place)
        shutil.rmtree(replaced, ignore_errors=True)
        consolidate(path)
    except OSError as error:
        raise StoreError(f"nothing can be saved in {store.path}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _put(url: Url, kind: Kind, key: str) -> Iterator[MemoryStore]:
    import zarr
    from zarr.storage import MemoryStore

    held: dict[str, Any] = {}
    yield MemoryStore(held)
    place = url / kind / key
    before = place.below()
    if not held:
        delete(place, (), first=[ROOT])
        consolidate(url)
        delete(place, before)
        return
    delete(place, before, first=[ROOT])  # what somebody has left half-done
    documents = {found: buffer.to_bytes() for found, buffer in held.items()}
    arrays = [found for found in documents if found.endswith(f"/{ROOT}")]
    put(place, documents, last=[*arrays, ROOT])
    with quiet():
        zarr.open_group(zarr_store(url, read_only=False), path=kind, mode="a", zarr_format=3)
    consolidate(url)


def _require_writable(store: ActivationStore) -> None:
    store.require_writable()
    store.require_complete()


def _key(store: ActivationStore, kind: Kind, name: str) -> str:
    """The key of a name: that of its part, or one that is free on any file system."""
    if (present := read_parts(store, kind).get(name)) is not None:
        return present.key
    return _free(name, {other.casefold() for other in names_in(store.path / kind)})


def _free(name: str, taken: Set[str]) -> str:
    """A key for a name, which isn't taken whatever its case."""
    if not name.strip() or name != name.encode(errors="replace").decode():
        raise StoreError(f"{name!r} can't be the name of what a store keeps: give it a few letters")
    # Some file systems compose characters, and some don't tell capitals.
    key = unicodedata.normalize("NFC", slug(name))[:_LONGEST_KEY].lstrip("_") or "-"
    number, free = 2, key
    while free.casefold() in taken:
        free, number = f"{key}-{number}", number + 1
    return free


@contextmanager
def quiet() -> Iterator[None]:
    """Zarr warns that the specification has yet to name consolidated metadata, and of files that are not its own."""
    from zarr.errors import ZarrUserWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ZarrUserWarning)
        yield
