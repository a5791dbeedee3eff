"""A case: why, who, how sure, what else it could be, what was done, and what can be done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from litestar import Request, get, post
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy import or_, select

from stillwatch.cases import bulk, triage
from stillwatch.cases.lookup import look_up
from stillwatch.cases.models import (
    Account,
    Appeal,
    AuditEntry,
    Case,
    CaseLink,
    Decision,
    DecisionState,
    Member,
    Note,
    Scan,
    Sighting,
    Trait,
    User,
)
from stillwatch.cases.traits import BANDS
from stillwatch.console.pages.paging import like, paged, text_filter
from stillwatch.console.web import change, done, page, storage_of, threaded
from stillwatch.report import graph, views
from stillwatch.schema import ACCOUNT_VERDICTS, Campaign, Summary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

    from stillwatch.console.pages.paging import Page

AnyRequest = Request[Any, Any, Any]
NOTHING = views.Budget(members=0, nodes=0)
MOST_NODES = 120
MOST_TRAITS = 24
MOST_EVENTS = 40
BUSIEST = 3

_pictures: dict[tuple[int, int], graph.Picture | None] = {}


def finding_of(case: Case) -> Campaign:
    """The last scan's campaign, its members cut to those that its links name."""
    return msgspec.json.decode(case.finding, type=Campaign)


@get("/cases/{number:int}")
@threaded
def show(request: AnyRequest, number: FromPath[int]) -> Response[str]:
    """The case page; members and graph come in pieces of their own."""
    with storage_of(request).read() as session:
        case = look_up(session, Case, number)
        scan = session.get_one(Scan, case.scan_id)
        summary = msgspec.json.decode(scan.summary, type=Summary)
        view = views.campaign_view(
            case.id, finding_of(case), summary, ACCOUNT_VERDICTS.empty_table(), NOTHING
        )
        decisions = _decisions(session, case)
        return page(
            request,
            "case",
            case=case,
            view=view,
            campaign=view.campaign,
            busiest=_busiest(view.campaign.hours),
            summary=summary,
            members=_members(session, case, request),
            traits=_traits(session, case),
            links=_links(session, case),
            sightings=session.execute(
                select(Sighting, Scan)
                .join(Scan, Scan.id == Sighting.scan_id)
                .where(Sighting.case_id == case.id)
                .order_by(Sighting.scan_id.desc())
                .limit(20)
            ).all(),
            decisions=decisions,
            progress={
                one.id: bulk.progress(session, one.id)
                for one in decisions
                if one.state == DecisionState.APPLYING
            },
            appeals=session.execute(
                select(Appeal).where(Appeal.case_id == case.id).order_by(Appeal.id.desc()).limit(20)
            )
            .scalars()
            .all(),
            notes=session.execute(
                select(Note).where(Note.case_id == case.id).order_by(Note.id.desc()).limit(50)
            )
            .scalars()
            .all(),
            events=_events(session, case),
            users=session.execute(
                select(User).where(User.disabled_at.is_(None)).order_by(User.name)
            )
            .scalars()
            .all(),
        )


def _busiest(hours: Sequence[float]) -> list[int]:
    """The hours of the day with most requests, in their order."""
    active = [hour for hour, share in enumerate(hours) if share > 0]
    return sorted(sorted(active, key=lambda hour: (-hours[hour], hour))[:BUSIEST])


@get("/cases/{number:int}/members")
@threaded
def members(request: AnyRequest, number: FromPath[int]) -> Response[str]:
    """A page of the members' table."""
    with storage_of(request).read() as session:
        case = look_up(session, Case, number)
        name = "members" if request.headers.get("hx-request") else "members_page"
        return page(request, name, case=case, members=_members(session, case, request))


