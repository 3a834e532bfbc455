"""Reports: one HTML file that holds all it shows and asks nothing of the network."""

from __future__ import annotations

import json
from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from nait_widgets.paths import written_whole
from nait_widgets.plots.escaping import plain_text, safe_text
from nait_widgets.plots.page import Chart, Section, section_html

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

_HERE = Path(__file__).parent


def write_report(
    path: str | os.PathLike[str],
    title: str,
    sections: Sequence[Section],
    *,
    lead: str = "",
    tiles: Sequence[tuple[str, str]] = (),
) -> Path:
    """Write a self-contained HTML page: figures, styles and scripts are inside, and it makes no request.

    All text is escaped, and a content security policy lets only the report's own two scripts run.

    Args:
        path: The file, replaced if it is there.
        title: The page's heading.
        sections: In order.
        lead: A paragraph under the heading.
        tiles: The main figures, each (name, value).

    Raises:
        NaitError: The file can't be written.
    """
    from bokeh.core.types import ID
    from bokeh.embed import json_item
    from bokeh.resources import Resources

    charts: list[Chart] = []
    body = "\n".join(section_html(section, number, charts) for number, section in enumerate(sections, 1))
    items = [json_item(chart.model, ID(f"chart-{number}")) for number, chart in enumerate(charts, 1)]
    # Inside a script element only `<` can end it or open a comment.
    data = json.dumps(items).replace("<", "\\u003c")
    # The second raw script only sets the log level.
    scripts = [Resources(mode="inline", components=["bokeh"]).js_raw[0], _read("report.js")] if charts else []
    hashes = [b64encode(sha256(script.encode()).digest()).decode() for script in scripts]
    allowed = " ".join(f"'sha256-{value}'" for value in hashes) or "'none'"
    policy = f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:"
    links = "".join(f'<a href="#section-{n}">{safe_text(section.title)}</a>' for n, section in enumerate(sections, 1))
    page = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{safe_text(plain_text(title))}</title>",  # an element that holds no other
        f"<style>{_read('report.css')}</style>",
        f"</head><body><header><h1>{safe_text(title)}</h1>",
        f'<p class="lead">{safe_text(lead)}</p>' if lead else "",
        _tiles_html(tiles),
        f'<nav aria-label="Sections">{links}</nav></header>',
        f"<main>{body}</main>",
        "<footer>Made by nait-widgets. This page is one file and asks nothing of the network.</footer>",
        f'<script type="application/json" id="chart-data">{data}</script>',
        *(f"<script>{script}</script>" for script in scripts),
        "</body></html>",
    ]
    path = Path(path)
    with written_whole(path) as temporary:
        temporary.write_text("\n".join(page), encoding="utf-8", newline="\n")
    return path


def _tiles_html(tiles: Sequence[tuple[str, str]]) -> str:
    cells = "".join(f"<div><dt>{safe_text(name)}</dt><dd>{safe_text(value)}</dd></div>" for name, value in tiles)
    return f'<dl class="tiles">{cells}</dl>' if tiles else ""


def _read(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")
