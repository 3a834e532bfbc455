"""Sample text as text: never as markup, and with nothing in it that hides or reorders what is read."""

from __future__ import annotations

import re
from html import escape

_HARMFUL = re.compile(
    "["
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # controls, ANSI's escape among them; tab and newline stay
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # bidirectional marks, embeddings, overrides and isolates
    "\u00ad\u200b\u2028\u2029\u2060-\u2064\ufeff\ufff9-\ufffb"  # invisible, or line ends to some programs
    "\ud800-\udfff"  # lone surrogates, which no file can hold
    "\U000e0000-\U000e007f"  # tags: a whole invisible alphabet
    "]"
)


def safe_text(text: str) -> str:
    """Text for an HTML page: markup escaped, and each control or bidirectional character shown by its code point."""
    plain = escape(text.replace("\r\n", "\n"))
    return _HARMFUL.sub(lambda found: f'<span class="code-point">U+{ord(found[0]):04X}</span>', plain)


def plain_text(text: str) -> str:
    """Text for a figure or a tooltip, which escape markup themselves: the same characters shown as `⟨U+202E⟩`."""
    return _HARMFUL.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", text)
