"""`python -m benchmarks`: measure, print tables, write JSON."""

from __future__ import annotations

import argparse
import os
import tempfile
from importlib import import_module
from pathlib import Path

from benchmarks.machine import in_words, machine
from benchmarks.report import replace_part

PARTS = (
    "capture",
    "scoring",
    "memory",
    "planning",
    "exact_selection",
    "ten_million",
    "cluster",
    "cluster_scoring",
    "remote",
    "cuda",
    "browser",
    "ten_million_browser",
)
RESULTS = Path(__file__).with_name("results")


def main() -> None:
    """Run the parts that are asked for, in their order."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)} (default: all)")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the JSON (default: %(default)s)")
    parser.add_argument("--size", type=float, default=1, help="factor on the numbers of rows; results are told at 1")
    asked = parser.parse_args()
    if unknown := set(asked.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}; choose among {', '.join(PARTS)}")
    os.environ["TQDM_DISABLE"] = "1"
    here = machine()
    print(f"{in_words(here)}\n", flush=True)
    for part in asked.parts or PARTS:
        told = [f"{in_words(here)}.\n"]
        with tempfile.TemporaryDirectory(prefix="nait-bench-") as folder:
            for report in import_module(f"benchmarks.{part}").run(Path(folder), asked.size):
                report.save(asked.out, here)
                told.append(report.markdown())
                print(told[-1], flush=True)
        if asked.out == RESULTS and len(told) > 1:
            replace_part(Path(__file__).with_name("RESULTS.md"), part, "\n".join(told))


if __name__ == "__main__":
    main()
