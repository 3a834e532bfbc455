"""Label columns: what of the source's rows sorts them into a few kinds."""

from __future__ import annotations

from itertools import chain, islice
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nait_widgets.store import Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt
    import xarray as xr

    from nait_widgets.store import ActivationStore

MAX_VALUES = 40  # a column with more is no label to filter by
SHOWN_BY = 65_536  # rows within which a field of the source must occur: where none is a label, the others aren't read
MAX_COLUMNS = 28  # the browser has a bit for each, `MOST_LABELS` in `js/core/curation.ts`
STATUS = "status"


class Labels(NamedTuple):
    """One label column.

    Attributes:
        names: Its values, as text, the most frequent first.
        codes: Which of them each row has, (sample,) uint8; `len(names)` where it has none.
        of_source: Whether it comes from the source's rows, so that it tells of their text.
    """

    names: tuple[str, ...]
    codes: npt.NDArray[np.uint8]
    of_source: bool = False


def label_columns(scores: xr.Dataset) -> dict[str, Labels]:
    """Every label column: the status, those of the scores' dataset, those of the source's rows.

    A column is one whose values are text, whole numbers or truth values, two to forty of them. Of the dataset it is
    any variable over `sample` alone: `scores["topic"] = ("sample", topics)` adds one. Of the source's fields, those
    that occur in the first 65,536 rows are looked at. Of two columns of the same name the first counts, and of all of
    them the first 28.
    """
    store: ActivationStore = scores.attrs["store"]
    found: dict[str, Labels] = {}
    for name, labels in chain(_of_scores(scores), _of_source(store).items() if store.layout.text else ()):
        if labels is not None and len(labels.names) > 1:
            found.setdefault(_unicode(name), labels)
    return dict(islice(found.items(), MAX_COLUMNS))


def _of_scores(scores: xr.Dataset) -> Iterator[tuple[str, Labels | None]]:
    yield STATUS, _of_status(scores.attrs["store"].status)
    for name, variable in scores.variables.items():
        if variable.dims == ("sample",) and name not in ("sample_id", STATUS, "n_tokens"):
            yield str(name), _encoded([_text(value) for value in variable.to_numpy().tolist()])


def _of_status(status: npt.NDArray[np.uint8]) -> Labels:
    codes, first, inverse = np.unique(status, return_index=True, return_inverse=True)
    met = np.argsort(np.argsort(first)).astype(np.uint8)  # values that are as frequent stand as they are met
    names = [Status(int(codes[i])).label for i in np.argsort(first)]
    return _by_frequency(tuple(names), met[inverse])


def _of_source(store: ActivationStore) -> dict[str, Labels]:
    """The columns of the source's rows. A field leaves the race with its first value too many."""
    codes: dict[str, npt.NDArray[np.uint8]] = {}
    known: dict[str, dict[str, int]] = {}
    lost: set[str] = set()
    shown = min(SHOWN_BY, len(store))
    for row, original in enumerate(store.originals(np.arange(len(store)))):
        if row == shown and not known:
            break
        for name, value in original.items():
            if name in lost or (text := _text(value)) is None:
                continue
            if name not in known:
                if row >= shown:
                    continue
                known[name], codes[name] = {}, np.full(len(store), MAX_VALUES, np.uint8)
            code = known[name].setdefault(text, len(known[name]))
            if code < MAX_VALUES:
                codes[name][row] = code
            else:
                lost.add(name)
                del known[name], codes[name]
    return {name: _by_frequency(tuple(known[name]), codes[name])._replace(of_source=True) for name in known}


def _encoded(values: list[str | None]) -> Labels | None:
    known: dict[str, int] = {}
    codes = np.full(len(values), MAX_VALUES, np.uint8)
    for row, value in enumerate(values):
        if value is not None:
            code = known.setdefault(value, len(known))
            if code >= MAX_VALUES:
                return None
            codes[row] = code
    return _by_frequency(tuple(known), codes)


def _by_frequency(names: tuple[str, ...], codes: npt.NDArray[np.uint8]) -> Labels:
    counts = np.bincount(codes, minlength=MAX_VALUES + 1)[: len(names)]
    order = np.argsort(-counts, kind="stable")
    recode = np.full(MAX_VALUES + 1, len(names), np.uint8)
    recode[order] = np.arange(len(names))
    return Labels(tuple(names[i] for i in order), recode[codes])


def _text(value: Any) -> str | None:
    """A label as text; None for what is none, such as long prose."""
    if isinstance(value, bool | int):
        return str(value)
    if not isinstance(value, str) or not 0 < len(value) <= 80 or "\n" in value:
        return None
    return _unicode(value)


def _unicode(text: str) -> str:
    """Text that a page can be sent and can ask for: a lone surrogate becomes the replacement character."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
