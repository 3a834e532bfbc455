"""Sources as records: `read_records` and the re-iterable `Records` that it gives."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from nait_widgets.errors import RecordError
from nait_widgets.records.containers import Container, open_container
from nait_widgets.records.layouts import detect
from nait_widgets.records.record import Record, Turn, is_unicode
from nait_widgets.records.tally import Tally

if TYPE_CHECKING:
    from nait_widgets.records.schemas import Schema

DETECTION_ROWS = 16
ID_DIGITS = (
    16  # 64 bits, which a `Tally` counts: among a million rows, two ids meet by chance once in 37 million sources
)


@dataclass(frozen=True, slots=True)
class Inspection:
    """What one full pass over a source has found.

    Attributes:
        rows: Number of rows.
        digest: SHA-256 of the content and of the way it is read: a file's bytes, or the rows of an object as JSON,
            with the format, the fields and the limit.
        defects: Number of rows by defect; without the rows that have none.
    """

    rows: int
    digest: str
    defects: Mapping[str, int]


class Records:
    """The samples of a source, read anew by each iteration and never held all at once.

    Attributes:
        source: The path as given, or the kind of object.
        format: The rows' format, such as `"alpaca"` or `"messages"`.
        fields: Role (`prompt`, `input`, `response`, `system`, `id`, `messages`, `text`) to the field that plays it;
            without `id` the ids are made from the content.
        start: The source's row that is the first here.
    """

    def __init__(self, container: Container, schema: Schema, limit: int | None = None, start: int = 0) -> None:
        self.source = container.source
        self.format = schema.format
        self.fields = schema.fields
        self._container = container
        self._schema = schema
        self.start = start
        self._limit = limit
        self._length: int | None = None
        self._inspection: Inspection | None = None

    def __repr__(self) -> str:
        return f"<Records of {self.source!r}, format {self.format}>"

    def __iter__(self) -> Iterator[Record]:
        own = "id" in self.fields
        seen = Tally()
        for row, original in enumerate(self._rows()):
            turns = self._schema.turns(original, row + 1)
            if own:
                name = self._schema.own_id(original, row + 1)
                if seen.add(hash(name) % 2**64) > 1:
                    self._require_new(name, row)
            else:
                name = _content_id(turns)
                if (copy := seen.add(int(name, 16))) > 1:
                    name = f"{name}-{copy}"
            if row >= self.start:
                yield Record(name, row - self.start, turns, original, _defect(turns))

    def __len__(self) -> int:
        """Number of rows; a format that doesn't tell is read through once."""
        if self._length is None:
            known = self._container.length
            if known is None:
                known = sum(1 for _ in self._rows())
            end = known if self._limit is None else min(known, self._limit)
            self._length = max(0, end - self.start)
        return self._length

    def head(self, n: int) -> Records:
        """The first `n` samples.

        Raises:
            RecordError: `n` is less than 1.
        """
        if n < 1:
            raise RecordError(f"{n} rows can't be read; ask for 1 or more", source=self.source)
        return self.part(slice(0, n))

    def part(self, rows: slice) -> Records:
        """Some consecutive samples, with the ids that they have among all.

        Args:
            rows: From which to which, counted from 0; the second is left out, and either may be None.

        Raises:
            RecordError: The slice has a step, counts from the end, or holds no row.
        """
        first, end = rows.start or 0, rows.stop
        if rows.step not in (None, 1) or first < 0 or (end is not None and end <= first):
            asked = ":".join("" if part is None else str(part) for part in (rows.start, rows.stop, rows.step))
            raise RecordError(
                f"rows {asked.removesuffix(':')} can't be read: name one stretch, counted from 0, as in "
                "slice(0, 20480) (`--rows 0:20480`)",
                source=self.source,
            )
        ends = [limit for limit in (self._limit, end and self.start + end) if limit is not None]
        return Records(self._container, self._schema, min(ends, default=None), self.start + first)

    def check(self) -> Inspection:
        """Reads everything once; the result is kept.

        Raises:
            RecordError: A row is malformed or lacks a field, two rows share an id, or no row can be used.
        """
        if self._inspection is None:
            self._inspection = self._inspect()
            self._length = self._inspection.rows
        return self._inspection

    def _inspect(self) -> Inspection:
        file = self._container.file
        reading: dict[str, Any] = {"format": self.format, "fields": dict(self.fields), "limit": self._limit}
        if self.start:
            reading["start"] = self.start
        content = hashlib.sha256(json.dumps(reading, sort_keys=True).encode())
        if file is not None:
            with file.open("rb") as stream:
                content.update(hashlib.file_digest(stream, "sha256").digest())
        rows = 0
        defects: Counter[str] = Counter()
        for record in self:
            rows += 1
            if record.defect is not None:
                defects[record.defect] += 1
            if file is None:
                content.update(record.original_json().encode() + b"\n")
        if not rows:
            raise RecordError(f"there is no row {self.start + 1:,}: it ends before", source=self.source)
        if defects.total() == rows:
            found = ", ".join(f"{count:,} {defect}" for defect, count in defects.items())
            raise RecordError(f"no row has a response that can be used ({found}); check the fields", source=self.source)
        return Inspection(rows, content.hexdigest(), dict(defects))

    def _rows(self) -> Iterator[Mapping[str, Any]]:
        return islice(self._container.rows(), self._limit)

    def _require_new(self, name: str, row: int) -> None:
        """Raise where an earlier row has the same id, and not just the same hash of it."""
        for earlier, original in enumerate(islice(self._rows(), row), 1):
            if self._schema.own_id(original, earlier) == name:
                raise RecordError(
                    f"the id {name!r} is that of row {earlier:,} too; name a unique field with "
                    'fields={"id": ...}, or make ids from the content with fields={"id": ""}',
                    source=self.source,
                    row=row + 1,
                    field=self.fields["id"],
                )


