"""The objects of a store at a URL as zarr-python reads and writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nait_widgets.errors import StoreError
from nait_widgets.store.ranged import RangedStore, aside

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from zarr.core.buffer import Buffer

    from nait_widgets.store.objects import Objects


class ObjectStore(RangedStore):
    """The objects below a URL by their keys; each is put whole or not at all.

    Args:
        objects: The objects.
        read_only: Whether they stay as they are.
    """

    supports_writes = True
    supports_deletes = True
    supports_listing = True

    def __init__(self, objects: Objects, *, read_only: bool) -> None:
        super().__init__(read_only=read_only)
        self.objects = objects

    def with_read_only(self, read_only: bool = False) -> ObjectStore:
        """The same objects, to be written or not."""
        return ObjectStore(self.objects, read_only=read_only)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ObjectStore) and other.objects.path == self.objects.path

    def __str__(self) -> str:
        return str(self.objects.path)

    def read(self, key: str, start: int, stop: int | None) -> bytes | None:
        """A range of an object's bytes.

        Raises:
            StoreError: A complete store has lost it.
        """
        try:
            return self.objects.read(key, start, stop)
        except FileNotFoundError as error:
            # Zarr would read nothing but fill values there.
            if self.objects.complete and "/c/" in key:
                raise StoreError(
                    f"{self.objects.path / key} is no longer there, though the store was complete: somebody has "
                    "deleted or moved a part of it"
                ) from error
            return None

    async def exists(self, key: str) -> bool:
        """Whether there is such a key."""
        return await aside((self.objects.path / key).exists)

    async def set(self, key: str, value: Buffer) -> None:
        """Put an object, in place of one that is."""
        self._check_writable()
        await aside(lambda: (self.objects.path / key).write(value.to_bytes()))

    async def delete(self, key: str) -> None:
        """Delete an object, if it is there."""
        self._check_writable()
        await aside(lambda: (self.objects.path / key).unlink(missing_ok=True))

    async def list(self) -> AsyncIterator[str]:
        """Every key."""
        for key in await self._keys(""):
            yield key

    async def list_prefix(self, prefix: str) -> AsyncIterator[str]:
        """Every key in a folder."""
        for key in await self._keys(prefix):
            yield key

    async def list_dir(self, prefix: str) -> AsyncIterator[str]:
        """What lies right below a folder."""
        folder = self.objects.path / prefix.rstrip("/") if prefix.rstrip("/") else self.objects.path
        for name in sorted(await aside(folder.names)):
            yield name

    async def _keys(self, prefix: str) -> Sequence[str]:
        folder = f"{prefix.rstrip('/')}/" if prefix.rstrip("/") else ""
        below = (self.objects.path / folder.rstrip("/")).below if folder else self.objects.path.below
        return [f"{folder}{key}" for key in await aside(below)]
