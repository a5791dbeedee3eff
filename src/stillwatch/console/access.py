"""Getting in and out: login, the first password, logout."""

from __future__ import annotations

import asyncio
from typing import Any

from litestar import Request, get, post
from litestar.params import FromPath
from litestar.response import Redirect, Response

from stillwatch.cases import login, people
from stillwatch.cases.actors import Actor
from stillwatch.cases.errors import ForbiddenError, RefusedError
from stillwatch.console import oidc
from stillwatch.console.visitor import client_network, cookie_name, logged_in, with_session
from stillwatch.console.web import (
    done,
    here,
    page,
    read_form,
    settings_of,
    storage_of,
    threaded,
    visitor_of,
)

AnyRequest = Request[Any, Any, Any]
VISITOR = Actor("visitor", frozenset())


@get("/login")
async def login_page(request: AnyRequest) -> Response[str]:
    """The form."""
    return _form(request, here(request.query_params.get("next")))


@post("/login", status_code=303)
async def log_in(request: AnyRequest) -> Redirect | Response[str]:
    """Check a password."""
    form = await read_form(request)
    target = here(form.text("next"))
    try:
        token = await asyncio.to_thread(
            login.log_in,
            storage_of(request),
            form.text("name"),
            form.text("password"),
            client_network(request),
        )
    except ForbiddenError as error:
        return _form(
            request,
            target,
            str(error),
            429 if isinstance(error, login.TooManyAttemptsError) else 403,
        )
    return with_session(Redirect(target, status_code=303), settings_of(request), token)


@post("/logout", guards=[logged_in], status_code=303)
@threaded
def log_out(request: AnyRequest) -> Redirect:
    """End the session."""
    name = cookie_name(settings_of(request))
    with storage_of(request).write(visitor_of(request).actor) as unit:
        login.log_out(unit, request.cookies[name])
    answer = done("/login", "You are logged out.")
    answer.delete_cookie(name)
    return answer


@get("/setup/{token:str}")
@threaded
def setup_page(request: AnyRequest, token: FromPath[str]) -> Response[str]:
    """The form for a first password; opening it does not use the link up."""
    with storage_of(request).read() as session:
        name = people.invited(session, token).user.name
    return page(
        request, "setup", token=token, name=name, least=people.SHORTEST_PASSWORD, problem=None
    )


@post("/setup/{token:str}", status_code=303)
async def set_up(request: AnyRequest, token: FromPath[str]) -> Redirect | Response[str]:
    """Set the password and log in."""
    form = await read_form(request)
    password = form.text("password")

    def work() -> str:
        if password != form.text("again"):
            raise RefusedError("the two passwords differ")
        with storage_of(request).write(VISITOR) as unit:
            user = people.set_password(unit, token, password)
            return login.open_session(unit, user)

    try:
        session = await asyncio.to_thread(work)
    except RefusedError as error:
        return page(
            request,
            "setup",
            422,
            token=token,
            name="",
            least=people.SHORTEST_PASSWORD,
            problem=str(error),
        )
    return with_session(Redirect("/", status_code=303), settings_of(request), session)


def _form(
    request: AnyRequest, target: str, problem: str | None = None, status: int = 200
) -> Response[str]:
    settings = settings_of(request)
    return page(request, "login", status, target=target, problem=problem, oidc=settings.oidc)


ROUTES = (login_page, log_in, log_out, setup_page, set_up, *oidc.ROUTES)
