"""From an ask with text to what live detection sees of it; the text is forgotten at once."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from stillwatch.guard.ask import Traces
from stillwatch.guard.bounded import Bounded
from stillwatch.readers.messages import split, text_of
from stillwatch.readers.rows import Row, to_batch
from stillwatch.schema import FAMILY_KEYS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stillwatch.guard.ask import Ask
    from stillwatch.sketch import Sketcher

ASKED_SCORE = 0.6
"""Elicitation or grading score from which a request asks for it, as `signals.families` has it."""

PAYMENT_TRAIT = "payment_fingerprint"
"""The trait under which payments are keyed, see `Sketcher.trait_keys`."""

PAYERS = 100_000
"""Payers whose key is remembered."""


class Tracer:
    """Sketches single requests under the deployment's key.

    Args:
        sketcher: of the key.
    """

    def __init__(self, sketcher: Sketcher) -> None:
        self._sketcher = sketcher
        self._payers: Bounded[str, int] = Bounded(PAYERS)

    def payer_key(self, payer: str) -> int:
        """A payment fingerprint as `KnownCampaign.payments` has it."""
        key = self._payers.get(payer)
        if key is None:
            keys = self._sketcher.trait_keys(pa.array([payer]), PAYMENT_TRAIT)
            key = int(keys[0].as_py())
            self._payers.put(payer, key)
        return key

    def traces(self, ask: Ask) -> Traces | None:
        """The sketch of an ask; None where it holds no text."""
        return self.many([ask])[0]

    def many(self, asks: Sequence[Ask]) -> list[Traces | None]:
        """The sketch of each ask, as `traces`; many cost hardly more than one."""
        wanted = [number for number, ask in enumerate(asks) if ask.prompt or ask.messages]
        found: list[Traces | None] = [None] * len(asks)
        if not wanted:
            return found
        batch, defects = to_batch([_row(asks[number]) for number in wanted])
        unusable = {defect.row for defect in defects}
        kept = [number for place, number in enumerate(wanted) if place not in unusable]
        if kept:
            sketched = traces_of(self._sketcher.sketch(batch).sketches)
            for number, traces in zip(kept, sketched, strict=True):
                found[number] = traces
        return found


def _row(ask: Ask) -> Row:
    chat = split(ask.messages, ask.system_prompt) if ask.messages else None
    return Row(
        request_id=ask.request_id or "-",
        timestamp=ask.at or time.time(),  # a row needs one; no trace is made of it
        account_id=ask.account_id,
        model=ask.model or "-",
        prompt=(chat.prompt if chat else None) or ask.prompt,
        earlier_turns=chat.earlier_turns if chat else None,
        context=chat.context if chat else None,
        turns=chat.turns if chat else 1,
        system_prompt=chat.system_prompt if chat else text_of(ask.system_prompt) or None,
        client_address=ask.client_address,
        user_agent=ask.user_agent,
    )


_COLUMNS = (
    "body_key", "turns_key", "prefix_key", "turns", "elicitation", "grading", "network_key",
    "client_key",
)  # fmt: skip


def traces_of(sketches: pa.RecordBatch | pa.Table) -> list[Traces]:
    """What live detection sees of each row of sketches (`schema.SKETCHES`)."""
    families = zip(*(sketches.column(name).to_pylist() for name in FAMILY_KEYS), strict=True)
    columns: Any = zip(*(sketches.column(name).to_pylist() for name in _COLUMNS), strict=True)
    return [
        Traces(
            tuple([(code, key) for code, key in enumerate(keys) if key is not None]),
            body,
            said,
            prefix,
            depth,
            max(elicits, grades) >= ASKED_SCORE,
            network,
            client,
        )
        for keys, (body, said, prefix, depth, elicits, grades, network, client) in zip(
            families, columns, strict=True
        )
    ]
