"""The customers' pages: status and reason, appeal, verification. No login; the link is the key."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from litestar import Request, get, post
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy import select

from stillwatch.cases import accounts, appeals, verification
from stillwatch.cases.actors import CUSTOMER
from stillwatch.cases.models import Account, Appeal, AppealState, RequestState, StepUp
from stillwatch.cases.notices import STATUS
from stillwatch.console.web import done, page, read_form, settings_of, storage_of, threaded
from stillwatch.standing import Action

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

AnyRequest = Request[Any, Any, Any]


@get("/appeal/{token:str}")
@threaded
def status(request: AnyRequest, token: FromPath[str]) -> Response[str]:
    """What is in force, why, until when, and what can be done."""
    storage = storage_of(request)
    with storage.read() as session:
        account = accounts.by_link(session, token)
        decision = appeals.against(session, account, storage.clock())
        filed = _appeals(session, account)
        step = _open_step(session, account)
        against = [one for one in filed if decision and one.decision_id == decision.id]
        return page(
            request,
            "customer",
            token=token,
            account=account,
            headline=STATUS[Action(account.action)],
            decision=decision,
            appeals=filed,
            verify=verification.verify_link(storage.key, step.id) if step else None,
            may_appeal=decision is not None
            and not any(AppealState(one.state).open for one in filed)
            and len(against) < appeals.MOST_APPEALS,
            settings=settings_of(request),
            rules=storage.rules,
        )


@post("/appeal/{token:str}", status_code=303)
async def file(request: AnyRequest, token: FromPath[str]) -> Redirect:
    """File an appeal."""
    form = await read_form(request)

    def work() -> None:
        with storage_of(request).write(CUSTOMER) as unit:
            appeals.file(unit, accounts.by_link(unit.session, token), form.text("text"))

    await asyncio.to_thread(work)
    return done(f"/appeal/{token}", "We have your appeal. Keep this page: the answer comes here.")


@get("/verify/{token:str}")
@threaded
def verify(request: AnyRequest, token: FromPath[str]) -> Response[str]:
    """What is asked for, by when, and where it is done."""
    storage, settings = storage_of(request), settings_of(request)
    with storage.read() as session:
        step = verification.by_link(session, token)
        url = settings.verify_url.replace("{request}", token) if settings.verify_url else None
        return page(request, "verify", step=step, url=url, settings=settings)


def _appeals(session: Session, account: Account) -> list[Appeal]:
    return list(
        session.execute(
            select(Appeal)
            .where(Appeal.account_id == account.account_id)
            .order_by(Appeal.id.desc())
            .limit(10)
        ).scalars()
    )


def _open_step(session: Session, account: Account) -> StepUp | None:
    return session.execute(
        select(StepUp)
        .where(StepUp.account_id == account.account_id, StepUp.state == RequestState.OPEN)
        .limit(1)
    ).scalar()


ROUTES = (status, file, verify)
