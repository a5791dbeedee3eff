"""The evaluation as Markdown and as one self-contained HTML page in the report's style."""

from __future__ import annotations

import base64
import hashlib
from importlib import resources
from typing import TYPE_CHECKING

import jinja2
from markupsafe import Markup

from stillwatch._version import __version__
from stillwatch.report.charts import bar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stillwatch.lab.evaluate.document import Section, Table

_STYLE = """
svg .band { fill: var(--mine-soft); stroke: none; }
svg .course { fill: none; stroke: var(--mine); stroke-width: 2px; }
svg .course { vector-effect: non-scaling-stroke; }
.plot { height: 12rem; }
.miss { color: var(--red); font-weight: 600; white-space: nowrap; }
.overview td.barcell { min-width: 8rem; vertical-align: middle; }
"""


def markdown(title: str, basis: str, sections: Sequence[Section]) -> str:
    """All sections as Markdown; figures are left to the page, their numbers stand in the tables."""
    parts = [f"# {title}", basis]
    for section in sections:
        parts += [f"## {section.title}", section.text]
        if section.table is not None:
            parts.append(_markdown_table(section.table))
    return "\n\n".join(parts) + "\n"


def _markdown_table(table: Table) -> str:
    rules = ("--:" if number else "---" for number in table.numbers)
    lines = [table.headings, tuple(rules), *table.rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def page(title: str, basis: str, sections: Sequence[Section]) -> str:
    """All sections as a page that loads nothing from anywhere."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("stillwatch.lab.evaluate"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    report = resources.files("stillwatch.report").joinpath("assets", "report.css")
    style = report.read_text(encoding="utf-8") + _STYLE
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return environment.get_template("evaluation.html.j2").render(
        title=title,
        basis=basis,
        sections=sections,
        bar=bar,
        style=Markup(style),  # noqa: S704 - our own style sheet
        style_hash=f"sha256-{digest}",
        version=__version__,
    )
