"""Writes a selection: the source's own rows, and beside them the recipe and the card."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nait_widgets.errors import NaitError, SelectionError
from nait_widgets.paths import require_file_place, require_place, slug, unique, written_whole
from nait_widgets.scored import ending
from nait_widgets.selection.card import card
from nait_widgets.selection.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from nait_widgets.selection.selection import Order, Selection
    from nait_widgets.store import ActivationStore

Row = dict[str, Any]
COLUMNS = ("score", "rank", "reason")
REPORT_EVERY = 1000


class Target(NamedTuple):
    """Where an export goes.

    Attributes:
        rows: The rows' file or folder.
        suffix: What says its format; none for a folder.
    """

    rows: Path
    suffix: str

    @classmethod
    def of(cls, path: str | os.PathLike[str]) -> Target:
        """The target that a path names.

        Raises:
            SelectionError: It names nothing, or an unknown format.
        """
        given = os.fspath(path)
        path = Path(given)
        if not path.name:
            raise SelectionError(f"{given!r} names no file to export to: give one such as subset.jsonl")
        suffix = "" if given.endswith(("/", os.sep)) else path.suffix
        if suffix not in WRITERS:
            known = ", ".join(name for name in WRITERS if name)
            raise SelectionError(
                f"{path}: rows can be written as {known}, or without suffix, or with a slash at the end, as a folder "
                "of `datasets`"
            )
        return cls(path, suffix)

    @property
    def recipe(self) -> Path:
        """The file of the recipe."""
        return self._beside("recipe.json")

    def directions(self, selection: Selection) -> list[Path | None]:
        """The file of each direction and scorer of a selection; None where the store keeps it."""
        from nait_widgets.saving import keeps

        names = unique(slug(scored.name) for scored in selection.directions)
        return [
            None if keeps(selection.store, scored) else self._beside(f"{name}{ending(scored)}")
            for scored, name in zip(selection.directions, names, strict=True)
        ]

    @property
    def card(self) -> Path:
        """The file of the card."""
        return self._beside("card.md")

    def require_place(self) -> None:
        """Raise unless rows, recipe and card can be written there, as far as names tell; needs no selection.

        Raises:
            NaitError: The folder is missing, or one is in the place of a file.
        """
        require_place(self.rows)
        if self.rows.is_dir() and not (self.suffix == "" and _is_datasets_folder(self.rows)):
            raise SelectionError(
                f"{self.rows} is a folder, and none that an export wrote: name another place, or remove it"
            )
        for file in (self.recipe, self.card):
            require_file_place(file)

    def files(self, selection: Selection) -> list[Path]:
        """All that an export writes."""
        directions = [file for file in self.directions(selection) if file is not None]
        return [self.rows, self.recipe, self.card, *directions]

    def _beside(self, ending: str) -> Path:
        return self.rows.with_name(f"{self.rows.name.removesuffix(self.suffix)}.{ending}")


def export(
    selection: Selection,
    path: str | os.PathLike[str],
    *,
    columns: Sequence[str],
    order: Order,
    report: Callable[[int, int], None] | None = None,
) -> list[Path]:
    """Write rows, recipe, card, directions and scorers; see `Selection.export`."""
    target = Target.of(path)
    path = target.rows
    write = WRITERS[target.suffix]
    for name in columns:
        if name not in COLUMNS:
            raise SelectionError(f"column {name!r} is unknown; choose among {', '.join(COLUMNS)}")
    if order not in ("source", "rank"):
        raise SelectionError(f"order is {order!r}, but must be source or rank")
    target.require_place()
    files = target.directions(selection)
    for file in files:
        if file is not None:
            require_file_place(file)
    scored = [each for each, file in zip(selection.directions, files, strict=True) if file]
    targets = target.files(selection)
    with ExitStack() as stack:  # all of them appear, or none
        rows, recipe, about, *beside = [stack.enter_context(written_whole(file)) for file in targets]
        write(rows, _rows(selection, columns, order, report))
        Recipe.of(selection, path, files, columns, order).save(recipe)
        about.write_text(card(selection, path.name), encoding="utf-8")
        for each, file in zip(scored, beside, strict=True):
            each.save(file)
    return targets


def _rows(
    selection: Selection, columns: Sequence[str], order: Order, report: Callable[[int, int], None] | None
) -> Iterator[Row]:
    ranks = np.arange(len(selection)) if order == "rank" else np.argsort(selection.rows, kind="stable")
    reasons = selection.reasons if "reason" in columns else [""] * len(selection)
    rows = _sources(selection.store, selection.rows[ranks])
    for done, (rank, row) in enumerate(zip(ranks, rows, strict=True)):
        if report is not None and done % REPORT_EVERY == 0:
            report(done, len(selection))
        extra = {"score": float(selection.scores[rank]), "rank": int(rank) + 1, "reason": reasons[rank]}
        yield {**row, **{f"nait_{name}": extra[name] for name in columns}}


def _sources(store: ActivationStore, rows: npt.NDArray[np.int64]) -> Iterator[Row]:
    """The source's rows; their ids alone where the store has no text."""
    if store.layout.text:
        return store.originals(rows)
    return ({"id": str(sample_id)} for sample_id in store.sample_id[rows])


