"""The report of a selection: what each direction or scorer did to it, and where its activations came from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nait_widgets.errors import SelectionError
from nait_widgets.explaining.health import rank_correlation
from nait_widgets.methods import Direction
from nait_widgets.plots.page import Chart, Part, Sample, Samples, Section, Table
from nait_widgets.plots.report import write_report
from nait_widgets.scorers import Scorer, TargetScorer
from nait_widgets.selection import arithmetic
from nait_widgets.selection.card import listed
from nait_widgets.selection.choosing import adjusted

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy.typing as npt
    import xarray as xr

    from nait_widgets.scored import Scored
    from nait_widgets.selection import Selection
    from nait_widgets.store import ActivationStore

    Labels = Callable[[dict[str, Any]], Sequence[str]]

SHOWN = 5  # samples at each end of the ranking, and on each side of the cut
_ADJUSTED = {
    "none": "",
    "length-residual": " Rows were chosen by it without what the rank of their length explains, and so it is shown.",
    "length-strata": " Rows were chosen by their place in it among those of about their length, from 0 to 1, which is "
    "what is shown.",
}
_SIMILARITIES = {"dot": "dot product", "cosine": "cosine", "zscore": "z-scored dot product"}


def selection_report(scores: xr.Dataset, selection: Selection, path: str | os.PathLike[str]) -> Path:
    """Write a report of a selection: its size, the scores by each direction or scorer, and the rows at both ends.

    Args:
        scores: What `score` returned, and the selection was made from.
        selection: The chosen rows.
        path: The HTML file to write.

    Raises:
        SelectionError: The scores are of another store or other directions than the selection.
        NaitError: The file can't be written.
    """
    store = selection.store
    source = store.provenance["source"]["name"]
    n_valid = int(np.count_nonzero(store.selectable))
    return write_report(
        path,
        f"{len(selection):,} rows of {source}",
        [
            *(direction_section(scores, selection, direction.name) for direction in selection.directions),
            provenance_section(store),
        ],
        lead=f"Chosen by {_by(selection)}.",
        tiles=[
            ("rows chosen", f"{len(selection):,}"),
            (f"of {selection.n_candidates:,} candidates", f"{len(selection) / max(1, selection.n_candidates):.1%}"),
            ("tokens chosen", f"{int(store.n_tokens[selection.rows].sum()):,}"),
            ("quarantined rows", f"{len(store) - n_valid:,}"),
        ],
    )


def direction_section(
    scores: xr.Dataset,
    selection: Selection,
    name: str,
    *,
    labels: Labels = lambda _: (),
    others: Sequence[Scored] = (),
) -> Section:
    """What one direction did to a selection: its scores, its health, and the rows that it puts first and last.

    Of another scorer there is no health, and no layer that adds to a score.

    Args:
        scores: What `score` returned, and the selection was made from.
        selection: The chosen rows.
        name: The direction's or scorer's.
        labels: Words to show beside a sample, from the source's row.
        others: Directions fitted otherwise to the same samples, whose health is shown beside.

    Raises:
        SelectionError: The scores are of another store or other directions than the selection.
    """
    from nait_widgets.explaining import explain
    from nait_widgets.plots import figures

    store = selection.store
    scored = _scored(scores, selection, name)
    adjust = selection.wish.adjust
    values = adjusted(scores["score"].sel(direction=name).to_numpy()[:, None], store.n_tokens, adjust)[:, 0]
    order = arithmetic.top(values)
    own, edge = _own(selection, name, values)
    cut = float(values[own[edge - 1]]) if edge else None
    valid = ~np.isnan(values)
    follows = rank_correlation(values[valid], store.n_tokens[valid])
    parts: list[Part] = [
        Chart(
            figures.score_histogram(values, selection.mask, name, cut),
            "How the scores are spread" + ("." if cut is None else f"; the dashed line is the cut at {cut:.4g}."),
        ),
        Chart(
            figures.score_against_length(values, store.n_tokens, selection.mask, store.sample_id, name),
            f"Score against length: rank correlation {follows:+.2f}. Near ±1 the score would be little but length.",
        ),
        *(
            Chart(
                figures.direction_health(d),
                f"Preset {d.preset}: per layer, how much of the in-domain samples' variance the principal component "
                "explains, and how surely its sign is known: near 0, the sign is a coin toss.",
            )
            for d in (scored, *others)
            if isinstance(d, Direction) and not np.isnan(d.explained).all()
        ),
    ]
    if len(order) and isinstance(scored, Direction):
        best = explain(store, str(store.sample_id[order[0]]), scored, scores)
        parts.append(
            Chart(figures.layer_contributions(best), "What each layer adds to the score of the first row below.")
        )
    lists = [("Highest", order[:SHOWN]), ("Lowest", order[-SHOWN:])]
    if 0 < edge < len(own):
        lists[1:1] = [("Last in", own[max(0, edge - SHOWN) : edge]), ("First out", own[edge : edge + SHOWN])]
    ranks = {int(row): rank for rank, row in enumerate(order, 1)}
    parts += [Samples(heading, _samples(rows, values, ranks, selection, labels)) for heading, rows in lists]
    return Section(name, f"{_about(scored)}{_ADJUSTED[adjust]}", parts)


def provenance_section(store: ActivationStore) -> Section:
    """Where the activations came from."""
    source, model, made = (store.provenance[key] for key in ("source", "model", "versions"))
    rows = [
        ("data", f"{source['name']}, {source['rows']:,} rows, SHA-256 {source['sha256']}"),
        ("model", f"{model['name']} ({model['architecture']}, {model['dtype']}), weights {model['weights_hash']}"),
        (
            "template",
            f"{store.provenance['template']['name']}, at most {store.provenance['template']['max_length']} tokens",
        ),
        ("activations", f"{store.layout.site}, {len(store.layout.layers)} layers × {store.layout.n_neurons:,} neurons"),
        ("captured", f"{store.provenance['created']} with {', '.join(f'{k} {v}' for k, v in made.items())}"),
    ]
    return Section("Provenance", "", [Table((), rows, numeric=False)])


def _by(selection: Selection) -> str:
    directions = [each.name for each in selection.directions if isinstance(each, Direction)]
    scorers = [f"the scorer {each.name}" for each in selection.directions if isinstance(each, Scorer)]
    return listed([f"the neurons that they activate, under {listed(directions)}", *scorers] if directions else scorers)


def _about(scored: Scored) -> str:
    """How a row's score comes about."""
    if isinstance(scored, Direction):
        return (
            f"Fitted to {scored.samples.get('used', 0):,} in-domain rows with preset {scored.preset}. A row's score is "
            f"the {_SIMILARITIES[scored.score.similarity]} of its {scored.score.pool} activation ({scored.site}) with "
            "the direction, summed over the layers."
        )
    options = "".join(f", {name} {value}" for name, value in scored.options.items())
    targets = ""
    if isinstance(scored, TargetScorer) and scored.origin is not None:
        targets = f" Fitted to {scored.origin['samples']:,} rows of {scored.origin['source']['name']}."
    return f"Scored by {scored.kind}{options}; such a score has no parts by layer.{targets}"


