"""What a client is told when its request is refused, in the shape that its library understands.

OpenAI's and Anthropic's client libraries read the error's type and code and obey ``Retry-After``.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec

from stillwatch.standing import Action

if TYPE_CHECKING:
    from stillwatch.guard.decision import Decision

Shape = Literal["openai", "anthropic"]

STATUS = {Action.THROTTLE: 429, Action.VERIFY: 403, Action.SUSPEND: 403}
_OPENAI = {
    Action.THROTTLE: ("requests", "rate_limit_exceeded"),
    Action.VERIFY: ("invalid_request_error", "verification_required"),
    Action.SUSPEND: ("invalid_request_error", "account_deactivated"),
}
_ANTHROPIC = {
    Action.THROTTLE: "rate_limit_error",
    Action.VERIFY: "permission_error",
    Action.SUSPEND: "permission_error",
}


class Refused(NamedTuple):
    """An HTTP answer: status, headers (lower case) and body as values."""

    status: int
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def json(self) -> bytes:
        """The body's bytes."""
        return msgspec.json.encode(self.body)


def shape_of(path: str, headers: dict[str, str] | None = None) -> Shape:
    """Which API a request was for: Anthropic's by its path or version header, else OpenAI's."""
    messages = path.partition("?")[0].rstrip("/").endswith(("/messages", "/messages/count_tokens"))
    return "anthropic" if messages or "anthropic-version" in (headers or {}) else "openai"


def refused(decision: Decision, shape: Shape = "openai") -> Refused:
    """The answer to a refused request. The operator's reason is not in it."""
    action = decision.effective
    headers = {"content-type": "application/json", "x-stillwatch-action": str(action)}
    message = decision.notice
    if action is Action.THROTTLE:
        headers["retry-after"] = str(retry_after(decision))
    if action is Action.VERIFY and decision.verify_url:
        message = f"{message} {decision.verify_url}"
        headers["link"] = f'<{decision.verify_url}>; rel="help"'
    if shape == "anthropic":
        body = {"type": "error", "error": {"type": _ANTHROPIC[action], "message": message}}
    else:
        kind, code = _OPENAI[action]
        error = {"message": message, "type": kind, "param": None, "code": code}
        body = {"error": error}
    return Refused(STATUS[action], headers, body)


def retry_after(decision: Decision) -> int:
    """Whole seconds for ``Retry-After`` (RFC 9110), at least one."""
    return max(1, math.ceil(decision.retry_after))
