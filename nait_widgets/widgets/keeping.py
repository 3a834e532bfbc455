"""Keeps a curation on disk while it goes on: a recipe beside the store, with the directions that it needs."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from nait_widgets.errors import NaitError
from nait_widgets.paths import slug
from nait_widgets.saving import keeps
from nait_widgets.selection import Recipe, Selection, Wish

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    from nait_widgets.methods import Direction
    from nait_widgets.store import ActivationStore


class Keeper:
    """One recipe file.

    Args:
        store: Beside which it lies.
        directions: By which rows are chosen; they are part of the file's name.
        path: Another place.
        failed: Called, from another thread, with a sentence when saving fails.
    """

    def __init__(
        self,
        store: ActivationStore,
        directions: Sequence[Direction],
        path: str | os.PathLike[str] | None,
        failed: Callable[[str], None],
    ) -> None:
        stem = store.path.name.removesuffix(".zip").removesuffix(".zarr")
        names = "+".join(slug(direction.name) for direction in directions)
        self.path = Path(path) if path is not None else store.path.parent / f"{stem}.{names}.recipe.json"
        self._store, self._directions, self._failed = store, directions, failed
        self._kept = [keeps(store, direction) for direction in directions]
        self._saver = ThreadPoolExecutor(1, thread_name_prefix="recipe")
        self._lock = threading.Lock()
        self._waiting: Selection | None = None
        self._saved_directions = False

    def restore(self) -> tuple[Wish | None, str]:
        """The wish that was kept, if any, and a sentence about it."""
        if not self.path.exists():
            return None, ""
        try:
            recipe = Recipe.load(self.path)
            wish = Wish.from_json(recipe.wish)
        except NaitError as error:
            return None, f"{error}; what you do now goes beside it, into {self._aside().name}"
        if recipe.store["data_sha256"] != self._store.provenance["source"]["sha256"]:
            return None, f"{self.path.name} was made on other data; what you do now goes into {self._aside().name}"
        known = self._store.row_of
        if any(i not in known for i in (*wish.pinned, *wish.excluded, *(wish.filters.ids or ()))):
            return None, f"{self.path.name} names other samples; what you do now goes into {self._aside().name}"
        digests = {entry["name"]: entry["digest"] for entry in recipe.directions}
        changed = [d.name for d in self._directions if digests.get(d.name) != d.digest]
        note = f", though {', '.join(changed)} was fitted anew since" if changed else ""
        return wish, f"Restored from {self.path.name}{note}."

    def recipe(self, selection: Selection) -> Recipe:
        """The recipe of a selection as it is kept."""
        return Recipe.of(selection, self.path, self._direction_paths, (), "source")

    def keep(self, selection: Selection) -> None:
        """Save soon, in a thread; of several in a row, only the latest."""
        with self._lock:
            first, self._waiting = self._waiting is None, selection
        if first:
            self._saver.submit(self._save)

    def flush(self) -> None:
        """Wait until everything is saved."""
        self._saver.submit(lambda: None).result()

    def _save(self) -> None:
        with self._lock:
            selection, self._waiting = self._waiting, None
        assert selection is not None
        try:
            if not self._saved_directions:
                for direction, path in zip(self._directions, self._direction_paths, strict=True):
                    if path is not None:
                        direction.save(path)
                self._saved_directions = True
            self.recipe(selection).save(self.path)
        except NaitError as error:
            self._failed(f"What you choose is not being saved: {error}")

    @property
    def _direction_paths(self) -> list[Path | None]:
        """The file of each direction; None where the store keeps it."""
        stem = self.path.name.removesuffix(".recipe.json")
        return [
            None if kept else self.path.with_name(f"{stem}.{slug(direction.name)}.direction")
            for direction, kept in zip(self._directions, self._kept, strict=True)
        ]

    def _aside(self) -> Path:
        """Go to a file name of its own, so that nothing that is there is overwritten."""
        stem, number = self.path.name.removesuffix(".recipe.json"), 2
        while self.path.exists():
            self.path = self.path.with_name(f"{stem}-{number}.recipe.json")
            number += 1
        return self.path
