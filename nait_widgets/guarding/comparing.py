"""Rows of a pool that a benchmark, or the in-domain set, also has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from nait_widgets.errors import NaitError
from nait_widgets.guarding.index import LOWEST, Holders, require_threshold
from nait_widgets.guarding.reports import SHOWN, Contamination, Finding, Match, Measure, Part
from nait_widgets.guarding.texts import identity, items_of, looked_at, pairs_of, part_of, require_part
from nait_widgets.guarding.words import SHINGLE, Words, cut, excerpt
from nait_widgets.progress import progress

if TYPE_CHECKING:
    from collections.abc import Sequence

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
      have, |R ∩ S| / (|R| + |S| − |R ∩ S|) (Broder 1997).
    - `containment`, for a sample inside a longer row: the share of the sample's word n-grams that the row's prompt and
      response have, |S ∩ R| / |S|. PaLM (Chowdhery et al. 2022) calls a test item contaminated from 0.7 of its
      8-grams; half of them also finds questions in which some numbers differ. Samples of fewer than n words have no
      n-gram; they are counted, and found by `jaccard` alone.

    Both are exact, and no pair escapes: whoever reaches the threshold shares one of the sample's rarest n-grams, and
    all that share one are compared. Words are compared whatever their case, spacing and punctuation. By default it is
    the sample's prompt that is looked for: a question that is trained on is contamination whatever answer it was given,
    and short answers (a number, a letter) are everywhere.

    Args:
        pool: A store with text, or a selection of it. Quarantined rows are left out.
        sources: What to compare with, by a name of your choice: whatever `read_records` reads, or a store with text
            or its path.
        compare: Which text of a sample is looked for, and with which of the row it is compared by `jaccard`: `prompt`
            (a sample without one has its response looked for), `response`, or `sample` for both.
        jaccard: Least similarity, from 0.5 to 1.
        containment: Least share, above 0.
        n: Words of an n-gram, at least 2.

    Returns:
        For each row, source and measure the sample that is most alike. `report.ids` may be left out of a selection,
        `print(report)` shows the texts side by side.

    Raises:
        StoreError: The pool or another store has no text, or is incomplete.
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
            for guard in guards:
                guard.take("jaccard", ids, near)
                guard.take("containment", ids, whole)
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
class _Guard:
    """One source, and what has been found of it."""

    name: str
    source: str
    items: list[str]
    texts: list[str]
    samples: dict[Measure, Holders]
    options: Mapping[str, Any]
    found: set[int] = field(default_factory=set)
    matches: list[Match] = field(default_factory=list)

    @classmethod
    def of(cls, name: str, source: Any, options: Mapping[str, Any]) -> _Guard:
        described, items, pairs = items_of(source)
        texts = [part_of(pair, options["compare"]) for pair in pairs]
        words = Words.of(texts)
        samples: dict[Measure, Holders] = {
            # Jaccard similarity is never above the share of the sample that a row holds.
            "jaccard": Holders(words.grams(SHINGLE, short=True), options["jaccard"]),
            "containment": Holders(words.grams(options["n"], short=False), options["containment"]),
        }
        return cls(name, described, items, [cut(text, SHOWN) for text in texts], samples, options)

    def take(self, measure: Measure, ids: Sequence[str], rows: _Side) -> None:
        """Compare rows with the samples."""
        sets = self.samples[measure].sets
        for row, items, shared in self.samples[measure].met(rows.sets):
            of = np.array([len(sets[item]) for item in items.tolist()])
            similarity = shared / (of if measure == "containment" else len(rows.sets[row]) + of - shared)
            alike = similarity >= self.options[measure]
            if not alike.any():
                continue
            self.found.update(items[alike].tolist())
            best = int(similarity.argmax())  # the first of equals
            item, text = int(items[best]), rows.texts[row]
            shown = excerpt(text, sets[item], rows.n, SHOWN) if measure == "containment" else cut(text, SHOWN)
            self.matches.append(
                Match(ids[row], self.name, self.items[item], measure, float(similarity[best]), shown, self.texts[item])
            )

    def finding(self) -> Finding:
        """The counts."""
        short = sum(not len(members) for members in self.samples["containment"].sets)
        rows = len({match.id for match in self.matches})
        return Finding(self.name, self.source, len(self.items), short, len(self.found), rows)

    def in_order(self, store: ActivationStore) -> list[Match]:
        """The matches in the order of the store's rows."""
        rows = store.ids.rows([match.id for match in self.matches])
        return [self.matches[i] for i in np.argsort(rows, kind="stable")]
