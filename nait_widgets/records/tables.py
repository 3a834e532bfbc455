"""Rows of Parquet files, `datasets` tables and pandas frames, a batch at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nait_widgets.errors import RecordError

if TYPE_CHECKING:
    import datasets
    import pandas as pd
    import pyarrow as pa

BATCH = 1024  # rows


def parquet_rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a Parquet file.

    Raises:
        RecordError: The file is damaged, or a row's text isn't UTF-8.
    """
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(path) as file:
            yield from _arrow_rows(file.iter_batches(batch_size=BATCH), str(path))
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, error) from error


def parquet_length(path: Path) -> int:
    """The number of rows that a Parquet file's footer gives."""
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(path) as file:
            return int(file.metadata.num_rows)
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, error) from error


def load_dataset_folder(path: Path) -> datasets.Dataset:
    """Opens a folder that `Dataset.save_to_disk` wrote.

    Raises:
        RecordError: The folder is of another kind or holds several splits, or `datasets` isn't installed.
    """
    if (path / "dataset_dict.json").is_file():
        splits = sorted(file.parent.name for file in path.glob("*/dataset_info.json"))
        raise RecordError(
            f"the folder holds the splits {', '.join(map(repr, splits))}; give one of them, such as {path / splits[0]}"
            if splits
            else "the folder holds no split",
            source=str(path),
        )
    if not (path / "dataset_info.json").is_file():
        raise RecordError("this is a folder, but not one saved by datasets; give a file", source=str(path))
    try:
        from datasets import load_from_disk
    except ImportError as error:
        raise RecordError(
            "reading this folder needs datasets; run: pip install 'nait-widgets[datasets]'", source=str(path)
        ) from error
    try:
        return load_from_disk(str(path))
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def dataset_rows(dataset: datasets.Dataset, source: str) -> Iterator[dict[str, Any]]:
    """The rows of a `datasets.Dataset` in its own order, as stored, whatever format is set on it."""
    yield from _arrow_rows(dataset.with_format("arrow").iter(batch_size=BATCH), source)


def frame_rows(frame: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """The rows of a frame as Python values, without its index; missing values (NaN, NA, NaT) become None."""
    if not frame.columns.is_unique:
        twice = frame.columns[frame.columns.duplicated()][0]
        raise RecordError("the frame has this column twice; rename one", source="pandas.DataFrame", field=str(twice))
    for start in range(0, len(frame), BATCH):
        part = frame.iloc[start : start + BATCH]
        values = part.astype(object).where(part.notna(), None)
        for row in values.to_dict("records"):
            yield {str(name): value for name, value in row.items()}


def _arrow_rows(batches: Iterable[pa.RecordBatch | pa.Table], source: str) -> Iterator[dict[str, Any]]:
    read = 0
    for batch in batches:
        try:
            rows = batch.to_pylist()
        except UnicodeDecodeError as error:
            number, field = next(
                (read + i + 1, name)
                for i in range(batch.num_rows)
                for name in batch.schema.names
                if not _decodes(batch.slice(i, 1).column(name))
            )
            raise RecordError(
                "the text is not UTF-8; mend or remove the row", source=source, row=number, field=field
            ) from error
        yield from rows
        read += len(rows)


def _decodes(column: pa.Array | pa.ChunkedArray) -> bool:
    try:
        column.to_pylist()
    except UnicodeDecodeError:
        return False
    return True


def _unreadable(path: Path, error: Exception) -> RecordError:
    return RecordError(f"the table can't be read ({error}); check it or write it again", source=str(path))
