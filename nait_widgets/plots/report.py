"""Reports: one HTML file that holds all it shows and asks nothing of the network."""

from __future__ import annotations

import json
from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nait_widgets.errors import SelectionError
from nait_widgets.paths import written_whole
from nait_widgets.plots.escaping import safe_text
from nait_widgets.plots.page import Chart, Part, Sample, Samples, Section, Table, section_html
from nait_widgets.selection import arithmetic

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    import numpy.typing as npt
    import xarray as xr

    from nait_widgets.selection import Selection
    from nait_widgets.store import ActivationStore

    Labels = Callable[[dict[str, Any]], Sequence[str]]

SHOWN = 5  # samples at each end of the ranking, and on each side of the cut
_HERE = Path(__file__).parent


def write_report(
    path: str | os.PathLike[str],
    title: str,
    sections: Sequence[Section],
    *,
    lead: str = "",
    tiles: Sequence[tuple[str, str]] = (),
) -> Path:
    """Write a self-contained HTML page: figures, styles and scripts are inside, and it makes no request.

    All text is escaped, and a content security policy lets only the report's own two scripts run.

    Args:
        path: The file, replaced if it is there.
        title: The page's heading.
        sections: In order.
        lead: A paragraph under the heading.
        tiles: The main figures, each (name, value).

    Raises:
        NaitError: The file can't be written.
    """
    from bokeh.embed import json_item
    from bokeh.resources import Resources

    charts: list[Chart] = []
    body = "\n".join(section_html(section, number, charts) for number, section in enumerate(sections, 1))
    items = [json_item(chart.model, f"chart-{number}") for number, chart in enumerate(charts, 1)]
    # Inside a script element only `<` can end it or open a comment.
    data = json.dumps(items).replace("<", "\\u003c")
    # The second raw script only sets the log level.
    scripts = [Resources(mode="inline", components=["bokeh"]).js_raw[0], _read("report.js")] if charts else []
    allowed = " ".join(f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" for script in scripts)
    policy = f"default-src 'none'; script-src {allowed or "'none'"}; style-src 'unsafe-inline'; img-src data:"
    links = "".join(f'<a href="#section-{n}">{safe_text(section.title)}</a>' for n, section in enumerate(sections, 1))
    page = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{safe_text(title)}</title>",
        f"<style>{_read('report.css')}</style>",
        f"</head><body><header><h1>{safe_text(title)}</h1>",
        f'<p class="lead">{safe_text(lead)}</p>' if lead else "",
        _tiles_html(tiles),
        f'<nav aria-label="Sections">{links}</nav></header>',
        f"<main>{body}</main>",
        "<footer>Made by nait-widgets. This page is one file and asks nothing of the network.</footer>",
        f'<script type="application/json" id="chart-data">{data}</script>',
        *(f"<script>{script}</script>" for script in scripts),
        "</body></html>",
    ]
    path = Path(path)
    with written_whole(path) as temporary:
        temporary.write_text("\n".join(page), encoding="utf-8", newline="\n")
    return path


