"""`python -m benchmarks`: measure, print tables, write JSON."""

from __future__ import annotations

import argparse
import os
import tempfile
from importlib import import_module
from pathlib import Path

from benchmarks.machine import in_words, machine

PARTS = ("capture", "scoring", "memory", "cuda")


def main() -> None:
    """Run the parts that are asked for, in their order."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", default=",".join(PARTS), help="parts, separated by commas (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("results"), help="folder of the JSON")
    parser.add_argument("--size", type=float, default=1, help="factor on the numbers of rows; results are told at 1")
    parts = parser.parse_args()
    asked = parts.only.split(",")
    if unknown := set(asked) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}; choose among {', '.join(PARTS)}")
    os.environ["TQDM_DISABLE"] = "1"
    here = machine()
    print(f"{in_words(here)}\n", flush=True)
    for part in asked:
        with tempfile.TemporaryDirectory(prefix="nait-bench-") as folder:
            for report in import_module(f"benchmarks.{part}").run(Path(folder), parts.size):
                report.save(parts.out, here)
                print(report.markdown(), flush=True)


if __name__ == "__main__":
    main()
