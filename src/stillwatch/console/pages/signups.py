"""Sign-ups: what was asked of whom, and why."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from litestar import Request, get
from litestar.response import Response
from sqlalchemy import func, select

from stillwatch.cases.models import Signup
from stillwatch.console.pages.paging import paged, text_filter
from stillwatch.console.web import page, storage_of, threaded

AnyRequest = Request[Any, Any, Any]
_TOKENS = ("payment", "device", "network", "mailbox")


@get("/signups")
@threaded
def listing(request: AnyRequest) -> Response[str]:
    """Registrations, the newest first."""
    filters = {name: text_filter(request, name) for name in ("level", "email_domain", *_TOKENS)}
    query = select(Signup).order_by(Signup.at.desc(), Signup.id.desc())
    for name in ("level", "email_domain"):
        if filters[name]:
            query = query.where(getattr(Signup, name) == filters[name])
    for name in _TOKENS:
        if filters[name].lstrip("-").isdecimal() and len(filters[name]) < 21:
            query = query.where(getattr(Signup, name) == int(filters[name]))
    storage = storage_of(request)
    with storage.read() as session:
        counts = session.execute(
            select(Signup.level, func.count())
            .where(Signup.at > storage.clock() - timedelta(days=30))
            .group_by(Signup.level)
        )
        return page(
            request,
            "signups",
            found=paged(session, query, request, filters=filters, scalars=True),
            counts=dict(counts.all()),
            filters=filters,
            tokens=_TOKENS,
        )


ROUTES = (listing,)
