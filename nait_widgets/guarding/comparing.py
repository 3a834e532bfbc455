"""Rows of a pool that a benchmark, or the in-domain set, also has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from nait_widgets.errors import NaitError
from nait_widgets.guarding.index import (
    LOWEST,
    Index,
    band_keys,
    containment,
    jaccard,
    rarest,
    require_threshold,
)
from nait_widgets.guarding.reports import SHOWN, Contamination, Finding, Match, Measure, Part
from nait_widgets.guarding.texts import identity, items_of, looked_at, pairs_of, part_of, require_part
from nait_widgets.guarding.words import SHINGLE, Words, cut, excerpt
from nait_widgets.progress import progress

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from nait_widgets.guarding.words import Hashes
    from nait_widgets.selection import Selection
    from nait_widgets.store import ActivationStore


def contamination(
    pool: ActivationStore | Selection,
    sources: Mapping[str, Any],
    *,
    compare: Part = "prompt",
    jaccard: float = 0.8,
    containment: float = 0.5,
    n: int = 8,
) -> Contamination:
    """Find the rows of a pool that resemble a sample of a benchmark or of the in-domain set.

    Two measures, either of which is enough:

    - `jaccard`, for texts that are nearly the same: of the 3-word shingles that either text has, the share that both
      have, |R ∩ S| / (|R| + |S| − |R ∩ S|) (Broder 1997). Candidates come from MinHash signatures, which let a pair at
      the threshold escape once in 10,000; what is reported is computed from the sets themselves.
    - `containment`, for a sample inside a longer row: the share of the sample's word n-grams that the row's prompt and
      response have, |S ∩ R| / |S|. No pair escapes but in crowds: of more than 32 samples that share their rarest
      n-grams, 32 are looked at. PaLM (Chowdhery et al. 2022) calls a test item contaminated from 0.7 of its 8-grams;
      half of them also finds questions in which some numbers differ. Samples of fewer than n words
      have no n-gram; they are counted, and found by `jaccard` alone.

    Words are compared whatever their case, spacing and punctuation. By default it is the sample's prompt that is
    looked for: a question that is trained on is contamination whatever answer it was given, and short answers (a
    number, a letter) are everywhere.

    Args:
        pool: A store with text, or a selection of it. Quarantined rows are left out.
        sources: What to compare with, by a name of your choice: whatever `read_records` reads, or a store with text.
        compare: Which text of a sample is looked for, and with which of the row it is compared by `jaccard`: `prompt`
            (a sample without one has its response looked for), `response`, or `sample` for both.
        jaccard: Least similarity, from 0.5 to 1.
        containment: Least share, above 0.
        n: Words of an n-gram, at least 2.

    Returns:
        For each row, source and measure the sample that is most alike. `report.ids` may be left out of a selection,
        `print(report)` shows the texts side by side.

    Raises:
        StoreError: The pool has no text, or is incomplete.
        RecordError: A source can't be read.
        NaitError: No store or selection, no named sources, or an option out of range.
    """
    require_part(compare)
    require_threshold("jaccard", jaccard, LOWEST)
    require_threshold("containment", containment, 0.01)
    if n < 2:
        raise NaitError(f"n is {n}, but must be at least 2 words")
    if not isinstance(sources, Mapping) or not sources:
        raise NaitError('there is nothing to compare with: pass named sources, such as {"gsm8k-test": "test.jsonl"}')
    store, rows = looked_at(pool)
    rows = np.sort(rows)
    options: dict[str, Any] = {
        "compare": compare,
        "jaccard": jaccard,
        "containment": containment,
        "n": n,
        "shingle": SHINGLE,
    }
    guards = [_Guard.of(name, source, options) for name, source in sources.items()]
    with progress(len(rows), "comparing", "rows") as bar:
        for start in range(0, len(rows), store.layout.block_rows):
            block = rows[start : start + store.layout.block_rows]
            pairs = list(pairs_of(store, block))
            ids = [str(i) for i in store.sample_id[block]]
            near = _Side.of([part_of(pair, compare) for pair in pairs], SHINGLE, short=True)
            whole = _Side.of([part_of(pair, "sample") for pair in pairs], n, short=False)
            keys = band_keys(near.sets, jaccard)
            for guard in guards:
                guard.take("jaccard", ids, near, keys)
                guard.take("containment", ids, whole, whole.sets)
            bar.update(len(block))
    return Contamination(
        pool=identity(store, rows),
        options=options,
        findings=tuple(guard.finding() for guard in guards),
        matches=tuple(match for guard in guards for match in guard.in_order(store)),
    )


@dataclass(frozen=True, slots=True)
class _Side:
    """Texts and their n-grams."""

    texts: Sequence[str]
    sets: list[Hashes]
    n: int

    @classmethod
    def of(cls, texts: Sequence[str], n: int, *, short: bool) -> _Side:
        return cls(texts, Words.of(texts).grams(n, short=short), n)


@dataclass(slots=True)
class _Measured:
    """One measure of a source: its samples as sets, and where each is found."""

    sets: list[Hashes]
    index: Index
    known: Hashes
    similarity: Callable[[Hashes, Hashes], float]
    threshold: float

    @classmethod
    def of(
        cls,
        sets: list[Hashes],
        keys: Sequence[Hashes] | Hashes,
        similarity: Callable[[Hashes, Hashes], float],
        threshold: float,
    ) -> _Measured:
        index = Index()
        for item, members in enumerate(sets):
            if len(members):
                index.add(item, keys[item])
        return cls(sets, index, index.known(), similarity, threshold)


@dataclass(slots=True)
class _Guard:
    """One source, and what has been found of it."""

    name: str
    source: str
    items: list[str]
    texts: list[str]
    measures: dict[Measure, _Measured]
    found: set[int] = field(default_factory=set)
    matches: list[Match] = field(default_factory=list)

    @classmethod
    def of(cls, name: str, source: Any, options: Mapping[str, Any]) -> _Guard:
        described, items, pairs = items_of(source)
        texts = [part_of(pair, options["compare"]) for pair in pairs]
        words = Words.of(texts)
        shingles, grams = words.grams(SHINGLE, short=True), words.grams(options["n"], short=False)
        near, inside = options["jaccard"], options["containment"]
        measures: dict[Measure, _Measured] = {
            "jaccard": _Measured.of(shingles, band_keys(shingles, near), jaccard, near),
            "containment": _Measured.of(grams, rarest(grams, inside), containment, inside),
        }
        return cls(name, described, items, [cut(text, SHOWN) for text in texts], measures)

    def take(self, measure: Measure, ids: Sequence[str], rows: _Side, keys: Sequence[Hashes] | Hashes) -> None:
        """Compare rows with the samples that they share a key with."""
        own = self.measures[measure]
        hits, row_of = _hits(keys, own.known)
        for row, shared in _by_row(hits, row_of):
            alike = [(own.similarity(own.sets[item], rows.sets[row]), item) for item in own.index.candidates(shared)]
            alike = [(value, item) for value, item in alike if value >= own.threshold]
            if not alike:
                continue
            self.found.update(item for _, item in alike)
            similarity, item = max(alike, key=lambda pair: (pair[0], -pair[1]))
            text = rows.texts[row]
            shown = excerpt(text, own.sets[item], rows.n, SHOWN) if measure == "containment" else cut(text, SHOWN)
            self.matches.append(
                Match(ids[row], self.name, self.items[item], measure, similarity, shown, self.texts[item])
            )

    def finding(self) -> Finding:
        """The counts."""
        short = sum(not len(members) for members in self.measures["containment"].sets)
        rows = len({match.id for match in self.matches})
        return Finding(self.name, self.source, len(self.items), short, len(self.found), rows)

    def in_order(self, store: ActivationStore) -> list[Match]:
        """The matches in the order of the store's rows."""
        return sorted(self.matches, key=lambda match: store.row_of[match.id])


def _hits(keys: Sequence[Hashes] | Hashes, known: Hashes) -> tuple[Hashes, npt.NDArray[np.int64]]:
    """The keys of some rows that are known, and the row of each."""
    lengths = np.array([len(own) for own in keys], np.int64)
    flat = np.concatenate([np.empty(0, np.uint64), *keys])
    row_of = np.repeat(np.arange(len(lengths)), lengths)
    if not len(known):
        return flat[:0], row_of[:0]
    places = np.minimum(np.searchsorted(known, flat), len(known) - 1)
    hit = known[places] == flat
    return flat[hit], row_of[hit]


def _by_row(hits: Hashes, row_of: npt.NDArray[np.int64]) -> list[tuple[int, Hashes]]:
    rows, starts = np.unique(row_of, return_index=True)
    return list(zip(rows.tolist(), np.split(hits, starts[1:]), strict=True)) if len(rows) else []
