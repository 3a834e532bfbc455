"""The recipe: everything that is needed to choose the same rows again."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from nait_widgets.errors import SelectionError
from nait_widgets.methods import Direction
from nait_widgets.paths import written_whole
from nait_widgets.scored import entry, is_scorer
from nait_widgets.scorers import Scorer
from nait_widgets.selection.selection import Selection, select_by
from nait_widgets.selection.wish import Wish
from nait_widgets.store.places import is_url, located
from nait_widgets.store.remote import Url

if TYPE_CHECKING:
    from collections.abc import Sequence

    from distributed import Client

    from nait_widgets.store import ActivationStore

FORMAT = "nait-recipe-1"

# What must be there, and of which types; what is named by nobody here may be anything.
SHAPE: dict[str, Any] = {
    "store": {"path": str, "rows": int, "data_sha256": str, "weights_hash": str},
    "directions": [{"name": str, "digest": str, "path": str | None}],
    "wish": {},
    "export": {"columns": [str], "order": str},
    "result": {"rows": int, "ids_sha256": str},
    "created": str,
}


@dataclass(frozen=True, slots=True)
class Recipe:
    """A selection that can be repeated.

    Attributes:
        store: Path of the store, relative to the recipe's folder, or its URL; its rows and data and weights hashes.
        directions: Name, digest and path of each direction, relative to the recipe's folder; the path is None where
            it is saved in the store. A scorer's entry also has the `kind` "scorer". Where scores were told by a
            fingerprint, each says `approximate`.
        wish: What was asked for.
        export: Columns and order of the exported rows.
        result: Number of rows and digest of their ids.
        created: When, in UTC.
        folder: Where the paths start.
    """

    store: dict[str, Any]
    directions: list[dict[str, Any]]
    wish: dict[str, Any]
    export: dict[str, Any]
    result: dict[str, Any]
    created: str
    folder: Path

    @classmethod
    def of(
        cls, selection: Selection, path: Path, files: Sequence[Path | None], columns: Sequence[str], order: str
    ) -> Recipe:
        """The recipe of a selection that is exported to a path, with a file for what it is by outside the store."""
        folder = path.parent.resolve()
        provenance, approximate = selection.store.provenance, selection.approximate
        return cls(
            store={
                "path": _from(folder, selection.store.place),
                "rows": len(selection.store),
                "data_sha256": provenance["source"]["sha256"],
                "weights_hash": provenance["model"]["weights_hash"],
            },
            directions=[
                {
                    **entry(scored),
                    "path": file and file.name,
                    **({"approximate": True} if approximate else {}),
                }
                for scored, file in zip(selection.directions, files, strict=True)
            ],
            wish=selection.lasting.as_json(),
            export={"columns": list(columns), "order": order},
            result={"rows": len(selection), "ids_sha256": selection.ids_digest},
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            folder=folder,
        )

    def as_json(self) -> dict[str, Any]:
        """The recipe as it is written."""
        return {"format": FORMAT, **{k: v for k, v in asdict(self).items() if k != "folder"}}

    def save(self, path: Path) -> Path:
        """Write as JSON."""
        with written_whole(path) as temporary:
            # Ids are a stranger's text: escapes also carry what is no Unicode.
            temporary.write_text(json.dumps(self.as_json(), indent=2) + "\n", encoding="utf-8")
        return path

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Recipe:
        """Read a recipe.

        Raises:
            SelectionError: The file is missing or is no recipe.
        """
        path = Path(path)
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise SelectionError(f"there is no recipe at {path}") from error
        except (ValueError, OSError, RecursionError) as error:
            raise SelectionError(f"{path} can't be read as a recipe: {error}") from error
        if not isinstance(values, dict) or values.pop("format", None) != FORMAT:
            raise SelectionError(f"{path} is not a recipe of format {FORMAT}")
        if other := values.keys() ^ SHAPE.keys():
            raise SelectionError(f"{path} is not a whole recipe: {min(other)!r} is missing or unknown")
        if wrong := _unlike(values, SHAPE):
            raise SelectionError(f"{path} is not a whole recipe: {wrong}")
        return cls(**values, folder=path.parent.resolve())

    @property
    def place(self) -> Path | Url:
        """Where the store was."""
        path: str = self.store["path"]
        return located(path) if is_url(path) else self.folder / path

    def find_store(self) -> ActivationStore:
        """The store that the recipe was made on: where it was, or packed or unpacked beside that.

        Raises:
            SelectionError: It is at neither place.
        """
        from nait_widgets.store import open_store
        from nait_widgets.store.files import is_store

        place = self.place
        packed = place.suffix == ".zip"
        other = place.with_suffix("") if packed else place.with_name(f"{place.name}.zip")
        found = next((path for path in (place, other) if is_store(path)), None)
        if found is None:
            raise SelectionError(
                f"the store of this recipe is no longer at {place}, nor {'un' * packed}packed at {other.name}: say "
                "where it is, by `repeat(open_store(path))` or `nait select STORE --recipe ...`"
            )
        return open_store(found)

    def repeat(
        self, store: ActivationStore | None = None, *, client: Client | Literal["local"] | None = None
    ) -> Selection:
        """Choose again, and check that it gives the same rows.

        Args:
            store: Where the recipe's store is now; None to look for it at its place.
            client: Who scores it; see `nait_widgets.score`.

        Raises:
            SelectionError: The store, a direction or a scorer has changed since, or other rows come out.
        """
        from nait_widgets.saving import named_by, scores_by
        from nait_widgets.scoring import score

        store = self.find_store() if store is None else store
        if store.provenance["source"]["sha256"] != self.store["data_sha256"]:
            raise SelectionError(f"{store.path} holds other data than the recipe was made on")
        scored = []
        for named in self.directions:
            what, load = ("scorer", Scorer.load) if is_scorer(named) else ("direction", Direction.load)
            path = named["path"]
            scored.append(named_by(store, named) if path is None else load(self.folder / path))
            if scored[-1].digest != named["digest"]:
                where = f"{what} {named['name']!r} of {store.path}" if path is None else path
                raise SelectionError(f"{where} is not the {what} that the recipe was made with")
        approximate = any(named.get("approximate") for named in self.directions)
        if (scores := scores_by(store, scored, approximate=approximate)) is None:
            scores = score(store, scored, client=client, approximate=approximate)
        selection = select_by(scores, Wish.from_json(self.wish))
        if selection.ids_digest != self.result["ids_sha256"]:
            raise SelectionError(
                f"the recipe gives {len(selection):,} rows that are not the {self.result['rows']:,} of its time; "
                "the store's activations have changed"
            )
        return selection


def _from(folder: Path, path: Path | Url) -> str:
    """A place as it is written in a recipe in a folder."""
    return str(path) if isinstance(path, Url) else os.path.relpath(path.resolve(), folder)


def _unlike(value: Any, shape: Any, where: str = "it") -> str | None:
    """What of a value hasn't the shape, in words; None where all of it has."""
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            return f"{where} is {value!r}, but must be named values"
        return next((found for name in shape if (found := _unlike(value.get(name), shape[name], name))), None)
    if isinstance(shape, list):
        if not isinstance(value, list):
            return f"{where} is {value!r}, but must be a list"
        return next((found for each in value if (found := _unlike(each, shape[0], where))), None)
    return None if isinstance(value, shape) else f"{where} is {value!r}, of another type"
