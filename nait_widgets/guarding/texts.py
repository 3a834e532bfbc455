"""Which text of a sample is compared, and what is compared with what."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from nait_widgets.errors import NaitError, StoreError
from nait_widgets.guarding.reports import Part
from nait_widgets.store import ActivationStore, open_store
from nait_widgets.store.files import is_store
from nait_widgets.store.remote import Url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import numpy.typing as npt

    from nait_widgets.selection import Selection

    Read = Callable[[npt.NDArray[np.int64]], Iterable[str]]

Pair = tuple[str, str]  # prompt, response


def looked_at(rows_of: ActivationStore | Selection) -> tuple[ActivationStore, npt.NDArray[np.int64]]:
    """The store and the rows that are meant, in their order: all that may be selected, or those that are.

    Raises:
        NaitError: It is something else.
        StoreError: The store is incomplete, or has no text.
    """
    from nait_widgets.selection import Selection

    if isinstance(rows_of, ActivationStore):
        store, rows = rows_of, np.flatnonzero(rows_of.selectable)
    elif isinstance(rows_of, Selection):
        store, rows = rows_of.store, rows_of.rows
    else:
        raise NaitError(
            f"what is looked through must be a store or a Selection, not of type {type(rows_of).__name__}: capture "
            "the rows first"
        )
    store.require_complete()
    if not store.layout.text:
        raise StoreError(f"{store.path} was captured without text, so its rows can't be compared with others")
    return store, rows


def identity(store: ActivationStore, rows: npt.NDArray[np.int64]) -> dict[str, Any]:
    """What a report says of the rows it is about."""
    return {"path": str(store.path), "rows": len(rows), "data_sha256": store.provenance["source"]["sha256"]}


def pairs_of(store: ActivationStore, rows: npt.NDArray[np.int64]) -> Iterator[Pair]:
    """Prompt and response of some rows, in their order."""
    return zip(store.text("prompt", rows), store.text("response", rows), strict=True)


def reader(store: ActivationStore, part: Part) -> Read:
    """What reads one text of some rows, in their order."""
    return lambda rows: (part_of(pair, part) for pair in pairs_of(store, rows))


def part_of(pair: Pair, part: Part) -> str:
    """The text that is compared; of a sample without a prompt it is the response."""
    prompt, response = pair
    if part == "sample":
        return f"{prompt}\n{response}"
    return response if part == "response" or not prompt.strip() else prompt


def require_part(part: str) -> None:
    """Raise unless a text can be compared by that name."""
    if part not in get_args(Part):
        raise NaitError(f"compare is {part!r}, but must be one of {', '.join(get_args(Part))}")


def items_of(source: Any) -> tuple[str, list[str], Iterable[Pair]]:
    """What a source is, and the ids and texts of its samples.

    Raises:
        RecordError: A file or object can't be read.
        StoreError: A store can't be opened, is incomplete, or has no text.
    """
    from nait_widgets.records import read_records

    if isinstance(source, str | PathLike | Url) and is_store(source):
        source = open_store(source)
    if isinstance(source, ActivationStore):
        store, rows = looked_at(source)
        return str(store.path), [str(i) for i in store.sample_id[rows]], pairs_of(store, rows)
    records = read_records(source)
    ids: list[str] = []
    pairs: list[Pair] = []
    for record in records:
        ids.append(record.id)
        pairs.append((record.prompt, record.response))
    return records.source, ids, pairs
