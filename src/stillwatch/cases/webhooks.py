"""The vendor's report on a verification, signed as Standard Webhooks lays down.

The signature is HMAC-SHA256 over id, timestamp and body (https://www.standardwebhooks.com). A call
that is too old is refused, and an id is taken once: a repeated call changes nothing.
"""

from __future__ import annotations

import base64
import hmac
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

import msgspec

from stillwatch.cases import outcomes, verification
from stillwatch.cases.errors import ForbiddenError, RefusedError
from stillwatch.cases.models import Delivery, StepUp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stillwatch.cases.storage import Unit

TOLERANCE = timedelta(minutes=5)
"""How far the vendor's clock may be off, and how long a recorded call could be replayed."""


class Report(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What the vendor reports.

    Attributes:
        request: token of the request, from the customer's link.
        outcome: whether the account has proved it.
        level: the level or programme that was proved; what was asked for where not given.
        evidence: what was shown, in the vendor's word.
        reference: the vendor's own number; no document and no name.
        reason: why not.
    """

    request: str
    outcome: Literal["passed", "failed"]
    level: str | None = None
    evidence: str = "vendor check"
    reference: str | None = None
    reason: str = "the vendor could not verify"


def sign(secret: bytes, identifier: str, timestamp: int, body: bytes) -> str:
    """The value of the header ``webhook-signature``."""
    signed = b"%s.%d.%s" % (identifier.encode(), timestamp, body)
    return "v1," + base64.b64encode(hmac.new(secret, signed, "sha256").digest()).decode()


def check(secret: bytes, headers: Mapping[str, str], body: bytes, now: datetime) -> str:
    """Check a call's signature and age; returns its id.

    Raises:
        ForbiddenError: the signature is missing or wrong, or the call is too old or too new.
    """
    identifier = headers.get("webhook-id", "")
    stamp = headers.get("webhook-timestamp", "")
    if not identifier or len(identifier) > 256 or not stamp.isdecimal() or len(stamp) > 12:
        raise ForbiddenError("the headers webhook-id and webhook-timestamp are needed")
    expected = sign(secret, identifier, int(stamp), body)
    given = headers.get("webhook-signature", "").split(" ")
    if not any(hmac.compare_digest(expected.encode(), one.encode()) for one in given):
        raise ForbiddenError("the signature is wrong")
    if abs(now - datetime.fromtimestamp(int(stamp), UTC)) > TOLERANCE:
        raise ForbiddenError("the call is too old or comes from the future")
    return identifier


def take(unit: Unit, identifier: str, body: bytes) -> StepUp | None:
    """Act on a checked call.

    Returns:
        The request that it settled; None where the call was taken before.

    Raises:
        RefusedError: the body is not a report.
        NotFoundError: there is no such request.
        ConflictError: the request was settled already.
    """
    try:
        report = msgspec.json.decode(body, type=Report)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise RefusedError(f"this is no report: {error}") from None
    if unit.session.get(Delivery, identifier) is not None:
        return None
    unit.session.add(Delivery(id=identifier, received_at=unit.now))
    unit.session.flush()
    request = verification.by_link(unit.session, report.request)
    if report.outcome == "passed":
        outcomes.passed(
            unit,
            request,
            level=report.level or request.wanted,
            evidence=report.evidence,
            reference=report.reference,
        )
    else:
        outcomes.failed(unit, request, why=report.reason[:500])
    return request
