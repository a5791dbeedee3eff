"""What a log format is: the interface, and the part that all JSON formats share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from stillwatch.readers.framing import BOM, MAX_RECORD, Block, blocks, records, shape
from stillwatch.readers.rejections import ARCHIVE, RECORD, Rejection
from stillwatch.readers.rows import RecordError, explain, to_batch
from stillwatch.readers.values import repair

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import pyarrow as pa

    from stillwatch.readers.sources import Stream


@dataclass(frozen=True, slots=True)
class Batch:
    """Some requests that follow one another in one source.

    Attributes:
        requests: in `schema.REQUESTS`.
        rejections: the records of this batch that cannot be used.
        source: the source's name.
        start: how many records of the source lie before this batch.
        stop: how many lie before the next one; reading can go on from here.
        last: whether the source ends with this batch.
        skipped: entries that are well formed and no model request (an embedding, a database
            call's span); they are neither requests nor rejections.
    """

    requests: pa.RecordBatch
    rejections: list[Rejection]
    source: str
    start: int
    stop: int
    last: bool
    skipped: int = 0

    @property
    def records(self) -> int:
        """Requests and rejections together: what `RejectionLimit` counts."""
        accepted: int = self.requests.num_rows
        return accepted + len(self.rejections)


class Reader(Protocol):
    """One log format.

    Attributes:
        name: what ``--format`` calls it.
        title: what people call it.
        columns: the optional columns of `schema.REQUESTS` that its logs can carry.
    """

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def title(self) -> str: ...  # noqa: D102
    @property
    def columns(self) -> frozenset[str]: ...  # noqa: D102

    def sniff(self, head: bytes, name: str) -> bool:
        """Whether a file that begins like this is in this format.

        Args:
            head: its first bytes, decompressed.
            name: its name.
        """

    def read(self, stream: Stream, start: int = 0) -> Iterator[Batch]:
        """Read a source from a position on; the last batch says so.

        Args:
            stream: from its beginning.
            start: a `Batch.stop` of an earlier reading, or 0.
        """


class Skipped:
    """Stands for an entry that is no model request; `SKIPPED` is the only one."""


SKIPPED = Skipped()

Outcome = Any
"""A row (anything with the attributes of `rows.Row`), `SKIPPED`, or the error that stopped it."""


ERRORS = (RecordError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What a broken record may raise while it is read."""


class Gathering:
    """Collects what becomes of the records of one batch."""

    def __init__(self, source: str) -> None:
        self._source = source
        self.rows: list[Any] = []
        self.lines: list[int] = []
        self.rejections: list[Rejection] = []
        self.skipped = 0

    def add(self, line: int, outcome: Outcome) -> None:
        """Take one outcome of the record on `line`."""
        if isinstance(outcome, Exception):
            self.reject(line, *explain(outcome))
        elif outcome is SKIPPED:
            self.skipped += 1
        else:
            self.rows.append(outcome)
            self.lines.append(line)

    def take(self, line: int, outcomes: Iterable[Outcome]) -> None:
        """Take all outcomes of the record on `line`; what they raise is the last one."""
        try:
            for outcome in outcomes:
                self.add(line, outcome)
        except ERRORS as error:
            self.add(line, error)

    def reject(self, line: int, field: str, reason: str) -> None:
        """Set the record on `line` aside."""
        self.rejections.append(Rejection(self._source, line, field, reason))

    def batch(self, stream: Stream, start: int, stop: int, *, last: bool) -> Batch:
        """Close the batch; the last one also reports that the source broke off, if it did."""
        requests, defects = to_batch(self.rows)
        for defect in defects:
            self.reject(self.lines[defect.row], defect.field, defect.reason)
        self.rejections.sort(key=lambda rejection: rejection.line)
        if last and stream.broken:
            line = max([0, *self.lines[-1:], *(r.line for r in self.rejections[-1:])])
            self.reject(line + 1, ARCHIVE, stream.broken)
        return Batch(requests, self.rejections, self._source, start, stop, last, self.skipped)


_MALFORMED = (msgspec.DecodeError, UnicodeDecodeError)
_LIST = msgspec.json.Decoder(list[msgspec.Raw])


@dataclass(frozen=True, slots=True)
class JsonReader:
    """A format made of JSON records.

    Attributes:
        recognise: says from the keys at the head (see `framing.shape`) whether it is this format.
        parse: makes one record into outcomes; may raise what msgspec raises.
        bulk: decodes many lines at once, for speed; may raise, and then `parse` is used.
    """

    name: str
    title: str
    columns: frozenset[str]
    recognise: Callable[[frozenset[str]], bool]
    parse: Callable[[bytes], Iterable[Outcome]]
    bulk: Callable[[bytes], list[Any]] | None = None

    def sniff(self, head: bytes, name: str) -> bool:  # noqa: ARG002
        """Recognise the format by its keys."""
        return looks_like_json(head) and self.recognise(shape(head))

    def read(self, stream: Stream, start: int = 0) -> Iterator[Batch]:
        """Read record by record; a broken one is rejected and the next one is tried."""
        for block in blocks(records(stream), start):
            gathering = Gathering(stream.source.name)
            if not self._read_in_bulk(block, gathering):
                for line, record in zip(block.lines, block.records, strict=True):
                    self._read_one(line, record, gathering)
            stop = block.start + len(block.records)
            yield gathering.batch(stream, block.start, stop, last=block.last)

    def _read_in_bulk(self, block: Block, gathering: Gathering) -> bool:
        if self.bulk is None or None in block.records:
            return False
        try:
            rows = self.bulk(b"\n".join(block.records))  # type: ignore[arg-type]
        except ERRORS:
            return False
        if len(rows) != len(block.records):  # blank lines: line numbers would be off
            return False
        gathering.rows, gathering.lines = rows, list(block.lines)
        return True

    def _read_one(self, line: int, record: bytes | None, gathering: Gathering) -> None:
        if record is None:
            gathering.reject(line, RECORD, f"is longer than {MAX_RECORD >> 20} MiB")
        elif (record := record.strip()) and not self._try(line, record, gathering):
            # Text that is not quite UTF-8 must not cost the record: clients choose it.
            self._try(line, repair(record), gathering, final=True)

    def _try(self, line: int, record: bytes, gathering: Gathering, *, final: bool = False) -> bool:
        outcomes: list[Outcome] = []
        try:
            members = _LIST.decode(record) if record[:1] == b"[" else [record]
        except ERRORS as error:
            members, outcomes = [], [error]
        for member in members:
            try:
                outcomes += self.parse(bytes(member))
            except ERRORS as error:
                outcomes.append(error)
        if not final and any(isinstance(outcome, _MALFORMED) for outcome in outcomes):
            return False
        for outcome in outcomes:
            gathering.add(line, outcome)
        return True


def looks_like_json(head: bytes) -> bool:
    """Whether text begins as a JSON object or list does."""
    return head.removeprefix(BOM).lstrip()[:1] in (b"{", b"[")
