"""LiteLLM proxy: asks Stillwatch before every call, obeys, and sends it the log.

This file stands alone: it needs nothing of Stillwatch but the service, so it can be copied beside
LiteLLM's configuration (docs/litellm.md) into an environment that has only LiteLLM in it.

    litellm_settings:
      callbacks: stillwatch_litellm.handler

The environment says where the service is: `STILLWATCH_URL` (http://127.0.0.1:8321 if not set) and
`STILLWATCH_TOKEN`. If it does not answer within `STILLWATCH_TIMEOUT` seconds (0.5), requests pass,
or are refused with 429 where `STILLWATCH_FAIL` is ``closed``.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
from typing import Any

import httpx
from fastapi import HTTPException
from litellm.integrations.custom_logger import CustomLogger

CHAT = frozenset(
    ["completion", "acompletion", "text_completion", "atext_completion", "responses", "aresponses",
     "anthropic_messages"]
)  # fmt: skip
"""Kinds of call that ask a model for text."""

LENGTHS = ("max_tokens", "max_completion_tokens", "max_output_tokens")
"""Parameters that bound an answer's length."""

KEPT = 1_000
"""Log entries that wait while the service is away; the oldest are lost beyond."""

FLUSH_SECONDS = 1.0
NOBODY = frozenset([None, "", "default_user_id", "litellm-proxy-master-key"])
"""Users that LiteLLM writes for keys that were made without one."""

_log = logging.getLogger("stillwatch.litellm")


class StillwatchHandler(CustomLogger):  # type: ignore[misc]
    """See the module; `handler` is the one to name in LiteLLM's configuration."""

    def __init__(self) -> None:
        super().__init__()
        self._url = os.environ.get("STILLWATCH_URL", "http://127.0.0.1:8321").rstrip("/")
        token = os.environ.get("STILLWATCH_TOKEN", "")
        self._headers = {"authorization": f"Bearer {token}"} if token else {}
        self._timeout = float(os.environ.get("STILLWATCH_TIMEOUT", "0.5"))
        self._closed = os.environ.get("STILLWATCH_FAIL", "open") == "closed"
        self._client: httpx.AsyncClient | None = None
        self._waiting: list[Any] = []
        self._flushing: asyncio.Task[None] | None = None

    async def async_pre_call_hook(
        self,
        user_api_key_dict: Any,
        cache: Any,  # noqa: ARG002 - LiteLLM's interface
        data: dict[str, Any],
        call_type: str,
    ) -> dict[str, Any]:
        """Ask, and refuse or restrict the call as the answer says.

        Raises:
            HTTPException: the request is refused.
        """
        if call_type not in CHAT:
            return data
        answer = await self._decide(ask_of(user_api_key_dict, data))
        if not answer.get("pass", True):
            raise refusal(answer)
        settled = {"reserved": answer.get("reserved", 0)}
        if answer.get("enforced", True):
            settled |= obey(data, answer)
        data.setdefault("metadata", {})["stillwatch"] = settled
        return data

    async def async_post_call_response_headers_hook(
        self, data: dict[str, Any], *_: Any, **__: Any
    ) -> dict[str, str]:
        """Say openly in the answer's headers what was restricted."""
        done = data.get("metadata", {}).get("stillwatch", {})
        if "action" not in done:
            return {}
        changed = ", ".join(done["changed"])
        return {"x-stillwatch-action": done["action"], "x-stillwatch-changed": changed}

    async def async_log_success_event(self, kwargs: dict[str, Any], *_: Any, **__: Any) -> None:
        """Settle, and send the log entry."""
        await self._log_event(kwargs)

    async def async_log_failure_event(self, kwargs: dict[str, Any], *_: Any, **__: Any) -> None:
        """Settle, and send the log entry."""
        await self._log_event(kwargs)

    async def _decide(self, ask: dict[str, Any]) -> dict[str, Any]:
        try:
            response = await self._http().post("/v1/decide", json=ask)
            if response.status_code == httpx.codes.OK:
                answer: dict[str, Any] = response.json()
                return answer
            problem = f"HTTP {response.status_code}"
        except (httpx.HTTPError, ValueError) as error:
            problem = repr(error)
        _log.warning("Stillwatch did not decide: %s", problem)
        if self._closed:
            return {"pass": False, "status": 429, "retry_after": 1, "action": "throttle"}
        return {"pass": True}

    async def _log_event(self, kwargs: dict[str, Any]) -> None:
        entry = kwargs.get("standard_logging_object")
        if not entry:
            return
        self._waiting.append(entry)
        del self._waiting[:-KEPT]
        await self._settle(kwargs, entry)
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush())

    async def _settle(self, kwargs: dict[str, Any], entry: dict[str, Any]) -> None:
        parameters = kwargs.get("litellm_params") or {}
        done = (parameters.get("metadata") or {}).get("stillwatch")
        if done is None:
            return
        meta = entry.get("metadata") or {}
        body = identity(
            meta.get("user_api_key_user_id"),
            meta.get("user_api_key_hash"),
            meta.get("user_api_key_org_id") or meta.get("user_api_key_team_id"),
        ) | {
            "reserved": done["reserved"],
            "used": (entry.get("prompt_tokens") or 0) + (entry.get("completion_tokens") or 0),
            "status": 200 if entry.get("status") == "success" else 500,
        }
        await self._post("/v1/settle", json=body)

    async def _flush(self) -> None:
        """Send entries that came in one second together, until none is left."""
        await asyncio.sleep(FLUSH_SECONDS)
        while self._waiting:
            entries, self._waiting = self._waiting, []
            lines = b"".join(json.dumps(one, default=str).encode() + b"\n" for one in entries)
            if not await self._post("/v1/logs", content=lines):
                self._waiting = [*entries, *self._waiting][-KEPT:]
                await asyncio.sleep(10 * FLUSH_SECONDS)

    async def _post(self, path: str, **body: Any) -> bool:
        try:
            response = await self._http().post(path, **body)
        except httpx.HTTPError as error:
            _log.warning("Stillwatch did not take %s: %r", path, error)
            return False
        # what it cannot use it will not use the next time either
        return bool(response.status_code < httpx.codes.INTERNAL_SERVER_ERROR)

    def _http(self) -> httpx.AsyncClient:
        if self._client is None:
            self._client = httpx.AsyncClient(
                base_url=self._url, headers=self._headers, timeout=self._timeout
            )
        return self._client


