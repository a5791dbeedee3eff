"""What could not be judged, because the log does not carry what it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stillwatch.schema import Missing

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    import pyarrow as pa

    from stillwatch.campaigns import Detection

_NEEDS = (
    (
        "concealment by network",
        ("client_address",),
        "Whether one stream comes from many networks is not known; concealment rests on the "
        "account file alone.",
    ),
    (
        "answer length",
        ("output_tokens",),
        "The harvest test lacks one of its five features and finds less.",
    ),
    (
        "conversations",
        ("conversation_id",),
        "Conversations are recognised by their text only.",
    ),
    (
        "retries after refusals",
        ("status",),
        "Retries that move to another account after a refusal cannot be told from repeats.",
    ),
    (
        "system prompts",
        ("system_prompt",),
        "Applications that share a system prompt are not recognised by it.",
    ),
)

_DECLARED = (
    ("organization_id", "Declared organisations cannot explain coordination away."),
    ("payment_fingerprint", "A payer in common, in the open or hidden, is not seen."),
    ("email_domain", "A domain in common, in the open or hidden, is not seen."),
)


def missing_signals(
    columns: AbstractSet[str], declared: pa.Table | None, detection: Detection
) -> tuple[Missing, ...]:
    """List what was not judged and what that costs.

    Args:
        columns: optional request columns that carried a value.
        declared: the account file, or None.
        detection: says which habits could not be used in this log.
    """
    found = [
        Missing(signal=signal, columns=needs, text=text)
        for signal, needs, text in _NEEDS
        if not columns & set(needs)
    ]
    if declared is None:
        found.append(
            Missing(
                signal="account traits",
                columns=tuple(name for name, _ in _DECLARED),
                text="There was no account file: what accounts declare, pay with and belong to is "
                "not known, so openness cannot clear a group and hiding rests on addresses.",
            )
        )
    else:
        found += [
            Missing(signal="account traits", columns=(name,), text=text)
            for name, text in _DECLARED
            if declared.column(name).null_count == len(declared)
        ]
    floors = detection.floors
    for habit, floor in (("content", floors.content), ("rhythm", floors.rhythm)):
        if floor is None:
            found.append(
                Missing(
                    signal=f"{habit} individuality",
                    columns=(),
                    text=f"The customers of this log show too little {habit} of their own (or are "
                    "too few) for the lack of it to mean anything.",
                )
            )
    if floors.conversation is None:
        found.append(
            Missing(
                signal="conversation",
                columns=(),
                text="The customers of this log hardly follow up, so the lack of it means nothing.",
            )
        )
    if detection.customers == 0:
        found.append(
            Missing(
                signal="harvest test",
                columns=(),
                text="There are too few whole customers to compare a harvest with; nothing can be "
                "called distillation.",
            )
        )
    return tuple(found)
