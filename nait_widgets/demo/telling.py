"""The demo's figures in words: the table for a terminal, and the page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from nait_widgets.plots.page import Chart, Section, Table
from nait_widgets.plots.report import write_report
from nait_widgets.plots.selection_report import direction_section, provenance_section

if TYPE_CHECKING:
    import xarray as xr

    from nait_widgets.selection import Selection


class Result(NamedTuple):
    """A capability's selection, and the scores that it was made from."""

    scores: xr.Dataset
    selection: Selection


@dataclass(frozen=True, slots=True)
class Figures:
    """What was found; shares lie in 0..1.

    Attributes:
        n_valid: Rows that may be selected.
        n_chosen: Rows that each method selects for each target.
        base: Target to the share of the selectable rows that truly carry it.
        best: Target to the largest share that any selection of that size could have.
        shares: Target to method to the share of the selected rows that truly carry it.
        base_defects: Share of the selectable rows that have a planted defect.
        defects: Method to the share of its selected rows that have one, mean over the targets.
    """

    n_valid: int
    n_chosen: int
    base: dict[str, float]
    best: dict[str, float]
    shares: dict[str, dict[str, float]]
    base_defects: float
    defects: dict[str, float]

    @property
    def columns(self) -> tuple[str, ...]:
        """Headings of the table."""
        return ("", "base rate", *self.defects, "best possible")

    @property
    def rows(self) -> list[tuple[str, ...]]:
        """The table: one row a target."""
        return [
            (target, *(f"{share:.1%}" for share in (self.base[target], *shares.values(), self.best[target])))
            for target, shares in self.shares.items()
        ]

    @property
    def verdict(self) -> str:
        """How the presets compare with the base rate, with the centroid, and in the defects that they select."""
        sentences = [self._against_base(preset) for preset in ("paper", "robust")]
        beaten = [t for t, shares in self.shares.items() if shares["centroid"] > shares["robust"]]
        if beaten:
            sentences.append(f"The embedding centroid finds more than robust for {', '.join(beaten)}.")
        else:
            sentences.append("Robust finds at least as many as the embedding centroid for every target.")
        defects = ", ".join(f"{method} {share:.0%}" for method, share in self.defects.items())
        sentences.append(
            f"Rows with a planted defect: {self.base_defects:.0%} of the pool; of the selected, {defects}."
        )
        return "\n".join(sentences)

    def _against_base(self, preset: str) -> str:
        lifts = [shares[preset] / self.base[target] for target, shares in self.shares.items()]
        return f"Preset {preset} finds {min(lifts):.1f} to {max(lifts):.1f} times the base rate."


MEANING = (
    "Each figure is the share of the selected rows that truly carry the capability: labelled so, and not spoilt by a "
    "planted defect."
)


def table(figures: Figures, out: Path, seconds: float) -> str:
    """Figures, verdict and where the files are, as plain text."""
    cells = [figures.columns, *figures.rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(figures.columns))]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True))])
        for row in cells
    ]
    return "\n".join(
        [
            f"{figures.n_chosen:,} of {figures.n_valid:,} rows are selected for each capability.",
            MEANING,
            "",
            *lines,
            "",
            figures.verdict,
            "",
            f"Report: {out / 'report.html'}",
            f"Robust selections: {', '.join(str(out / f'{target}.jsonl') for target in figures.shares)}",
            f"Activations: {out / 'pool.zarr'}",
            f"Took {seconds:.0f} s.",
        ]
    )


def write_page(path: Path, figures: Figures, results: dict[str, dict[str, Result]], draws: int) -> Path:
    """Write the report: the table as a figure, then each capability's selection under `robust`.

    Args:
        path: The HTML file.
        figures: What was found.
        results: Target to preset to its selection.
        draws: How many random selections the control is the mean of.
    """
    from nait_widgets.plots.figures import comparison

    targets = list(figures.shares)
    methods = {method: [figures.shares[target][method] for target in targets] for method in figures.defects}
    marks = {"base rate": list(figures.base.values()), "best possible": list(figures.best.values())}
    comparing = Section(
        "Did it find what was planted?",
        figures.verdict,
        [
            Table(figures.columns, figures.rows, MEANING),
            Chart(
                comparison(targets, methods, marks),
                f"Random is the mean of {draws} draws, length takes the longest responses, and centroid the rows whose "
                "last layer is nearest the in-domain mean. No selection of this size can pass the dashed line, for "
                "want of such rows.",
            ),
        ],
    )
    sections = [
        direction_section(
            *by_preset["robust"],
            target,
            labels=lambda row: (row["capability"], row["quality"].replace("_", " ")),
            others=by_preset["paper"].selection.directions,
        )
        for target, by_preset in results.items()
    ]
    store = results[targets[0]]["robust"].selection.store
    return write_report(
        path,
        "Which rows do a model's neurons ask for?",
        [comparing, *sections, provenance_section(store)],
        lead=(
            f"A small model read {figures.n_valid:,} instruction samples. From the activations of a few hundred "
            f"examples of a capability, NAIT (arXiv 2603.13201) chose the {figures.n_chosen:,} rows that should teach "
            "it. The samples are labelled, though no method sees the labels, so what it chose can be counted."
        ),
        tiles=[
            ("candidates", f"{figures.n_valid:,}"),
            ("selected for each capability", f"{figures.n_chosen:,}"),
            ("layers × neurons", f"{len(store.layout.layers)} × {store.layout.n_neurons:,}"),
            ("with a planted defect", f"{figures.base_defects:.0%}"),
        ],
    )
