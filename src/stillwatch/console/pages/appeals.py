"""Appeals: the queue by deadline, and one page each to judge from."""

from __future__ import annotations

from typing import Any

from litestar import Request, get, post
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy import select

from stillwatch.cases import appeals
from stillwatch.cases.lookup import look_up
from stillwatch.cases.models import (
    Account,
    Appeal,
    AppealState,
    Case,
    Decision,
    Member,
    Note,
    StepUp,
    Verification,
)
from stillwatch.console.pages.paging import paged, text_filter
from stillwatch.console.web import change, done, page, storage_of, threaded, visitor_of
from stillwatch.standing import LEVELS

AnyRequest = Request[Any, Any, Any]
OPEN = (AppealState.OPEN, AppealState.VERIFYING)


@get("/appeals")
@threaded
def queue(request: AnyRequest) -> Response[str]:
    """Appeals, the most urgent first."""
    view = text_filter(request, "view") or "open"
    me = visitor_of(request).user.id
    query = select(Appeal)
    if view in {"open", "mine"}:
        query = query.where(Appeal.state.in_(OPEN)).order_by(Appeal.deadline, Appeal.id)
    else:
        query = query.order_by(Appeal.id.desc())
    if view == "mine":
        query = query.where(Appeal.assignee_id == me)
    storage = storage_of(request)
    with storage.read() as session:
        found = paged(session, query, request, filters={"view": view}, scalars=True)
        return page(request, "appeals", found=found, view=view, now=storage.clock())


@get("/appeals/{number:int}")
@threaded
def show(request: AnyRequest, number: FromPath[int]) -> Response[str]:
    """Everything that a judge needs."""
    storage = storage_of(request)
    with storage.read() as session:
        appeal = look_up(session, Appeal, number)
        mine = appeal.account_id
        return page(
            request,
            "appeal",
            appeal=appeal,
            account=session.get_one(Account, mine),
            decision=session.get_one(Decision, appeal.decision_id),
            case=session.get(Case, appeal.case_id) if appeal.case_id else None,
            member=session.get(Member, (appeal.case_id, mine)) if appeal.case_id else None,
            involved=appeals.involved(session, appeal),
            verifications=session.execute(
                select(Verification)
                .where(Verification.account_id == mine)
                .order_by(Verification.id.desc())
            )
            .scalars()
            .all(),
            step_ups=session.execute(
                select(StepUp).where(StepUp.account_id == mine).order_by(StepUp.id.desc())
            )
            .scalars()
            .all(),
            notes=session.execute(
                select(Note).where(Note.account_id == mine).order_by(Note.id.desc())
            )
            .scalars()
            .all(),
            levels=LEVELS[2:],
            now=storage.clock(),
        )


@post("/appeals/{number:int}/uphold", status_code=303)
async def uphold(request: AnyRequest, number: FromPath[int]) -> Redirect:
    """Agree with the customer."""
    await change(
        request,
        lambda unit, form: appeals.uphold(
            unit,
            number,
            answer=form.text("answer"),
            finding=form.text("finding"),
            version=form.number("version"),
        ),
    )
    return done(f"/appeals/{number}", "Upheld. The account works again.")


@post("/appeals/{number:int}/reject", status_code=303)
async def reject(request: AnyRequest, number: FromPath[int]) -> Redirect:
    """Disagree."""
    await change(
        request,
        lambda unit, form: appeals.reject(
            unit,
            number,
            answer=form.text("answer"),
            finding=form.text("finding"),
            version=form.number("version"),
        ),
    )
    return done(f"/appeals/{number}", "Rejected. The customer reads your answer.")


@post("/appeals/{number:int}/offer", status_code=303)
async def offer(request: AnyRequest, number: FromPath[int]) -> Redirect:
    """Let the customer verify instead."""
    await change(
        request,
        lambda unit, form: appeals.offer_verification(
            unit, number, wanted=form.text("wanted") or None, version=form.number("version")
        ),
    )
    return done(f"/appeals/{number}", "Offered. The customer's page says how.")


ROUTES = (queue, show, uphold, reject, offer)
