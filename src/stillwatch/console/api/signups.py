"""`POST /v1/signups`: the level to ask of somebody who registers, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from litestar import Request, post

from stillwatch.cases.registration import Registration
from stillwatch.console.api.bodies import body
from stillwatch.console.visitor import token_holder

if TYPE_CHECKING:
    from stillwatch.console.scoring import Scoring

_DECODER = msgspec.json.Decoder(Registration)


@post("/v1/signups", guards=[token_holder], status_code=200)
async def score(request: Request[Any, Any, Any]) -> dict[str, Any]:
    """Score a registration."""
    registration = await body(request, _DECODER)
    scoring: Scoring = request.app.state.scoring
    answer = await scoring.score(request.state.actor, registration)
    return {
        "reference": registration.reference,
        "level": answer.level,
        "score": answer.score,
        "reasons": [finding.text for finding in answer.findings],
    }


ROUTES = (score,)
