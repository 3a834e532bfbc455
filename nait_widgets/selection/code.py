"""A selection as Python code that makes it again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from nait_widgets.selection.recipe import Recipe

LONGEST = 40  # ids written out; beyond, the code reads them from the recipe


def python_code(recipe: Recipe, path: Path) -> str:
    """Code that chooses the same rows.

    Args:
        recipe: What was chosen.
        path: Where the recipe is saved, which the code uses where it would be too long otherwise.
    """
    wish = recipe.wish
    ids = [*wish.get("pinned", []), *wish.get("excluded", []), *(wish.get("filters", {}).get("ids") or [])]
    if len(ids) > LONGEST:
        return f"import nait_widgets as nait\n\nchosen = nait.Recipe.load({str(path)!r}).repeat()\n"
    directions = [f"    {_direction(recipe, entry)}," for entry in recipe.directions]
    arguments = [f"    {name}={value!r}," for name, value in wish.items()]
    return "\n".join(
        [
            "import nait_widgets as nait",
            "",
            f"store = nait.open_store({str((recipe.folder / recipe.store['path']).resolve())!r})",
            "directions = [",
            *directions,
            "]",
            "chosen = nait.select(",
            "    nait.score(store, directions),",
            *arguments,
            ")",
            "",
        ]
    )


def _direction(recipe: Recipe, entry: dict[str, Any]) -> str:
    if entry["path"] is None:
        return f"store.direction({entry['name']!r})"
    return f"nait.Direction.load({str(recipe.folder / entry['path'])!r})"
