"""The commands that score and select."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import nait_widgets as nait
from nait_widgets.cli.common import SCORE_OPTIONS, opened, scoring, tell
from nait_widgets.cli.fingerprints import read_for, selected
from nait_widgets.cli.guarding import left_out
from nait_widgets.cli.scorers import scored_by
from nait_widgets.cluster import cluster
from nait_widgets.errors import NaitError, SelectionError
from nait_widgets.paths import require_file_place, written_whole
from nait_widgets.selection.export import Target
from nait_widgets.store.parts import require_new

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from pathlib import Path

    import xarray as xr

    from nait_widgets.store.parts import Kind

WISH = ("fraction", "k", "threshold", "merge", "end", "seed", "adjust")


TABLES: dict[str, Callable[[Any, Path], None]] = {
    ".parquet": lambda table, path: table.to_parquet(path, index=False),
    ".csv": lambda table, path: table.to_csv(path, index=False),
    ".jsonl": lambda table, path: table.to_json(path, orient="records", lines=True, force_ascii=False),
}


def score(options: argparse.Namespace) -> int:
    """Store + directions or other scorers -> scores, in a table or saved in the store."""
    store = opened(options)
    _require_target(options, store, "scores")
    if options.output:
        if options.output.suffix not in TABLES:
            raise NaitError(f"{options.output}: scores can be written as {', '.join(TABLES)}")
        require_file_place(options.output)
    with cluster(options.scheduler, options.workers) as client:
        scores = nait.score(
            store, scored_by(options) or None, client=client, approximate=options.approximate, **scoring(options)
        )
    table = scores["score"].to_pandas()
    table.insert(0, "sample_id", scores["sample_id"].to_numpy().astype(object))
    table.insert(1, "status", [nait.Status(int(code)).label for code in store.status])
    table.insert(2, "n_tokens", store.n_tokens)
    spread: dict[str, dict[str, float | None]] = {
        name: {key: float(getattr(table[name], key)()) for key in ("min", "median", "mean", "max", "std")}
        for name in table.columns[3:]
    }
    if options.approximate:
        for name, errors in scores["score_error"].to_pandas().items():
            table[f"{name} error"] = errors
            largest = float(errors.max())
            spread[str(name)]["largest_error"] = largest if math.isfinite(largest) else None
    if options.output:
        _write_table(table, options.output)
    if options.save:
        store.save_scores(scores, options.save)
    scored = int(store.selectable.sum())
    lines = [f"{options.output or options.store}: {scored:,} of {len(store):,} rows scored"]
    lines += [
        f"  {name}: median {s['median']:.4g}, from {s['min']:.4g} to {s['max']:.4g}"
        + (_within(s["largest_error"]) if "largest_error" in s else "")
        for name, s in spread.items()
    ]
    report = {**_targets(options), "rows": len(store), "scored": scored, "directions": spread, **_ran_on(scores)}
    tell(options, report, [*lines, *_on_cluster(options, scores), *_saved_as(options)])
    return 0


def _within(error: float | None) -> str:
    return ", the error unknown" if error is None else f", each off by at most {error:.2g}"


def select(options: argparse.Namespace) -> int:
    """Store + directions, other scorers or saved scores, or a recipe -> a subset."""
    from nait_widgets.selection import Recipe

    if options.output:
        Target.of(options.output).require_place()
    scores = None
    export: dict[str, Any] = {"columns": [], "order": "source"}
    if options.recipe:
        _require_alone(options)
        recipe = Recipe.load(options.recipe)
        store = opened(options) if options.store else recipe.find_store()
        _require_target(options, store, "selections")
        with cluster(options.scheduler, options.workers) as client:
            selection, export = recipe.repeat(store, client=client), recipe.export
    else:
        if not options.store:
            raise SelectionError("a store and what to score it by are missing, or a recipe to repeat (--recipe)")
        store = opened(options)
        _require_target(options, store, "selections")
        wish = _wish(store, options)
        if options.from_fingerprint:
            _require_plain(options)
            selection = selected(store, scored_by(options), scoring(options), wish)
        else:
            scores = _scores(store, options)
            selection = nait.select(scores, **wish)
    _require_rows(selection)
    if options.save:
        _save(selection, scores, options.save)
    export |= {name: value for name in export if (value := getattr(options, name))}
    written = selection.export(options.output, **export) if options.output else []
    selectable = int(store.selectable.sum())
    report = {
        **_targets(options),
        "selected": len(selection),
        "of": selection.n_candidates,
        "selectable": selectable,
        "tokens": int(selection.store.n_tokens[selection.rows].sum()),
        "score_at_cut": selection.cut,
        "ids_sha256": selection.ids_digest,
        "written": [str(path) for path in written],
        **_ran_on(scores),
    }
    facts, read = read_for(selection)
    among = "rows" if selection.n_candidates == selectable else f"candidates among {selectable:,} rows"
    lines = [f"{len(selection):,} of {selection.n_candidates:,} {among} selected, {report['tokens']:,} tokens"]
    lines += [*_shared(selection), *read, *(f"  {path}" for path in written)]
    tell(options, report | facts, [*lines, *_on_cluster(options, scores), *_saved_as(options)])
    return 0


def _require_plain(options: argparse.Namespace) -> None:
    """Raise where a selection from a fingerprint is to be saved, to go by saved scores, or to be made elsewhere."""
    if options.save:
        raise SelectionError("--save keeps exact scores, too, which --from-fingerprint doesn't make: write a file (-o)")
    if options.scores:
        raise SelectionError("--from-fingerprint scores by a direction's file: leave --scores out")
    if options.scheduler or options.workers:
        raise SelectionError("--from-fingerprint reads in this process: leave --scheduler and --workers out")


def _require_alone(options: argparse.Namespace) -> None:
    """Raise where something is asked for besides a recipe that it says itself."""
    by = ("directions", "by", "targets", "scores", "direction", *SCORE_OPTIONS, "layers")
    said = (
        *by,
        *WISH,
        "from_fingerprint",
        "approximate",
        "weight",
        "text",
        "min_tokens",
        "max_tokens",
        "label",
        "exclude",
    )
    if given := [name for name in said if getattr(options, name) not in (None, "", [], False)]:
        others = ", ".join("files" if name == "directions" else f"--{name.replace('_', '-')}" for name in given)
        raise SelectionError(f"a recipe says by what to select, and how much: leave {others} out")


def _require_rows(selection: nait.Selection) -> None:
    """Raise where nothing was chosen, for a file without rows is hardly what was wanted."""
    if len(selection):
        return
    if not selection.n_candidates:
        raise SelectionError("nothing is selected, and nothing written: the filters and exclusions leave no row")
    edge = "high" if selection.wish.end == "top" else "low"
    raise SelectionError(
        f"nothing is selected, and nothing written: none of {selection.n_candidates:,} rows has a score as {edge} as "
        f"the threshold, {selection.wish.threshold:g}"
    )


def _shared(selection: nait.Selection) -> list[str]:
    """How several columns share the choice, for it is more rows than one of them would give."""
    wish = selection.wish
    n = sum(weight > 0 for weight in wish.weights_of([each.name for each in selection.directions]))
    if n < 2 or wish.end == "random":
        return []
    if wish.merge != "union":
        return [f"  {wish.merge} of {n} columns"]
    sizes = (wish.fraction and f"{100 * wish.fraction:g} %", wish.k and f"{wish.k:,} rows", "rows up to the threshold")
    own = next(size for size in sizes if size)
    return [f"  union of {n} columns: each gives its own {own}{', by its weight' if wish.weights else ''}"]


def _scores(store: nait.ActivationStore, options: argparse.Namespace) -> xr.Dataset:
    """Saved scores, or those by the directions and scorers that were given."""
    if options.direction and not options.scores:
        raise SelectionError("--direction names columns of saved scores: give these too, by --scores NAME")
    if not options.scores:
        with cluster(options.scheduler, options.workers) as client:
            by = scored_by(options) or None
            return nait.score(store, by, client=client, approximate=options.approximate, **scoring(options))
    if options.scheduler is not None or options.workers is not None:
        raise SelectionError(f"scores {options.scores!r} are there already: leave --scheduler and --workers out")
    if options.directions or options.by or options.targets or options.approximate or scoring(options):
        raise SelectionError(f"scores {options.scores!r} go by their own directions and options: give no others")
    scores = store.scores(options.scores)
    known = [str(name) for name in scores["direction"].to_numpy()]
    if absent := [name for name in options.direction if name not in known]:
        raise SelectionError(f"scores {options.scores!r} have no column {absent[0]!r}; they have {', '.join(known)}")
    return scores.sel(direction=[name for name in known if not options.direction or name in options.direction])


def _save(selection: nait.Selection, scores: xr.Dataset | None, name: str) -> None:
    """Save a selection, and its scores under the same name where they aren't saved yet."""
    from nait_widgets.saving import scores_by

    store = selection.store
    if scores is not None and scores_by(store, selection.directions, approximate=selection.approximate) is None:
        if name in store.score_sets():
            raise SelectionError(
                f"scores {name!r} of {store.path} go by others: save this selection under another name"
            )
        store.save_scores(scores, name)
    store.save_selection(selection, name)


