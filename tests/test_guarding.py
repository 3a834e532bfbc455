"""Near-duplicates and contamination: by hand, against brute force, on hostile text, and on real data."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from conftest import make_rows
from contaminated import BENCHMARK, OTHER, QUESTION, row
from hypothesis import given, settings
from hypothesis import strategies as st
from shared import shared

import nait_widgets as nait
from nait_widgets.errors import NaitError, StoreError
from nait_widgets.guarding.duplicates import repetitions
from nait_widgets.guarding.index import Holders, band_count, band_keys, jaccard, rarest
from nait_widgets.guarding.words import LONGEST, WINDOW, Words, excerpt
from nait_widgets.models import CausalLM
from nait_widgets.records import read_records
from nait_widgets.store import ActivationStore


def containment(part: npt.NDArray[np.uint64], whole: npt.NDArray[np.uint64]) -> float:
    """Share of a set's members that another set has; 0 where it's empty."""
    return len(np.intersect1d(part, whole)) / max(1, len(part))


def words(text: str) -> int:
    return len(Words.of([text]).hashes)


def test_words_are_what_is_left_of_case_spacing_and_punctuation() -> None:
    same = [
        "Hello, WORLD foo_bar 3.5!",
        "hello world\nfoo bar 3 5",
        "\uff28\uff25\uff2c\uff2c\uff2f\u2014world «foo» bar-3:5",
    ]
    hashes = [Words.of([text]).hashes.tolist() for text in same]
    assert hashes[0] == hashes[1] == hashes[2]
    assert len(hashes[0]) == 6
    assert Words.of(["Straße caf\u00e9"]).hashes.tolist() == Words.of(["STRASSE cafe\u0301"]).hashes.tolist()
    assert words("東京タワー abc漢字def") == 5 + 1 + 2 + 1  # a character each, where no spaces are written
    assert words("हिन्दी भाषा") == 2  # vowel signs are parts of words
    assert words("\ud800 \u200b …") == 0
    assert words("a" * (3 * LONGEST + 1)) == 4


def test_n_grams_by_hand() -> None:
    found = Words.of(["a b c d c d e", "", "A, b! c", "x", "a b"])
    assert found.bounds.tolist() == [0, 7, 7, 10, 11, 13]
    shingles = found.grams(3, short=True)
    assert [len(s) for s in shingles] == [5, 0, 1, 1, 1]
    assert [len(s) for s in found.grams(2, short=False)] == [5, 0, 2, 0, 1]  # "c d" is there twice
    assert np.isin(shingles[2], shingles[0]).all()
    assert not np.isin(
        shingles[4], np.concatenate(found.grams(3, short=False))
    ).any()  # all of a short text, and not a pair
    assert jaccard(shingles[0], shingles[2]) == 1 / 5
    assert containment(shingles[2], shingles[0]) == 1
    assert containment(shingles[0], shingles[2]) == 1 / 5
    assert jaccard(shingles[1], shingles[1]) == containment(shingles[1], shingles[0]) == 0


def test_a_long_text_has_the_same_words_in_windows() -> None:
    text = " ".join(f"word{i}" for i in range(WINDOW // 4))
    assert len(text) > 2 * WINDOW
    assert words(text) == WINDOW // 4


sets = st.lists(st.sets(st.integers(0, 30), max_size=12), min_size=1, max_size=8)


@given(sets, st.floats(0.05, 1))
def test_whoever_holds_a_share_of_a_set_holds_one_of_its_rarest(members: list[set[int]], threshold: float) -> None:
    arrays = [np.array(sorted(m), np.uint64) for m in members]
    prefixes = rarest(arrays, threshold)
    for own, prefix in zip(arrays, prefixes, strict=True):
        assert set(prefix.tolist()) <= set(own.tolist())
        for other in arrays:
            if len(own) and containment(own, other) >= threshold:
                assert np.isin(prefix, other).any()


@given(sets, sets)
def test_jaccard_is_that_of_sets(left: list[set[int]], right: list[set[int]]) -> None:
    for a, b in zip(left, right, strict=False):
        x, y = (np.array(sorted(s), np.uint64) for s in (a, b))
        assert jaccard(x, y) == (len(a & b) / len(a | b) if a | b else 0)


@given(sets, sets, st.floats(0.05, 1))
def test_sets_meet_all_that_hold_a_share_of_them(
    members: list[set[int]], others: list[set[int]], threshold: float
) -> None:
    own, wholes = ([np.array(sorted(s), np.uint64) for s in some] for some in (members, others))
    met = {
        (other, item): count
        for other, items, shared in Holders(own, threshold).met(wholes)
        for item, count in zip(items.tolist(), shared.tolist(), strict=True)
    }
    for other, whole in enumerate(others):
        for item, part in enumerate(members):
            if part and len(part & whole) / len(part) >= threshold:
                assert (other, item) in met
            assert met.get((other, item), len(part & whole)) == len(part & whole)


def test_minima_agree_as_often_as_sets_are_alike() -> None:
    rng = np.random.default_rng(0)
    base = rng.integers(0, 2**63, (200, 90)).astype(np.uint64)
    pairs = [(np.sort(b[:60]), np.sort(b[30:])) for b in base]  # 30 of 90 are shared
    assert band_count(1.0) == 1
    singles = [band_keys([pair[side] for pair in pairs], 0.5) for side in (0, 1)]
    assert singles[0].shape == (200, band_count(0.5))
    rows_each = 128 // band_count(0.5)
    agree = float((singles[0] == singles[1]).mean())
    assert agree == pytest.approx((1 / 3) ** rows_each, abs=0.01)


# -- near-duplicates


def brute_force(texts: list[str], threshold: float) -> list[tuple[int, int, float]]:
    """Each text that repeats an earlier one that stays, the one that it resembles most, and how much."""
    shingles = []
    for text in texts:
        w = "".join(c.lower() if c.isalnum() else " " for c in text).split()
        shingles.append({tuple(w[i : i + 3]) for i in range(max(1, len(w) - 2))} if w else set())
    stays: list[int] = []
    found = []
    for i, own in enumerate(shingles):
        alike = [(len(own & shingles[j]) / max(1, len(own | shingles[j])), -j) for j in stays]
        best = max(alike, default=(0.0, 0))
        if best[0] >= threshold:
            found.append((i, -best[1], best[0]))
        else:
            stays.append(i)
    return found


def repeated(texts: list[str], threshold: float) -> list[tuple[int, int, float]]:
    rows = np.arange(len(texts))
    found = repetitions(lambda some: (texts[i] for i in some.tolist()), rows, threshold)
    return list(zip(*(part.tolist() for part in found), strict=True))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0.5, 0.8, 1.0]))
def test_near_duplicates_are_those_of_brute_force(seed: int, threshold: float) -> None:
    rng = random.Random(seed)
    texts = [" ".join(rng.choice("abcdef") for _ in range(rng.randint(0, 30))) for _ in range(15)]
    for _ in range(25):
        changed = rng.choice(texts).split()
        if changed and rng.random() < 0.6:
            changed[rng.randrange(len(changed))] = rng.choice("xyz")
        texts.append(rng.choice([" ", ", ", "  \n"]).join(changed).title())
    expected, actual = brute_force(texts, threshold), repeated(texts, threshold)
    assert [row for row, _, _ in actual] == [row for row, _, _ in expected]
    assert [value for _, _, value in actual] == [value for _, _, value in expected]


def test_near_duplicates_of_a_store_and_of_a_selection(lm: CausalLM, tmp_path: Path) -> None:
    rows = [
        *make_rows(50),
        row("twin a", QUESTION, OTHER),
        *make_rows(50, seed=3),
        row("twin b", f" {QUESTION}", OTHER),
    ]
    rows.append(row("other answer", QUESTION, "Nobody knows that."))
    store = nait.capture(lm, rows, tmp_path / "pool.zarr", template="plain")
    report = nait.near_duplicates(store)
    match = next(m for m in report.matches if m.id == "twin b")
    assert (match.item, match.similarity, match.measure) == ("twin a", 1.0, "jaccard")
    assert "other answer" not in report.ids  # the same question, with another answer
    assert {"twin b", "other answer"} <= set(nait.near_duplicates(store, compare="prompt").ids)
    assert str(len(report.ids)) in report.summary
    assert "word for word" in report.summary
    scores = nait.score(store, "random")
    chosen = nait.select(scores, fraction=1.0)
    ranks = {sample_id: rank for rank, sample_id in enumerate(chosen.ids)}
    for found in nait.near_duplicates(chosen).matches:
        assert ranks[found.id] > ranks[found.item]  # the better one stays
    left = nait.select(scores, fraction=1.0, excluded=report.ids, note=report.summary)
    assert not nait.near_duplicates(left).matches
    assert len(left) == len(store) - len(report.ids)


def test_clusters_take_no_quadratic_work() -> None:
    identical = ["the same words again and again"] * 10_000
    template = " ".join(f"w{i}" for i in range(60))
    alike = [f"{template} {i}" for i in range(2_000)]
    rng = random.Random(0)
    crowd = []  # similarity of about a half: they meet in bands, and none repeats another
    for _ in range(1_000):
        varied = template.split()
        for _ in range(4):
            varied[rng.randrange(60)] = str(rng.random())
        crowd.append(" ".join(varied))
    started = time.process_time()
    assert len(repeated(identical, 0.8)) == len(identical) - 1
    assert len(repeated(alike, 0.8)) == len(alike) - 1
    assert repeated(crowd, 0.8) == []
    assert time.process_time() - started < 30  # 2 s here; all pairs of the first alone would take an hour


def test_text_that_is_long_or_strange_takes_linear_work() -> None:
    hostile = ["a" * 1_000_000, "x" + "\u0315\u0300" * 200_000, "漢" * 100_000, "word " * 100_000, "\u202e\x00 " * 99]
    started = time.process_time()
    shingles = Words.of(hostile).grams(3, short=True)
    assert [len(own) > 0 for own in shingles] == [True, True, True, True, False]
    assert repeated(hostile * 2, 0.8) == [(5, 0, 1.0), (6, 1, 1.0), (7, 2, 1.0), (8, 3, 1.0)]
    assert time.process_time() - started < 60  # normalising the marks as one text alone would take minutes


# -- contamination


def test_a_benchmark_is_found_wherever_it_is(contaminated: ActivationStore) -> None:
    report = nait.contamination(
        contaminated, {"quiz": BENCHMARK, "elsewhere": make_rows(5, seed=9, vocabulary="ab cd")}
    )
    assert report.ids == ("verbatim", "shouted", "inside", "leaked", "changed")
    found = {(m.id, m.measure): m for m in report.matches}
    assert found["verbatim", "jaccard"].similarity == found["shouted", "jaccard"].similarity == 1
    assert found["verbatim", "containment"].similarity == found["inside", "containment"].similarity == 1
    assert found["leaked", "containment"].item == "q2"
    assert found["leaked", "containment"].text.startswith("Which of these rivers")  # where it begins in the row
    assert found["inside", "containment"].text.startswith("A baker has twelve")
    assert found["inside", "containment"].item_text == QUESTION
    assert ("inside", "jaccard") not in found
    assert found["changed", "containment"].similarity == 12 / 13  # "left" is in the last of 13 8-grams
    assert found["changed", "jaccard"].similarity == 17 / 19  # and in the last of 18 3-grams
    quiz, elsewhere = report.findings
    assert (quiz.items, quiz.short, quiz.found, quiz.rows) == (3, 1, 2, 5)
    assert (elsewhere.items, elsewhere.short, elsewhere.found, elsewhere.rows) == (5, 5, 0, 0)
    assert report.summary == (
        "5 of 67 rows resemble samples: 5 of quiz (2 of its 3 samples); none of elsewhere (5 of its 5 samples are too "
        "short to be found inside a row)."
    )
    assert "empty" not in report.ids  # quarantined, so nobody selects it


def test_thresholds_and_parts(contaminated: ActivationStore) -> None:
    def ids(**options: Any) -> set[str]:
        return set(nait.contamination(contaminated, {"quiz": BENCHMARK}, **options).ids)

    assert "changed" not in ids(containment=0.93, jaccard=0.9)
    assert "changed" in ids(containment=1.0, jaccard=0.89)
    assert "halved" not in ids(containment=0.39)  # "eighty" is in 8 of 13 8-grams and in 3 of 18 3-grams
    assert "halved" in ids(containment=5 / 13)
    assert "halved" in ids(jaccard=15 / 21)
    assert "unlike" not in ids(containment=0.1)
    assert ids(n=20, jaccard=1.0) == {"verbatim", "shouted", "inside"}
    # The answers are of one word: they're no contamination by themselves, but equal ones are found where asked for.
    assert ids(compare="response") == {"verbatim", "shouted", "inside"}
    assert ids(compare="sample", containment=1.0, jaccard=0.9) == {"verbatim", "shouted"}


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.1, 1))
def test_containment_is_that_of_brute_force(contaminated: ActivationStore, seed: int, threshold: float) -> None:
    """Items are cut out of the pool's own texts, and changed."""
    rng = random.Random(seed)
    rows = np.flatnonzero(contaminated.selectable)
    texts = [
        f"{a} {b}" for a, b in zip(contaminated.text("prompt", rows), contaminated.text("response", rows), strict=True)
    ]
    items = []
    for i in range(6):
        own = rng.choice(texts).split()[: rng.randint(2, 30)]
        own[rng.randrange(len(own))] = rng.choice(["zebra", own[0]])
        items.append({"id": str(i), "question": " ".join(own), "answer": "x"})

    def grams(text: str) -> set[tuple[str, ...]]:
        own = "".join(c.lower() if c.isalnum() else " " for c in text).split()
        return {tuple(own[i : i + 4]) for i in range(len(own) - 3)}

    expected = {}
    for sample_id, text in zip(contaminated.sample_id[rows].tolist(), texts, strict=True):
        shares = [len(g & grams(text)) / len(g) for item in items if (g := grams(item["question"]))]
        if shares and max(shares) >= threshold:
            expected[sample_id] = max(shares)
    report = nait.contamination(contaminated, {"items": items}, n=4, containment=threshold)
    assert {m.id: m.similarity for m in report.matches if m.measure == "containment"} == expected


