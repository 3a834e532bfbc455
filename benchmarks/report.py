"""A result as a Markdown table and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.timing import Spread, number

Cell = str | float | Spread | None


@dataclass(frozen=True, slots=True)
class Target:
    """What must hold, and what was measured."""

    what: str
    limit: float
    measured: float
    at_most: bool = False

    @property
    def met(self) -> bool:
        """Whether it holds."""
        return self.measured <= self.limit if self.at_most else self.measured >= self.limit

    def __str__(self) -> str:
        sign, verdict = "≤" if self.at_most else "≥", "met" if self.met else "MISSED"
        return f"{self.what} {sign} {self.limit:g}: {self.measured:.3g}, {verdict}"


@dataclass(frozen=True, slots=True)
class Report:
    """One benchmark's result.

    Attributes:
        name: Of its file.
        setting: What was measured, with all sizes.
        table: Rows with the same columns.
        targets: What must hold.
    """

    name: str
    setting: str
    table: Sequence[dict[str, Cell]]
    targets: Sequence[Target]

    def markdown(self) -> str:
        """Heading, setting, table and targets."""
        columns = list(self.table[0])
        rows = [[_text(row[column]) for column in columns] for row in self.table]
        lines = [f"### {self.name}", "", self.setting, "", table(columns, rows)]
        if any(isinstance(cell, Spread) for row in self.table for cell in row.values()):
            lines += ["", "Medians; ratios by round, with the lowest and the highest."]
        lines += ["", *(f"- {target}" for target in self.targets)]
        return "\n".join(lines) + "\n"

    def save(self, folder: Path, machine: dict[str, Any]) -> Path:
        """Write `NAME.json`."""
        content = asdict(self) | {
            "targets": [asdict(target) | {"met": target.met} for target in self.targets],
            "machine": machine,
            "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.name}.json"
        path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
        return path


def replace_part(path: Path, part: str, text: str) -> None:
    """Replace what stands between a part's two marks in a Markdown file; a part without marks is written by hand."""
    begin, end = f"<!-- {part} -->\n", f"<!-- end of {part} -->"
    content = path.read_text()
    if begin in content and end in content:
        path.write_text(f"{content.partition(begin)[0]}{begin}\n{text}\n{end}{content.partition(end)[2]}")


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _text(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float):
        return number(cell)
    return str(cell)
