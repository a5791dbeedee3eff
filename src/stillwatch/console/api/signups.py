"""`POST /v1/signups`: the level to ask of somebody who registers, and why."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
from litestar import Request, post

from stillwatch.cases import signups
from stillwatch.cases.registration import Registration
from stillwatch.cases.signup_tokens import Tokeniser
from stillwatch.console.api.bodies import body
from stillwatch.console.visitor import token_holder
from stillwatch.console.web import storage_of

_DECODER = msgspec.json.Decoder(Registration)
_POOL = ThreadPoolExecutor(max_workers=1, thread_name_prefix="signups")
"""A thread of its own, so that a busy console does not make people who register wait; one, because
SQLite lets one write at a time and a second one would only sleep."""

_tokenisers: dict[str, Tokeniser] = {}


@post("/v1/signups", guards=[token_holder], status_code=200)
async def score(request: Request[Any, Any, Any]) -> dict[str, Any]:
    """Score a registration."""
    registration = await body(request, _DECODER)
    storage, actor = storage_of(request), request.state.actor

    def work() -> signups.Answer:
        name = storage.key.fingerprint
        if name not in _tokenisers:
            _tokenisers[name] = Tokeniser(storage.key)
        tokens = _tokenisers[name].tokens(registration)
        with storage.write(actor) as unit:
            return signups.score(unit, registration, tokens)

    answer = await asyncio.get_running_loop().run_in_executor(_POOL, work)
    return {
        "reference": registration.reference,
        "level": answer.level,
        "score": answer.score,
        "reasons": [finding.text for finding in answer.findings],
    }


ROUTES = (score,)
