"""The errors a person can mend. Each message is one sentence that says what was wrong, where, and what to do."""

from __future__ import annotations


class NaitError(Exception):
    """Base of every error that the input, not the program, has caused (exit status 2 on the command line)."""


class RecordError(NaitError):
    """An instruction file, or a row of it, can't be read.

    Args:
        message: What is wrong and how to mend it, as a sentence without its place.
        source: The file or object that was read.
        row: The row, counted from 1 as people count lines; None where the whole source is meant.
        field: The field of that row, where one is to blame.
    """

    def __init__(self, message: str, *, source: str, row: int | None = None, field: str | None = None) -> None:
        place = source
        if row is not None:
            place += f", row {row:,}"
        if field is not None:
            place += f", field {field!r}"
        super().__init__(f"{place}: {message}")
        self.source, self.row, self.field = source, row, field


class ModelError(NaitError):
    """A model can't be loaded, or doesn't have what was asked of it."""


class StoreError(NaitError):
    """An activation store is missing, foreign, damaged, incomplete, or of another origin than asked for."""


class RemoteError(NaitError):
    """A place at a URL doesn't answer or forbids, so that nothing can be told of what is there; it may be sound."""


class DirectionError(NaitError):
    """A direction can't be fitted, read, combined or applied here."""


class ScorerError(NaitError):
    """A scorer can't be found, made, fitted, read or applied here."""


class SelectionError(NaitError):
    """A selection is asked for in terms that don't fit together or don't fit the scores."""


class Interrupted(NaitError):  # noqa: N818 - no error of anybody's, like KeyboardInterrupt
    """Long work was stopped by the user; the message says what is kept and how to go on."""