def _scored(scores: xr.Dataset, selection: Selection, name: str) -> Scored:
    scored: dict[str, Scored] = {d.name: d for d in scores.attrs.get("directions", ())}
    known = {direction.name: direction.digest for direction in selection.directions}
    if scores.attrs.get("store") is not selection.store or name not in scored or known.get(name) != scored[name].digest:
        raise SelectionError(
            f"the selection of {selection.store.path} was not made from these scores under {name!r}: "
            "pass the dataset that `select` was given"
        )
    return scored[name]


def _own(selection: Selection, name: str, values: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.int64], int]:
    """The candidates as a direction ranks them, and how many of them it chose: none where directions chose together."""
    names = [direction.name for direction in selection.directions]
    sign = -1.0 if selection.wish.end == "bottom" else 1.0
    ranked = arithmetic.top(np.where(selection.candidates, sign * values, np.nan))
    together = len(names) > 1 and selection.wish.merge != "union"
    return ranked, 0 if together else int(np.count_nonzero(selection.parts[:, names.index(name)]))


def _samples(
    rows: npt.NDArray[np.int64],
    values: npt.NDArray[np.float64],
    ranks: dict[int, int],
    selection: Selection,
    labels: Labels,
) -> list[Sample]:
    store, chosen = selection.store, selection.mask
    if not store.layout.text:
        return [Sample(str(store.sample_id[r]), ranks[int(r)], values[r], bool(chosen[r]), "", "") for r in rows]
    texts = zip(rows, store.text("prompt", rows), store.text("response", rows), store.originals(rows), strict=True)
    return [
        Sample(
            str(store.sample_id[row]),
            ranks[int(row)],
            values[row],
            bool(chosen[row]),
            prompt,
            response,
            labels(original),
        )
        for row, prompt, response, original in texts
    ]
