"""Sources and their health: what scans read, what they set aside, what they could not see."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, get
from litestar.response import Response
from sqlalchemy import select

from stillwatch.cases.feedback import realised
from stillwatch.cases.models import Scan
from stillwatch.console.web import page, storage_of, threaded
from stillwatch.schema import Summary

AnyRequest = Request[Any, Any, Any]
MOST_SCANS = 50
REJECTED_ALARM = 0.01
"""Share of a log that may be unreadable before its source is called ill."""


@get("/sources")
@threaded
def show(request: AnyRequest) -> Response[str]:
    """The last scan's sources, and the scans before."""
    with storage_of(request).read() as session:
        scans = [
            (scan, msgspec.json.decode(scan.summary, type=Summary))
            for scan in session.execute(
                select(Scan).order_by(Scan.id.desc()).limit(MOST_SCANS)
            ).scalars()
        ]
        last, summary = scans[0] if scans else (None, None)
        return page(
            request,
            "sources",
            scans=[(scan, said.calibrated) for scan, said in scans],
            last=last,
            summary=summary,
            realised=realised(session),
            ill=last is not None
            and last.rejected > REJECTED_ALARM * max(1, last.requests + last.rejected),
        )


ROUTES = (show,)
