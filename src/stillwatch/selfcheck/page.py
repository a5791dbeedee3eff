"""The self-check as one HTML page that needs nothing else."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

import jinja2
from markupsafe import Markup

from stillwatch.report.charts import area, bar, columns
from stillwatch.report.templating import PACKAGE, environment

if TYPE_CHECKING:
    from pathlib import Path

    from stillwatch.selfcheck.check import Check


def write_page(check: Check, out: Path) -> None:
    """Write the page; the same check gives the same bytes."""
    out.write_text(render_page(check), encoding="utf-8")


def render_page(check: Check) -> str:
    """The page as text."""
    traits = check.traits
    busiest = max(traits.by_day)
    loader = jinja2.PackageLoader("stillwatch.selfcheck")
    style = files(PACKAGE).joinpath("assets", "report.css").read_text(encoding="utf-8")
    return (
        environment(loader)
        .get_template("selfcheck.html.j2")
        .render(
            check=check,
            traits=traits,
            style=Markup(style),  # noqa: S704  # our own file
            hours=columns(traits.hours, (), "Requests by UTC hour of the day"),
            days=area(traits.by_day, (), f"Requests a day; at most {busiest}"),
            busiest=busiest,
            bars={name: bar(share) for name, share in traits.capabilities.items()},
        )
    )
