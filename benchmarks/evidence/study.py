"""What a run is asked for, and where everything lies that it makes on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.evidence.data import Row, Split, outside_text, splits

if TYPE_CHECKING:
    from nait_widgets.store import ActivationStore

SITES = ("resid_post", "mlp_act")
IN_DOMAIN, HELD_OUT, SPARE = 256, 200, 100  # rows of a set; spare ones take the place of those that are left out


@dataclass(frozen=True)
class Study:
    """One run of the evidence.

    Attributes:
        work: Folder of stores, models and finished parts; one a size.
        size: Factor on the numbers of rows, steps and seeds; results are told at 1.
        shared: Folder of the real data and the shared model.
        results: Folder of the figures that the page shows.
        model: A larger model, as `load_model` takes it; None where there is none.
    """

    work: Path
    size: float
    shared: Path
    results: Path
    model: str | None = None

    def rows(self, n: int, least: int = 32) -> int:
        """A number of rows at this size."""
        return max(min(n, least), round(n * self.size))

    def seeds(self, n: int) -> range:
        """Seeds at this size; a spread takes two."""
        return range(max(2, round(n * min(1.0, self.size))))

    def part(self, name: str) -> Path:
        """Where a finished part is kept."""
        return self.folder("parts") / f"{name}.json"

    def folder(self, name: str) -> Path:
        """A folder of the work, made where it is missing."""
        path = self.work / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    @cached_property
    def splits(self) -> dict[str, Split]:
        """The real sets in their parts, none of the held-out rows like one that is fitted to or trained on.

        What a base is trained on counts as a whole, though a base reads only some of it.
        """
        from nait_widgets import contamination
        from nait_widgets.store.mapping import one_thread_each

        n = self.rows(HELD_OUT)
        found = splits(self.shared, self.rows(IN_DOMAIN), n + self.rows(SPARE))
        rows = [row for split in found.values() for row in split.held_out]
        with one_thread_each():
            held_out = self.capture(self.shared / "model", rows, "held-out", pools=("mean",))
        read = {
            "in-domain rows": [row for split in found.values() for row in split.in_domain],
            "base's rows": [row for split in found.values() for row in split.base],
            "Dolly": outside_text(self.shared)[0],
        }
        clean = held_out.selectable.copy()
        clean[[held_out.index(row) for row in contamination(held_out, read).ids]] = False
        kept: dict[str, Split] = {}
        first = 0
        for name, split in found.items():
            fresh = [row for i, row in enumerate(split.held_out, first) if clean[i]]
            kept[name] = replace(split, held_out=fresh[:n], resembling=len(split.held_out) - len(fresh))
            first += len(split.held_out)
        return kept

    def capture(self, model: Any, rows: Sequence[Row] | Path, name: str, **options: Any) -> ActivationStore:
        """Capture into the work folder, or open what an earlier run captured there.

        Args:
            model: As `nait.capture` takes it.
            rows: The samples.
            name: Of the store.
            options: Of `nait.capture`.
        """
        from nait_widgets import capture

        path = self.folder("stores") / f"{name}.zarr"
        return capture(model, rows, path, monitor=False, **options)