def identity(user: str | None, key: str | None, organization: str | None) -> dict[str, Any]:
    """Who it is; the account is the user, or the key where nobody is named."""
    account = key if user in NOBODY else user
    return {
        "account_id": account or "anonymous",
        "api_key_id": key,
        "organization_id": organization,
    }


def ask_of(who: Any, data: dict[str, Any]) -> dict[str, Any]:
    """A request for a decision, from what LiteLLM knows of a call."""
    request = data.get("proxy_server_request") or {}
    headers = {str(k).lower(): v for k, v in (request.get("headers") or {}).items()}
    meta = data.get("metadata") or {}
    most = next((data[name] for name in LENGTHS if data.get(name)), 0)
    # OpenAI's Responses have input and instructions, Anthropic a system prompt apart
    said = data.get("messages") or data.get("input") or data.get("prompt")
    text = {
        "prompt" if isinstance(said, str) else "messages": said,
        "system_prompt": data.get("system") or data.get("instructions"),
    }
    return identity(who.user_id, who.api_key, getattr(who, "org_id", None) or who.team_id) | {
        "request_id": data.get("litellm_call_id") or "",
        "model": data.get("model"),
        "client_address": meta.get("requester_ip_address"),
        "user_agent": headers.get("user-agent"),
        "conversation_id": data.get("litellm_session_id"),
        "tokens": most if isinstance(most, int) else 0,
        **{name: value for name, value in text.items() if value},
    }


def refusal(answer: dict[str, Any]) -> HTTPException:
    """The error that the client is to see."""
    message = answer.get("notice") or "Too many requests."
    headers = {"x-stillwatch-action": answer.get("action", "")}
    if answer.get("verify_url"):
        message = f"{message} {answer['verify_url']}"
    if answer.get("retry_after"):
        headers["retry-after"] = str(answer["retry_after"])
    return HTTPException(status_code=answer["status"], detail=message, headers=headers)


def obey(data: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    """Change a restricted call as the answer says; say what was changed."""
    if answer.get("action") != "restrict":
        return {}
    changed = [name for name in answer.get("unset", ()) if data.pop(name, None) is not None]
    bounded = any(data.get(name) is not None for name in LENGTHS)
    set_anyway = None if bounded else "max_output_tokens" if "input" in data else "max_tokens"
    for name, most in answer.get("cap", {}).items():
        given = data.get(name)
        if given is None and name != set_anyway:
            continue
        if not isinstance(given, int) or given > most:
            data[name] = most
            changed.append(name)
    given = answer.get("restrictions") or {}
    return {
        "action": "restrict",
        "changed": changed,
        "watermark": bool(given.get("watermark")),
        "summarise": bool(given.get("summarise_reasoning")),
    }


handler = StillwatchHandler()