def _jsonl(path: Path, rows: Iterable[Row]) -> None:
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(_dump(row) + "\n")


def _json(path: Path, rows: Iterable[Row]) -> None:
    with path.open("w", encoding="utf-8") as file:
        separator = "[\n"
        for row in rows:
            file.write(separator + _dump(row))
            separator = ",\n"
        file.write("\n]\n" if separator != "[\n" else "[]\n")


def _separated(path: Path, rows: Iterable[Row], delimiter: str) -> None:
    columns = _columns(rows)
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, delimiter=delimiter)
            writer.writerow(columns)
            for values in zip(*columns.values(), strict=True):
                writer.writerow(
                    v if isinstance(v, str | int | float) else "" if v is None else _dump(v) for v in values
                )
    except UnicodeEncodeError as error:
        raise SelectionError(f"a row holds text that is no Unicode ({error}); export as .jsonl") from error


def _parquet(path: Path, rows: Iterable[Row]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        pq.write_table(pa.table(_columns(rows)), path)
    except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeEncodeError) as error:
        raise SelectionError(f"the rows don't fit a Parquet table ({error}); export them as .jsonl") from error


def _datasets_folder(path: Path, rows: Iterable[Row]) -> None:
    import pyarrow as pa

    try:
        from datasets import Dataset
        from datasets.utils.logging import disable_progress_bar
    except ImportError as error:
        raise NaitError("a folder of `datasets` needs that package: pip install nait-widgets[datasets]") from error
    disable_progress_bar()
    try:
        Dataset.from_dict(_columns(rows)).save_to_disk(str(path))
    except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeEncodeError) as error:
        raise SelectionError(f"the rows don't fit a table of `datasets` ({error}); export them as .jsonl") from error


def _is_datasets_folder(path: Path) -> bool:
    """Whether `datasets` wrote a folder, and nobody has put anything else there."""
    names = {file.name for file in path.iterdir()}
    return {"dataset_info.json", "state.json"} == {name for name in names if not name.endswith(".arrow")}


def _columns(rows: Iterable[Row]) -> dict[str, list[Any]]:
    """Rows as columns, every field that any row has."""
    materialised = list(rows)
    fields = dict.fromkeys(key for row in materialised for key in row)
    return {field: [row.get(field) for row in materialised] for field in fields}


def _dump(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate, which only an escape can carry
        text = json.dumps(value)
    return text


WRITERS: dict[str, Callable[[Path, Iterable[Row]], None]] = {
    ".jsonl": _jsonl,
    ".json": _json,
    ".parquet": _parquet,
    ".csv": partial(_separated, delimiter=","),
    ".tsv": partial(_separated, delimiter="\t"),
    "": _datasets_folder,
}