def test_of_a_crowd_of_samples_none_escapes(contaminated: ActivationStore) -> None:
    """All share their rarest n-grams, and only the last is word for word in the pool."""
    stem = " ".join(QUESTION.split()[:12])
    crowd = [{"id": str(i), "question": f"{stem} number {i}?", "answer": "28"} for i in range(2_000)]
    crowd += [{"id": f"equal {i}", "question": QUESTION, "answer": "28"} for i in range(2_000)]
    report = nait.contamination(contaminated, {"crowd": crowd}, containment=0.7)
    assert report.findings[0].found == 4_000  # 5 of a question's 7 8-grams are the stem's
    found = {(m.id, m.measure): (m.item, m.similarity) for m in report.matches}
    assert found["verbatim", "containment"] == found["inside", "containment"] == ("equal 0", 1)
    assert found["verbatim", "jaccard"] == ("equal 0", 1)


def test_sources_are_whatever_can_be_read(contaminated: ActivationStore, tmp_path: Path) -> None:
    file = tmp_path / "quiz.jsonl"
    file.write_text("\n".join(map(json.dumps, BENCHMARK)))
    sources = {"file": file, "text": str(file), "records": read_records(BENCHMARK), "store": contaminated}
    file_, text, records, store = nait.contamination(contaminated, sources).findings
    assert file_.rows == text.rows == records.rows == 5
    assert store.rows == store.items == 67  # each is at least itself
    packed = contaminated.pack(tmp_path / "pool.zarr.zip")
    paths = {"folder": contaminated.path, "text": str(contaminated.path), "packed": packed}
    assert [(f.items, f.rows) for f in nait.contamination(contaminated, paths).findings] == [(67, 67)] * 3
    half = nait.select(nait.score(contaminated, "random"), k=10)
    of_half = nait.contamination(half, {"quiz": BENCHMARK})
    assert of_half.pool["rows"] == 10
    assert set(of_half.ids) == set(half.ids) & {"verbatim", "shouted", "inside", "leaked", "changed"}


