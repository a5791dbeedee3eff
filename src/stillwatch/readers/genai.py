"""OpenTelemetry GenAI: one span or log event made into a request, under today's and older names.

Sources: the OpenTelemetry GenAI semantic conventions and their releases up to 1.36 (``gen_ai.*``,
``gen_ai.system``, ``gen_ai.prompt``, message events), OpenLLMetry (``gen_ai.prompt.N.*``,
``traceloop.*``), OpenInference (``llm.*``, ``input.value``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from stillwatch.readers.genai_messages import completion, conversation
from stillwatch.readers.reader import SKIPPED
from stillwatch.readers.rows import make_row
from stillwatch.readers.values import dig, first, flag, from_json, integer, number, text

COLUMNS = frozenset(
    [
        "earlier_turns",
        "context",
        "system_prompt",
        "completion",
        "conversation_id",
        "api_key_id",
        "end_user_id",
        "client_address",
        "user_agent",
        "tls_fingerprint",
        "input_tokens",
        "output_tokens",
        "reasoning_tokens",
        "temperature",
        "max_tokens",
        "n",
        "logprobs",
        "status",
    ]
)

DETAILS_EVENT = "gen_ai.client.inference.operation.details"
"""The log event that carries a whole exchange."""

ACCOUNT = (
    "account.id",
    "customer.id",
    "tenant.id",
    "organization.id",
    "traceloop.association.properties.account_id",
    "traceloop.association.properties.customer_id",
    "user.id",
    "enduser.id",
    "traceloop.association.properties.user_id",
)
"""Where the account is looked for, on the span first and then on its resource."""

_NAMES = {
    "request_id": "gen_ai.response.id",
    "timestamp": "startTimeUnixNano",
    "account_id": "user.id",
    "model": "gen_ai.request.model",
    "prompt": "gen_ai.input.messages",
    "input_tokens": "gen_ai.usage.input_tokens",
    "output_tokens": "gen_ai.usage.output_tokens",
    "reasoning_tokens": "gen_ai.usage.reasoning.output_tokens",
}
# Operations that are no call of a language model. All other names are read:
# instrumentations make up their own.
_NOT_TEXT = {
    "embeddings",
    "embedding",
    "rerank",
    "retrieval",
    "execute_tool",
    "create_agent",
    "invoke_agent",
    "invoke_workflow",
}
_MODEL = (
    "gen_ai.request.model",
    "llm.request.model",
    "llm.model_name",
    "gen_ai.response.model",
    "llm.response.model",
)


@dataclass(slots=True)
class Entry:
    """A span, or a log event that stands for one.

    Attributes:
        attributes: its own, in plain Python values.
        resource: those of what sent it.
        events: the span's events, by name and attributes.
        moment: nanoseconds since 1970.
        span: trace and span identifier in hexadecimal; empty where there is none.
        failed: whether its status says so.
    """

    attributes: dict[str, Any]
    resource: dict[str, Any]
    moment: int | None
    span: str
    failed: bool = False
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def get(self, *names: str) -> Any:
        """The first of some attributes that holds something."""
        return first(*map(self.attributes.get, names))


def is_inference(entry: Entry) -> bool:
    """Whether this is a call of a language model, and not of a tool, an agent or an index."""
    operation = entry.get("gen_ai.operation.name", "llm.request.type")
    if operation is not None:
        return str(operation) not in _NOT_TEXT
    kind = entry.get("openinference.span.kind")
    if kind is not None:
        return str(kind).upper() == "LLM"
    return entry.get(*_MODEL) is not None and entry.get("traceloop.span.kind") in (None, "llm")


def row(entry: Entry) -> Any:
    """Make an entry into a row, or `SKIPPED` where it is no inference.

    Raises:
        RecordError: a value has the wrong type.
    """
    if not is_inference(entry):
        return SKIPPED
    for name, attributes in entry.events:
        if name == DETAILS_EVENT:
            entry.attributes = {**attributes, **entry.attributes}
    chat = conversation(entry.attributes, entry.events)
    account = first(*(entry.get(k) for k in ACCOUNT), *(entry.resource.get(k) for k in ACCOUNT))
    end_user = text(entry.get("enduser.id", "gen_ai.request.user", "llm.user", "user.id"))
    return make_row(
        _NAMES,
        # A gateway's and an application's span of one call share the response: they count once.
        request_id=text(entry.get("gen_ai.response.id")) or entry.span or None,
        timestamp=entry.moment,
        account_id=text(account),
        model=text(entry.get(*_MODEL)),
        prompt=chat.prompt,
        earlier_turns=chat.earlier_turns,
        context=chat.context,
        turns=chat.turns,
        system_prompt=chat.system_prompt,
        completion=completion(entry.attributes, entry.events),
        conversation_id=text(
            entry.get(
                "gen_ai.conversation.id",
                "session.id",
                "traceloop.association.properties.session_id",
            )
        ),
        api_key_id=text(entry.get("api_key.id", "gen_ai.request.api_key_id")),
        end_user_id=end_user if end_user != text(account) else None,
        client_address=text(entry.get("client.address", "http.client_ip", "net.sock.peer.addr")),
        user_agent=text(entry.get("user_agent.original", "http.user_agent")),
        tls_fingerprint=text(entry.get("tls.client.ja4")),
        status=_status(entry),
        **_usage(entry),
        **_parameters(entry),
    )


def _usage(entry: Entry) -> dict[str, Any]:
    return {
        "input_tokens": entry.get(
            "gen_ai.usage.input_tokens",
            "gen_ai.usage.prompt_tokens",
            "llm.usage.prompt_tokens",
            "llm.token_count.prompt",
        ),
        "output_tokens": entry.get(
            "gen_ai.usage.output_tokens",
            "gen_ai.usage.completion_tokens",
            "llm.usage.completion_tokens",
            "llm.token_count.completion",
        ),
        "reasoning_tokens": entry.get(
            "gen_ai.usage.reasoning.output_tokens",
            "gen_ai.usage.reasoning_tokens",
            "llm.usage.reasoning_tokens",
            "llm.token_count.completion_details.reasoning",
        ),
    }


def _parameters(entry: Entry) -> dict[str, Any]:
    given = from_json(entry.get("llm.invocation_parameters"))
    most = ("max_tokens", "max_completion_tokens", "max_output_tokens")
    return {
        "temperature": number(
            first(
                entry.get("gen_ai.request.temperature", "llm.temperature"),
                dig(given, "temperature"),
            )
        ),
        "max_tokens": integer(
            first(
                entry.get("gen_ai.request.max_tokens", "llm.request.max_tokens"),
                *(dig(given, key) for key in most),
            )
        ),
        "n": integer(first(entry.get("gen_ai.request.choice.count"), dig(given, "n"))),
        "logprobs": flag(dig(given, "logprobs")),
    }


def _status(entry: Entry) -> int | None:
    code = integer(
        entry.get("http.response.status_code", "http.status_code", "error.type", "error.code")
    )
    return code if code is not None else (500 if entry.failed else None)
