"""A store's files as objects at a URL, for readers of bytes.

What a reader needs decides what is asked for: a pass over all activations takes small shards whole, once for all their
row chunks; one row, or one layer, takes ranges, near ones together and several at once. Memory is bounded by both.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from concurrent.futures import Future
from typing import TYPE_CHECKING, NamedTuple

from nait_widgets.errors import RemoteError
from nait_widgets.store.files import OpenFile, Place
from nait_widgets.store.remote import Facts, Url, pool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from nait_widgets.store.files import Opened

_HELD = 4  # whole shards that a pass keeps at most, for the other chunks of each
_WHOLE = 16 << 20  # bytes of a shard that is read in one piece where all of it is wanted
_AHEAD = 8 << 20  # bytes that one reader asks for at once
_GAP = 256 << 10  # bytes between two ranges that are read along


class Span(NamedTuple):
    """A range of an object; as `files.Place`."""

    file: Url
    offset: int
    length: int

    def read(self, start: int, stop: int) -> bytes:
        """Some of its bytes; what would lie outside is left out."""
        return self.file.read(self.offset + max(0, start), self.offset + min(stop, self.length))

    def whole(self) -> bytes:
        """All of its bytes."""
        return self.read(0, self.length)

    def tail(self, n_bytes: int) -> bytes:
        """Its last bytes."""
        return self.read(self.length - n_bytes, self.length)

    def pieces(self) -> Iterator[bytes]:
        """All of its bytes, some mebibytes at a time; fewer where it has been cut or deleted meanwhile."""
        return self.file.pieces(self.offset, self.offset + self.length)


class Unasked(NamedTuple):
    """An object of which nothing is known yet, not even that it is there."""

    file: Url
    offset: int = 0

    def whole(self) -> bytes:
        """All of its bytes."""
        return self.file.read()

    def tail(self, n_bytes: int) -> bytes:
        """Its last bytes."""
        return self.file.read(-n_bytes)


class Objects:
    """The objects below a URL, by their keys; where the URL has a cache, copies of them.

    Attributes:
        path: The URL.
        complete: Whether every chunk must be there, so that one that isn't has vanished.
    """

    def __init__(self, path: Url) -> None:
        self.path, self.complete = path, False
        self._copies: dict[str, Place] = {}

    @property
    def n_bytes(self) -> int | None:
        """Bytes of all objects together; None where they can't be listed."""
        return sum(self.path.below().values()) if self.path.listed else None

    def place(self, key: str) -> Place | Span | None:
        """Where the bytes of a key lie; None where there is no such object."""
        if (copy := self._copies.get(key)) is not None and copy.file.exists():
            return copy
        facts = (self.path / key).facts()
        if facts is None:
            return None
        if (copied := self._copied(key, facts)) is not None:
            return copied
        if facts.n_bytes is None:
            raise RemoteError(f"{self.path / key} has a server that doesn't say its size, so it can't be read in parts")
        return Span(self.path / key, 0, facts.n_bytes)

    def places(self, keys: Sequence[str]) -> dict[str, Place | Span]:
        """Where the bytes of several keys lie, those that are there."""
        if self.path.listed:
            sizes = self.path.below()
            return {key: Span(self.path / key, 0, sizes[key]) for key in keys if key in sizes}
        found = zip(keys, pool.map(self.place, keys), strict=True)
        return {key: place for key, place in found if place is not None}

    def opener(self) -> OpenObjects:
        """What opens shards for one pass over the store."""
        return OpenObjects(self._where)

    def read(self, key: str, start: int = 0, stop: int | None = None) -> bytes:
        """Bytes of a key, or a range of them; a negative start counts from the end.

        Raises:
            FileNotFoundError: There is no such object.
        """
        if self.path.cache is None or not isinstance(place := self.place(key), Place):
            return (self.path / key).read(start, stop)
        first = max(0, place.length + start) if start < 0 else start
        return place.read(first, place.length if stop is None else stop)

    def _where(self, key: str) -> Place | Span | Unasked | None:
        return Unasked(self.path / key) if self.path.cache is None else self.place(key)

    def _copied(self, key: str, facts: Facts) -> Place | None:
        cache = self.path.cache
        copy = None if cache is None else cache.copy(self.path / key, facts)
        if copy is None or facts.n_bytes is None:
            return None
        return self._copies.setdefault(key, Place(copy, 0, facts.n_bytes))


