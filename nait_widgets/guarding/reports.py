"""What a guard has found: values that say it in a sentence, in a table, and as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from nait_widgets.errors import NaitError, SelectionError
from nait_widgets.paths import require_file_place, written_whole

if TYPE_CHECKING:
    import os

    from nait_widgets.store import ActivationStore

Measure = Literal["jaccard", "containment"]
Part = Literal["prompt", "response", "sample"]

FORMAT = "nait-guard-1"
SHOWN = 240  # characters of a text in a report
LISTED = 5  # rows of a source in a table


@dataclass(frozen=True, slots=True)
class Match:
    """A row and what it resembles most, by one measure.

    Attributes:
        id: The row's sample id.
        source: The name of what was compared with.
        item: The id of the sample there.
        measure: `jaccard` or `containment`.
        similarity: Exact, in [0, 1].
        text: The row's text; under `containment` from the first n-gram that both have.
        item_text: The item's text, from its beginning.
    """

    id: str
    source: str
    item: str
    measure: Measure
    similarity: float
    text: str
    item_text: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of one source.

    Attributes:
        name: What the caller called it.
        source: The file or object.
        items: Samples in it.
        short: Of these, how many have fewer words than an n-gram, so that containment can't see them.
        found: Of these, how many a row resembles.
        rows: Rows that resemble one of them.
    """

    name: str
    source: str
    items: int
    short: int
    found: int
    rows: int


@dataclass(frozen=True, slots=True)
class Report:
    """What a guard has found.

    Attributes:
        pool: What was looked through: path, rows, and the SHA-256 of its data.
        options: How it was compared.
        findings: One for each source, in the order given.
        matches: By source, then in the order of the rows.
    """

    kind: ClassVar[str]
    pool: dict[str, Any]
    options: dict[str, Any]
    findings: tuple[Finding, ...]
    matches: tuple[Match, ...]

    @property
    def ids(self) -> tuple[str, ...]:
        """The rows that may be left out, `nait.select(scores, excluded=report.ids)`, each once."""
        return tuple(dict.fromkeys(match.id for match in self.matches))

    @property
    def summary(self) -> str:
        """What was found, as a sentence."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.summary}>"

    def __str__(self) -> str:
        return f"{self.summary}\n\n{self.table()}" if self.matches else self.summary

    def table(self, listed: int = LISTED) -> str:
        """Counts, and the matches that are most alike, as text for a terminal.

        Args:
            listed: Most rows that are shown of a source.
        """
        width = max(6, *(len(_line(finding.name)) for finding in self.findings))
        lines = [f"{'source':{width}}  {'items':>8}  {'found':>8}  {'short':>8}  {'rows':>8}"]
        lines += [
            f"{_line(f.name):{width}}  {f.items:8,}  {f.found:8,}  {f.short:8,}  {f.rows:8,}" for f in self.findings
        ]
        for finding in self.findings:
            pairs: dict[tuple[str, str], list[Match]] = {}  # found by both measures or by one
            for match in sorted(self.matches, key=lambda m: -m.similarity):
                if match.source == finding.name:
                    pairs.setdefault((match.id, match.item), []).append(match)
            for (row, item), found in list(pairs.items())[:listed]:
                measured = ", ".join(f"{match.measure} {match.similarity:.2f}" for match in found)
                lines += ["", f"{_line(row)} ~ {_line(finding.name)} {_line(item)}: {measured}"]
                lines += [f"    row   {_line(found[0].text)}", f"    item  {_line(found[0].item_text)}"]
            if len(pairs) > listed:
                lines += ["", f"… and {len(pairs) - listed:,} more of {_line(finding.name)}"]
        return "\n".join(lines)

    def as_json(self) -> dict[str, Any]:
        """The report as it is saved."""
        return {
            "format": FORMAT,
            "kind": self.kind,
            "summary": self.summary,
            "ids": list(self.ids),
            **{field.name: getattr(self, field.name) for field in fields(self) if field.name in ("pool", "options")},
            "findings": [asdict(finding) for finding in self.findings],
            "matches": [asdict(match) for match in self.matches],
        }

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write as JSON, `NAME.json`; `nait select --exclude` reads it.

        Raises:
            NaitError: The name says another format, or the file can't be written.
        """
        path = Path(path)
        require_report_place(path)
        with written_whole(path) as temporary:
            temporary.write_text(json.dumps(self.as_json(), indent=2) + "\n", encoding="utf-8")
        return path