def selection_report(scores: xr.Dataset, selection: Selection, path: str | os.PathLike[str]) -> Path:
    """Write a report of a selection: its size, each direction's scores and health, and the rows at both ends.

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
        lead=f"Chosen by the neurons that they activate, under {_listed([d.name for d in selection.directions])}.",
        tiles=[
            ("rows chosen", f"{len(selection):,}"),
            ("of the selectable rows", f"{len(selection) / max(1, n_valid):.1%}"),
            ("tokens chosen", f"{int(store.n_tokens[selection.rows].sum()):,}"),
            ("quarantined rows", f"{len(store) - n_valid:,}"),
        ],
    )


def direction_section(
    scores: xr.Dataset, selection: Selection, name: str, *, labels: Labels = lambda _: ()
) -> Section:
    """What one direction did to a selection: its scores, its health, and the rows that it puts first and last.

    Args:
        scores: What `score` returned, and the selection was made from.
        selection: The chosen rows.
        name: The direction's.
        labels: Words to show beside a sample, from the source's row.

    Raises:
        SelectionError: The scores are of another store or other directions than the selection.
    """
    from nait_widgets.explaining import explain
    from nait_widgets.plots import figures

    store = selection.store
    direction = _direction(scores, selection, name)
    values = scores["score"].sel(direction=name).to_numpy()
    order = arithmetic.top(values)
    own = _own_top(selection, values)
    cut = float(values[own[-1]]) if own is not None and len(own) else None
    valid = ~np.isnan(values)
    follows = _rank_correlation(values[valid], store.n_tokens[valid])
    parts: list[Part] = [
        Chart(
            figures.score_histogram(values, selection.mask, name, cut),
            "How the scores are spread" + ("." if cut is None else f"; the dashed line is the cut at {cut:.4g}."),
        ),
        Chart(
            figures.score_against_length(values, store.n_tokens, selection.mask, store.sample_id, name),
            f"Score against length: rank correlation {follows:+.2f}. Near ±1 the score would be little but length.",
        ),
        Chart(
            figures.direction_health(direction),
            "Per layer, how much of the in-domain samples' variance the vector explains, and how surely its sign is "
            "known: near 0, the sign is a coin toss.",
        ),
    ]
    if len(order):
        best = explain(store, str(store.sample_id[order[0]]), direction, scores)
        parts.append(
            Chart(figures.layer_contributions(best), "What each layer adds to the score of the first row below.")
        )
    lists = [("Highest", order[:SHOWN]), ("Lowest", order[-SHOWN:])]
    if own is not None and 0 < len(own) < len(order):
        edge = len(own)
        lists[1:1] = [("Last in", order[max(0, edge - SHOWN) : edge]), ("First out", order[edge : edge + SHOWN])]
    ranks = {int(row): rank for rank, row in enumerate(order, 1)}
    parts += [Samples(heading, _samples(rows, values, ranks, selection, labels)) for heading, rows in lists]
    used = direction.samples.get("used", 0)
    return Section(
        name,
        f"Fitted to {used:,} in-domain rows with preset {direction.preset}; rows are scored by the {direction.score.similarity} "
        f"of their {direction.score.pool} activation at {direction.site}, summed over the layers.",
        parts,
    )


def provenance_section(store: ActivationStore) -> Section:
    """Where the activations came from."""
    source, model, made = (store.provenance[key] for key in ("source", "model", "versions"))
    rows = [
        ("data", f"{source['name']}, {source['rows']:,} rows, SHA-256 {source['sha256']}"),
        ("model", f"{model['name']} ({model['architecture']}, {model['dtype']}), weights {model['weights_hash']}"),
        ("template", f"{store.provenance['template']['name']}, at most {store.provenance['template']['max_length']} tokens"),
        ("activations", f"{store.layout.site}, {len(store.layout.layers)} layers × {store.layout.n_neurons:,} neurons"),
        ("captured", f"{store.provenance['created']} with {', '.join(f'{k} {v}' for k, v in made.items())}"),
    ]
    return Section("Provenance", "", [Table((), rows, numeric=False)])


def _direction(scores: xr.Dataset, selection: Selection, name: str) -> Any:
    scored = {direction.name: direction for direction in scores.attrs.get("directions", ())}
    known = {direction.name: direction.digest for direction in selection.directions}
    if scores.attrs.get("store") is not selection.store or name not in scored or known.get(name) != scored[name].digest:
        raise SelectionError(
            f"the selection of {selection.store.path} was not made from these scores under direction {name!r}: "
            "pass the dataset that `select` was given"
        )
    return scored[name]


def _own_top(selection: Selection, values: npt.NDArray[np.float64]) -> npt.NDArray[np.int64] | None:
    """The rows that a direction chose by itself, best first; None where directions chose together."""
    wish = selection.wish
    if len(selection.directions) > 1 and wish.merge != "union":
        return None
    if wish.threshold is not None:
        return arithmetic.above(values, wish.threshold)
    n_valid = int(np.count_nonzero(selection.store.selectable))
    return arithmetic.top(values, wish.k if wish.fraction is None else arithmetic.size(wish.fraction, n_valid))


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
    texts = zip(
        rows, store.text("prompt", rows), store.text("response", rows), store.originals(rows), strict=True
    )
    return [
        Sample(
            str(store.sample_id[row]), ranks[int(row)], values[row], bool(chosen[row]), prompt, response, labels(original)
        )
        for row, prompt, response, original in texts
    ]


def _rank_correlation(a: npt.NDArray[np.floating], b: npt.NDArray[np.integer]) -> float:
    """Spearman's rank correlation; NaN where either doesn't vary."""
    import pandas as pd

    return float(pd.Series(a).rank().corr(pd.Series(b).rank()))


def _tiles_html(tiles: Sequence[tuple[str, str]]) -> str:
    cells = "".join(f"<div><dt>{safe_text(name)}</dt><dd>{safe_text(value)}</dd></div>" for name, value in tiles)
    return f'<dl class="tiles">{cells}</dl>' if tiles else ""


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _read(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")
