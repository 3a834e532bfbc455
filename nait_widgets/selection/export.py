"""Writes a selection: the source's own rows, and beside them the recipe and the card."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nait_widgets.errors import NaitError, SelectionError
from nait_widgets.paths import written_whole
from nait_widgets.selection.card import card
from nait_widgets.selection.recipe import Recipe

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from nait_widgets.selection.selection import Order, Selection

    Row = dict[str, Any]

COLUMNS = ("score", "rank", "reason")


def export(selection: Selection, path: str | os.PathLike[str], *, columns: Sequence[str], order: Order) -> list[Path]:
    """Write rows, recipe, card and directions; see `Selection.export`."""
    path = Path(path)
    write = _writer(path)
    for name in columns:
        if name not in COLUMNS:
            raise SelectionError(f"column {name!r} is unknown; choose among {', '.join(COLUMNS)}")
    if order not in ("source", "rank"):
        raise SelectionError(f"order is {order!r}, but must be source or rank")
    if not path.parent.is_dir():
        raise SelectionError(f"there is no folder {path.parent} to write {path.name} into")
    with written_whole(path) as temporary:
        write(temporary, _rows(selection, columns, order))
    directions = [
        direction.save(path.with_suffix(f".{_slug(direction.name)}.direction")) for direction in selection.directions
    ]
    recipe = Recipe.of(selection, path, directions, columns, order)
    return [path, recipe.save(path.with_suffix(".recipe.json")), _save_card(selection, path), *directions]


def _rows(selection: Selection, columns: Sequence[str], order: Order) -> Iterator[Row]:
    ranks = np.arange(len(selection)) if order == "rank" else np.argsort(selection.rows, kind="stable")
    for rank, row in zip(ranks, selection.store.originals(selection.rows[ranks]), strict=True):
        extra = {
            "score": float(selection.scores[rank]),
            "rank": int(rank) + 1,
            "reason": selection.reasons[rank],
        }
        yield {**row, **{f"nait_{name}": extra[name] for name in columns}}


def _writer(path: Path) -> Callable[[Path, Iterable[Row]], None]:
    writers: dict[str, Callable[[Path, Iterable[Row]], None]] = {
        ".jsonl": _jsonl,
        ".json": _json,
        ".parquet": _parquet,
        ".csv": lambda target, rows: _separated(target, rows, ","),
        ".tsv": lambda target, rows: _separated(target, rows, "\t"),
        "": _datasets_folder,
    }
    if path.suffix not in writers:
        known = ", ".join(suffix for suffix in writers if suffix)
        raise SelectionError(f"{path}: rows can be written as {known}, or without suffix as a folder of `datasets`")
    return writers[path.suffix]


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
    materialised = list(rows)
    fields = list(dict.fromkeys(key for row in materialised for key in row))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fields, delimiter=delimiter)
        writer.writeheader()
        for row in materialised:
            writer.writerow(
                {k: v if isinstance(v, str | int | float) else "" if v is None else _dump(v) for k, v in row.items()}
            )


def _parquet(path: Path, rows: Iterable[Row]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        pq.write_table(pa.Table.from_pylist(list(rows)), path)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise SelectionError(f"the rows don't fit a Parquet table ({error}); export them as .jsonl") from error


def _datasets_folder(path: Path, rows: Iterable[Row]) -> None:
    try:
        from datasets import Dataset
        from datasets.utils.logging import disable_progress_bar
    except ImportError as error:
        raise NaitError("a folder of `datasets` needs that package: pip install nait-widgets[datasets]") from error
    disable_progress_bar()
    Dataset.from_list(list(rows)).save_to_disk(str(path))


def _dump(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate, which only an escape can carry
        text = json.dumps(value)
    return text


def _save_card(selection: Selection, path: Path) -> Path:
    target = path.with_suffix(".card.md")
    with written_whole(target) as temporary:
        temporary.write_text(card(selection, path.name), encoding="utf-8")
    return target


def _slug(name: str) -> str:
    return "".join(c if c.isalnum() or c in "-_" else "-" for c in name)
