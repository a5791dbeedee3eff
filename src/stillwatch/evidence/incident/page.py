"""The incident report as HTML, and the same page as PDF."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

import jinja2
from markupsafe import Markup

from stillwatch.errors import InputError, MissingExtraError
from stillwatch.report import wording

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stillwatch.evidence.incident.document import Day, Incident

_PACKAGE = "stillwatch.evidence.incident"
_MOST_DAYS = 120
_FILL = "#35608a"  # on the shapes themselves: print engines do not style the inside of a drawing


def render_html(made: Incident) -> str:
    """One page without scripts and without anything to load."""
    style = resources.files(_PACKAGE).joinpath("assets/incident.css").read_text("utf-8")
    template = _environment().get_template("incident.html.j2")
    return template.render(r=made, style=Markup(style), days=daily_chart(made.timeline))  # noqa: S704


def render_pdf(html: str) -> bytes:
    """The page on paper (A4), by WeasyPrint; nothing is fetched.

    Raises:
        MissingExtraError: the part that makes PDF is not installed.
        InputError: the libraries that it draws with are not.
    """
    try:
        import weasyprint  # noqa: PLC0415 - an extra
    except ImportError:
        raise MissingExtraError("pdf", "the report as PDF") from None
    except OSError as error:
        raise InputError(
            f"PDF needs the Pango library of the system (apt-get install libpango-1.0-0 "
            f"libpangoft2-1.0-0): {error}"
        ) from None
    data: bytes = weasyprint.HTML(string=html, url_fetcher=_nothing).write_pdf()
    return data


def _nothing(url: str) -> dict[str, object]:
    raise ValueError(f"a report loads nothing: {url[:80]}")


def daily_chart(days: Sequence[Day]) -> Markup:
    """Requests a day as columns; neighbouring days are joined where there are very many."""
    values = [day.requests for day in days]
    together = -(-len(values) // _MOST_DAYS) or 1
    sums = [sum(values[i : i + together]) for i in range(0, len(values), together)]
    top = max(sums, default=0) or 1
    width = 100 / max(len(sums), 1)
    columns = "".join(
        f'<rect x="{i * width + width * 0.1:.3f}" y="{30 - 30 * value / top:.3f}" '
        f'width="{width * 0.8:.3f}" height="{30 * value / top:.3f}" fill="{_FILL}"/>'
        for i, value in enumerate(sums)
    )
    return Markup(  # noqa: S704 - numbers only
        '<svg class="days" viewBox="0 0 100 30" preserveAspectRatio="none" role="img" '
        f'aria-label="Requests of the stream by day; at most {max(values, default=0)}">'
        f"{columns}</svg>"
    )


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(_PACKAGE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "about": wording.about,
        "count": wording.count,
        "day": wording.day,
        "moment": wording.moment,
        "money": wording.money,
        "p_value": wording.p_value,
        "percent": wording.percent,
        "plural": wording.plural,
    }
    environment.globals |= {"span": wording.span, "chance": wording.chance}
    return environment


def _finalize(value: object) -> object:
    if isinstance(value, str) and not isinstance(value, Markup):
        return wording.visible(value)
    return value
