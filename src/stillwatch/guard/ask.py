"""What the guard is told: who asks for what, and afterwards what it came to."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec


class Ask(msgspec.Struct, kw_only=True, gc=False):
    """A request that wants a decision. Only the account must be known; the rest sharpens it.

    Attributes:
        account_id: as the logs name it.
        request_id: as the logs will name it.
        at: event time, seconds since 1970; 0 is now.
        api_key_id, organization_id, payment_fingerprint, verification_level, plan: who it is.
        model: what is asked.
        client_address, user_agent, conversation_id: how it comes.
        tokens: input and most output tokens, which are reserved until it is settled.
        system_prompt, prompt, messages: text, sketched for live detection and then forgotten;
            messages and system prompt in any shape that `readers.messages` reads.
    """

    account_id: str
    request_id: str = ""
    at: float = 0.0
    api_key_id: str | None = None
    organization_id: str | None = None
    payment_fingerprint: str | None = None
    verification_level: str | None = None
    plan: str | None = None
    model: str | None = None
    client_address: str | None = None
    user_agent: str | None = None
    conversation_id: str | None = None
    tokens: float = 0
    system_prompt: Any = None
    prompt: str | None = None
    messages: Any = None


class Settlement(msgspec.Struct, kw_only=True, gc=False):
    """What a request came to.

    Attributes:
        account_id: as in the ask; so are the other identifiers.
        at: event time of the answer, seconds since 1970; 0 is now.
        reserved: tokens as the decision reserved them.
        used: tokens of input and output.
        status: HTTP status of the answer; 0 where unknown.
    """

    account_id: str
    at: float = 0.0
    api_key_id: str | None = None
    organization_id: str | None = None
    payment_fingerprint: str | None = None
    verification_level: str | None = None
    plan: str | None = None
    reserved: float = 0
    used: float = 0
    status: int = 0


class Profile(NamedTuple):
    """What the provider knows of an account, where the ask does not say it.

    Attributes:
        organization_id, payment_fingerprint, verification_level, plan: as in the account file.
        email_domain: the same.
        created: when it was opened, seconds since 1970.
    """

    organization_id: str | None = None
    payment_fingerprint: str | None = None
    verification_level: str | None = None
    plan: str | None = None
    email_domain: str | None = None
    created: float | None = None


class Traces(NamedTuple):
    """What live detection sees of a request: sketched keys, no text.

    Attributes:
        families: prompt families as (index of the kind, key).
        body: key of everything sent.
        turns: key of the system prompt and all user turns.
        prefix: the same without the last turn; None on turn one.
        depth: user turns.
        asks: whether reasoning or grading is asked for.
        network, client: keyed; None where unknown.
    """

    families: tuple[tuple[int, int], ...]
    body: int
    turns: int
    prefix: int | None
    depth: int
    asks: bool
    network: int | None = None
    client: int | None = None
