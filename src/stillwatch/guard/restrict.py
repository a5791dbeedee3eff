"""What `restrict` asks of a gateway: the policy's words as instructions, and those as headers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stillwatch.guard.decision import Restrictions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stillwatch.guard.policy import Restrict

REASONING_KEYS = ("reasoning", "reasoning_effort", "thinking")
"""Parameters by which OpenAI- and Anthropic-shaped requests ask for raw reasoning."""

LOGPROB_KEYS = ("logprobs", "top_logprobs", "prompt_logprobs", "include")
"""Those by which they ask for log-probabilities: vLLM has some for the prompt, and OpenAI's
Responses name them in `include`."""

LENGTH_KEYS = ("max_completion_tokens", "max_tokens", "max_output_tokens")
"""Those that bound the answer's length."""

WATERMARK_HEADER = "x-stillwatch-watermark"
"""Says ``1`` to what serves the model: mark this answer."""

WATERMARK_ARGUMENT = "stillwatch_mark"
"""The same, 1, among the extra arguments that vLLM hands to logits processors."""


def restrictions(policy: Restrict) -> Restrictions:
    """The instructions that go with a restricted request."""
    return Restrictions(
        withhold_reasoning=policy.reasoning == "withhold",
        withhold_logprobs=policy.logprobs == "withhold",
        summarise_reasoning=policy.reasoning == "summarise",
        max_choices=policy.choices or None,
        max_output_tokens=policy.output_tokens or None,
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
    if given.summarise_reasoning:
        found["x-stillwatch-summarise"] = "reasoning"
    if given.watermark:
        found[WATERMARK_HEADER] = "1"
    return found


def wants_mark(received: Mapping[str, str]) -> bool:
    """Whether the headers that reached what serves the model ask it to mark the answer.

    Args:
        received: by name in small letters.
    """
    return received.get(WATERMARK_HEADER) == "1"


def unset(given: Restrictions) -> list[str]:
    """Parameters of OpenAI- and Anthropic-shaped requests that a restricted one goes without."""
    names: list[str] = []
    if given.withhold_logprobs:
        names += LOGPROB_KEYS
    if given.withhold_reasoning:
        names += REASONING_KEYS
    return names


def cap(given: Restrictions) -> dict[str, int]:
    """Most that such a parameter may ask for; `length_key` is set where no length is asked for."""
    most: dict[str, int] = {}
    if given.max_choices is not None:
        most["n"] = given.max_choices
    if given.max_output_tokens is not None:
        most |= dict.fromkeys(LENGTH_KEYS, given.max_output_tokens)
    return most


def length_key(body: Mapping[str, Any]) -> str:
    """The parameter that bounds a request's answer, where the request itself names none."""
    return "max_output_tokens" if "input" in body else "max_tokens"


def restrict_body(body: dict[str, Any], given: Restrictions) -> list[str]:
    """Change an OpenAI- or Anthropic-shaped request so that it asks for no more than it may have.

    Args:
        body: the decoded request, changed in place.
        given: the instructions.

    Returns:
        Names of the parameters that were changed, for the answer's headers: nothing is changed in
        silence.
    """
    changed = [name for name in unset(given) if body.pop(name, None) is not None]
    bounded = any(body.get(name) is not None for name in LENGTH_KEYS)
    set_anyway = None if bounded else length_key(body)
    for name, most in cap(given).items():
        asked = body.get(name)
        if asked is None and name != set_anyway:
            continue
        if not isinstance(asked, int) or asked > most:
            body[name] = most
            changed.append(name)
    return changed
