"""Keeps a curation on disk while it goes on: a recipe beside the store, with the directions and scorers it needs."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from nait_widgets.errors import NaitError, SelectionError
from nait_widgets.paths import slug, unique
from nait_widgets.saving import keeps
from nait_widgets.scored import ending
from nait_widgets.selection import Recipe, Selection, Wish
from nait_widgets.store.places import folder_beside
from nait_widgets.widgets.base import sentence

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    from nait_widgets.scored import Scored
    from nait_widgets.store import ActivationStore


class Keeper:
    """One recipe file.

    Args:
        store: Beside which it lies.
        scored: By what rows are chosen; their names are part of the file's.
        path: Another place.
        failed: Called, from another thread, with a sentence when saving fails.
    """

    def __init__(
        self,
        store: ActivationStore,
        scored: Sequence[Scored],
        path: str | os.PathLike[str] | None,
        failed: Callable[[str], None],
    ) -> None:
        stem = store.path.name.removesuffix(".zip").removesuffix(".zarr")
        names = "+".join(slug(each.name) for each in scored)
        beside = folder_beside(store.place) / f"{stem}.{names}.recipe.json" if path is None else Path(path)
        self.path = beside.absolute()  # a notebook may change its working folder before anything is saved
        self._store, self._scored, self._failed = store, scored, failed
        files = unique(slug(each.name) for each in scored)
        # By name; none for what the store keeps.
        self._files = {
            each.name: None if keeps(store, each) else f"{file}{ending(each)}"
            for each, file in zip(scored, files, strict=True)
        }
        self._saver = ThreadPoolExecutor(1, thread_name_prefix="recipe")
        self._lock = threading.Lock()
        self._waiting: Selection | None = None
        self._saved_scored = False

    def restore(self, choose: Callable[[Wish], None]) -> str:
        """Choose what was kept, if anything was; what doesn't fit is left as it is, and another file taken.

        Args:
            choose: Called with the wish that was kept.

        Returns:
            A sentence about it.
        """
        if not self.path.exists():
            return ""
        before = self.path.name
        try:
            recipe = Recipe.load(self.path)
            digests = {entry["name"]: entry["digest"] for entry in recipe.directions}
            if recipe.store["data_sha256"] != self._store.provenance["source"]["sha256"]:
                raise SelectionError(f"{before} was made on other data")
            if digests.keys() != self._files.keys():
                raise SelectionError(f"{before} goes by others: {', '.join(digests)}")
            choose(Wish.from_json(recipe.wish))
        except NaitError as error:
            return f"{error}; {before} stays as it is, and what you do now goes into {self._aside().name}"
        changed = [each.name for each in self._scored if digests[each.name] != each.digest]
        note = f", though {', '.join(changed)} was fitted anew since" if changed else ""
        return f"Restored from {before}{note}."

    def recipe(self, selection: Selection) -> Recipe:
        """The recipe of a selection as it is kept."""
        files = self._paths
        return Recipe.of(selection, self.path, [files[d.name] for d in selection.directions], (), "source")

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
            if not self._saved_scored:
                for each in self._scored:
                    if path := self._paths[each.name]:
                        each.save(path)
                self._saved_scored = True
            self.recipe(selection).save(self.path)
        except Exception as error:  # noqa: BLE001 - in this thread nobody else would tell
            self._failed(f"What you choose is not being saved: {sentence(error)}")

    @property
    def stem(self) -> str:
        """What the names of its files begin with."""
        return self.path.name.removesuffix(".json").removesuffix(".recipe")

    @property
    def files(self) -> list[Path]:
        """All files that are written to."""
        return [self.path, *filter(None, self._paths.values())]

    @property
    def _paths(self) -> dict[str, Path | None]:
        """The file of each direction or scorer by its name; None where the store keeps it."""
        return {
            name: None if file is None else self.path.with_name(f"{self.stem}.{file}")
            for name, file in self._files.items()
        }

    def _aside(self) -> Path:
        """Go to a file name of its own, so that nothing that is there is overwritten."""
        stem, number = self.stem, 2
        while self.path.exists():
            self.path = self.path.with_name(f"{stem}-{number}.recipe.json")
            number += 1
        return self.path
