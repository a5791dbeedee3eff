"""The audit trail: every write, and whether the chain holds."""

from __future__ import annotations

from typing import Any

from litestar import Request, get
from litestar.response import Response
from sqlalchemy import func, select

from stillwatch.cases import audit
from stillwatch.cases.actors import Permission
from stillwatch.cases.models import AuditEntry
from stillwatch.console.pages.paging import paged, text_filter
from stillwatch.console.web import page, storage_of, threaded, visitor_of

AnyRequest = Request[Any, Any, Any]


@get("/audit")
@threaded
def trail(request: AnyRequest) -> Response[str]:
    """Entries, the newest first."""
    visitor_of(request).actor.need(Permission.VIEW)
    filters = {name: text_filter(request, name) for name in ("actor", "action", "subject")}
    sequence = text_filter(request, "sequence")
    query = select(AuditEntry).order_by(AuditEntry.sequence.desc())
    for name, value in filters.items():
        if value:
            query = query.where(getattr(AuditEntry, name) == value)
    if sequence.isdecimal() and len(sequence) < 18:
        query = query.where(AuditEntry.sequence == int(sequence))
    with storage_of(request).read() as session:
        return page(
            request,
            "audit",
            found=paged(session, query, request, filters=filters, scalars=True),
            filters=filters,
            checked=None,
        )


@get("/audit/check")
@threaded
def check(request: AnyRequest) -> Response[str]:
    """Walk the whole chain."""
    visitor_of(request).actor.need(Permission.VIEW)
    with storage_of(request).read() as session:
        broken = audit.first_break(session)
        number = session.execute(select(func.count()).select_from(AuditEntry)).scalar_one()
        return page(request, "audit_check", broken=broken, number=number)


ROUTES = (trail, check)