class OpenObjects:
    """Opens the shards of a pass; what several of its readers need is fetched once.

    Args:
        place: Where a key's bytes lie.
    """

    def __init__(self, place: Callable[[str], Place | Span | Unasked | None]) -> None:
        self._place = place
        self._tails: dict[str, bytes] = {}
        self._whole: OrderedDict[str, Future[bytes]] = OrderedDict()
        self._lock = threading.Lock()

    def open(self, key: str, whole: int | None) -> Opened:
        """A shard; `whole` is about its size where all of it will be read in this pass."""
        place = self._place(key)
        if place is None:
            raise FileNotFoundError(key)
        if isinstance(place, Place):
            return OpenFile(place)
        if whole is not None and whole <= _WHOLE:
            return _Held(self._fetched(key, place))
        return _Ranges(place, key, self._tails)

    def _fetched(self, key: str, span: Span | Unasked) -> bytes:
        with self._lock:
            mine = key not in self._whole
            future = self._whole.setdefault(key, Future())
            if len(self._whole) > _HELD:
                self._whole.popitem(last=False)
        if mine:
            try:
                future.set_result(span.whole())
            except BaseException as error:
                future.set_exception(error)
                raise
        return future.result()


class _Held:
    """A shard in memory."""

    def __init__(self, data: bytes) -> None:
        self._data = memoryview(data)

    def tail(self, n_bytes: int) -> bytes:
        return bytes(self._data[-n_bytes:])

    def expect(self, ranges: Sequence[tuple[int, int]]) -> None:
        pass

    def read_into(self, buffer: bytearray, offset: int) -> int:
        found = self._data[offset : offset + len(buffer)]
        buffer[: len(found)] = found
        return len(found)

    def close(self) -> None:
        pass


class _Ranges:
    """A shard that is read by ranges: those that are expected together, near ones in one request."""

    def __init__(self, span: Span | Unasked, key: str, tails: dict[str, bytes]) -> None:
        self._span, self._key, self._tails = span, key, tails
        self._batches: deque[list[tuple[int, int]]] = deque()
        self._here: list[tuple[int, bytes]] = []

    def tail(self, n_bytes: int) -> bytes:
        if self._key not in self._tails:
            self._tails[self._key] = self._span.tail(n_bytes)
        return self._tails[self._key]

    def expect(self, ranges: Sequence[tuple[int, int]]) -> None:
        self._batches.clear()
        n_bytes = _AHEAD
        for start, stop in ranges:
            if n_bytes + stop - start > _AHEAD:
                self._batches.append([])
                n_bytes = 0
            self._batches[-1].append((start, stop))
            n_bytes += stop - start

    def read_into(self, buffer: bytearray, offset: int) -> int:
        stop = offset + len(buffer)
        data = self._found(offset, stop)
        if data is None:
            while self._batches and (offset, stop) not in self._batches[0]:
                self._batches.popleft()
            runs = _joined(self._batches.popleft()) if self._batches else [(offset, stop)]
            base = self._span.offset
            read = self._span.file.ranges([(base + first, base + last) for first, last in runs])
            self._here = [(run[0], data) for run, data in zip(runs, read, strict=True)]
            data = self._found(offset, stop) or b""
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._here = []

    def _found(self, start: int, stop: int) -> bytes | None:
        held = ((first, data) for first, data in self._here if first <= start and stop <= first + len(data))
        return next((data[start - first : stop - first] for first, data in held), None)


def _joined(ranges: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for start, stop in sorted(ranges):
        if joined and start - joined[-1][1] <= _GAP:
            joined[-1] = (joined[-1][0], max(stop, joined[-1][1]))
        else:
            joined.append((start, stop))
    return joined
