"""Stillwatch's own rows: the fields, shared by its JSON Lines, CSV and Parquet forms."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from stillwatch.readers.messages import split
from stillwatch.readers.rows import Number, Row
from stillwatch.schema import REQUESTS

_REQUIRED = {"request_id", "timestamp", "account_id", "model", "prompt", "turns"}
COLUMNS = frozenset(REQUESTS.names) - _REQUIRED


class CanonicalRow(msgspec.Struct, gc=False):
    """One row of the contract; anything else that a row holds is ignored."""

    request_id: str | None = None
    timestamp: str | Number | None = None
    account_id: str | None = None
    model: str | None = None
    prompt: str | None = None
    messages: Any = None
    system_prompt: str | None = None
    completion: str | None = None
    conversation_id: str | None = None
    api_key_id: str | None = None
    end_user_id: str | None = None
    client_address: str | None = None
    user_agent: str | None = None
    tls_fingerprint: str | None = None
    access_path: str | None = None
    input_tokens: Number | None = None
    output_tokens: Number | None = None
    reasoning_tokens: Number | None = None
    temperature: float | None = None
    max_tokens: Number | None = None
    n: Number | None = None
    logprobs: bool | None = None
    status: Number | None = None

    # what a row without messages holds in the columns that come from them
    earlier_turns: ClassVar[None] = None
    context: ClassVar[None] = None
    turns: ClassVar[int] = 1


_COPIED = [name for name in CanonicalRow.__struct_fields__ if name not in ("messages", "prompt")]


def expand(row: CanonicalRow) -> Any:
    """Split `messages`, where a row has them, into the columns they fill.

    Messages win over `prompt`, which then fills in only where they hold no text; a system prompt
    of its own wins over those among the messages.
    """
    if row.messages is None:
        return row
    return with_messages({name: getattr(row, name) for name in _COPIED}, row.messages, row.prompt)


def with_messages(fields: dict[str, Any], messages: Any, prompt: str | None) -> Row:
    """Build a row from its plain fields and its chat.

    Args:
        fields: columns other than those that come from the chat.
        messages: the decoded list.
        prompt: used where the chat holds no text.
    """
    conversation = split(messages)
    fields["system_prompt"] = fields.get("system_prompt") or conversation.system_prompt
    return Row(
        **fields,
        prompt=conversation.prompt or prompt,
        earlier_turns=conversation.earlier_turns,
        context=conversation.context,
        turns=conversation.turns,
    )
