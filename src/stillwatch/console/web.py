"""What all pages share: rendering, redirects with a message, forms, and errors as pages."""

from __future__ import annotations

import asyncio
import functools
import logging
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar
from urllib.parse import quote, urlsplit

from litestar.enums import MediaType
from litestar.exceptions import HTTPException, NotAuthorizedException
from litestar.response import Redirect, Response, Template

from stillwatch.cases import errors
from stillwatch.cases.login import TooManyAttemptsError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from litestar import Request

    from stillwatch.cases.storage import Storage, Unit
    from stillwatch.console.previews import Previews
    from stillwatch.console.settings import Settings
    from stillwatch.console.visitor import Visitor

    AnyRequest = Request[Any, Any, Any]

_log = logging.getLogger(__name__)

T = TypeVar("T")
P = ParamSpec("P")

_STATUS: dict[type[Exception], tuple[int, str]] = {
    errors.NotFoundError: (404, "Not found"),
    TooManyAttemptsError: (429, "Wait a little"),
    errors.ForbiddenError: (403, "Not allowed"),
    errors.ConflictError: (409, "Somebody was faster"),
    errors.RefusedError: (422, "This cannot be done"),
    errors.UnavailableError: (503, "The database does not answer"),
}


def threaded(handler: Callable[P, T]) -> Callable[P, Awaitable[T]]:
    """Run a page in a thread: it waits for the database, and others shall not wait with it.

    Litestar has an option for this, which wraps a handler twice (and breaks it) where a path has
    several methods (seen with 2.25).
    """

    @functools.wraps(handler)
    async def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.to_thread(handler, *args, **kwargs)

    return wrapped


def page(request: AnyRequest, name: str, status: int = 200, /, **values: Any) -> Response[str]:
    """A page of the console, rendered here and now: in the handler's thread and transaction."""
    context = {"visitor": getattr(request.state, "visitor", None), **values}
    template = Template(f"{name}.html.j2", context=context)
    engine = request.app.template_engine
    assert engine is not None  # noqa: S101 - `create_app` gives one
    html = engine.get_template(f"{name}.html.j2").render(
        **template.create_template_context(request)
    )
    return Response(html, media_type=MediaType.HTML, status_code=status)


def done(where: str, message: str) -> Redirect:
    """Go to a page and say there what was done."""
    mark = "&" if "?" in where else "?"
    return Redirect(f"{where}{mark}done={quote(message)}", status_code=303)


def here(text: str | None, otherwise: str = "/") -> str:
    """A path of this site to go to, whatever an outsider put into a link."""
    if not text or not text.startswith("/") or text.startswith(("//", "/\\")):
        return otherwise
    parts = urlsplit(text)
    return otherwise if parts.scheme or parts.netloc else text


def storage_of(request: AnyRequest) -> Storage:
    """The application's database."""
    found: Storage = request.app.state.storage
    return found


def settings_of(request: AnyRequest) -> Settings:
    """The application's settings."""
    found: Settings = request.app.state.settings
    return found


def previews_of(request: AnyRequest) -> Previews:
    """This process's previews of policies."""
    found: Previews = request.app.state.previews
    return found


def visitor_of(request: AnyRequest) -> Visitor:
    """The user who is logged in; the guard has seen to it."""
    found: Visitor = request.state.visitor
    return found


class Form:
    """A form as it was sent: single values, absent ones empty.

    Args:
        values: by name.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def text(self, name: str) -> str:
        """A field as typed."""
        return str(self._values.get(name) or "")

    def number(self, name: str) -> int | None:
        """A field that holds a whole number; None where it does not."""
        text = self.text(name)
        return int(text) if text.isdecimal() and len(text) < 19 else None

    def all(self, name: str) -> list[str]:
        """Every value of a field that may come several times."""
        found: list[Any] = getattr(self._values, "getall", lambda _name, _default: [])(name, [])
        return [str(one) for one in found]


async def read_form(request: AnyRequest) -> Form:
    """The form of a request."""
    return Form(await request.form())


async def change(request: AnyRequest, work: Callable[[Unit, Form], T]) -> T:
    """Change the database as the visitor, in one transaction, with what the form says.

    Args:
        request: of a user who is logged in.
        work: does it; runs in a thread.
    """
    form = await read_form(request)
    actor, storage = visitor_of(request).actor, storage_of(request)

    def transaction() -> T:
        with storage.write(actor) as unit:
            return work(unit, form)

    return await asyncio.to_thread(transaction)


def is_api(request: AnyRequest) -> bool:
    """Whether a program asks, which wants JSON."""
    return request.url.path.startswith("/v1/")


def on_case_error(request: AnyRequest, error: errors.CaseError) -> Response[Any]:
    """An error of ours: the right status, and its words."""
    status, title = next(
        (found for kind, found in _STATUS.items() if isinstance(error, kind)), (500, "Error")
    )
    return _answer(request, status, title, str(error))


def on_http_error(request: AnyRequest, error: HTTPException) -> Response[Any]:
    """An error of the framework; whoever is not logged in goes to the login page."""
    if isinstance(error, NotAuthorizedException) and not is_api(request):
        target = request.url.path if request.method == "GET" else "/"
        if request.headers.get("hx-request"):
            return Response("", status_code=401, headers={"HX-Redirect": "/login"})
        return Redirect(f"/login?next={quote(target)}", status_code=303)
    title = {404: "Not found", 403: "Not allowed", 405: "Not allowed"}.get(
        error.status_code, "This cannot be done"
    )
    return _answer(request, error.status_code, title, error.detail)


def on_surprise(request: AnyRequest, error: Exception) -> Response[Any]:
    """A bug of ours: into the log with its traceback, and never onto the page."""
    _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return _answer(request, 500, "This went wrong", "We made a mistake; nothing was changed.")


def _answer(request: AnyRequest, status: int, title: str, text: str) -> Response[Any]:
    headers = {"Retry-After": "5"} if status == 503 else {}
    if is_api(request):
        return Response({"error": {"message": text}}, status_code=status, headers=headers)
    answer = page(request, "error", status, title=title, text=text, code=status)
    answer.headers.update(headers)
    return answer
