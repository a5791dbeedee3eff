"""Decisions: a preview of who is hit, the decision, its approval, its undoing, and the log."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from litestar import Request, get, post
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy import select

from stillwatch.cases import approvals, bulk, decisions, targets
from stillwatch.cases.errors import RefusedError
from stillwatch.cases.lookup import look_up
from stillwatch.cases.models import Case, Decision, DecisionState, Measure
from stillwatch.cases.notices import notice_for
from stillwatch.console.pages.paging import paged, text_filter
from stillwatch.console.web import change, done, page, storage_of, threaded, visitor_of
from stillwatch.standing import Action

if TYPE_CHECKING:
    from datetime import datetime

    from stillwatch.cases.storage import Unit
    from stillwatch.console.web import Form

AnyRequest = Request[Any, Any, Any]
EXPIRIES = {"7": "7 days", "30": "30 days", "90": "90 days", "": "until it is undone"}


def chosen_action(text: str | None) -> Action:
    """An action as a form names it.

    Raises:
        RefusedError: there is no such action.
    """
    try:
        return Action(text or "")
    except ValueError:
        raise RefusedError("choose an action") from None


def chosen_expiry(unit: Unit, form: Form) -> datetime | None:
    """When a decision ends, as a form says in days."""
    days = form.number("days")
    return unit.now + timedelta(days=min(days, 3650)) if days else None


@get("/cases/{number:int}/decide")
@threaded
def preview(request: AnyRequest, number: FromPath[int]) -> Response[str]:
    """Who would be hit, before anything happens."""
    action = chosen_action(request.query_params.get("action"))
    storage = storage_of(request)
    with storage.read() as session:
        case = look_up(session, Case, number)
        hit = targets.targets_of(case).limit(12)
        return page(
            request,
            "decide",
            case=case,
            action=action,
            preview=targets.preview(session, storage.rules, case, action),
            sample=session.execute(hit).scalars().all(),
            notice=notice_for(action),
            approvers=approvals.others_who_may(session, visitor_of(request).actor),
            expiries=EXPIRIES,
            least=decisions.LEAST_REASON,
        )


@post("/cases/{number:int}/decide", status_code=303)
async def decide(request: AnyRequest, number: FromPath[int]) -> Redirect:
    """Decide about a case."""

    def work(unit: Unit, form: Form) -> str:
        return decisions.decide_case(
            unit,
            number,
            action=chosen_action(form.text("action")),
            reason=form.text("reason"),
            notice=form.text("notice"),
            version=form.number("version"),
            expires_at=chosen_expiry(unit, form),
        ).state

    state = await change(request, work)
    request.app.state.workers.wake()
    message = {
        DecisionState.PROPOSED: "Proposed. Somebody else has to approve it.",
        DecisionState.APPLYING: "Decided. It is being applied.",
    }.get(DecisionState(state), "Dismissed.")
    return done(f"/cases/{number}", message)


@get("/decisions")
@threaded
def log(request: AnyRequest) -> Response[str]:
    """The decision log."""
    filters = {name: text_filter(request, name) for name in ("state", "action", "author")}
    query = select(Decision, Case).outerjoin(Case, Case.id == Decision.case_id)
    for name, value in filters.items():
        if value:
            query = query.where(getattr(Decision, name) == value)
    with storage_of(request).read() as session:
        found = paged(session, query.order_by(Decision.id.desc()), request, filters=filters)
        return page(request, "decisions", found=found, filters=filters, states=list(DecisionState))


@get("/decisions/{number:int}")
@threaded
def show(request: AnyRequest, number: FromPath[int]) -> Response[str]:
    """One decision and what it did to whom."""
    storage = storage_of(request)
    with storage.read() as session:
        decision = look_up(session, Decision, number)
        case = session.get(Case, decision.case_id) if decision.case_id else None
        state = text_filter(request, "state")
        query = select(Measure).where(Measure.decision_id == number).order_by(Measure.id)
        if state:
            query = query.where(Measure.state == state)
        return page(
            request,
            "decision",
            decision=decision,
            case=case,
            counts=bulk.progress(session, number),
            measures=paged(session, query, request, filters={"state": state}, scalars=True),
            preview=targets.preview(session, storage.rules, case, Action(decision.action))
            if case and decision.state == DecisionState.PROPOSED
            else None,
        )


@post("/decisions/{number:int}/approve", status_code=303)
async def approve(request: AnyRequest, number: FromPath[int]) -> Redirect:
    """Agree."""
    await change(
        request,
        lambda unit, form: approvals.approve(unit, number, version=form.number("version")),
    )
    request.app.state.workers.wake()
    return done(f"/decisions/{number}", "Approved. It is being applied.")


@post("/decisions/{number:int}/reject", status_code=303)
async def reject(request: AnyRequest, number: FromPath[int]) -> Redirect:
    """Turn down."""
    await change(
        request,
        lambda unit, form: approvals.reject(
            unit, number, why=form.text("why"), version=form.number("version")
        ),
    )
    return done(f"/decisions/{number}", "Rejected. Nobody was touched.")


@post("/decisions/{number:int}/undo", status_code=303)
async def undo(request: AnyRequest, number: FromPath[int]) -> Redirect:
    """Take back."""
    await change(
        request,
        lambda unit, form: decisions.undo(
            unit, number, why=form.text("why"), version=form.number("version")
        ),
    )
    return done(f"/decisions/{number}", "Undone.")


ROUTES = (preview, decide, log, show, approve, reject, undo)
