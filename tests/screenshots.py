"""Pictures of the widgets for the documentation, taken where NAIT_SCREENSHOTS names a folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from browser import Lab
    from playwright.sync_api import Locator


def both_themes(lab: Lab, part: Locator, name: str) -> None:
    """Writes NAME-light.png and NAME-dark.png of one part of the page, and leaves it light."""
    folder = os.environ.get("NAIT_SCREENSHOTS")
    for theme in ("Dark", "Light"):
        lab.theme(f"JupyterLab {theme}")
        if folder:
            lab.screenshot(part, Path(folder) / f"{name}-{theme.lower()}.png")
