"""AWS Bedrock model invocation logs.

The envelope: https://docs.aws.amazon.com/bedrock/latest/userguide/model-invocation-logging.html.
The bodies are each model family's own: Converse and Nova, Anthropic, Llama, Mistral, Titan.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stillwatch.readers import anthropic
from stillwatch.readers.messages import split, text_of
from stillwatch.readers.reader import SKIPPED, JsonReader
from stillwatch.readers.rows import RecordError, make_row
from stillwatch.readers.values import decode_json, dig, first, from_json, integer, number, text

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAMES = {
    "request_id": "requestId",
    "account_id": "identity.arn",
    "model": "modelId",
    "prompt": "input.inputBodyJson",
    "input_tokens": "input.inputTokenCount",
    "output_tokens": "output.outputTokenCount",
}
_STATUS = {
    "AccessDeniedException": 403,
    "ModelNotReadyException": 429,
    "ModelTimeoutException": 408,
    "ResourceNotFoundException": 404,
    "ServiceQuotaExceededException": 400,
    "ServiceUnavailableException": 503,
    "ThrottlingException": 429,
    "ValidationException": 400,
}


def _parse(record: bytes) -> Iterator[Any]:
    entry = decode_json(record)
    # CloudWatch Logs exports wrap the entry as text.
    wrapped = from_json(dig(entry, "message"))
    entry = wrapped if isinstance(wrapped, dict) else entry
    if not isinstance(entry, dict):
        raise RecordError("(record)", "expected an object")
    body = from_json(dig(entry, "input", "inputBodyJson"))
    answer = from_json(dig(entry, "output", "outputBodyJson"))
    model = text(entry.get("modelId"))
    if "embed" in (model or "").lower() or dig(answer, "embedding") is not None:
        yield SKIPPED
        return
    if body is None:
        raise RecordError("input.inputBodyJson", _why_no_body(entry))
    chat = split(
        first(dig(body, "messages"), dig(body, "prompt"), dig(body, "inputText")),
        dig(body, "system"),
    )
    account, session = _identity(entry)
    yield make_row(
        _NAMES,
        request_id=text(entry.get("requestId")),
        timestamp=entry.get("timestamp"),
        account_id=account,
        # an inference profile's ARN ends in the model's name
        model=model.rsplit("/", 1)[-1] if model else None,
        prompt=chat.prompt,
        earlier_turns=chat.earlier_turns,
        context=chat.context,
        turns=chat.turns,
        system_prompt=chat.system_prompt,
        completion=_completion(answer),
        conversation_id=text(dig(entry, "requestMetadata", "session_id")),
        end_user_id=session,
        access_path="bedrock",
        input_tokens=_input_tokens(entry.get("input")),
        output_tokens=dig(entry, "output", "outputTokenCount"),
        status=_STATUS.get(str(entry["errorCode"]), 500) if entry.get("errorCode") else 200,
        **_parameters(body),
    )


def _why_no_body(entry: dict[str, Any]) -> str:
    if dig(entry, "input", "inputBodyS3Path"):
        return "is missing: the body lies in S3 (inputBodyS3Path), as it does above 100 KB"
    return "is missing: switch on the delivery of text data in Bedrock's invocation logging"


def _identity(entry: dict[str, Any]) -> tuple[str | None, str | None]:
    """The account and, for an assumed role, the session's name: sessions change, roles stay."""
    tags = entry.get("requestMetadata")
    tagged = first(*(dig(tags, key) for key in ("account_id", "customer_id", "tenant_id")))
    arn, session = text(dig(entry, "identity", "arn")), None
    if arn and ":assumed-role/" in arn and arn.count("/") >= 2:
        arn, session = arn.rsplit("/", 1)
    account = text(tagged) or arn or text(entry.get("accountId"))
    return account, text(dig(tags, "user_id")) or session


def _input_tokens(given: object) -> object:
    parts = [
        dig(given, key)
        for key in ("inputTokenCount", "cacheReadInputTokenCount", "cacheWriteInputTokenCount")
    ]
    whole = [integer(part) for part in parts]
    return parts[0] if whole[0] is None else sum(part or 0 for part in whole)


def _completion(answer: object) -> str | None:
    if isinstance(answer, list):
        pieces = [
            first(
                dig(chunk, "delta", "text"),
                dig(chunk, "contentBlockDelta", "delta", "text"),
                dig(chunk, "generation"),
                dig(chunk, "outputText"),
            )
            for chunk in answer
        ]
        return "".join(piece for piece in pieces if isinstance(piece, str)) or None
    found = first(
        dig(answer, "output", "message", "content"),
        dig(answer, "generation"),
        dig(answer, "results", 0, "outputText"),
        dig(answer, "outputs", 0, "text"),
        dig(answer, "choices", 0, "message", "content"),
    )
    return text_of(found) or anthropic.completion(answer)


def _parameters(body: object) -> dict[str, Any]:
    places = [body, dig(body, "inferenceConfig"), dig(body, "textGenerationConfig")]
    longest = ("max_tokens", "maxTokens", "max_new_tokens", "max_gen_len", "maxTokenCount")
    return {
        "temperature": number(first(*(dig(place, "temperature") for place in places))),
        "max_tokens": integer(first(*(dig(place, key) for place in places for key in longest))),
    }


def _recognise(keys: frozenset[str]) -> bool:
    return {"schemaType", "modelId"} <= keys or "input.inputBodyJson" in keys


READER = JsonReader(
    name="bedrock",
    title="AWS Bedrock model invocation log",
    columns=frozenset(
        [
            "earlier_turns",
            "context",
            "system_prompt",
            "completion",
            "conversation_id",
            "end_user_id",
            "access_path",
            "input_tokens",
            "output_tokens",
            "temperature",
            "max_tokens",
            "status",
        ]
    ),
    recognise=_recognise,
    parse=_parse,
)
