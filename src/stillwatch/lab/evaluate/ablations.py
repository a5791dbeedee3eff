"""Evidence taken away: what a provider may lack, one line each.

Missing evidence may cost power and must never cost an honest customer, so every ablation is scored
with the same false accusations as the full log.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from stillwatch.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

FULL = "none"
"""Name of the ablation that takes nothing away."""

REDACTED = "[redacted]"


@dataclass(frozen=True, slots=True)
class Ablation:
    """What is taken away.

    Attributes:
        title: for people.
        fields: fields left out of the log and of the account file.
        account_file: whether the scan gets the account file.
        text: what stands in the log for each text; None leaves texts as they are.
    """

    title: str
    fields: tuple[str, ...] = ()
    account_file: bool = True
    text: Callable[[str], str] | None = None


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _redact(text: str) -> str:  # noqa: ARG001 - the same for every text
    return REDACTED


ABLATIONS = {
    FULL: Ablation("all evidence"),
    "addresses": Ablation(
        "no addresses and no TLS fingerprints",
        ("client_address", "tls_fingerprint", "signup_address"),
    ),
    "payments": Ablation("no payment data", ("payment_fingerprint",)),
    "accounts": Ablation("no account file", account_file=False),
    "conversations": Ablation("no conversation ids", ("conversation_id",)),
    "tokens": Ablation("no token counts", ("input_tokens", "output_tokens", "reasoning_tokens")),
    "text": Ablation("digests instead of texts: equality is left, words are not", text=_digest),
    "redacted": Ablation("one placeholder for every text", text=_redact),
}
"""By the name that ``--ablations`` takes. A new one is one line."""


def named(names: Iterable[str]) -> tuple[str, ...]:
    """Check names of ablations; the same ones, each once, in the order given.

    Raises:
        UsageError: there is none of that name.
    """
    found = tuple(dict.fromkeys(names))
    for name in found:
        if name not in ABLATIONS:
            raise UsageError(f"no ablation {name!r}; there are {', '.join(ABLATIONS)}")
    return found


def replace_texts(log: Path, text: Callable[[str], str]) -> None:
    """Write a canonical JSONL log again with every prompt, turn and system prompt replaced."""
    decode, encode = msgspec.json.Decoder(dict[str, Any]).decode, msgspec.json.Encoder().encode
    changed = log.with_suffix(".changed")
    with log.open("rb") as source, changed.open("wb") as target:
        for line in source:
            row = decode(line)
            for field in ("prompt", "system_prompt"):
                if row.get(field):
                    row[field] = text(row[field])
            for message in row.get("messages") or ():
                message["content"] = text(message["content"])
            target.write(encode(row) + b"\n")
    changed.replace(log)