def test_what_can_not_be_compared_is_refused(contaminated: ActivationStore, lm: CausalLM, tmp_path: Path) -> None:
    quiz = {"quiz": BENCHMARK}
    with pytest.raises(NaitError, match=r"jaccard is 0\.3, but must be from 0\.5 to 1"):
        nait.contamination(contaminated, quiz, jaccard=0.3)
    with pytest.raises(NaitError, match=r"containment is 0, but must be from 0\.01 to 1"):
        nait.contamination(contaminated, quiz, containment=0)
    with pytest.raises(NaitError, match="n is 1, but must be at least 2"):
        nait.contamination(contaminated, quiz, n=1)
    with pytest.raises(NaitError, match="compare is 'all', but must be one of prompt, response, sample"):
        nait.contamination(contaminated, quiz, compare="all")  # type: ignore[arg-type]
    with pytest.raises(NaitError, match="nothing to compare with"):
        nait.contamination(contaminated, {})
    with pytest.raises(NaitError, match=r"threshold is 0\.2"):
        nait.near_duplicates(contaminated, threshold=0.2)
    with pytest.raises(NaitError, match="there is no such file"):
        nait.contamination(contaminated, {"quiz": tmp_path / "none.jsonl"})
    for guard in (lambda: nait.contamination(make_rows(3), quiz), lambda: nait.near_duplicates(make_rows(3))):  # type: ignore[arg-type]
        with pytest.raises(NaitError, match="must be a store or a Selection, not of type list: capture the rows first"):
            guard()
    textless = nait.capture(lm, make_rows(5), tmp_path / "textless.zarr", template="plain", text=False)
    for run in (
        lambda: nait.near_duplicates(textless),
        lambda: nait.contamination(textless, quiz),
        lambda: nait.contamination(contaminated, {"textless": textless.path}),
    ):
        with pytest.raises(StoreError, match="was captured without text, so its rows can't be compared"):
            run()


def test_excerpts_begin_with_what_is_shared() -> None:
    text = "one two_three, FOUR five; six seven"
    shared_grams = Words.of(["four five six"]).grams(3, short=False)[0]
    assert excerpt(text, shared_grams, 3, 100) == "FOUR five; six seven"
    assert excerpt(text, shared_grams, 3, 9) == "FOUR fiv…"


# -- real data


def test_planted_questions_of_gsm8k_are_found(lm: CausalLM, tmp_path: Path) -> None:
    test = shared("data", "gsm8k", "test.jsonl")
    planted = [json.loads(line)["question"] for line in test.read_text().splitlines()[:3]]
    pool = [
        {"question": r.prompt, "answer": "Yes."}
        for r in read_records(shared("data", "gsm8k", "train.jsonl"), limit=300)
    ]
    pool += [{"question": f"Solve this. {question} Think.", "answer": "No."} for question in planted]
    store = nait.capture(lm, pool, tmp_path / "gsm8k.zarr", template="plain")
    report = nait.contamination(store, {"gsm8k-test": test}, containment=0.9)
    assert report.ids == tuple(str(i) for i in store.sample_id[-3:])
    (finding,) = report.findings
    assert (finding.items, finding.found) == (1319, 3)
