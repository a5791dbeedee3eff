from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from stillwatch.errors import UsageError
from stillwatch.guard import Ask, Decision, Guard, files, parse_policy
from stillwatch.guard.adapters import forward_auth
from stillwatch.guard.adapters.asgi import (
    StillwatchMiddleware,
    VllmMiddleware,
    from_environment,
)
from stillwatch.guard.bodies import refused, shape_of
from stillwatch.guard.clock import ReplayClock
from stillwatch.guard.decision import Restrictions
from stillwatch.guard.policy import Restrict
from stillwatch.guard.restrict import headers, restrict_body, restrictions
from stillwatch.sketch import Sketcher, SketchKey
from stillwatch.standing import Action, Snapshot, Standing, write_snapshot

if TYPE_CHECKING:
    from pathlib import Path

POLICY = 'mode = "enforce"\n[limits.account]\nrequests = "2/1h"\ntokens = "500/1h"\n'
MARK_ONLY = """
[restrict]
reasoning = "allow"
logprobs = "allow"
choices = 0
output_tokens = 0
"""
HELD = Snapshot(sequence=1, standings=(Standing(account_id="r", action=Action.RESTRICT),))


HI = {"role": "user", "content": "Hi"}
STREAM = b'data: {"usage":{"prompt_tokens":1,"total_tokens":450}}\n\ndata: [DONE]\n\n'


