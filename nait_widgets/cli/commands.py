"""The commands that don't score or select, by the public API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import nait_widgets as nait
from nait_widgets.cli.common import SCORE_OPTIONS, complain, layers, opened, quiet_transformers, tell
from nait_widgets.errors import NaitError
from nait_widgets.paths import require_file_place
from nait_widgets.scored import load, require_direction
from nait_widgets.store.files import is_store

if TYPE_CHECKING:
    import argparse

    from nait_widgets.records import Records

FIT_OPTIONS = ("difference", "last_token", "sign", "truncated")


def demo(options: argparse.Namespace) -> int:
    """The main job on the embedded model and samples."""
    from nait_widgets.demo.run import run_demo

    quiet_transformers()
    print(run_demo(options.out).table)
    return 0


def capture(options: argparse.Namespace) -> int:
    """Model + data -> store."""
    from nait_widgets.cluster import cluster

    quiet_transformers()
    with cluster(options.scheduler, options.workers) as client:
        store = nait.capture(
            options.model,
            read(options),
            options.output,
            overwrite=options.overwrite,
            client=client,
            **capturing(options),
        )
    counts = store.info()["status"]
    print(f"{options.output}: {len(store):,} rows ({_listed(counts)})")
    return 0


def fit(options: argparse.Namespace) -> int:
    """In-domain samples -> direction."""
    require_file_place(options.output)
    method = {name: getattr(options, name) for name in (*FIT_OPTIONS, *SCORE_OPTIONS)}
    name = options.name or options.output.stem
    background = nait.open_store(options.background) if options.background else None
    if is_store(options.model):
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
        quiet_transformers()
        direction = nait.fit_direction(
            options.model,
            read(options),
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


def explain(options: argparse.Namespace) -> int:
    """Why one sample scores as it does."""
    store = opened(options)
    explanation = store.explain(options.sample_id, require_direction(load(options.direction)))
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
    facts = opened(options).info()
    provenance = facts["provenance"]
    size = "" if facts["bytes"] is None else f", {facts['bytes'] / 1e6:,.1f} MB"
    lines = [
        f"{facts['path']}: {facts['state']}{size}, format {facts['format_version']}",
        f"  samples  {facts['samples']:,} ({_listed(facts['status'])}), {facts['tokens']:,} tokens",
        f"  neurons  {facts['site']}, {len(facts['layers'])} layers × {facts['neurons']:,}, {facts['dtype']}",
        f"  pools    {', '.join(facts['pools'])}",
        *([f"  scores   only, of {', '.join(facts['scores_only'])}: no activations"] if facts["scores_only"] else []),
        *([] if facts["text"] else ["  text     left out: exports are lists of ids"]),
        *([f"  extras   {', '.join(facts['extras'])}"] if facts["extras"] else []),
        f"  model    {provenance['model']['name']} ({provenance['model']['architecture']}, "
        f"{provenance['model']['dtype']}), weights {provenance['model']['weights_hash'][:16]}",
        f"  template {provenance['template']['name']}, at most {provenance['template']['max_length']} tokens",
        f"  source   {provenance['source']['name']} ({provenance['source']['format']}), "
        f"SHA-256 {provenance['source']['sha256'][:16]}",
        f"  captured {provenance['created']} on {provenance['capture']['device']}",
        *(f"  saved    {kind}: {', '.join(names)}" for kind, names in facts["saved"].items() if names),
    ]
    tell(options, facts, lines)
    return 0


def verify(options: argparse.Namespace) -> int:
    """Check a store; status 2 where anything is wrong."""
    found = opened(options).verify()
    report = {
        "store": str(options.store),
        "ok": found.ok,
        "rows": found.rows,
        "problems": list(found.problems),
        "cautions": list(found.cautions),
    }
    tell(options, report, [f"{options.store}: {found.rows:,} rows are whole, complete and finite"] if found.ok else [])
    for caution in found.cautions:
        complain(f"caution: {caution}", 0)
    for problem in found.problems:
        complain(problem, 2)
    return 0 if found.ok else 2


def pack(options: argparse.Namespace) -> int:
    """Store -> one file that can be sent and opened as it is."""
    store = opened(options)
    path = store.pack(options.output, text=not options.without_text, overwrite=options.overwrite)
    n_bytes, text = path.stat().st_size, store.layout.text and not options.without_text
    line = f"{path}: {len(store):,} rows {'with' if text else 'without'} their text, {n_bytes / 1e6:,.1f} MB"
    tell(options, {"output": str(path), "rows": len(store), "bytes": n_bytes, "text": text}, [line])
    return 0


def unpack(options: argparse.Namespace) -> int:
    """A packed store -> a folder, every file checked."""
    store = nait.unpack(options.archive, options.output, overwrite=options.overwrite)
    n_bytes = store.files.n_bytes or 0
    line = f"{store.path}: {len(store):,} rows, {n_bytes / 1e6:,.1f} MB"
    tell(options, {"output": str(store.path), "rows": len(store), "bytes": n_bytes}, [line])
    return 0


def capturing(options: argparse.Namespace) -> dict[str, Any]:
    """What a store is to hold: arguments that capture and plan share."""
    return {
        "rows": options.rows,
        "site": options.site,
        "pools": options.pools,
        "scores_only": [require_direction(load(path)) for path in options.scores_only],
        "fingerprint": options.fingerprint_of or not options.no_fingerprint,
        "batch_tokens": options.batch_tokens,
        "deterministic": options.deterministic,
        "extras": options.extras,
        "text": not options.no_text,
        **_running(options),
    }


def _running(options: argparse.Namespace) -> dict[str, Any]:
    """How the model is run: arguments that capture and fit share, those that were given."""
    names = ("max_length", "template", "dtype", "device", "attention", "revision", "trust_remote_code")
    given = {name: value for name in names if (value := getattr(options, name))}
    return given | layers(options)


def read(options: argparse.Namespace) -> Records:
    """The data, as they are to be read."""
    pairs = [field.partition("=") for field in options.field]
    if any(not separator for _, separator, _ in pairs):
        raise NaitError(f"--field is {' '.join(options.field)!r}, but must look like response=answer")
    fields = {role: name for role, _, name in pairs}
    return nait.read_records(options.data, format=options.format, fields=fields or None, limit=options.limit)


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {label}" for label, count in counts.items())
