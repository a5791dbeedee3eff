"""People and programs: users, roles, one-time links, API tokens, erasure."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from litestar import Request, get, post
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy import select

from stillwatch.cases import api_tokens, people, retention
from stillwatch.cases.actors import TOKEN_SCOPES, Permission, Role
from stillwatch.cases.errors import RefusedError
from stillwatch.cases.models import ApiToken, User
from stillwatch.console.web import (
    change,
    done,
    page,
    settings_of,
    storage_of,
    threaded,
    visitor_of,
)

if TYPE_CHECKING:
    from stillwatch.cases.storage import Unit
    from stillwatch.console.web import Form

AnyRequest = Request[Any, Any, Any]


def _role(text: str) -> Role:
    try:
        return Role(text)
    except ValueError:
        raise RefusedError(f"roles are {', '.join(Role)}") from None


@get("/people")
@threaded
def show(request: AnyRequest) -> Response[str]:
    """Users and tokens."""
    return _page(request)


def _page(request: AnyRequest, **shown: str) -> Response[str]:
    visitor_of(request).actor.need(Permission.ADMINISTER)
    with storage_of(request).read() as session:
        return page(
            request,
            "people",
            users=session.execute(select(User).order_by(User.name)).scalars().all(),
            tokens=session.execute(select(ApiToken).order_by(ApiToken.name)).scalars().all(),
            roles=list(Role),
            scopes=TOKEN_SCOPES,
            shown=shown,
        )


@post("/people/invite", status_code=200)
async def invite(request: AnyRequest) -> Response[str]:
    """Make a user; the link is shown once."""

    def work(unit: Unit, form: Form) -> tuple[str, str]:
        user, link = people.invite(unit, form.text("name"), _role(form.text("role")))
        return user.name, link

    name, link = await change(request, work)
    return _page(request, name=name, link=f"{settings_of(request).base_url}/setup/{link}")


@post("/people/{number:int}/link", status_code=200)
async def new_link(request: AnyRequest, number: FromPath[int]) -> Response[str]:
    """A new one-time link for a user."""

    def work(unit: Unit, _form: Form) -> tuple[str, str]:
        unit.actor.need(Permission.ADMINISTER)
        user = unit.session.get_one(User, number)
        return user.name, people.setup_link(unit, user)

    name, link = await change(request, work)
    return _page(request, name=name, link=f"{settings_of(request).base_url}/setup/{link}")


@post("/people/{number:int}/role", status_code=303)
async def role(request: AnyRequest, number: FromPath[int]) -> Redirect:
    """Change a role."""
    await change(
        request, lambda unit, form: people.change_role(unit, number, _role(form.text("role")))
    )
    return done("/people", "Changed.")


@post("/people/{number:int}/disable", status_code=303)
async def disable(request: AnyRequest, number: FromPath[int]) -> Redirect:
    """Shut a user out."""
    await change(request, lambda unit, _form: people.disable(unit, number))
    return done("/people", "Shut out, at once.")


@post("/people/{number:int}/enable", status_code=303)
async def enable(request: AnyRequest, number: FromPath[int]) -> Redirect:
    """Let a user in again."""
    await change(request, lambda unit, _form: people.enable(unit, number))
    return done("/people", "Let in again.")


@post("/tokens", status_code=200)
async def make_token(request: AnyRequest) -> Response[str]:
    """Make an API token; its secret is shown once."""

    def work(unit: Unit, form: Form) -> tuple[str, str]:
        days = form.number("days")
        token, secret = api_tokens.make(
            unit,
            form.text("name"),
            form.all("scope"),
            valid=timedelta(days=days) if days else None,
        )
        return token.name, secret

    name, secret = await change(request, work)
    return _page(request, token=name, secret=secret)


@post("/tokens/{number:int}/revoke", status_code=303)
async def revoke_token(request: AnyRequest, number: FromPath[int]) -> Redirect:
    """End a token."""
    await change(request, lambda unit, _form: api_tokens.revoke(unit, number))
    return done("/people", "Revoked.")


@post("/account/erase", status_code=303)
async def erase(request: AnyRequest) -> Redirect:
    """Erase an account's personal data."""

    def work(unit: Unit, form: Form) -> None:
        if form.text("again") != form.text("id"):
            raise RefusedError("type the account's name to erase it")
        retention.erase(unit, form.text("id"))

    await change(request, work)
    return done("/accounts", "Erased. The audit trail still proves what was done.")


ROUTES = (
    show,
    invite,
    new_link,
    role,
    disable,
    enable,
    make_token,
    revoke_token,
    erase,
)
