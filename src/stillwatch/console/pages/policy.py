"""Policy: whom a policy would have affected on past data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from litestar import Request, get, post
from litestar.response import Redirect, Response
from sqlalchemy import select

from stillwatch.cases.actors import Permission
from stillwatch.cases.models import Scan
from stillwatch.cases.publish import snapshot
from stillwatch.console.previews import Preview
from stillwatch.console.web import (
    page,
    previews_of,
    read_form,
    settings_of,
    storage_of,
    threaded,
    visitor_of,
)
from stillwatch.schema import Summary

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from stillwatch.console.settings import Settings

AnyRequest = Request[Any, Any, Any]
EXAMPLE = """mode = "enforce"

[verdicts.distillation]
action = "restrict"
suspension = "propose"

[limits.campaign.distillation]
requests = "10/1h"
"""
"""What stands in the form where no policy file is known."""


def past_data(session: Session, settings: Settings) -> tuple[str, ...]:
    """The logs to replay: those of the settings, else what of the last scan's sources is here."""
    if settings.logs:
        return settings.logs
    last = session.execute(select(Scan.summary).order_by(Scan.id.desc()).limit(1)).scalar()
    if last is None:
        return ()
    sources = msgspec.json.decode(last, type=Summary).sources
    return tuple(name for name, _ in sources if Path(name).exists())


def _beginning(settings: Settings) -> str:
    try:
        return settings.policy.read_text(encoding="utf-8") if settings.policy else EXAMPLE
    except (OSError, UnicodeDecodeError):
        return EXAMPLE


@get("/policy")
@threaded
def show(request: AnyRequest) -> Response[str]:
    """The form, and the last preview."""
    last = previews_of(request).last
    with storage_of(request).read() as session:
        return page(
            request,
            "policy",
            preview=last,
            text=last.text if last else _beginning(settings_of(request)),
            logs=past_data(session, settings_of(request)),
            may=visitor_of(request).actor.may(Permission.DECIDE),
        )


@get("/policy/outcome")
@threaded
def outcome(request: AnyRequest) -> Response[str]:
    """The last preview alone, while a page waits for it."""
    return page(request, "policy_outcome", preview=previews_of(request).last)


@post("/policy", status_code=303)
async def preview(request: AnyRequest) -> Redirect:
    """Begin a preview."""
    form = await read_form(request)
    await _begin(request, form.text("text").replace("\r\n", "\n"))
    return Redirect("/policy#outcome", status_code=303)


@threaded
def _begin(request: AnyRequest, text: str) -> None:
    actor, storage = visitor_of(request).actor, storage_of(request)
    actor.need(Permission.DECIDE)
    with storage.read() as session:
        logs, known = past_data(session, settings_of(request)), snapshot(session, storage)
    wanted = Preview(text, actor.name, storage.clock(), logs)
    previews_of(request).start(wanted, known, settings_of(request).accounts)


ROUTES = (show, outcome, preview)
