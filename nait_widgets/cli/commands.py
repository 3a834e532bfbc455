"""What each command does, by the public API."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nait_widgets as nait
from nait_widgets.errors import NaitError, SelectionError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from nait_widgets.methods import Direction

FIT_OPTIONS = ("difference", "last_token", "sign", "truncated")
SCORE_OPTIONS = ("pool", "center", "similarity")


def demo(options: argparse.Namespace) -> int:
    """The main job on the embedded model and samples."""
    from nait_widgets.demo.run import run_demo

    _quiet_transformers()
    print(run_demo(options.out).table)
    return 0


def capture(options: argparse.Namespace) -> int:
    """Model + data -> store."""
    _quiet_transformers()
    store = nait.capture(
        options.model,
        _records(options),
        options.output,
        site=options.site,
        pools=options.pools.split(","),
        batch_tokens=options.batch_tokens,
        deterministic=options.deterministic,
        loss=options.loss,
        overwrite=options.overwrite,
        **_running(options),
    )
    counts = store.info()["status"]
    print(f"{options.output}: {len(store):,} rows ({_listed(counts)})")
    return 0


def fit(options: argparse.Namespace) -> int:
    """In-domain samples -> direction."""
    method = {name: getattr(options, name) for name in (*FIT_OPTIONS, *SCORE_OPTIONS)}
    name = options.name or options.output.stem
    background = nait.open_store(options.background) if options.background else None
    if _is_store(options.model):
        if options.data:
            raise NaitError(f"{options.model} is a store and holds its samples: leave {options.data} out")
        given = {key: value for key, value in _running(options).items() if value}
        if given:
            raise NaitError(
                f"{options.model} is a store: {', '.join(given)} went into its capture and can't be changed"
            )
        direction = nait.fit_direction(
            nait.open_store(options.model), name=name, preset=options.preset, background=background, **method
        )
    else:
        if not options.data:
            raise NaitError(f"{options.model} is no store, so a data file with in-domain samples must follow it")
        _quiet_transformers()
        direction = nait.fit_direction(
            options.model,
            _records(options),
            name=name,
            preset=options.preset,
            background=background,
            **({"site": options.site} if options.site else {}),
            **method,
            **_running(options),
        )
    direction.save(options.output)
    print(f"{options.output}: {direction!r}, from {direction.samples['used']:,} samples")
    return 0


def score(options: argparse.Namespace) -> int:
    """Store + directions -> a table of scores."""
    store = nait.open_store(options.store)
    scores = nait.score(store, _directions(options), **_scoring(options))
    table = scores["score"].to_pandas()
    table.insert(0, "sample_id", scores["sample_id"].to_numpy().astype(str))
    table.insert(1, "status", [nait.Status(int(code)).label for code in store.status])
    table.insert(2, "n_tokens", store.n_tokens)
    _write_table(table, options.output)
    spread = {
        name: {key: float(getattr(table[name], key)()) for key in ("min", "median", "mean", "max", "std")}
        for name in table.columns[3:]
    }
    scored = int(store.selectable.sum())
    lines = [f"{options.output}: {scored:,} of {len(store):,} rows scored"]
    lines += [
        f"  {name}: median {s['median']:.4g}, from {s['min']:.4g} to {s['max']:.4g}" for name, s in spread.items()
    ]
    _report(options, {"output": str(options.output), "rows": len(store), "scored": scored, "directions": spread}, lines)
    return 0


def select(options: argparse.Namespace) -> int:
    """Store + directions, or a recipe -> a subset."""
    from nait_widgets.selection import Recipe

    columns = options.columns.split(",") if options.columns else []
    if options.recipe:
        if options.store or options.fraction or options.k or options.threshold is not None:
            raise SelectionError("a recipe says what to select from and how much: give it alone")
        recipe = Recipe.load(options.recipe)
        selection = recipe.repeat()
        columns = columns or recipe.export["columns"]
        order = options.order or recipe.export["order"]
    else:
        if not options.store:
            raise SelectionError("a store and directions are missing, or a recipe to repeat (--recipe)")
        scores = nait.score(nait.open_store(options.store), _directions(options), **_scoring(options))
        wish = {name: getattr(options, name) for name in ("fraction", "k", "threshold", "merge", "end", "seed")}
        wish |= {"weights": dict(options.weight), "filters": _filters(options)}
        selection, order = nait.select(scores, **wish), options.order or "source"
    written = selection.export(options.output, columns=columns, order=order)
    report = {
        "output": str(options.output),
        "selected": len(selection),
        "of": int(selection.store.selectable.sum()),
        "tokens": int(selection.store.n_tokens[selection.rows].sum()),
        "score_at_cut": selection.cut,
        "ids_sha256": selection.ids_digest,
        "written": [str(path) for path in written],
    }
    lines = [f"{len(selection):,} of {report['of']:,} rows selected, {report['tokens']:,} tokens"]
    _report(options, report, [*lines, *(f"  {path}" for path in written)])
    return 0


def _filters(options: argparse.Namespace) -> dict[str, Any]:
    """The fields of `Filters` that were given."""
    labels: dict[str, list[str]] = {}
    for name, value in options.label:
        labels.setdefault(name, []).append(value)
    return {"text": options.text, "tokens": (options.min_tokens, options.max_tokens), "labels": labels}


def explain(options: argparse.Namespace) -> int:
    """Why one sample scores as it does."""
    store = nait.open_store(options.store)
    explanation = store.explain(options.sample_id, nait.Direction.load(options.direction))
    print(f"{explanation.sample_id} scores {explanation.score:.5g} on {explanation.direction}")
    print("\nlayer  contribution")
    widest = max(1e-12, float(abs(explanation.by_layer).max()))
    for layer, value in zip(explanation.layers, explanation.by_layer, strict=True):
        print(f"{layer:5d}  {value:+12.5g}  {('+' if value > 0 else '-') * round(30 * abs(value) / widest)}")
    print("\nlayer  neuron  activation  contribution")
    for neuron in explanation.top(options.neurons):
        print(f"{neuron.layer:5d}  {neuron.neuron:6d}  {neuron.activation:+10.4g}  {neuron.contribution:+12.5g}")
    return 0


def info(options: argparse.Namespace) -> int:
    """What a store is and where it came from."""
    facts = nait.open_store(options.store).info()
    provenance = facts["provenance"]
    lines = [
        f"{facts['path']}: {facts['state']}, {facts['bytes'] / 1e6:,.1f} MB, format {facts['format_version']}",
        f"  samples  {facts['samples']:,} ({_listed(facts['status'])}), {facts['tokens']:,} tokens",
        f"  neurons  {facts['site']}, {len(facts['layers'])} layers × {facts['neurons']:,}, {facts['dtype']}",
        f"  pools    {', '.join(facts['pools'])}",
        f"  model    {provenance['model']['name']} ({provenance['model']['architecture']}, "
        f"{provenance['model']['dtype']}), weights {provenance['model']['weights_hash'][:16]}",
        f"  template {provenance['template']['name']}, at most {provenance['template']['max_length']} tokens",
        f"  source   {provenance['source']['name']} ({provenance['source']['format']}), "
        f"SHA-256 {provenance['source']['sha256'][:16]}",
        f"  captured {provenance['created']} on {provenance['capture']['device']}",
    ]
    _report(options, facts, lines)
    return 0


def verify(options: argparse.Namespace) -> int:
    """Check a store; status 2 where anything is wrong."""
    found = nait.open_store(options.store).verify()
    report = {"store": str(options.store), "ok": found.ok, "rows": found.rows, "problems": list(found.problems)}
    _report(
        options, report, [f"{options.store}: {found.rows:,} rows are whole, complete and finite"] if found.ok else []
    )
    for problem in found.problems:
        complain(problem, 2)
    return 0 if found.ok else 2


def _running(options: argparse.Namespace) -> dict[str, Any]:
    """How the model is run: arguments that capture and fit share, those that were given."""
    names = ("max_length", "template", "dtype", "device", "attention", "revision", "trust_remote_code")
    given = {name: value for name in names if (value := getattr(options, name))}
    return given | _layers(options)


def _scoring(options: argparse.Namespace) -> dict[str, Any]:
    return {name: value for name in SCORE_OPTIONS if (value := getattr(options, name))} | _layers(options)


def _layers(options: argparse.Namespace) -> dict[str, list[int]]:
    if not options.layers:
        return {}
    try:
        return {"layers": [int(layer) for layer in options.layers.split(",")]}
    except ValueError:
        raise NaitError(f"--layers is {options.layers!r}, but must be numbers such as 0,1,2") from None


def _records(options: argparse.Namespace) -> Any:
    pairs = [field.partition("=") for field in options.field]
    if any(not separator for _, separator, _ in pairs):
        raise NaitError(f"--field is {' '.join(options.field)!r}, but must look like response=answer")
    fields = {role: name for role, _, name in pairs}
    return nait.read_records(options.data, format=options.format, fields=fields or None, limit=options.limit)


def _directions(options: argparse.Namespace) -> list[Direction]:
    return [nait.Direction.load(path) for path in options.directions]


def _is_store(text: str) -> bool:
    return (Path(text) / "zarr.json").exists()


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


def _report(options: argparse.Namespace, facts: dict[str, Any], lines: Sequence[str]) -> None:
    if options.json:
        print(json.dumps(facts, indent=2, ensure_ascii=False))
    else:
        for line in lines:
            print(line)


def complain(message: object, status: int) -> int:
    """Say what is wrong on standard error, and give the status back."""
    print(f"nait: {message}", file=sys.stderr)
    return status


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {label}" for label, count in counts.items())


def _quiet_transformers() -> None:
    """Our own progress is the one that counts; loading bars and advice are for developers of models."""
    from transformers.utils import logging as transformers_logging

    logging: Any = transformers_logging  # it has no type annotations
    logging.set_verbosity_error()
    logging.disable_progress_bar()