class Exchange:
    """One request through the middleware to an application that echoes what it got."""

    def __init__(self, guard: Guard, path: str, body: object, **headers: str) -> None:
        self.got: Any = None
        self.status, self.body = 0, b""
        self.headers: dict[str, str] = {}
        scope = {
            "type": "http",
            "path": path,
            "headers": [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()],
            "client": ("203.0.113.9", 1),
        }
        data = json.dumps(body).encode()
        parts = [data[:5], data[5:]]

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": parts.pop(0), "more_body": bool(parts)}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                self.status = message["status"]
                self.headers = {k.decode(): v.decode() for k, v in message["headers"]}
            else:
                self.body += message.get("body", b"")

        middleware = StillwatchMiddleware(self.echo, guard)
        asyncio.run(middleware(scope, receive, send))

    async def echo(self, scope: Any, receive: Any, send: Any) -> None:
        message = await receive()
        body = message["body"]
        while message["more_body"]:
            message = await receive()
            body += message["body"]
        self.got = json.loads(body)
        streamed = self.got.get("stream")
        headers = [(b"content-type", b"text/event-stream" if streamed else b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        answer = json.dumps({"usage": {"prompt_tokens": 1, "total_tokens": 450}}).encode()
        await send({"type": "http.response.body", "body": STREAM if streamed else answer})


def guard() -> Guard:
    return Guard(parse_policy(POLICY), HELD, clock=ReplayClock())


@pytest.mark.parametrize("streamed", [False, True])
def test_the_middleware_lets_pass_settles_and_throttles(streamed: bool) -> None:
    one = guard()
    body = {"model": "m", "messages": [HI], "max_tokens": 10, "stream": streamed}
    first = Exchange(one, "/v1/chat/completions", body, x_account_id="a")
    assert (first.status, first.got) == (200, body)
    assert first.headers["x-stillwatch-action"] == "allow"
    # 450 of 500 tokens were used, though 10 were reserved
    second = Exchange(one, "/v1/chat/completions", body | {"max_tokens": 60}, x_account_id="a")
    assert second.status == 429
    assert int(second.headers["retry-after"]) > 0
    assert json.loads(second.body)["error"]["code"] == "rate_limit_exceeded"
    other = Exchange(one, "/v1/messages", body | {"max_tokens": 60}, x_account_id="a")
    assert json.loads(other.body)["error"]["type"] == "rate_limit_error"


@pytest.mark.parametrize(("fail", "status"), [("open", 200), ("closed", 429)])
def test_a_bug_of_ours_is_no_error_of_the_clients(
    fail: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = Guard(parse_policy(f'mode = "enforce"\n[fail.routes]\nasgi = "{fail}"\n'))

    def broken(*_: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(one, "_look", broken)
    body = {"model": "m", "messages": []}
    assert Exchange(one, "/v1/chat/completions", body, x_account_id="a").status == status


def test_the_middleware_restricts_in_the_open() -> None:
    body = {"n": 4, "logprobs": True, "max_tokens": 9_000, "thinking": {"type": "enabled"}}
    body |= {"prompt_logprobs": 5, "include": ["message.output_text.logprobs"]}
    done = Exchange(guard(), "/v1/chat/completions", body, x_account_id="r")
    assert done.got == {"n": 1, "max_tokens": 1_024}
    assert done.headers["x-stillwatch-action"] == "restrict"
    assert done.headers["x-stillwatch-withhold"] == "reasoning, logprobs"


def test_marking_alone_changes_nothing_of_the_request() -> None:
    policy = parse_policy(MARK_ONLY).restrict
    given = restrictions(policy)
    body = {"n": 4, "logprobs": True, "thinking": {"type": "enabled"}}
    assert restrict_body(body, given) == []
    assert body == {"n": 4, "logprobs": True, "thinking": {"type": "enabled"}}
    assert headers(given) == {"x-stillwatch-watermark": "1"}


def test_whoever_passes_a_check_has_every_instruction_there_is() -> None:
    everything = Restrictions(
        withhold_reasoning=True,
        withhold_logprobs=True,
        summarise_reasoning=True,
        max_choices=1,
        max_output_tokens=9,
        watermark=True,
    )
    named = forward_auth.passed(Decision())
    assert named.keys() == {"x-stillwatch-action", *headers(everything)}
    assert [name for name, value in named.items() if value] == ["x-stillwatch-action"]
    given = forward_auth.passed(Decision(action=Action.RESTRICT, restrictions=everything))
    assert given.items() >= headers(everything).items()


def test_a_summary_is_asked_of_the_servers_of_the_model() -> None:
    given = restrictions(Restrict(reasoning="summarise"))
    assert headers(given)["x-stillwatch-summarise"] == "reasoning"
    assert headers(given)["x-stillwatch-withhold"] == "logprobs"
    assert not given.withhold_reasoning


@pytest.mark.parametrize(
    "claimed", [{}, {"stillwatch_mark": 0}, {"other": 2, "stillwatch_mark": 1}]
)
def test_vllm_is_told_which_requests_to_mark_and_clients_cannot(claimed: dict[str, int]) -> None:
    middleware = VllmMiddleware(None, guard())  # type: ignore[arg-type]
    kept = {name: value for name, value in claimed.items() if name == "other"}
    marked: dict[str, Any] = {"vllm_xargs": dict(claimed)}
    assert middleware.change(marked, Restrictions(watermark=True))
    assert marked["vllm_xargs"] == kept | {"stillwatch_mark": 1}
    honest: dict[str, Any] = {"vllm_xargs": dict(claimed)}
    assert middleware.change(honest, None) is ("stillwatch_mark" in claimed)
    assert honest["vllm_xargs"] == kept


@pytest.mark.parametrize(
    "body",
    [
        {
            "messages": [
                {"role": "system", "content": "Be kind."},
                {"role": "user", "content": "Hi"},
            ]
        },
        {"messages": [HI], "system": "Be kind."},
        {
            "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
            "system": [{"type": "text", "text": "Be kind."}],
        },
        {"input": "Hi", "instructions": "Be kind."},
        {"input": [HI], "instructions": "Be kind."},
    ],
)
def test_the_text_of_every_shape_of_request_is_sketched_alike(body: dict[str, Any]) -> None:
    one = Guard(sketcher=Sketcher(SketchKey.load()))
    asked: list[Ask] = []
    traced = one.traced

    async def watched(ask: Ask) -> Any:
        asked.append(ask)
        return await traced(ask)

    one.traced = watched  # type: ignore[method-assign]
    Exchange(one, "/v1/responses", body, x_account_id="a")
    plain = Ask(account_id="a", prompt="Hi", system_prompt="Be kind.", client_address="203.0.113.9")
    assert one.trace(asked[0]) == one.trace(plain)


def test_other_paths_are_not_looked_at() -> None:
    one = guard()
    for _ in range(5):
        assert Exchange(one, "/v1/models", {"n": 4}, x_account_id="r").got == {"n": 4}
    assert not one.counts


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, {"max_tokens": 100}),
        ({"max_completion_tokens": 500}, {"max_completion_tokens": 100}),
        ({"max_tokens": 50, "n": 1}, {"max_tokens": 50, "n": 1}),
        ({"max_tokens": "many", "n": None}, {"max_tokens": 100, "n": None}),
        ({"input": "Why?"}, {"input": "Why?", "max_output_tokens": 100}),
        (
            {"input": "Why?", "max_output_tokens": 500},
            {"input": "Why?", "max_output_tokens": 100},
        ),
    ],
)
def test_a_body_is_restricted_no_further_than_needed(
    body: dict[str, Any], expected: dict[str, Any]
) -> None:
    restrict_body(body, Restrictions(max_choices=1, max_output_tokens=100))
    assert body == expected


def test_refusals_tell_the_client_what_helps_and_not_the_reason() -> None:
    decision = Decision(
        action=Action.VERIFY, reason="secret", notice="Verify.", verify_url="https://x.example/v"
    )
    for shape in ("openai", "anthropic"):
        answer = refused(decision, shape)
        assert answer.status == 403
        assert b"https://x.example/v" in answer.json
        assert b"secret" not in answer.json
    assert refused(Decision(action=Action.SUSPEND)).body["error"]["code"] == "account_deactivated"
    assert shape_of("/v1/messages?beta=1") == "anthropic"
    assert shape_of("/v1/chat/completions", {"anthropic-version": "2023-06-01"}) == "anthropic"
    assert shape_of("/v1/chat/completions") == "openai"


def test_what_the_environment_names_is_used_and_loaded_again_when_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "policy.toml").write_text(POLICY, encoding="utf-8")
    write_snapshot(HELD, tmp_path / "snapshot.json")
    for name, file in (("POLICY", "policy.toml"), ("SNAPSHOT", "snapshot.json")):
        monkeypatch.setenv(f"STILLWATCH_{name}", str(tmp_path / file))
    monkeypatch.delenv("STILLWATCH_KEY", raising=False)
    one, _ = from_environment()
    assert one.policy.mode == "enforce"
    assert one.snapshot.sequence == 1
    assert one.trace(Ask(account_id="a", prompt="Why?")) is None  # no key, no sketch
    monkeypatch.setenv("STILLWATCH_KEY", "5c" * 32)
    keyed, _ = from_environment()
    assert keyed.trace(Ask(account_id="a", prompt="Why?")) is not None

    middleware = StillwatchMiddleware(None)  # type: ignore[arg-type]
    assert middleware._files is not None
    write_snapshot(Snapshot(sequence=2), tmp_path / "snapshot.json")
    monkeypatch.setattr(files, "POLL", 0.0)

    async def look() -> None:
        middleware._look_at_files()
        assert middleware._looking is not None
        await middleware._looking

    asyncio.run(look())
    assert middleware._guard.snapshot.sequence == 2
    (tmp_path / "snapshot.json").write_bytes(b"{")
    asyncio.run(look())
    assert middleware._guard.snapshot.sequence == 2
    assert "snapshot" in middleware._files.problems


def test_budgets_that_are_to_be_shared_need_the_deployments_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("STILLWATCH_REDIS_URL", "redis://127.0.0.1:1/0")
    for name in ("STILLWATCH_KEY", "STILLWATCH_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UsageError, match="STILLWATCH_KEY"):
        from_environment()
    monkeypatch.setenv("STILLWATCH_KEY", "5c" * 32)
    assert from_environment()[0].store.shared
