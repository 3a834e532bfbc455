"""What a run is asked for, and where everything lies that it makes on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.evidence.data import Row, Split, splits

if TYPE_CHECKING:
    from nait_widgets.store import ActivationStore

SITES = ("resid_post", "mlp_act")
IN_DOMAIN, HELD_OUT = 256, 200


@dataclass(frozen=True)
class Study:
    """One run of the evidence.

    Attributes:
        work: Folder of stores, models and finished parts; one a size.
        size: Factor on the numbers of rows, steps and seeds; results are told at 1.
        shared: Folder of the real data and the shared model.
        model: A larger model, as `load_model` takes it; None where there is none.
    """

    work: Path
    size: float
    shared: Path
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
        """The real sets in their parts."""
        return splits(self.shared, self.rows(IN_DOMAIN), self.rows(HELD_OUT))

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
