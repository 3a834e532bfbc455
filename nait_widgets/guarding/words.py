"""Texts as words, and words as sets of n-grams that can be compared.

A word is a run of letters and digits, whatever the case; of scripts that write no spaces (Chinese, Japanese, Thai…)
each character is one. Everything else separates. Words and n-grams are 64-bit hashes, the same in every run; among a
billion different ones, two meet by chance once in 37 sources.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import numpy.typing as npt

    Hashes = npt.NDArray[np.uint64]

LONGEST = 64  # characters of a word; a longer run is several, so that no text makes one of them expensive
WINDOW = 2**20  # characters that are words at a time
BATCH = 2**16  # words that are hashed at a time
SHINGLE = 3  # words of a shingle

_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_MARKS = "\u0300-\u036f\u0591-\u05bd\u064b-\u065f\u0670\u0900-\u0963\u0966-\u0dff"  # parts of words, yet no letters
_ascii_word = re.compile(rf"[a-z0-9]{{1,{LONGEST}}}", re.IGNORECASE | re.ASCII)
_any_word = re.compile(rf"[{_UNSPACED}]|(?:(?![{_UNSPACED}])[^\W_]|[{_MARKS}]){{1,{LONGEST}}}")
_space = re.compile(r"\s")


class Words(NamedTuple):
    """The words of some texts.

    Attributes:
        hashes: Of all texts, one after the other: (word,).
        bounds: Where each text begins, and the end: (text + 1,).
    """

    hashes: Hashes
    bounds: npt.NDArray[np.int64]

    @classmethod
    def of(cls, texts: Iterable[str]) -> Words:
        """The words of texts, read one at a time."""
        hashes: list[Hashes] = []
        waiting: list[str] = []  # words that aren't hashed yet
        bounds = [0]
        for text in texts:
            bounds.append(bounds[-1])
            for words in _words(text):
                bounds[-1] += len(words)
                waiting += words
                if len(waiting) >= BATCH:
                    hashes.append(_hashed(waiting))
                    waiting = []
        return cls(np.concatenate([*hashes, _hashed(waiting)]), np.array(bounds))

    def grams(self, n: int, *, short: bool) -> list[Hashes]:
        """The distinct n-grams of each text, sorted.

        Args:
            n: Words in each.
            short: Whether a text of fewer words has one n-gram, all of it; otherwise it has none.
        """
        starts = max(0, len(self.hashes) - n + 1)
        grams = np.full(starts, n, np.uint64)
        for offset in range(n):
            grams = mixed(grams, self.hashes[offset : starts + offset])
        found = []
        for begin, end in zip(self.bounds[:-1].tolist(), self.bounds[1:].tolist(), strict=True):
            if end - begin >= n:
                found.append(_distinct(grams[begin : end - n + 1]))
            elif short and end > begin:
                found.append(_whole(self.hashes[begin:end]))
            else:
                found.append(np.empty(0, np.uint64))
        return found


def mixed(state: Hashes, values: Hashes) -> Hashes:
    """States that have taken in a value each, in order: a multiplication and a shift after each, modulo 2⁶⁴."""
    state = (state ^ values) * np.uint64(0x9E3779B97F4A7C15)
    return np.asarray(state ^ (state >> np.uint64(29)))


def excerpt(text: str, shared: Hashes, n: int, length: int) -> str:
    """A piece of a text that begins with the first of its n-grams that is among the shared ones.

    Args:
        text: What is shown.
        shared: N-grams, sorted.
        n: Words in each.
        length: Most characters of the piece.
    """
    words = Words.of([text]).hashes
    starts = max(0, len(words) - n + 1)
    grams = np.full(starts, n, np.uint64)
    for offset in range(n):
        grams = mixed(grams, words[offset : starts + offset])
    first = int(np.argmax(np.isin(grams, shared))) if starts else 0
    found = _pattern(text).finditer(text)
    begin = next((match.start() for place, match in enumerate(found) if place == first), 0)
    return cut(text[begin : begin + length + 1], length)


def cut(text: str, length: int) -> str:
    """The beginning of a text."""
    return text if len(text) <= length else text[: length - 1] + "…"


def _words(text: str) -> Iterator[list[str]]:
    """The words of a text, a window of it at a time."""
    begin = 0
    while begin < len(text):
        end = min(len(text), begin + WINDOW)
        if end < len(text) and (gap := _space.search(text, end, end + LONGEST)):
            end = gap.start()
        window = text[begin:end]
        words = _pattern(window).findall(window)
        if window.isascii():
            yield [word.lower() for word in words]
        else:
            # Word by word: on a long run of combining marks, normalising takes the square of its length.
            yield [_normal(word) for word in words]
        begin = end


def _pattern(text: str) -> re.Pattern[str]:
    return _ascii_word if text.isascii() else _any_word


def _normal(word: str) -> str:
    return word.lower() if word.isascii() else unicodedata.normalize("NFKC", word.casefold())


def _hashed(words: list[str]) -> Hashes:
    from pandas.util import hash_array

    return np.asarray(hash_array(np.array(words, object), categorize=False), np.uint64)


def _distinct(hashes: Hashes) -> Hashes:
    """The values, sorted, each once."""
    ordered = np.sort(hashes)
    return ordered[np.flatnonzero(np.diff(ordered, prepend=~ordered[:1]))]


def _whole(words: Hashes) -> Hashes:
    """The one n-gram of a text that is shorter than n: its length goes in, so it's none of a longer text."""
    state = np.full(1, len(words), np.uint64)
    for word in words:
        state = mixed(state, word[None])
    return state
