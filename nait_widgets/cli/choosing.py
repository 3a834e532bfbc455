"""The commands that score and select."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import nait_widgets as nait
from nait_widgets.cli.common import scoring, tell
from nait_widgets.cli.guarding import left_out
from nait_widgets.cli.scorers import scored_by
from nait_widgets.errors import NaitError, SelectionError

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    import xarray as xr


def score(options: argparse.Namespace) -> int:
    """Store + directions or other scorers -> scores, in a table or saved in the store."""
    store = nait.open_store(options.store)
    _require_target(options, store)
    scores = nait.score(store, scored_by(options), **scoring(options))
    table = scores["score"].to_pandas()
    table.insert(0, "sample_id", scores["sample_id"].to_numpy().astype(str))
    table.insert(1, "status", [nait.Status(int(code)).label for code in store.status])
    table.insert(2, "n_tokens", store.n_tokens)
    if options.output:
        _write_table(table, options.output)
    if options.save:
        store.save_scores(scores, options.save)
    spread = {
        name: {key: float(getattr(table[name], key)()) for key in ("min", "median", "mean", "max", "std")}
        for name in table.columns[3:]
    }
    scored = int(store.selectable.sum())
    lines = [f"{options.output or options.store}: {scored:,} of {len(store):,} rows scored"]
    lines += [
        f"  {name}: median {s['median']:.4g}, from {s['min']:.4g} to {s['max']:.4g}" for name, s in spread.items()
    ]
    tell(
        options,
        {**_targets(options), "rows": len(store), "scored": scored, "directions": spread},
        lines + _saved_as(options),
    )
    return 0


def select(options: argparse.Namespace) -> int:
    """Store + directions, other scorers or saved scores, or a recipe -> a subset."""
    from nait_widgets.selection import Recipe

    columns = options.columns.split(",") if options.columns else []
    scores = None
    if options.recipe:
        others = (options.store, options.scores, options.by, options.targets, options.fraction, options.k)
        if any(others) or options.exclude or options.threshold is not None:
            raise SelectionError("a recipe says what to select from and how much: give it alone")
        recipe = Recipe.load(options.recipe)
        selection = recipe.repeat()
        _require_target(options, selection.store)
        columns = columns or recipe.export["columns"]
        order = options.order or recipe.export["order"]
    else:
        if not options.store:
            raise SelectionError("a store and what to score it by are missing, or a recipe to repeat (--recipe)")
        store = nait.open_store(options.store)
        _require_target(options, store)
        scores = _scores(store, options)
        wish = {
            name: getattr(options, name) for name in ("fraction", "k", "threshold", "merge", "end", "seed", "adjust")
        }
        wish |= {"weights": dict(options.weight), "filters": _filters(options), **left_out(store, options.exclude)}
        selection, order = nait.select(scores, **wish), options.order or "source"
    if options.save:
        _save(selection, scores, options.save)
    written = selection.export(options.output, columns=columns, order=order) if options.output else []
    report = {
        **_targets(options),
        "selected": len(selection),
        "of": int(selection.store.selectable.sum()),
        "tokens": int(selection.store.n_tokens[selection.rows].sum()),
        "score_at_cut": selection.cut,
        "ids_sha256": selection.ids_digest,
        "written": [str(path) for path in written],
    }
    lines = [f"{len(selection):,} of {report['of']:,} rows selected, {report['tokens']:,} tokens"]
    tell(options, report, [*lines, *(f"  {path}" for path in written), *_saved_as(options)])
    return 0


def _scores(store: nait.ActivationStore, options: argparse.Namespace) -> xr.Dataset:
    """Saved scores, or those by the directions and scorers that were given."""
    if not options.scores:
        return nait.score(store, scored_by(options), **scoring(options))
    if options.directions or options.by or options.targets or scoring(options):
        raise SelectionError(f"scores {options.scores!r} go by their own directions and options: give no others")
    return store.scores(options.scores)


def _save(selection: nait.Selection, scores: xr.Dataset | None, name: str) -> None:
    """Save a selection, and its scores under the same name where they aren't saved yet."""
    from nait_widgets.saving import scores_by

    store = selection.store
    if scores is not None and scores_by(store, selection.directions) is None:
        if name in store.score_sets():
            raise SelectionError(
                f"scores {name!r} of {store.path} go by others: save this selection under another name"
            )
        store.save_scores(scores, name)
    store.save_selection(selection, name)


def _require_target(options: argparse.Namespace, store: nait.ActivationStore) -> None:
    """Raise before the work where nothing would come of it."""
    if not options.output and not options.save:
        raise NaitError("say where it goes: into a file (-o), into the store (--save NAME), or both")
    if options.save:
        store.require_writable()


def _targets(options: argparse.Namespace) -> dict[str, str | None]:
    """Where it goes, for scripts."""
    return {"output": str(options.output) if options.output else None, "saved": options.save}


def _saved_as(options: argparse.Namespace) -> list[str]:
    """The same of the store, for people."""
    return [f"  saved in the store as {options.save!r}"] if options.save else []


def _filters(options: argparse.Namespace) -> dict[str, Any]:
    """The fields of `Filters` that were given."""
    labels: dict[str, list[str]] = {}
    for name, value in options.label:
        labels.setdefault(name, []).append(value)
    return {"text": options.text, "tokens": (options.min_tokens, options.max_tokens), "labels": labels}


def _write_table(table: Any, path: Path) -> None:
    from nait_widgets.paths import written_whole

    writers = {
        ".parquet": lambda target: table.to_parquet(target, index=False),
        ".csv": lambda target: table.to_csv(target, index=False),
        ".jsonl": lambda target: table.to_json(target, orient="records", lines=True, force_ascii=False),
    }
    if path.suffix not in writers:
        raise NaitError(f"{path}: scores can be written as {', '.join(writers)}")
    with written_whole(path) as temporary:
        writers[path.suffix](temporary)
