"""How a worker's memory is handed out."""

from __future__ import annotations

import ctypes
from contextlib import suppress

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # mallopt(3)
_LARGEST = 32 << 20  # bytes: the most that the C library takes for either, where it chooses by itself


def keep_freed_memory() -> None:
    """Let the C library keep what is freed for what is asked for next, as it does by itself.

    Dask starts its workers with `MALLOC_TRIM_THRESHOLD_`, which has the pages of every tensor go back to the system
    and come again: a forward on a CPU takes 1.7 times as long, and scoring by cosine twice. Does nothing where there is
    no glibc.
    """
    with suppress(AttributeError, OSError, TypeError):  # no such function; no such library; Windows' wants a name
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_MMAP_THRESHOLD, _LARGEST)
        mallopt(_TRIM_THRESHOLD, 2 * _LARGEST)