@get("/cases/{number:int}/graph")
@threaded
def picture(request: AnyRequest, number: FromPath[int]) -> Response[str]:
    """Who shares what with whom: drawn once for each scan of the case."""
    with storage_of(request).read() as session:
        case = look_up(session, Case, number)
        key = (case.id, case.scan_id)
        if key not in _pictures:
            if len(_pictures) > 200:
                _pictures.clear()
            _pictures[key] = graph.draw(finding_of(case), MOST_NODES)
        name = "graph" if request.headers.get("hx-request") else "graph_page"
        return page(request, name, case=case, picture=_pictures[key])


@post("/cases/{number:int}/assign", status_code=303)
async def assign(request: AnyRequest, number: FromPath[int]) -> Redirect:
    """Give the case to somebody."""
    await change(
        request,
        lambda unit, form: triage.assign(
            unit, number, form.number("user"), version=form.number("version")
        ),
    )
    return done(f"/cases/{number}", "Assigned.")


@post("/cases/{number:int}/note", status_code=303)
async def note(request: AnyRequest, number: FromPath[int]) -> Redirect:
    """Write something down."""
    await change(
        request, lambda unit, form: triage.add_note(unit, form.text("text"), case_id=number)
    )
    return done(f"/cases/{number}", "Noted.")


def _members(session: Session, case: Case, request: AnyRequest) -> Page:
    filters = {name: text_filter(request, name) for name in ("prefix", "action", "level", "seen")}
    sort = text_filter(request, "sort") or "volume"
    query: Any = (
        select(Member, Account)
        .join(Account, Account.account_id == Member.account_id)
        .where(Member.case_id == case.id)
    )
    if filters["prefix"]:
        query = query.where(Member.account_id.like(like(filters["prefix"]), escape="\\"))
    if filters["action"]:
        query = query.where(Account.action == filters["action"])
    if filters["level"]:
        query = query.where(Account.level == filters["level"])
    if filters["seen"] == "new":
        query = query.where(Member.first_scan_id == case.scan_id)
    elif filters["seen"] == "left":
        query = query.where(Member.scan_id != case.scan_id)
    order = {
        "volume": (Member.stream_requests.desc(), Member.account_id),
        "account": (Member.account_id,),
        "last": (Member.last_seen.desc(), Member.account_id),
    }.get(sort, (Member.stream_requests.desc(), Member.account_id))
    return paged(
        session,
        query.order_by(*order),
        request,
        path=f"/cases/{case.id}/members",
        filters={**filters, "sort": sort},
    )


def _traits(session: Session, case: Case) -> list[Trait]:
    """The traits that say most: first what nobody else has."""
    return list(
        session.execute(
            select(Trait)
            .where(Trait.case_id == case.id, Trait.kind.not_in(BANDS))
            .order_by(Trait.others, Trait.accounts.desc(), Trait.kind, Trait.key)
            .limit(MOST_TRAITS)
        ).scalars()
    )


def _links(session: Session, case: Case) -> list[tuple[Case, str]]:
    rows = session.execute(
        select(Case, CaseLink.why)
        .join(
            CaseLink,
            or_(
                (CaseLink.case_id == case.id) & (CaseLink.other_id == Case.id),
                (CaseLink.other_id == case.id) & (CaseLink.case_id == Case.id),
            ),
        )
        .order_by(Case.id)
        .limit(50)
    )
    return [(row[0], row[1]) for row in rows]


def _decisions(session: Session, case: Case) -> list[Decision]:
    return list(
        session.execute(
            select(Decision)
            .where(Decision.case_id == case.id, Decision.account_id.is_(None))
            .order_by(Decision.id.desc())
            .limit(20)
        ).scalars()
    )


def _events(session: Session, case: Case) -> list[AuditEntry]:
    return list(
        session.execute(
            select(AuditEntry)
            .where(AuditEntry.subject == f"case:{case.id}")
            .order_by(AuditEntry.sequence.desc())
            .limit(MOST_EVENTS)
        ).scalars()
    )


ROUTES = (show, members, picture, assign, note)
