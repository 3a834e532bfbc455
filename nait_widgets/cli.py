"""The command line: `nait capture | fit | score | select | explain | info | verify | demo`.

Each command is one function that calls the Python API and reports; the status is 0 only when all of it was done, 2 with
one sentence on standard error for input that can be mended, 130 after Ctrl-C.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import nait_widgets as nait
from nait_widgets.errors import Interrupted, NaitError, SelectionError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nait_widgets.methods import Direction


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
    except Interrupted as error:
        return _complain(error, 130)
    except KeyboardInterrupt:
        return _complain("stopped; nothing was left half-written", 130)
    except NaitError as error:
        return _complain(error, 2)
    return status


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
    method = {name: getattr(options, name) for name in (*_FIT_OPTIONS, *_SCORE_OPTIONS)}
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
        wish = {name: getattr(options, name) for name in ("fraction", "k", "threshold", "merge")}
        selection, order = nait.select(scores, **wish), options.order or "source"
    written = selection.export(options.output, columns=columns, order=order)
    report = {
        "output": str(options.output),
        "selected": len(selection),
        "of": int(selection.store.selectable.sum()),
        "tokens": int(selection.store.n_tokens[selection.rows].sum()),
        "score_at_cut": float(selection.scores.min()) if len(selection) else None,
        "ids_sha256": selection.ids_digest,
        "written": [str(path) for path in written],
    }
    lines = [f"{len(selection):,} of {report['of']:,} rows selected, {report['tokens']:,} tokens"]
    _report(options, report, [*lines, *(f"  {path}" for path in written)])
    return 0


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
        _complain(problem, 2)
    return 0 if found.ok else 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="nait", description=nait.__doc__ and nait.__doc__.splitlines()[0])
    parser.add_argument("--version", action="version", version=f"nait-widgets {nait.__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(run: Any) -> argparse.ArgumentParser:
        added = commands.add_parser(run.__name__, help=run.__doc__, description=run.__doc__)
        added.set_defaults(run=run)
        return added

    sub = command(demo)
    sub.add_argument("--out", type=Path, default=Path("nait-demo"), metavar="DIR", help="default: nait-demo")

    sub = command(capture)
    sub.add_argument("model", metavar="MODEL", help="a hub id or a folder")
    sub.add_argument("data", type=Path, metavar="DATA", help="an instruction file or a datasets folder")
    sub.add_argument("-o", "--output", type=Path, required=True, metavar="STORE.zarr")
    sub.add_argument("--site", default="resid_post", help="resid_post (default), mlp_act, mlp_out or up_proj_abs")
    sub.add_argument("--pools", default="mean,response_mean", help="how tokens are pooled (mean,response_mean)")
    sub.add_argument("--batch-tokens", type=int, metavar="N", help="tokens a batch, padding included")
    sub.add_argument("--deterministic", action="store_true", help="fixed batches and deterministic kernels")
    sub.add_argument("--loss", action="store_true", help="also keep each response's mean loss")
    sub.add_argument("--overwrite", action="store_true", help="replace the store instead of resuming it")
    _add_running(sub)
    _add_layers(sub, "that are captured")

    sub = command(fit)
    sub.add_argument("model", metavar="MODEL_OR_STORE", help="what captures the samples, or a store of them")
    sub.add_argument("data", nargs="?", type=Path, metavar="DATA", help="in-domain samples, where a model is given")
    sub.add_argument("-o", "--output", type=Path, required=True, metavar="NAME.direction")
    sub.add_argument("--name", help="of the capability; default: the output's name")
    sub.add_argument("--preset", default="paper", help="paper (default) or robust")
    sub.add_argument("--background", type=Path, metavar="STORE", help="the pool of candidates; robust needs it")
    sub.add_argument("--site", help="default: the background's, else resid_post")
    for name in _FIT_OPTIONS:
        sub.add_argument(_flag(name), help=f"{_choices('FitOptions', name)}; default: the preset's")
    _add_scoring(sub)
    _add_running(sub)
    _add_layers(sub, "that are captured")

    sub = command(score)
    _add_store_and_directions(sub)
    sub.add_argument(
        "-o", "--output", type=Path, required=True, metavar="scores.parquet", help=".parquet, .csv or .jsonl"
    )
    _add_scoring(sub)
    _add_layers(sub, "that are summed")
    _add_json(sub)

    sub = command(select)
    _add_store_and_directions(sub, required=False)
    amount = sub.add_mutually_exclusive_group()
    amount.add_argument("--fraction", type=float, metavar="F", help="share of the selectable rows, for example 0.1")
    amount.add_argument("--k", type=int, metavar="K", help="number of rows")
    amount.add_argument("--threshold", type=float, metavar="T", help="lowest score that is selected")
    sub.add_argument("--recipe", type=Path, help="repeat a selection exactly")
    sub.add_argument(
        "--merge", default="union", help="of several directions: union (default), round-robin, mean-z, max"
    )
    sub.add_argument("--columns", metavar="LIST", help="added to each row: score, rank, reason")
    sub.add_argument("--order", choices=["source", "rank"], help="of the rows; default: source")
    sub.add_argument("-o", "--output", type=Path, required=True, metavar="subset.jsonl")
    _add_scoring(sub)
    _add_layers(sub, "that are summed")
    _add_json(sub)

    sub = command(explain)
    sub.add_argument("store", type=Path, metavar="STORE")
    sub.add_argument("sample_id", metavar="SAMPLE_ID")
    sub.add_argument("direction", type=Path, metavar="DIRECTION")
    sub.add_argument("--neurons", type=int, default=10, metavar="N", help="how many to list (10)")

    for run in (info, verify):
        sub = command(run)
        sub.add_argument("store", type=Path, metavar="STORE")
        _add_json(sub)
    return parser


_FIT_OPTIONS = ("difference", "last_token", "sign", "truncated")
_SCORE_OPTIONS = ("pool", "center", "similarity")


def _add_store_and_directions(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    parser.add_argument("store", nargs=None if required else "?", type=Path, metavar="STORE")
    parser.add_argument("directions", nargs="+" if required else "*", type=Path, metavar="DIRECTION")


def _add_scoring(parser: argparse.ArgumentParser) -> None:
    for name in _SCORE_OPTIONS:
        parser.add_argument(_flag(name), help=f"{_choices('ScoreOptions', name)}; default: the direction's")


def _add_layers(parser: argparse.ArgumentParser, use: str) -> None:
    parser.add_argument("--layers", metavar="LIST", help=f"decoder layers {use}, for example 0,1,2; default: all")


def _add_running(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--max-length", type=int, metavar="N", help="tokens at which a sample is cut")
    parser.add_argument("--template", help="chat, alpaca or plain; default: the tokenizer's chat template")
    parser.add_argument("--dtype", help="auto (default), float32, bfloat16 or float16")
    parser.add_argument("--device", help="cpu, cuda, cuda:1…; default: the best there is")
    parser.add_argument("--attention", help="transformers' attention implementation")
    parser.add_argument("--revision", help="of a hub id")
    parser.add_argument("--trust-remote-code", action="store_true", help="let the model run code of its own")
    parser.add_argument("--format", help="of the data, where it isn't recognised")
    parser.add_argument("--field", action="append", default=[], metavar="ROLE=NAME", help="for example response=answer")
    parser.add_argument("--limit", type=int, metavar="N", help="read the first N rows only")


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="report as JSON, for scripts")


def _running(options: argparse.Namespace) -> dict[str, Any]:
    """How the model is run: arguments that capture and fit share, those that were given."""
    names = ("max_length", "template", "dtype", "device", "attention", "revision", "trust_remote_code")
    given = {name: value for name in names if (value := getattr(options, name))}
    return given | _layers(options)


def _scoring(options: argparse.Namespace) -> dict[str, Any]:
    return {name: value for name in _SCORE_OPTIONS if (value := getattr(options, name))} | _layers(options)


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


def _complain(message: object, status: int) -> int:
    print(f"nait: {message}", file=sys.stderr)
    return status


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {label}" for label, count in counts.items())


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _choices(options: str, name: str) -> str:
    from typing import get_type_hints

    return ", ".join(get_args(get_type_hints(getattr(nait, options))[name]))


def _quiet_transformers() -> None:
    """Our own progress is the one that counts; loading bars and advice are for developers of models."""
    from transformers.utils import logging as transformers_logging

    logging: Any = transformers_logging  # it has no type annotations
    logging.set_verbosity_error()
    logging.disable_progress_bar()
