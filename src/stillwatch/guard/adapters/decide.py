"""`POST /v1/decide` and `POST /v1/settle`: JSON in, JSON out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from stillwatch.errors import InputError
from stillwatch.guard.ask import Ask, Settlement
from stillwatch.guard.bodies import STATUS, retry_after
from stillwatch.guard.restrict import cap, unset

if TYPE_CHECKING:
    from stillwatch.guard.decision import Decision

_ASK = msgspec.json.Decoder(Ask)
_SETTLEMENT = msgspec.json.Decoder(Settlement)
_ENCODER = msgspec.json.Encoder()
_ALLOW = b'{"action":"allow","pass":true,"reserved":'


class Answer(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A decision as the service words it.

    Attributes:
        action: what the policy says.
        passes: ``pass`` on the wire: whether to send the request on.
        status: HTTP status for the client, of a refused request.
        retry_after: whole seconds for ``Retry-After``, of a throttled one.
        unset, cap: what a restricted request's body is changed by, see `restrict`.

    Everything else is as in `Decision`.
    """

    action: str
    passes: bool = msgspec.field(name="pass")
    reserved: float = 0
    status: int = 0
    retry_after: int = 0
    enforced: bool = True
    reason: str = ""
    notice: str = ""
    source: str = ""
    subject: str = ""
    author: str = ""
    campaign_id: str | None = None
    expires_at: float | None = None
    restrictions: Any = None
    unset: list[str] = []
    cap: dict[str, int] = {}
    verify_url: str = ""
    degraded: str = ""


def read_ask(body: bytes) -> Ask:
    """Read a request for a decision.

    Raises:
        InputError: it is not JSON, or lacks the account; says where.
    """
    try:
        ask = _ASK.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InputError(f"this is not a request for a decision: {error}") from None
    if not ask.account_id:
        raise InputError("account_id is empty")
    return ask


def read_settlement(body: bytes) -> Settlement:
    """Read a settlement; raises as `read_ask`."""
    try:
        return _SETTLEMENT.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InputError(f"this is not a settlement: {error}") from None


def write_decision(decision: Decision) -> bytes:
    """A decision as JSON."""
    plain = not (decision.source or decision.degraded or decision.campaign_id)
    if plain and decision.enforced:
        return b"%b%d}" % (_ALLOW, decision.reserved)
    given = decision.restrictions
    return _ENCODER.encode(
        Answer(
            action=decision.action.value,
            passes=decision.passes,
            reserved=decision.reserved,
            status=0 if decision.passes else STATUS[decision.action],
            retry_after=retry_after(decision) if decision.retry_after else 0,
            enforced=decision.enforced,
            reason=decision.reason,
            notice=decision.notice,
            source=decision.source,
            subject=decision.subject,
            author=decision.author,
            campaign_id=decision.campaign_id,
            expires_at=decision.expires_at,
            restrictions=given,
            unset=unset(given) if given else [],
            cap=cap(given) if given else {},
            verify_url=decision.verify_url,
            degraded=decision.degraded,
        )
    )