class Contamination(Report):
    """Rows of a pool that resemble samples of named sources, such as benchmarks."""

    kind = "contamination"

    @property
    def summary(self) -> str:
        """What was found, as a sentence."""
        rows = self.pool["rows"]
        found = [f"{f.rows:,} of {f.name} ({f.found:,} of its {f.items:,} samples)" for f in self.findings if f.rows]
        none = [f"{f.name}{_too_short(f)}" for f in self.findings if not f.rows]
        if not found:
            return f"None of {rows:,} rows resembles a sample of {_listed(none)}."
        without = f"; none of {_listed(none)}" if none else ""
        resembling = len(self.ids)
        return f"{resembling:,} of {rows:,} rows resemble{_s(resembling)} samples: {', '.join(found)}{without}."

    @property
    def cautions(self) -> tuple[str, ...]:
        """A sentence for each source of which at least half could hardly be compared."""
        return tuple(
            f"{f.short:,} of {f.items:,} samples of {f.name} fall{_s(f.short)} short of {self.options['n']} words: "
            "these are found where they nearly are a row's whole text, not inside a longer one; give a smaller n"
            for f in self.findings
            if f.short and 2 * f.short >= f.items
        )


def _too_short(finding: Finding) -> str:
    """How many samples could hardly be compared, so that nobody takes silence for innocence."""
    if not finding.short:
        return ""
    verb = "is" if finding.short == 1 else "are"
    return f" ({finding.short:,} of its {finding.items:,} samples {verb} too short to be found inside a row)"


class NearDuplicates(Report):
    """Rows of a set that resemble one that comes before them and stays."""

    kind = "near-duplicates"

    @property
    def summary(self) -> str:
        """What was found, as a sentence."""
        (finding,) = self.findings
        if not finding.rows:
            return f"None of {finding.items:,} rows nearly repeats an earlier one."
        exact = sum(match.similarity == 1 for match in self.matches)
        words = f", {exact:,} of them word for word" if exact else ""
        rows = f"{finding.rows:,} of {finding.items:,} rows nearly repeat{_s(finding.rows)}"
        return f"{rows} one of {finding.found:,} before them{words}."


def require_report_place(path: Path) -> None:
    """Raise unless a report can be written there, as far as names tell; for checks before the work.

    Raises:
        NaitError: The name is none of a JSON file, the folder is missing, or the path is a folder.
    """
    if path.suffix.lower() != ".json":
        raise NaitError(f"{path}: a report is written as JSON, so give a name that ends in .json")
    require_file_place(path)


def read_report(path: str | os.PathLike[str], store: ActivationStore) -> tuple[tuple[str, ...], str]:
    """The ids and the summary of a saved report about a store's rows.

    Raises:
        SelectionError: The file is missing, is no report, or is about other data.
    """
    try:
        values = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise SelectionError(f"there is no report at {path}; `nait guard` writes one") from error
    except (ValueError, OSError, RecursionError) as error:
        raise SelectionError(f"{path} can't be read as a report: {error}") from error
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise SelectionError(f"{path} is not a report of format {FORMAT}; `nait guard -o` writes one")
    ids, pool, summary = values.get("ids"), values.get("pool"), values.get("summary")
    if not (isinstance(ids, list) and isinstance(pool, dict) and isinstance(summary, str)):
        raise SelectionError(f"{path} is not a whole report: its ids, pool or summary are missing")
    if pool.get("data_sha256") != store.provenance["source"]["sha256"]:
        raise SelectionError(f"{path} is about other data than {store.path} holds; run `nait guard` on this store")
    return tuple(map(str, ids)), summary


def _s(subjects: int) -> str:
    """The ending of a verb."""
    return "s" if subjects == 1 else ""


def _line(text: str) -> str:
    """A stranger's text on one line, without characters that a terminal would obey."""
    return "".join(c if c.isprintable() else " " for c in text)


def _listed(names: list[str]) -> str:
    return " or ".join(names) or "anything"
