"""The loop of a replay: decide, settle, note down, and scan when it is time."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Protocol

import pyarrow as pa

from stillwatch.replay.events import BATCH, EVENTS
from stillwatch.replay.tally import Tally
from stillwatch.replay.turns import Turn, turns

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow.parquet as pq

    from stillwatch.guard import Decision, Guard
    from stillwatch.progress import Progress
    from stillwatch.replay.decisions import DecisionFile
    from stillwatch.replay.rescans import Rescans
    from stillwatch.sketch import Sketcher


class Reaction(Protocol):
    """Somebody who answers to decisions while the log is played."""

    def before(self, turn: Turn) -> Turn:
        """The request as it is sent now, perhaps by another account."""

    def after(self, turn: Turn, decision: Decision) -> Turn | None:
        """Hear of a decision; what is sent later because of it, if anything is."""

    def opened(self) -> pa.Table | None:
        """Accounts (`schema.ACCOUNTS`) opened since the last call; None for none."""


class Play:
    """Plays ordered events through a guard.

    Args:
        guard: decides.
        rescans: scans what has been played; None where everything is known from the beginning.
        decisions: where decisions are written.
        sketcher: names the accounts that a reaction opens.
        reaction: who answers to decisions; None for a log that is as it was.
    """

    def __init__(
        self,
        guard: Guard,
        rescans: Rescans | None,
        decisions: DecisionFile,
        sketcher: Sketcher,
        reaction: Reaction | None = None,
    ) -> None:
        self._guard, self._rescans, self._decisions = guard, rescans, decisions
        self._sketcher, self._reaction = sketcher, reaction
        self._later: list[tuple[int, int, Turn, pa.Table]] = []
        self._sent = 0
        self.tally = Tally()

    def run(self, played: pq.ParquetFile, progress: Progress) -> Tally:
        """Play everything."""
        with progress.step("replaying", played.metadata.num_rows) as step:
            for batch in played.iter_batches(BATCH):
                self._batch(pa.Table.from_batches([batch]))
                step.advance(batch.num_rows)
            self._again(None)
        return self.tally

    def _batch(self, rows: pa.Table) -> None:
        senders: list[str] = []
        begin = 0
        for number, logged in enumerate(turns(rows)):
            moment = self._rescans.schedule.reached(logged.micros) if self._rescans else None
            if self._rescans and moment is not None:
                self._keep(rows.slice(begin, number - begin), senders)
                begin, senders = number, []
                self._scan(self._rescans, moment)
            self._again(logged.micros)
            turn = self._reaction.before(logged) if self._reaction else logged
            senders.append(turn.ask.account_id)
            self._send(turn, rows.slice(number, 1) if self._reaction else rows)
        self._keep(rows.slice(begin), senders)

    def _again(self, until: int | None) -> None:
        """Send what a reaction has sent again up to a moment; all of it where none is given."""
        while self._later and (until is None or self._later[0][0] <= until):
            _, _, turn, row = heapq.heappop(self._later)
            self._send(turn, row)
            self._keep(row, [turn.ask.account_id])

    def _send(self, turn: Turn, row: pa.Table) -> None:
        decision = self._guard.decide(turn.ask, turn.traces)
        if decision.passes:
            self._guard.settle(turn.settlement(decision), turn.traces)
        self._decisions.add(turn, decision)
        self.tally.add(turn.ask.account_id, decision)
        if self._reaction is not None:
            again = self._reaction.after(turn, decision)
            if again is not None:
                self._sent += 1
                heapq.heappush(
                    self._later, (again.micros, self._sent, again, self._row(row, again))
                )

    def _row(self, row: pa.Table, turn: Turn) -> pa.Table:
        """The sketch of a request that is sent again: its own name, time and account."""
        names = pa.array([turn.ask.request_id])
        changed = {
            "request_id": names,
            "request_key": self._sketcher.request_keys(names),
            "timestamp": pa.array([turn.micros], pa.int64()).cast(EVENTS.field("timestamp").type),
        }
        for name, values in changed.items():
            row = row.set_column(EVENTS.get_field_index(name), EVENTS.field(name), values)
        return row

    def _keep(self, rows: pa.Table, senders: Sequence[str]) -> None:
        if self._rescans is None:
            return
        if self._reaction is not None and len(rows):
            ids = pa.array(senders, pa.string())
            for name, values in (
                ("account_id", ids),
                ("account", self._sketcher.account_keys(ids)),
            ):
                rows = rows.set_column(EVENTS.get_field_index(name), EVENTS.field(name), values)
        self._rescans.take(rows)

    def _scan(self, rescans: Rescans, moment: int) -> None:
        opened = self._reaction.opened() if self._reaction is not None else None
        if opened is not None:
            rescans.declare(opened)
        rescans.at(moment)
