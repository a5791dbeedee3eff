"""HTTP forward authentication: headers in, status and headers out.

The lowest common interface of gateways: nginx `auth_request`, Envoy `ext_authz` over HTTP, Traefik
`ForwardAuth`, Caddy `forward_auth`, APISIX `forward-auth`. nginx takes only 2xx, 401 and 403 for an
answer, so a refusal is 403 and its real status is in a header.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stillwatch.errors import InputError
from stillwatch.guard.ask import Ask
from stillwatch.guard.bodies import refused, retry_after
from stillwatch.guard.restrict import headers as restriction_headers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stillwatch.guard.decision import Decision

FIELDS = {
    "account_id": "x-account-id",
    "request_id": "x-request-id",
    "api_key_id": "x-api-key-id",
    "organization_id": "x-organization-id",
    "payment_fingerprint": "x-payment-fingerprint",
    "verification_level": "x-verification-level",
    "plan": "x-plan",
    "model": "x-model",
    "client_address": "x-real-ip",
    "user_agent": "user-agent",
    "conversation_id": "x-conversation-id",
}
"""Header of each field of an ask, unless the configuration names others. The gateway must set the
account's itself and let no client set it."""

ALLOWED, REFUSED = 200, 403
INSTRUCTIONS = ("withhold", "max-choices", "max-output-tokens", "summarise", "watermark")
URI = ("x-original-uri", "x-forwarded-uri", "x-envoy-original-path")


def ask_of(headers: Mapping[str, str], fields: Mapping[str, str] = FIELDS) -> Ask:
    """The ask in a gateway's headers.

    Args:
        headers: by name in lower case.
        fields: header of each field.

    Raises:
        InputError: the account's header is missing.
    """
    found = {field: value for field, name in fields.items() if (value := headers.get(name))}
    if "account_id" not in found:
        raise InputError(f"the header {fields['account_id']} is missing; the gateway must set it")
    tokens = headers.get("x-tokens", "")
    return Ask(tokens=int(tokens) if tokens.isdecimal() else 0, **found)  # type: ignore[arg-type]


def passed(decision: Decision) -> dict[str, str]:
    """Headers of a request that passes, with every instruction, empty where there is none.

    So a client's own header of such a name is replaced whatever is decided, and a gateway that
    copies the headers it is told to (Caddy) finds all of them.
    """
    none = {f"x-stillwatch-{name}": "" for name in INSTRUCTIONS}
    return none | answer(decision)[1]


def uri_of(headers: Mapping[str, str]) -> str:
    """What the client asked for, as the gateway's headers have it; empty where none has."""
    return next((headers[name] for name in URI if name in headers), "")


def answer(decision: Decision) -> tuple[int, dict[str, str]]:
    """Status and headers for the gateway; none of them tells the operator's reason."""
    headers = {"x-stillwatch-action": decision.effective.value}
    if decision.campaign_id:
        headers["x-stillwatch-campaign"] = decision.campaign_id
    if decision.restrictions is not None and decision.enforced:
        headers.update(restriction_headers(decision.restrictions))
    if decision.passes:
        return ALLOWED, headers
    headers["x-stillwatch-status"] = str(refused(decision).status)
    if decision.retry_after:
        headers["retry-after"] = str(retry_after(decision))
    if decision.verify_url:
        headers["x-stillwatch-verify-url"] = decision.verify_url
    return REFUSED, headers