def _require_target(options: argparse.Namespace, store: nait.ActivationStore, kind: Kind) -> None:
    """Raise before the work where nothing would come of it."""
    if not options.output and not options.save:
        raise NaitError("say where it goes: into a file (-o), into the store (--save NAME), or both")
    if options.save:
        store.require_writable()
        require_new(store, kind, options.save)


def _targets(options: argparse.Namespace) -> dict[str, str | None]:
    """Where it goes, for scripts."""
    return {"output": str(options.output) if options.output else None, "saved": options.save}


def _saved_as(options: argparse.Namespace) -> list[str]:
    """The same of the store, for people."""
    return [f"  saved in the store as {options.save!r}"] if options.save else []


def _ran_on(scores: xr.Dataset | None) -> dict[str, str]:
    """Who read the store, for scripts; nothing where scores were there already."""
    return {} if scores is None or "ran_on" not in scores.attrs else {"ran_on": scores.attrs["ran_on"]}


def _on_cluster(options: argparse.Namespace, scores: xr.Dataset | None) -> list[str]:
    """The same for people, who know it where they asked for no cluster."""
    asked = options.scheduler is not None or options.workers is not None
    return [f"  scored on {who}" for who in _ran_on(scores).values() if asked]


def _wish(store: nait.ActivationStore, options: argparse.Namespace) -> dict[str, Any]:
    """What was asked for, as `select` takes it."""
    if options.seed is not None and options.end != "random":
        raise SelectionError("--seed is of random rows: add --end random, or leave it out")
    asked = {name: value for name in WISH if (value := getattr(options, name)) is not None}
    return {**asked, "weights": dict(options.weight), "filters": _filters(options), **left_out(store, options.exclude)}


def _filters(options: argparse.Namespace) -> dict[str, Any]:
    """The fields of `Filters` that were given."""
    labels: dict[str, list[str]] = {}
    for name, value in options.label:
        labels.setdefault(name, []).append(value)
    return {"text": options.text, "tokens": (options.min_tokens, options.max_tokens), "labels": labels}


def _write_table(table: Any, path: Path) -> None:
    with written_whole(path) as temporary:
        TABLES[path.suffix](table, temporary)
