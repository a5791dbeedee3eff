"""Events as the guard takes them, one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from stillwatch.guard import Ask, Settlement
from stillwatch.guard.tracing import traces_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from stillwatch.guard import Decision, Traces

_COLUMNS = (
    "request_id", "account_id", "api_key_id", "model", "input_tokens", "output_tokens",
    "max_tokens", "status",
)  # fmt: skip


class Turn(NamedTuple):
    """One request of the log: what is asked, what it looks like, what it came to.

    Attributes:
        micros: event time in microseconds.
        ask, traces: for the decision.
        used: tokens of input and output.
        status: as logged; 0 where unknown.
    """

    micros: int
    ask: Ask
    traces: Traces
    used: int
    status: int

    def settlement(self, decision: Decision) -> Settlement:
        """What is settled after the answer."""
        ask = self.ask
        return Settlement(
            account_id=ask.account_id,
            at=ask.at,
            api_key_id=ask.api_key_id,
            reserved=decision.reserved,
            used=self.used,
            status=self.status,
        )


def turns(batch: pa.RecordBatch) -> Iterator[Turn]:
    """The rows of an `events.EVENTS` batch."""
    micros = batch.column("timestamp").cast("int64").to_pylist()
    columns = zip(*(batch.column(name).to_pylist() for name in _COLUMNS), strict=True)
    for at, traces, values in zip(micros, traces_of(batch), columns, strict=True):
        request, account, key, model, sent, answered, most, status = values
        ask = Ask(
            account_id=account,
            request_id=request,
            at=at / 1e6,
            api_key_id=key,
            model=model,
            tokens=(sent or 0) + (most or 0),
        )
        yield Turn(at, ask, traces, (sent or 0) + (answered or 0), status or 0)
