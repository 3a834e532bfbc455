"""Progress with rate and time left, in a terminal and in a notebook."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tqdm.auto import tqdm


def progress(total: int, what: str, unit: str, done: int = 0) -> tqdm[Any]:
    """A progress bar, used as a context manager; silent where nobody watches standard error.

    Args:
        total: Units in all.
        what: The work, as a word.
        unit: What is counted.
        done: Units that an earlier run has done; they don't count in the rate.
    """
    from tqdm.auto import tqdm

    watched = "ipykernel" in sys.modules or sys.stderr.isatty()
    return tqdm(total=total, desc=what, unit=f" {unit}", initial=done, disable=not watched, leave=False)
