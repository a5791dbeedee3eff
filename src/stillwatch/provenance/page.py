"""The report on a training set, as one HTML page that needs nothing else."""

from __future__ import annotations

import math
from importlib.resources import files
from typing import TYPE_CHECKING

import jinja2
from markupsafe import Markup

from stillwatch.provenance.manifest import name_of
from stillwatch.provenance.rows import Origin
from stillwatch.provenance.weigh import PRIOR, rates
from stillwatch.report.charts import bar
from stillwatch.report.templating import PACKAGE, environment
from stillwatch.report.wording import NARROW

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from stillwatch.provenance.tracing import SourceTally, Trace

MOST_SHOWN = 200


def write_page(trace: Trace, failures: Sequence[str] | None, path: Path) -> None:
    """Write the page; the same trace gives the same bytes.

    Args:
        trace: what was found.
        failures: of the gate; None where none was asked for.
        path: of the file.
    """
    path.write_text(render_page(trace, failures), encoding="utf-8")


def render_page(trace: Trace, failures: Sequence[str] | None) -> str:
    """The page as text."""
    style = files(PACKAGE).joinpath("assets", "report.css").read_text(encoding="utf-8")
    total = trace.total
    templates = environment(jinja2.PackageLoader("stillwatch.provenance"))
    templates.filters["surely"] = surely
    return templates.get_template("provenance.html.j2").render(
        trace=trace,
        card=trace.dataset.card,
        name=name_of(trace),
        total=total,
        origins=list(Origin),
        shares=_bars(total),
        sources=[(source, _bars(source)) for source in trace.sources[:MOST_SHOWN]],
        bases=[(b, n, bar(n / total.rows)) for b, n in total.bases.most_common()],
        found=[(e, n, bar(n / total.rows)) for e, n in total.evidence.most_common(20)],
        rates=rates(),
        prior=PRIOR,
        failures=failures,
        style=Markup(style),  # noqa: S704  # our own file
    )


def surely(probability: float) -> str:
    """A probability as per cent, rounded down: what is not certain does not look certain."""
    return f"{math.floor(probability * 1000) / 10:.1f}{NARROW}%"


def _bars(source: SourceTally) -> dict[str, tuple[float, Markup]]:
    """Share and bar by verdict."""
    return {str(o): (source.share(o), bar(source.share(o))) for o in Origin}