def read_records(
    source: object,
    *,
    format: str | None = None,  # noqa: A002
    fields: Mapping[str, str] | None = None,
    limit: int | None = None,
) -> Records:
    """Opens a source of instruction samples.

    Args:
        source: A path to a JSON list, JSON Lines, CSV, TSV or plain text file (each also gzipped), a Parquet file or
            a folder saved by `datasets`; or a list of dicts, a pandas frame, a `datasets.Dataset`; or `Records`, or
            some of them as a list, such as `list(records)[100:]`, whose rows are read anew.
            A plain text file has one sample a line, without a prompt; blank lines are skipped.
        format: `"alpaca"`, `"dolly"`, `"completion"`, `"qa"`, `"sharegpt"`, `"messages"` or `"text"`;
            None finds it by the first rows' fields.
        fields: Role to field where they differ from the format's own: `prompt`, `input`, `response`, `system`, `id`,
            `messages`, `text`. An empty name leaves an optional role out; `{"id": ""}` makes ids from the content.
        limit: Read the first rows only.

    Raises:
        RecordError: There is no such file, it can't be read or holds no rows, its fields can't be told, or records
            of a list would be read otherwise than they were.
    """
    if isinstance(source, Records):
        if format is not None or fields is not None:
            raise RecordError("these records have been opened; give format and fields there", source=source.source)
        return source if limit is None else source.head(limit)
    container = open_container(source)
    first = [list(row) for row in islice(container.rows(), DETECTION_ROWS)]
    if not first:
        raise RecordError("there are no rows; give a source that holds some", source=container.source)
    seen = list(dict.fromkeys(name for row in first for name in row))
    schema = detect(container.source, seen, first[0], format, fields)
    if isinstance(source, list | tuple):
        _require_as_read(source, schema)
    records = Records(container, schema)
    return records if limit is None else records.head(limit)


def _require_as_read(rows: Sequence[Any], schema: Schema) -> None:
    """Raise where a record among some rows would be read otherwise than it was."""
    for number, row in enumerate(rows, 1):
        if isinstance(row, Record) and row.turns != schema.turns(row.original, number):
            raise RecordError(
                "the record was read in another way: give the `format` and `fields` that it was read with",
                source=type(rows).__name__,
                row=number,
            )


def _content_id(turns: tuple[Turn, ...]) -> str:
    content = json.dumps([(turn.role, turn.content) for turn in turns])
    return hashlib.sha256(content.encode()).hexdigest()[:ID_DIGITS]


def _defect(turns: tuple[Turn, ...]) -> str | None:
    if not all(is_unicode(turn.content) for turn in turns):
        return "undecodable"
    if not turns or turns[-1].role != "assistant" or not turns[-1].content.strip():
        return "empty"
    return None
