"""What rows come in: files, folders and objects in memory, each as one thing that can be iterated again and again."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from nait_widgets.errors import RecordError
from nait_widgets.records.json_files import json_rows
from nait_widgets.records.record import Record
from nait_widgets.records.tables import dataset_rows, frame_rows, load_dataset_folder, parquet_length, parquet_rows
from nait_widgets.records.text_files import csv_rows, text_rows

ACCEPTED = "a path, a list of dicts or records, a pandas DataFrame or a datasets.Dataset"
READERS: Mapping[str, Callable[[Path], Iterator[Mapping[str, Any]]]] = {
    ".json": json_rows,
    ".jsonl": json_rows,
    ".ndjson": json_rows,
    ".csv": partial(csv_rows, delimiter=","),
    ".tsv": partial(csv_rows, delimiter="\t"),
    ".txt": text_rows,
    ".parquet": parquet_rows,
}


@dataclass(frozen=True, slots=True)
class Container:
    """A source of rows.

    Attributes:
        source: What messages call it.
        rows: Starts reading from the first row.
        length: Number of rows, where it is known without reading.
        file: The file whose bytes are the content; None for folders and objects.
    """

    source: str
    rows: Callable[[], Iterator[Mapping[str, Any]]]
    length: int | None = None
    file: Path | None = None


def open_container(source: object) -> Container:
    """Finds out what a source is.

    Raises:
        RecordError: There is no such file, or nothing here can read the source.
    """
    if isinstance(source, str | Path):
        return _open_path(Path(source))
    # An object's library has been imported by whoever made the object, so that none is imported just to ask.
    pandas, datasets = sys.modules.get("pandas"), sys.modules.get("datasets")
    if pandas is not None and isinstance(source, pandas.DataFrame):
        return Container("pandas.DataFrame", partial(frame_rows, source), len(source))
    if datasets is not None and isinstance(source, datasets.Dataset):
        name = "datasets.Dataset"
        return Container(name, partial(dataset_rows, source, name), len(source))
    name = type(source).__name__
    if isinstance(source, Mapping):
        raise RecordError(
            f"this holds {', '.join(map(repr, source)) or 'nothing'}, not rows; pass one of its values", source=name
        )
    if isinstance(source, Sequence) and not isinstance(source, bytes):
        return Container(name, partial(_object_rows, source, name), len(source))
    raise RecordError(f"rows can't be read again and again from this; pass {ACCEPTED}", source=name)


def _open_path(path: Path) -> Container:
    if not path.exists():
        raise RecordError("there is no such file; check the path", source=str(path))
    if path.is_dir():
        dataset = load_dataset_folder(path)
        return Container(str(path), partial(dataset_rows, dataset, str(path)), len(dataset))
    suffix = Path(path.stem if path.suffix.lower() == ".gz" else path).suffix.lower()
    read = READERS.get(suffix)
    if read is None:
        raise RecordError(
            f"the suffix {suffix!r} is not one of {', '.join(READERS)}; rename or convert the file", source=str(path)
        )
    length = parquet_length(path) if read is parquet_rows else None
    return Container(str(path), partial(read, path), length, path)


def _object_rows(rows: Sequence[Any], name: str) -> Iterator[Mapping[str, Any]]:
    for number, row in enumerate(rows, 1):
        if isinstance(row, Record):
            row = row.original
        if not isinstance(row, Mapping):
            raise RecordError(
                f"the row is of type {type(row).__name__}, not a dict with named fields", source=name, row=number
            )
        yield row
