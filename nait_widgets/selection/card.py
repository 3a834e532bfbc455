"""The card of a subset: what it is, for the person who receives it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nait_widgets.store import Status

if TYPE_CHECKING:
    from nait_widgets.selection.selection import Selection


def card(selection: Selection, name: str) -> str:
    """A short description in Markdown."""
    store, provenance = selection.store, selection.store.provenance
    n_valid = int(np.count_nonzero(store.selectable))
    tokens = int(store.n_tokens[selection.rows].sum())
    quarantined = ", ".join(
        f"{int(np.count_nonzero(store.status == code)):,} {code.label}"
        for code in Status
        if (store.status == code).any() and code > Status.TRUNCATED
    )
    wish = selection.wish
    asked = next(
        f"{key} {value:g}" for key in ("fraction", "k", "threshold") if (value := getattr(wish, key)) is not None
    )
    lines = [
        f"# {name}",
        "",
        f"{len(selection):,} of {n_valid:,} selectable rows ({len(selection) / max(1, n_valid):.1%}) of "
        f"`{provenance['source']['name']}`, {tokens:,} tokens, chosen by the neurons that they activate "
        "(NAIT, arXiv 2603.13201).",
        "",
        "| | |",
        "|---|---|",
        f"| asked for | {asked}" + (f", merged by {wish.merge} |" if len(selection.directions) > 1 else " |"),
        f"| score at the cut | {selection.scores.min():.4g} (best {selection.scores.max():.4g}) |"
        if len(selection)
        else "| score at the cut | nothing was chosen |",
        f"| quarantined, never chosen | {quarantined or 'none'} |",
        f"| source | `{provenance['source']['name']}`, {provenance['source']['rows']:,} rows, "
        f"SHA-256 `{provenance['source']['sha256'][:16]}…` |",
        f"| model | {provenance['model']['name']} ({provenance['model']['architecture']}, "
        f"{provenance['model']['dtype']}), weights `{provenance['model']['weights_hash'][:16]}…` |",
        f"| activations | {store.layout.site}, {len(store.layout.layers)} layers × "
        f"{store.layout.n_neurons:,} neurons |",
        f"| ids | SHA-256 `{selection.ids_digest[:16]}…` |",
        "",
        "## Directions",
        "",
        "| name | preset | in-domain rows | from | pool | similarity |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {d.name} | {d.preset} | {d.samples['used']:,} | `{d.samples['source']['name']}` | {d.score.pool} | "
        f"{d.score.similarity} |"
        for d in selection.directions
    ]
    lines += ["", "The rows keep the licence of their source. Repeat the selection with `nait select --recipe`.", ""]
    return "\n".join(lines)
