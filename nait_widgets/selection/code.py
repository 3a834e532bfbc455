"""A selection as Python code that makes it again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nait_widgets.scored import is_scorer

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
    scored = [f"    {_scored(recipe, entry)}," for entry in recipe.directions]
    arguments = [f"    {name}={value!r}," for name, value in wish.items()]
    return "\n".join(
        [
            "import nait_widgets as nait",
            "",
            f"store = nait.open_store({str(recipe.place.resolve())!r})",
            "scorers = [",
            *scored,
            "]",
            "chosen = nait.select(",
            "    nait.score(store, scorers),",
            *arguments,
            ")",
            "",
        ]
    )


def _scored(recipe: Recipe, entry: dict[str, Any]) -> str:
    name, cls = ("scorer", "Scorer") if is_scorer(entry) else ("direction", "Direction")
    if entry["path"] is None:
        return f"store.{name}({entry['name']!r})"
    return f"nait.{cls}.load({str(recipe.folder / entry['path'])!r})"
