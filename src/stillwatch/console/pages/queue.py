"""The triage queue: which case needs somebody next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from litestar import Request, get
from litestar.response import Redirect, Response
from sqlalchemy import func, select

from stillwatch.cases.models import (
    Account,
    Appeal,
    AppealState,
    Case,
    CaseShare,
    CaseStatus,
    Decision,
    DecisionState,
    Scan,
)
from stillwatch.console.pages.paging import paged, text_filter
from stillwatch.console.web import page, storage_of, threaded, visitor_of

if TYPE_CHECKING:
    from sqlalchemy import Select

AnyRequest = Request[Any, Any, Any]
OPEN = tuple(status for status in CaseStatus if status.open)
VIEWS = {
    "open": "Open",
    "mine": "Mine",
    "unassigned": "Nobody's",
    "waiting": "Awaiting approval",
    "decided": "Decided",
    "dismissed": "Dismissed",
    "all": "All",
}
PIVOTS = {
    "capability": "aim at",
    "model": "ask",
    "hour": "are busier than on average at",
}
"""What cases are looked up by, in words: cases that … some value."""
AVERAGE_HOUR = 1 / 24


@get("/")
@threaded
def queue(request: AnyRequest) -> Response[str]:
    """Open cases, the most urgent first."""
    view = text_filter(request, "view") or "open"
    verdict = text_filter(request, "verdict")
    me = visitor_of(request).user.id
    query = select(Case).order_by(Case.rank.desc(), Case.id)
    if view in {"open", "mine", "unassigned"}:
        query = query.where(Case.status.in_(OPEN))
    if view == "mine":
        query = query.where(Case.assignee_id == me)
    elif view == "unassigned":
        query = query.where(Case.assignee_id.is_(None))
    elif view == "waiting":
        query = query.where(Case.status == CaseStatus.WAITING)
    elif view in {"decided", "dismissed"}:
        query = query.where(Case.status == view)
    if verdict:
        query = query.where(Case.verdict == verdict)
    pivots = {kind: text_filter(request, kind) for kind in PIVOTS}
    for kind, value in pivots.items():
        if value:
            query = query.where(Case.id.in_(_cases_with(kind, value)))
    with storage_of(request).read() as session:
        filters = {"view": view, "verdict": verdict, **pivots}
        found = paged(session, query, request, filters=filters, scalars=True)
        waiting = session.execute(
            select(func.count())
            .select_from(Decision)
            .where(Decision.state == DecisionState.PROPOSED)
        ).scalar_one()
        appeals = session.execute(
            select(func.count(), func.min(Appeal.deadline)).where(
                Appeal.state.in_((AppealState.OPEN, AppealState.VERIFYING))
            )
        ).one()
        scan = session.execute(select(Scan).order_by(Scan.id.desc()).limit(1)).scalar()
        return page(
            request,
            "queue",
            cases=found,
            view=view,
            views=VIEWS,
            verdict=verdict,
            pivots={kind: value for kind, value in pivots.items() if value},
            pivot_words=PIVOTS,
            waiting=waiting,
            appeals=appeals,
            scan=scan,
        )


def _cases_with(kind: str, value: str) -> Select[int]:
    """Cases of which some request has a value; of an hour, more than every hour's even share."""
    return select(CaseShare.case_id).where(
        CaseShare.kind == kind,
        CaseShare.value == value,
        CaseShare.share > (AVERAGE_HOUR if kind == "hour" else 0.0),
    )


@get("/find")
@threaded
def find(request: AnyRequest) -> Redirect | Response[str]:
    """Go to whatever carries this name: a case, a decision, an appeal, an account."""
    text = text_filter(request, "q")
    kinds = {"c": "cases", "d": "decisions", "a": "appeals"}
    head, _, number = text.lower().partition("-")
    if head in kinds and number.isdecimal() and len(number) < 10:
        return Redirect(f"/{kinds[head]}/{number}", status_code=303)
    with storage_of(request).read() as session:
        case = session.execute(select(Case.id).where(Case.campaign_id == text).limit(1)).scalar()
        known = session.get(Account, text) is not None
    if case is not None:
        return Redirect(f"/cases/{case}", status_code=303)
    if known:
        return Redirect(f"/account?id={_quoted(text)}", status_code=303)
    return Redirect(f"/accounts?prefix={_quoted(text)}", status_code=303)


def _quoted(text: str) -> str:
    return quote(text, safe="")


ROUTES = (queue, find)
