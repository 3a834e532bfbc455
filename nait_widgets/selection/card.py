"""The card of a subset: what it is, for the person who receives it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from nait_widgets.fingerprints import ERROR
from nait_widgets.methods import Direction
from nait_widgets.scorers import Scorer, TargetScorer
from nait_widgets.store import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nait_widgets.selection.selection import Selection
    from nait_widgets.selection.wish import Wish

ADJUSTED = {
    "length-residual": "without what the rank of a sample's length explains",
    "length-strata": "each sample's place among those of about its length, from 0 to 1",
}


def card(selection: Selection, name: str) -> str:
    """A short description in Markdown."""
    store, provenance = selection.store, selection.store.provenance
    n_valid, n_candidates = int(np.count_nonzero(store.selectable)), selection.n_candidates
    tokens = int(store.n_tokens[selection.rows].sum())
    quarantined = ", ".join(
        f"{int(np.count_nonzero(store.status == code)):,} {code.label}"
        for code in Status
        if (store.status == code).any() and code > Status.TRUNCATED
    )
    wish = selection.wish
    sizes = {"fraction": (wish.fraction, "g"), "k": (wish.k, ",d"), "threshold": (wish.threshold, "g")}
    asked = next(f"{name} {value:{form}}" for name, (value, form) in sizes.items() if value is not None)
    source = _code(provenance["source"]["name"])
    merged = f", merged by {wish.merge}" if len(selection.directions) > 1 else ""
    lines = [
        f"# {_text(name)}",
        "",
        f"{len(selection):,} of {n_candidates:,} candidates ({len(selection) / max(1, n_candidates):.1%}) among the "
        f"rows of {source}, {tokens:,} tokens, chosen by {_by(selection)}.",
        "",
        "| | |",
        "|---|---|",
        f"| asked for | {wish.end} {asked}{merged} |",
        *([f"| scores | {ADJUSTED[wish.adjust]} |"] if wish.adjust in ADJUSTED else []),
        *_estimated(selection),
        f"| candidates | {n_candidates:,} of {n_valid:,} selectable rows |",
        *_narrowed(wish),
        f"| score at the cut | {selection.cut:.4g} (first {selection.scores[0]:.4g}) |"
        if selection.cut is not None
        else "| score at the cut | no row was chosen by its score |",
        f"| quarantined, never chosen | {quarantined or 'none'} |",
        f"| source | {source}, {provenance['source']['rows']:,} rows, "
        f"SHA-256 `{provenance['source']['sha256'][:16]}…` |",
        f"| model | {_text(provenance['model']['name'])} ({provenance['model']['architecture']}, "
        f"{provenance['model']['dtype']}), weights `{provenance['model']['weights_hash'][:16]}…` |",
        f"| activations | {store.layout.site}, {len(store.layout.layers)} layers × "
        f"{store.layout.n_neurons:,} neurons |",
        f"| ids | SHA-256 `{selection.ids_digest[:16]}…` |",
        *_directions([each for each in selection.directions if isinstance(each, Direction)]),
        *_scorers([each for each in selection.directions if isinstance(each, Scorer)]),
    ]
    if not store.layout.text:
        lines += ["", "The store has no text, so a row here is its `id` in the source, and no more."]
    lines += ["", "The rows keep the licence of their source. Repeat the selection with `nait select --recipe`.", ""]
    return "\n".join(lines)


def _estimated(selection: Selection) -> list[str]:
    """What is to be known of scores that a fingerprint told."""
    if selection.approximate:
        most = float(np.nanmax(selection.made_from[ERROR]))
        return [f"| scores | estimates from a fingerprint, off by {most:.3g} at most: exact ones might choose others |"]
    if selection.read is None or selection.read.scanned:
        return []
    return [
        f"| read | {selection.read.share:.1%} of the activations' bytes: by a fingerprint, the rows that all of them "
        "would give, in an order that is not exact |"
    ]


def _by(selection: Selection) -> str:
    """By what the rows were chosen, in a few words."""
    scorers = [f"the scorer {_text(each.name)}" for each in selection.directions if isinstance(each, Scorer)]
    neurons = "the neurons that they activate (NAIT, arXiv 2603.13201)"
    return listed([neurons, *scorers] if len(scorers) < len(selection.directions) else scorers)


def listed(names: Sequence[str]) -> str:
    """Names as a sentence lists them."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _directions(directions: Sequence[Direction]) -> list[str]:
    rows = [
        f"| {_text(d.name)} | {d.preset} | {d.samples['used']:,} | {_code(d.samples['source']['name'])} | "
        f"{d.score.pool} | {d.score.similarity} |"
        for d in directions
    ]
    head = ["| name | preset | in-domain rows | from | pool | similarity |", "|---|---|---|---|---|---|"]
    return ["", "## Directions", "", *head, *rows] if rows else []


def _scorers(scorers: Sequence[Scorer]) -> list[str]:
    rows = [f"| {_text(s.name)} | {s.kind} | {_options(s)} | {_targets(s)} |" for s in scorers]
    head = ["| name | kind | options | targets |", "|---|---|---|---|"]
    return ["", "## Scorers", "", *head, *rows] if rows else []


def _options(scorer: Scorer) -> str:
    return ", ".join(f"{name} {_code(str(value))}" for name, value in scorer.options.items())


def _targets(scorer: Scorer) -> str:
    if not isinstance(scorer, TargetScorer) or scorer.origin is None:
        return "none"
    return f"{scorer.origin['samples']:,} rows of {_code(scorer.origin['source']['name'])}"


def _narrowed(wish: Wish) -> list[str]:
    """What else than scores decided, if anything."""
    filters = wish.filters
    fewest, most = filters.tokens
    told = [f"text {filters.text!r}"] if filters.text else []
    if (fewest, most) != (None, None):
        told.append(f"{0 if fewest is None else fewest} to {'any number of' if most is None else most} tokens")
    told += [f"{name} {' or '.join(values)}" for name, values in filters.labels.items()]
    told += [f"{len(filters.ids):,} rows by lasso or id"] if filters.ids is not None else []
    lines = [f"| only among | {_text(', '.join(told))} |"] if told and filters.narrow else []
    if wish.pinned or wish.excluded:
        lines.append(f"| by id | {len(wish.pinned):,} pinned, {len(wish.excluded):,} excluded |")
    if wish.note:
        lines.append(f"| note | {_text(wish.note)} |")
    return lines


def _text(text: str) -> str:
    """A stranger's text as it reads, on one line: nothing of it is Markdown, HTML or a border of a table."""
    return re.sub(r"([\\`*\[<|])", r"\\\1", " ".join(text.split()))


def _code(text: str) -> str:
    """The same in the type of code, where only its own marks and a table's mean anything."""
    return "`" + " ".join(text.split()).replace("`", "'").replace("|", "\\|") + "`"
