"""Where the browser's half of the widgets lies."""

from __future__ import annotations

from pathlib import Path

from nait_widgets.errors import NaitError

STATIC = Path(__file__).parent / "static"


def bundled(name: str) -> Path:
    """A built file of the browser's half.

    Raises:
        NaitError: It was not built, which happens only in a checkout.
    """
    path = STATIC / name
    if not path.is_file():
        raise NaitError(f"the widgets' {name} has not been built: run `npm ci && npm run build` in the checkout")
    return path
