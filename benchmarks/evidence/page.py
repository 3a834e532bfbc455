"""What a part found, and the page that tells it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.report import replace_part
from nait_widgets.paths import written_whole

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "evidence.md"


@dataclass
class Section:
    """What a part found.

    Attributes:
        text: Markdown, block by block.
        verdicts: Sentences for the head of the page, made from the figures.
        figures: The figures, JSON-able.
        pictures: SVG by name; the text refers to them by `picture`.
        seconds: How long the part took, of which an earlier run's stores and models are no part.
        machine: What it ran on.
        size: The factor that it ran with.
    """

    text: list[str] = field(default_factory=list)
    verdicts: list[str] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)
    pictures: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    machine: dict[str, Any] = field(default_factory=dict)
    size: float = 1.0

    def picture(self, name: str, svg: str, caption: str) -> None:
        """Add a picture to the text."""
        self.pictures[name] = svg
        self.text.append(f"![{caption}](images/evidence-{name}.svg)")

    def save(self, path: Path) -> None:
        """Write as JSON: a file that is there is a finished part."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(path) as temporary:
            temporary.write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Section:
        """Read what `save` wrote."""
        return cls(**json.loads(path.read_text(encoding="utf-8")))

    def markdown(self) -> str:
        """The text, with how it was measured."""
        scale = "" if self.size == 1 else f" At {self.size:g} of its size, so only a trial."
        about = f"*{_in_short(self.machine)}; {self.seconds / 60:.1f} minutes.{scale}*"
        return "\n\n".join([*self.text, about]) + "\n"


@dataclass(frozen=True)
class Place:
    """Where the page, its pictures and the figures go.

    Attributes:
        page: The Markdown file.
        images: Folder of the pictures, `images` beside the page.
        results: Folder of the figures as JSON.
    """

    page: Path
    images: Path
    results: Path

    @classmethod
    def of(cls, out: Path | None) -> Place:
        """The project's own place, or a folder, which gets a copy of the page."""
        if out is None:
            return cls(PAGE, PAGE.parent / "images", ROOT / "benchmarks" / "results")
        out.mkdir(parents=True, exist_ok=True)
        page = out / PAGE.name
        if not page.exists():
            page.write_text(PAGE.read_text(encoding="utf-8"), encoding="utf-8")
        return cls(page, out / "images", out / "results")

    def write(self, part: str, section: Section) -> None:
        """Replace a part of the page, its pictures and its figures."""
        section.save(self.figures(part))
        self.images.mkdir(parents=True, exist_ok=True)
        for name, svg in section.pictures.items():
            (self.images / f"evidence-{name}.svg").write_text(svg, encoding="utf-8")
        replace_part(self.page, part, section.markdown())

    def figures(self, part: str) -> Path:
        """Where a part's figures are."""
        return self.results / f"evidence-{part}.json"

    def summarise(self, parts: tuple[str, ...]) -> None:
        """Write the verdicts of all parts that were ever run to the head of the page."""
        sections = [Section.load(path) for part in parts if (path := self.figures(part)).exists()]
        replace_part(self.page, "summary", "\n".join(f"- {v}" for s in sections for v in s.verdicts) + "\n")


def _in_short(machine: dict[str, Any]) -> str:
    """Where it was measured; the rest is with the figures."""
    card = f", {machine['gpu']}" if machine["gpu"] else ""
    versions = ", ".join(f"{name} {machine['versions'][name]}" for name in ("torch", "transformers"))
    return f"{machine['cpu']}, {machine['cores']} cores{card}, load {machine['load_before']} before; {versions}"


def details(title: str, text: str) -> str:
    """A block that is folded until it is asked for."""
    return f"<details><summary>{title}</summary>\n\n{text}\n\n</details>"
