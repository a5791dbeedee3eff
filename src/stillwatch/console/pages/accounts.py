"""Accounts: one page each, and lists by whatever they have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from litestar import Request, get, post
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy import select

from stillwatch.cases import decisions, triage
from stillwatch.cases.accounts import find
from stillwatch.cases.models import (
    Account,
    Appeal,
    AuditEntry,
    Case,
    Decision,
    Measure,
    Member,
    MemberTrait,
    Note,
    StepUp,
    Trait,
    Verification,
)
from stillwatch.cases.traits import BANDS
from stillwatch.console.pages.decisions import EXPIRIES, chosen_action, chosen_expiry
from stillwatch.console.pages.paging import like, paged, text_filter
from stillwatch.console.web import change, done, page, storage_of, threaded
from stillwatch.standing import LEVELS

if TYPE_CHECKING:
    from stillwatch.cases.storage import Unit
    from stillwatch.console.web import Form

AnyRequest = Request[Any, Any, Any]
_EXACT = ("organization_id", "email_domain", "plan", "level", "verdict", "action")


def address(account_id: str) -> str:
    """The address of an account's page. The id is in the query: it may hold any character."""
    return f"/account?id={quote(account_id, safe='')}"


@get("/account")
@threaded
def show(request: AnyRequest) -> Response[str]:
    """Everything about one account."""
    account_id = str(request.query_params.get("id") or "")
    with storage_of(request).read() as session:
        account = find(session, account_id)

        def mine(table: Any, order: Any, most: int = 50) -> Any:
            query = select(table).where(table.account_id == account_id)
            return session.execute(query.order_by(order).limit(most)).scalars().all()

        return page(
            request,
            "account",
            account=account,
            cases=session.execute(
                select(Member, Case)
                .join(Case, Case.id == Member.case_id)
                .where(Member.account_id == account_id)
                .order_by(Case.id)
            ).all(),
            traits=session.execute(
                select(MemberTrait.kind, MemberTrait.key, Trait.accounts, Trait.others)
                .join(
                    Trait,
                    (Trait.case_id == MemberTrait.case_id)
                    & (Trait.kind == MemberTrait.kind)
                    & (Trait.key == MemberTrait.key),
                )
                .where(MemberTrait.account_id == account_id, MemberTrait.kind.not_in(BANDS))
                .order_by(Trait.others, Trait.accounts.desc())
                .limit(20)
            ).all(),
            measures=session.execute(
                select(Measure, Decision)
                .join(Decision, Decision.id == Measure.decision_id)
                .where(Measure.account_id == account_id)
                .order_by(Measure.id.desc())
                .limit(50)
            ).all(),
            verifications=mine(Verification, Verification.id.desc()),
            step_ups=mine(StepUp, StepUp.id.desc()),
            appeals=mine(Appeal, Appeal.id.desc()),
            notes=mine(Note, Note.id.desc()),
            events=session.execute(
                select(AuditEntry)
                .where(AuditEntry.subject == f"account:{account_id}")
                .order_by(AuditEntry.sequence.desc())
                .limit(40)
            )
            .scalars()
            .all(),
            expiries=EXPIRIES,
            least=decisions.LEAST_REASON,
            levels=LEVELS[1:],
            rules=storage_of(request).rules,
        )


@get("/accounts")
@threaded
def listing(request: AnyRequest) -> Response[str]:
    """Accounts by what they have in common."""
    filters = {name: text_filter(request, name) for name in (*_EXACT, "prefix")}
    tokens = {name: text_filter(request, name) for name in ("payment", "network")}
    query = select(Account).order_by(Account.requests.desc(), Account.account_id)
    for name in _EXACT:
        if filters[name]:
            query = query.where(getattr(Account, name) == filters[name])
    if filters["prefix"]:
        query = query.where(Account.account_id.like(like(filters["prefix"]), escape="\\"))
    for name, text in tokens.items():
        if text.lstrip("-").isdecimal() and len(text) < 21:
            query = query.where(getattr(Account, name) == int(text))
    with storage_of(request).read() as session:
        found = paged(session, query, request, filters={**filters, **tokens}, scalars=True)
        return page(request, "accounts", found=found, filters={**filters, **tokens})


@get("/families/{kind:str}/{key:str}")
@threaded
def family(request: AnyRequest, kind: FromPath[str], key: FromPath[str]) -> Response[str]:
    """A prompt family, or another trait: which cases and which accounts have it."""
    number = int(key) if key.lstrip("-").isdecimal() and len(key) < 21 else 0
    with storage_of(request).read() as session:
        cases = session.execute(
            select(Trait, Case)
            .join(Case, Case.id == Trait.case_id)
            .where(Trait.kind == kind, Trait.key == number)
            .order_by(Trait.accounts.desc())
        ).all()
        query = (
            select(Account, Member)
            .join(MemberTrait, MemberTrait.account_id == Account.account_id)
            .join(
                Member,
                (Member.account_id == MemberTrait.account_id)
                & (Member.case_id == MemberTrait.case_id),
            )
            .where(MemberTrait.kind == kind, MemberTrait.key == number)
            .order_by(Member.stream_requests.desc(), Account.account_id)
        )
        found = paged(session, query, request)
        return page(request, "family", kind=kind, key=number, cases=cases, found=found)


@post("/account/decide", status_code=303)
async def decide(request: AnyRequest) -> Redirect:
    """Decide about one account."""

    def work(unit: Unit, form: Form) -> str:
        decisions.decide_account(
            unit,
            form.text("id"),
            action=chosen_action(form.text("action")),
            reason=form.text("reason"),
            notice=form.text("notice"),
            expires_at=chosen_expiry(unit, form),
        )
        return form.text("id")

    return done(address(await change(request, work)), "Decided. It is in force.")


@post("/account/lift", status_code=303)
async def lift(request: AnyRequest) -> Redirect:
    """Let an account through again."""

    def work(unit: Unit, form: Form) -> str:
        decisions.lift_account(unit, form.text("id"), why=form.text("why"))
        return form.text("id")

    return done(address(await change(request, work)), "Lifted. Its requests go through.")


@post("/account/note", status_code=303)
async def note(request: AnyRequest) -> Redirect:
    """Write something down."""

    def work(unit: Unit, form: Form) -> str:
        triage.add_note(unit, form.text("text"), account_id=form.text("id"))
        return form.text("id")

    return done(address(await change(request, work)), "Noted.")


ROUTES = (show, listing, family, decide, lift, note)
