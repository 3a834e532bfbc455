"""Rows of plain text, CSV and TSV files, one at a time."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from nait_widgets.errors import RecordError

LARGEST_FIELD = 2**31 - 1


@contextmanager
def open_text(path: Path, newline: str = "\n") -> Iterator[TextIO]:
    """Opens a UTF-8 file, gzipped or not, with or without a BOM; bytes that aren't UTF-8 become lone surrogates.

    Raises:
        RecordError: The file can't be opened or read to its end.
    """
    opener = gzip.open if path.suffix.lower() == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8-sig", errors="surrogateescape", newline=newline) as file:
            yield file
    except (OSError, EOFError, zlib.error) as error:
        raise RecordError(f"the file can't be read ({error}); check it or fetch it again", source=str(path)) from error


def text_rows(path: Path) -> Iterator[dict[str, str]]:
    """One row `{"text": line}` for each line that isn't blank; line ends are left out, other white space kept."""
    with open_text(path) as file:
        for line in file:
            if line.strip():
                yield {"text": line.rstrip("\r\n")}


def csv_rows(path: Path, delimiter: str) -> Iterator[dict[str, Any]]:
    """The rows below a CSV file's header, every value as text; blank lines are skipped.

    Raises:
        RecordError: Broken quoting, a repeated column name, or a row with more or fewer values than the header.
    """
    csv.field_size_limit(LARGEST_FIELD)
    with open_text(path, newline="") as file:
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        filled = (values for values in reader if values)
        number = 0
        try:
            header = next(filled, [])
            if len(set(header)) < len(header):
                twice = next(name for name in header if header.count(name) > 1)
                raise RecordError("the header names this column twice; rename one", source=str(path), field=twice)
            for number, values in enumerate(filled, 1):
                if len(values) != len(header):
                    raise RecordError(
                        f"the row that ends on line {reader.line_num:,} has {len(values)} values where the header has "
                        f"{len(header)}; check its quotes and delimiters",
                        source=str(path),
                        row=number,
                    )
                yield dict(zip(header, values, strict=True))
        except csv.Error as error:
            raise RecordError(
                f"malformed CSV on line {reader.line_num:,} ({error}); check its quotes",
                source=str(path),
                row=number + 1,
            ) from error
