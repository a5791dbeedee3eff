"""What `restrict` asks of a gateway: the policy's words as instructions, and those as headers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stillwatch.guard.decision import Restrictions

if TYPE_CHECKING:
    from stillwatch.guard.policy import Restrict

REASONING_KEYS = ("reasoning", "reasoning_effort", "thinking")
"""Parameters by which OpenAI- and Anthropic-shaped requests ask for raw reasoning."""


def restrictions(policy: Restrict) -> Restrictions:
    """The instructions that go with a restricted request."""
    return Restrictions(
        withhold_reasoning=policy.reasoning == "withhold",
        withhold_logprobs=policy.logprobs == "withhold",
        max_choices=policy.choices,
        max_output_tokens=policy.output_tokens,
        watermark=policy.watermark,
    )


def headers(given: Restrictions) -> dict[str, str]:
    """The instructions as HTTP headers, which name only what is to be done."""
    found: dict[str, str] = {}
    withheld = [
        name
        for name, wanted in (
            ("reasoning", given.withhold_reasoning),
            ("logprobs", given.withhold_logprobs),
        )
        if wanted
    ]
    if withheld:
        found["x-stillwatch-withhold"] = ", ".join(withheld)
    if given.max_choices is not None:
        found["x-stillwatch-max-choices"] = str(given.max_choices)
    if given.max_output_tokens is not None:
        found["x-stillwatch-max-output-tokens"] = str(given.max_output_tokens)
    if given.watermark:
        found["x-stillwatch-watermark"] = "1"
    return found


def restrict_body(body: dict[str, Any], given: Restrictions) -> list[str]:
    """Change an OpenAI- or Anthropic-shaped request so that it asks for no more than it may have.

    Args:
        body: the decoded request, changed in place.
        given: the instructions.

    Returns:
        Names of the parameters that were changed, for the answer's headers: nothing is changed in
        silence.
    """
    changed = []
    if given.withhold_logprobs:
        changed += [name for name in ("logprobs", "top_logprobs") if body.pop(name, None)]
    if given.withhold_reasoning:
        changed += [name for name in REASONING_KEYS if body.pop(name, None)]
    if given.max_choices is not None and _above(body.get("n"), given.max_choices):
        body["n"] = given.max_choices
        changed.append("n")
    if given.max_output_tokens is not None:
        changed += _cap(body, given.max_output_tokens)
    return changed


def _cap(body: dict[str, Any], most: int) -> list[str]:
    names: list[str] = [name for name in ("max_tokens", "max_completion_tokens") if name in body]
    changed: list[str] = []
    for name in names or ["max_tokens"]:
        if body.get(name) is None or _above(body[name], most):
            body[name] = most
            changed.append(name)
    return changed


def _above(value: object, most: int) -> bool:
    return not isinstance(value, int | float) or value > most if value is not None else False
