"""The direction health widget: how far a direction can be trusted, worst first."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from nait_widgets.explaining import Finding, Health, health
from nait_widgets.scored import require_direction
from nait_widgets.scoring import score
from nait_widgets.widgets.base import Answer, Widget, answers

if TYPE_CHECKING:
    import numpy.typing as npt
    import xarray as xr

    from nait_widgets.methods import Direction
    from nait_widgets.store import ActivationStore
    from nait_widgets.widgets.base import Report

MOST_POINTS = 5_000  # of score against length: more would not be told apart
# As the sentences write them; the others are shares.
_FORMATS = {
    "rows": ",.0f",
    "truncated": ",.0f",
    "split_half": ".2f",
    "bootstrap": ".2f",
    "groups": ".2f",
    "sign_margin": ".3f",
    "length": "+.2f",
}


class DirectionHealth(Widget):
    """What was measured of a direction and of its selection, what each number means, and what to do about it.

    Measuring scores the store once for all of the direction's refits, when the widget is first shown or asked.

    Args:
        direction: Of the store's model, site and template.
        store: A complete store of candidates.
        scores: What `score` returned for them, which saves scoring the direction again.
        fraction: Share of the selectable rows that a selection takes.

    Raises:
        DirectionError: It is another scorer.
        StoreError: The store keeps scores only.
    """

    def __init__(
        self, direction: Direction, store: ActivationStore, scores: xr.Dataset | None = None, *, fraction: float = 0.1
    ) -> None:
        # A scorer has no layers, refits or in-domain rows of which anything could be measured.
        self._direction = require_direction(direction)
        store.require_activations()
        self._store, self._scores, self._fraction = store, scores, fraction
        super().__init__(kind="health")

    @cached_property
    def health(self) -> Health:
        """Everything that was measured, as `nait_widgets.explaining.health` returns it."""
        return health(self._direction, self._store, self._scored, self._fraction)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What the numbers mean, the worst first."""
        return self.health.findings

    @cached_property
    def _scored(self) -> xr.Dataset:
        return score(self._store, self._direction) if self._scores is None else self._scores

    @answers("health", in_background=True)
    def _measured(self, _body: dict[str, Any], _report: Report) -> Answer:
        measured, share = self.health, f"{100 * self._fraction:.3g}%"
        tokens, scores = self._points()
        body = {
            "direction": self._direction.name,
            "about": f"preset {self._direction.preset}, selecting {share} of {self._store.path.name}",
            "findings": [
                {
                    "name": finding.name,
                    "title": finding.title,
                    "number": _written(finding),
                    "verdict": finding.verdict,
                    "sentence": finding.sentence,
                }
                for finding in self.findings
            ],
            "layers": self._direction.layers,
        }
        arrays: dict[str, npt.NDArray[Any]] = {
            "explained": self._direction.explained,
            "margin": self._direction.margin,
            "splitHalf": measured.split_half,
            "sizes": measured.sizes.astype(np.float64),
            "learning": measured.learning,
            "tokens": tokens,
            "scores": scores,
        }
        return Answer(body, {name: array.astype(np.float64) for name, array in arrays.items()})

    def _points(self) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float64]]:
        """Tokens and score of rows drawn evenly over the store, at most 5,000."""
        values = self._scored["score"].sel(direction=self._direction.name).to_numpy()
        rows = np.flatnonzero(self._store.selectable)
        rows = rows[np.unique(np.linspace(0, len(rows) - 1, MOST_POINTS).astype(int))]
        return self._store.n_tokens[rows], values[rows]


def _written(finding: Finding) -> str:
    """The number of a finding; nothing where it is none, or stands for a word."""
    if finding.value is None or finding.name == "last_token":
        return ""
    return format(finding.value, _FORMATS.get(finding.name, "z.0%")).replace("-", "−")
