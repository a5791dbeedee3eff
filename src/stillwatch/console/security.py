"""Headers that keep a page to itself: no script but ours, no frame, no foreign form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litestar.datastructures import MutableScopeHeaders

if TYPE_CHECKING:
    from litestar.types import Message, Scope

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
"""Nothing inline: a script that got into a page as text does not run."""

HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


HTTPS = {"Strict-Transport-Security": "max-age=31536000"}


async def harden(message: Message, scope: Scope) -> None:
    """Add the headers to an answer, whoever made it; pages are never kept by caches."""
    if message["type"] != "http.response.start":
        return
    headers = MutableScopeHeaders.from_message(message)
    secure = scope["litestar_app"].state.settings.secure
    for name, value in (HEADERS | HTTPS if secure else HEADERS).items():
        headers[name] = value
    if not scope["path"].startswith("/assets/"):
        headers["Cache-Control"] = "no-store"
