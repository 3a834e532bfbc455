"""Subsets and eval sets as the model reads them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np

from nait_widgets.errors import NaitError, RecordError
from nait_widgets.records import Record, Rendered, Renderer, read_records
from nait_widgets.records.schemas import Schema
from nait_widgets.training.batches import whole

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nait_widgets.selection import Selection

_ROWS_AT_ONCE = 512


@dataclass(frozen=True, slots=True)
class Samples:
    """The rows of a source that have a response to predict.

    Attributes:
        rendered: Each as token ids.
        responses: The text of each one's response.
        texts: SHA-256 of each one's prompt and response without regard to case and white space.
        rows: Rows of the source, those without a usable response included.
        digest: SHA-256 of the token ids and response spans, in order.
    """

    rendered: tuple[Rendered, ...]
    responses: tuple[str, ...]
    texts: frozenset[bytes]
    rows: int
    digest: str

    def __len__(self) -> int:
        return len(self.rendered)

    @property
    def response_tokens(self) -> int:
        """Response tokens that are predicted."""
        return sum(len(whole(sample)) for sample in self.rendered)

    @property
    def tokens(self) -> int:
        """All tokens."""
        return sum(len(sample.input_ids) for sample in self.rendered)

    def facts(self) -> dict[str, Any]:
        """Counts and digest, for JSON."""
        return {
            "rows": self.rows,
            "usable": len(self),
            "response_tokens": self.response_tokens,
            "tokens": self.tokens,
            "sha256": self.digest,
        }


def draws(name: str, source: object, n_seeds: int, renderer: Renderer) -> list[Samples]:
    """A subset's samples at each seed: always the same ones, or where several sources are given one for each seed.

    Raises:
        NaitError: There are several sources, but not one for each seed; or nothing can be trained on.
    """
    _require_rows(f"subset {name!r}", source)
    several = isinstance(source, (list, tuple)) and bool(source) and not _is_row(source[0])
    sources = list(source) if several and isinstance(source, (list, tuple)) else [source]
    if len(sources) not in (1, n_seeds):
        raise NaitError(
            f"subset {name!r} has {len(sources)} draws for {n_seeds} seed{'s' if n_seeds > 1 else ''}: give one for "
            "all, or one for each"
        )
    found = [read_samples(f"subset {name!r}", one, renderer) for one in sources]
    return found if len(found) == n_seeds else found * n_seeds


def read_samples(place: str, source: object, renderer: Renderer) -> Samples:
    """Read and render a source, rows without a response to predict left out.

    Args:
        place: What it is, for errors.
        source: A `Selection`, or anything `read_records` reads.
        renderer: The same for all.

    Raises:
        NaitError: It can't be read, or no row has a response to predict.
    """
    from nait_widgets.selection import Selection

    _require_rows(place, source)
    rendered: list[Rendered] = []
    responses: list[str] = []
    texts: set[bytes] = set()
    digest = sha256()
    try:
        rows = list(_selected(place, source) if isinstance(source, Selection) else read_records(source))
        samples = [
            sample
            for start in range(0, len(rows), _ROWS_AT_ONCE)
            for sample in renderer.render(rows[start : start + _ROWS_AT_ONCE])
        ]
    except RecordError as error:  # rows in memory have no name of their own
        error.args = (f"{place}: {error}",)
        raise
    for record, sample in zip(rows, samples, strict=True):
        if sample.defect is not None or not len(whole(sample)):
            continue
        rendered.append(sample)
        responses.append(record.response)
        texts.add(sha256(" ".join(f"{record.prompt} {record.response}".casefold().split()).encode()).digest())
        digest.update(np.array([len(sample.input_ids), *sample.response], np.int64).tobytes())
        digest.update(sample.input_ids.tobytes())
        # Whole: what an answer is checked against may lie beyond the maximum length.
        digest.update(sha256(record.response.encode("utf-8", "surrogatepass")).digest())
    if not rendered:
        raise RecordError(
            f"none of its {len(rows):,} rows has a response to predict within {renderer.max_length:,} tokens: check "
            "the rows, the template and `max_length`",
            source=place,
        )
    return Samples(tuple(rendered), tuple(responses), frozenset(texts), len(rows), digest.hexdigest())


def _require_rows(place: str, source: object) -> None:
    """Raise where a part of a selection is given in its place, or the scores that it was made from."""
    import xarray as xr

    first = source[0] if isinstance(source, (list, tuple)) and source else source
    if first is not source and isinstance(first, str) and not os.path.exists(first):  # noqa: PTH110 - text may be long
        raise NaitError(
            f"{place} is a list of text of which {first!r} is no file: give paths, or where these are a selection's "
            "ids, the Selection itself"
        )
    if isinstance(first, (int, np.integer, np.ndarray)):
        raise NaitError(f"{place} is numbers: where these are a selection's rows, give the Selection itself")
    if isinstance(first, (xr.Dataset, xr.DataArray)):
        raise NaitError(f"{place} is scores, which choose no rows: give the Selection that `select` makes of them")


def _selected(place: str, selection: Selection) -> Iterator[Record]:
    """A selection's rows as its store's source had them, in the source's order."""
    store = selection.store
    if not store.layout.text:
        raise NaitError(f"{place} is a selection from {store.path}, which keeps no text: give the rows as a file")
    if not len(selection):
        raise NaitError(f"{place} is a selection of no rows: select some")
    source = store.provenance["source"]
    schema = Schema(source["name"], source["format"], source["fields"])
    rows = np.sort(selection.rows)
    for row, original in zip(rows.tolist(), store.originals(rows), strict=True):
        yield Record(str(store.sample_id[row]), row, schema.turns(original, row + 1), original)


def _is_row(value: object) -> bool:
    """Whether an element of a list is one of its rows, rather than a source of its own."""
    return isinstance(value, (Mapping, Record))
