"""What the simulated provider writes: requests and accounts, with the contract's field names."""

from __future__ import annotations

from typing import NamedTuple

import msgspec


class Message(msgspec.Struct, frozen=True, gc=False):
    """One turn of a chat."""

    role: str
    content: str


class Row(msgspec.Struct, omit_defaults=True, kw_only=True):
    """One canonical request; absent fields are left out of the line.

    Exactly one of `prompt` (a single turn) and `messages` (a conversation so far) is set.
    """

    request_id: str
    timestamp: str
    account_id: str
    model: str
    prompt: str | None = None
    messages: list[Message] | None = None
    system_prompt: str | None = None
    conversation_id: str | None = None
    api_key_id: str | None = None
    end_user_id: str | None = None
    client_address: str | None = None
    user_agent: str | None = None
    tls_fingerprint: str | None = None
    access_path: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    n: int | None = None
    logprobs: bool | None = None
    status: int | None = None


class Account(msgspec.Struct, omit_defaults=True, kw_only=True):
    """One row of the provider's account file."""

    account_id: str
    organization_id: str | None = None
    created_at: str | None = None
    email_domain: str | None = None
    payment_fingerprint: str | None = None
    signup_address: str | None = None
    country: str | None = None
    plan: str | None = None
    verification_level: str | None = None


class Ask(NamedTuple):
    """What somebody wants answered, before it is known which account sends it.

    Attributes:
        at: seconds since the window's start.
        prompt: the last user turn.
        history: turns before it, first to last.
        conversation: name of the conversation, where there is one.
        system: system prompt; None leaves it to the sender, the empty string sends none.
    """

    at: float
    prompt: str
    history: tuple[Message, ...] = ()
    conversation: str | None = None
    system: str | None = None


class Sent(NamedTuple):
    """A request on its way to the log; `campaign` is the truth about it."""

    at: float
    row: Row
    campaign: str | None
