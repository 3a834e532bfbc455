"""`python -m benchmarks.evidence`: measure what `docs/evidence.md` tells, and write it there."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.evidence.data import missing
from benchmarks.evidence.page import Place, Section
from benchmarks.evidence.study import Study
from benchmarks.inputs import SHARED
from benchmarks.machine import machine

# In the order of the page, and of what they take from each other.
PARTS = ("demo", "compare", "base", "variants", "real", "ratio", "own_base", "larger")
ON_REAL_DATA = {*PARTS} - {"demo", "compare"}


def main(arguments: list[str] | None = None) -> None:
    """Run the parts that are asked for and not finished yet, and write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.evidence", description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)} (default: all)")
    parser.add_argument(
        "--work",
        type=Path,
        default=Path(tempfile.gettempdir()) / "nait-evidence",
        help="folder of stores, models and finished parts, from which a run goes on (default: %(default)s)",
    )
    parser.add_argument("--size", type=float, default=1, help="factor on rows, steps and seeds; below 1 give --out")
    parser.add_argument("--out", type=Path, help="folder of page and figures (default: the project's own docs/)")
    parser.add_argument("--again", action="store_true", help="run the named parts again, though they are finished")
    parser.add_argument("--model", help="a larger model for the part `larger`: a folder or a hub id")
    asked = parser.parse_args(arguments)
    if unknown := set(asked.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}; choose among {', '.join(PARTS)}")
    if asked.size != 1 and asked.out is None:
        parser.error("results are told at size 1: give --out for a trial")
    os.environ["TQDM_DISABLE"] = "1"
    place = Place.of(asked.out)
    study = Study(asked.work / f"size-{asked.size:g}", asked.size, SHARED, place.results, asked.model)
    for part in asked.parts or PARTS:
        section = finished(study, part, again=asked.again and part in asked.parts)
        if section is not None:
            place.write(part, section)
            place.summarise(PARTS)


def finished(study: Study, part: str, *, again: bool = False) -> Section | None:
    """What a part found, from its cache where it was run; None where it can't run here."""
    cached = study.part(part)
    if cached.exists() and not again and part != "larger":  # which is quick, or resumes by itself
        return Section.load(cached)
    absent = missing(study.shared) if part in ON_REAL_DATA else None
    if absent:
        print(f"{part}: skipped, {absent}; the page keeps its last figures", file=sys.stderr, flush=True)
        return None
    print(f"{part}", file=sys.stderr, flush=True)
    here, began = machine(), time.perf_counter()
    run: Any = import_module(f"benchmarks.evidence.{part}").run
    section: Section = run(study)
    if not section.machine:  # of `larger` without a model, what an earlier run found elsewhere
        section.seconds, section.machine, section.size = time.perf_counter() - began, here, study.size
    section.save(cached)
    print(f"{section.markdown()}", flush=True)
    print(f"{part}: {section.seconds:.0f} s", file=sys.stderr, flush=True)
    return section


if __name__ == "__main__":
    main()
