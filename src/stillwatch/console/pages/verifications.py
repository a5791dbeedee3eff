"""Verification: who was asked, who answered, and proof that an investigator has seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from litestar import Request, get, post
from litestar.response import Redirect, Response
from sqlalchemy import func, select

from stillwatch.cases import verification
from stillwatch.cases.models import RequestState, StepUp
from stillwatch.console.pages.accounts import address
from stillwatch.console.pages.paging import paged, text_filter
from stillwatch.console.web import change, done, page, settings_of, storage_of, threaded

if TYPE_CHECKING:
    from stillwatch.cases.storage import Unit
    from stillwatch.console.web import Form

AnyRequest = Request[Any, Any, Any]


@get("/verifications")
@threaded
def listing(request: AnyRequest) -> Response[str]:
    """Requests, by state."""
    state = text_filter(request, "state") or RequestState.OPEN.value
    storage = storage_of(request)
    query = select(StepUp).where(StepUp.state == state).order_by(StepUp.expires_at, StepUp.id)
    with storage.read() as session:
        counts = session.execute(select(StepUp.state, func.count()).group_by(StepUp.state))
        return page(
            request,
            "verifications",
            found=paged(session, query, request, filters={"state": state}, scalars=True),
            counts=dict(counts.all()),
            state=state,
            states=list(RequestState),
            rules=storage.rules,
            webhook=settings_of(request).webhook_secret is not None,
        )


@post("/account/grant", status_code=303)
async def grant(request: AnyRequest) -> Redirect:
    """Write down proof that was seen."""

    def work(unit: Unit, form: Form) -> str:
        verification.grant(
            unit,
            form.text("id"),
            name=form.text("name"),
            evidence=form.text("evidence").strip() or "seen by an investigator",
            reference=form.text("reference") or None,
        )
        return form.text("id")

    return done(address(await change(request, work)), "Written down.")


@post("/account/ask", status_code=303)
async def ask(request: AnyRequest) -> Redirect:
    """Ask an account to verify, while its requests go on."""

    def work(unit: Unit, form: Form) -> str:
        verification.request_step_up(
            unit,
            form.text("id"),
            reason=form.text("reason") or "asked by an investigator",
            wanted=form.text("wanted") or None,
        )
        return form.text("id")

    return done(address(await change(request, work)), "Asked.")


ROUTES = (listing, grant, ask)
