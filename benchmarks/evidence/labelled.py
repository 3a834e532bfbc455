"""The demo's pool, captured, with the labels that no scorer sees."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.evidence.data import Row, spread
from benchmarks.evidence.study import SITES, Study
from nait_widgets import demo
from nait_widgets.store import POOLS

if TYPE_CHECKING:
    import numpy.typing as npt

    from nait_widgets.models import CausalLM
    from nait_widgets.store import ActivationStore

    Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Labelled:
    """The demo's pool with its labels.

    Attributes:
        stores: The candidates by site; extras with the first.
        targets: Each capability's samples by site.
        capability: (sample,).
        quality: (sample,).
    """

    stores: dict[str, ActivationStore]
    targets: dict[str, dict[str, ActivationStore]]
    capability: np.ndarray[tuple[int], np.dtype[np.str_]]
    quality: np.ndarray[tuple[int], np.dtype[np.str_]]

    @property
    def store(self) -> ActivationStore:
        """The candidates with the extras."""
        return self.stores[SITES[0]]

    @property
    def valid(self) -> Mask:
        """Rows that may be selected."""
        return self.store.selectable

    def true(self, target: str) -> Mask:
        """Rows that truly carry a capability: labelled so, with nothing planted to spoil them."""
        mask: Mask = self.valid & (self.quality == "clean") & (self.capability == target)
        return mask


def labelled(study: Study, model: CausalLM) -> Labelled:
    """Capture the demo's pool and in-domain samples at both sites; a small study takes some rows of them."""
    pool = pool_rows(study)
    stores: dict[str, ActivationStore] = {}
    targets: dict[str, dict[str, ActivationStore]] = {target: {} for target in demo.CAPABILITIES}
    for site in SITES:
        extras = "all" if site == SITES[0] else ()
        stores[site] = study.capture(model, pool, f"demo-{site}", site=site, pools=POOLS, extras=extras)
        for target in demo.CAPABILITIES:
            rows = in_domain_rows(study, target)
            options: dict[str, Any] = {"site": site, "pools": POOLS, "extras": extras, "store_dtype": "float32"}
            targets[target][site] = study.capture(model, rows, f"demo-{target}-{site}", **options)
    labels = [(row["capability"], row["quality"]) for row in pool]
    capability, quality = np.array(labels).T
    return Labelled(stores, targets, capability, quality)


def pool_rows(study: Study) -> list[Row]:
    """The demo's candidates; some spread over them for a small study."""
    return _rows(demo.POOL, study.rows(5_000, 300))


def in_domain_rows(study: Study, target: str) -> list[Row]:
    """A capability's samples."""
    return _rows(demo.in_domain(target), study.rows(256, 24))


def _rows(path: Path, n: int) -> list[Row]:
    return spread([json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()], n)
