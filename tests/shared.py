"""Where tests find real data: the folder named by NAIT_SHARED, or `shared` beside the checkout."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(os.environ.get("NAIT_SHARED", Path(__file__).parents[2] / "shared"))


def shared(*parts: str) -> Path:
    """The path of a shared file or folder; skips the test, with the reason, where it is absent."""
    path = ROOT.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"{'/'.join(parts)} is not in the folder of shared data (set NAIT_SHARED)")
    return path
