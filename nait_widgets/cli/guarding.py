"""The command that looks for near-duplicates and contamination, and what `nait select` makes of its reports."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import nait_widgets as nait
from nait_widgets.cli.common import complain, opened, tell
from nait_widgets.errors import NaitError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from nait_widgets.store import ActivationStore


def guard(options: argparse.Namespace) -> int:
    """Store -> rows that a benchmark also has, or without files rows that nearly repeat another."""
    from nait_widgets.guarding import require_report_place

    if options.output:
        require_report_place(options.output)  # before minutes of comparing
    store = opened(options)
    given = {name: getattr(options, name) for name in ("compare", "jaccard", "containment", "n")}
    asked = {name: value for name, value in given.items() if value is not None}
    report: nait.Contamination | nait.NearDuplicates
    cautions: tuple[str, ...] = ()
    if options.files:
        report = nait.contamination(store, _sources(options.files), **asked)
        cautions = report.cautions
    else:
        if only := {"containment", "n"} & asked.keys():
            raise NaitError(f"--{min(only)} is about files to compare with: name one, or leave it out")
        if "jaccard" in asked:
            asked["threshold"] = asked.pop("jaccard")
        report = nait.near_duplicates(store, **asked)
    lines = [str(report)]
    if options.output:
        report.save(options.output)
        lines += ["", f"{options.output}: {len(report.ids):,} ids, for `nait select --exclude {options.output}`"]
    tell(options, report.as_json(), lines)
    for caution in cautions:
        complain(f"caution: {caution}", 0)
    return 0


def left_out(store: ActivationStore, reports: Sequence[Path]) -> dict[str, Any]:
    """What reports ask of a selection: the ids that are excluded, and a note that says why."""
    from nait_widgets.guarding import read_report

    read = [read_report(path, store) for path in reports]
    ids = dict.fromkeys(sample_id for ids, _ in read for sample_id in ids)
    note = " ".join(f"Left out by a guard: {summary}" for _, summary in read)
    return {"excluded": list(ids), "note": note}


def _sources(files: Sequence[str]) -> dict[str, str]:
    """Files and stores by their names, NAME=FILE or the file's own."""
    sources: dict[str, str] = {}
    for given in files:
        name, equals, path = given.partition("=")
        if not equals or Path(given).exists():
            name, path = Path(given).name.split(".")[0], given
        if not name.strip() or not path:
            raise NaitError(f"{given!r} lacks a name or a file: say NAME=FILE, or FILE alone")
        if name in sources:
            raise NaitError(f"two files are named {name!r}: say NAME={path} for one of them")
        sources[name] = path
    return sources
