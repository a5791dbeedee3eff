"""The whole way from a training set to its verdicts, in bounded memory."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.errors import InputError
from stillwatch.progress import Silent
from stillwatch.provenance.dataset import batches, open_dataset
from stillwatch.provenance.evidence import Judge
from stillwatch.provenance.registry import Register, load, sketch
from stillwatch.provenance.rows import USUAL, Fields, Origin
from stillwatch.provenance.watermarks import open_watermark
from stillwatch.readers.rejections import RejectionFile, RejectionLimit
from stillwatch.sketch import SketchKey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from stillwatch.progress import Progress
    from stillwatch.provenance.dataset import Batch, Dataset
    from stillwatch.provenance.evidence import Judged

    Write = Callable[[Batch, Sequence[str], Sequence[Judged]], None]
    Reject = Callable[[Batch], None]

VERDICTS = pa.schema(
    [
        pa.field("file", pa.string(), nullable=False),
        pa.field("line", pa.int64(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("verdict", pa.string(), nullable=False),
        pa.field("basis", pa.string(), nullable=False),
        pa.field("confidence", pa.float64()),
        pa.field("contradicted", pa.bool_(), nullable=False),
        pa.field("evidence", pa.list_(pa.string()), nullable=False),
    ]
)
"""`rows.parquet`: one row a record, in the dataset's order."""

MOST_SOURCES = 1000
"""Sources that are told apart; what comes later is counted together as `OTHERS`."""

OTHERS = "(other sources)"

MOST_TERMS = 20
"""Terms, and models, of a source that are kept."""


@dataclass(slots=True)
class SourceTally:
    """What was found in one source.

    Attributes:
        name: as the rows name it, else the file's.
        verdicts: rows by verdict.
        bases: rows by verdict and basis, such as ``generated: copy``.
        evidence: rows by everything that was found in them.
        contradicted: rows that were declared as one thing and found to be the other.
        measured, doubt: rows whose verdict was measured, and the sum of the probabilities that it
            is wrong.
        terms, makers: rows by the terms, and by the model, that they name.
    """

    name: str
    verdicts: Counter[str] = field(default_factory=Counter)
    bases: Counter[str] = field(default_factory=Counter)
    evidence: Counter[str] = field(default_factory=Counter)
    contradicted: int = 0
    measured: int = 0
    doubt: float = 0.0
    terms: Counter[str] = field(default_factory=Counter)
    makers: Counter[str] = field(default_factory=Counter)

    @property
    def rows(self) -> int:
        """All of them."""
        return self.verdicts.total()

    def share(self, origin: Origin) -> float:
        """Share of the rows with a verdict."""
        return self.verdicts[origin] / self.rows if self.rows else 0.0

    @property
    def confidence(self) -> float | None:
        """Probability that a measured verdict is right, on average; None where none was."""
        return round(1 - self.doubt / self.measured, 6) if self.measured else None

    def add(self, judged: Judged, terms: str, maker: str) -> None:
        """Count one row."""
        self.verdicts[judged.verdict] += 1
        if judged.basis:
            self.bases[f"{judged.verdict}: {judged.basis}"] += 1
        self.evidence.update(judged.evidence)
        self.contradicted += judged.contradicted
        if judged.confidence is not None:
            self.measured += 1
            self.doubt += 1 - judged.confidence
        for counter, name in ((self.terms, terms), (self.makers, maker)):
            if name and (name in counter or len(counter) < MOST_TERMS):
                counter[name] += 1

    def join(self, other: SourceTally) -> None:
        """Add another source's counts."""
        for name in ("verdicts", "bases", "evidence", "terms", "makers"):
            getattr(self, name).update(getattr(other, name))
        self.contradicted += other.contradicted
        self.measured += other.measured
        self.doubt += other.doubt


@dataclass(frozen=True, slots=True)
class Trace:
    """Where a training set comes from.

    Attributes:
        dataset: what was read.
        sources: most rows first.
        total: all sources together.
        rejected: records that could not be read or have no text.
        registers: name, origin and size of each register that rows were compared with.
        heeded: whether declarations counted.
    """

    dataset: Dataset
    sources: tuple[SourceTally, ...]
    total: SourceTally
    rejected: int
    registers: tuple[tuple[str, Origin, int], ...]
    heeded: bool


def trace(
    path: str | Path,
    *,
    out: Path | None = None,
    registers: Sequence[Path] = (),
    fields: Fields = USUAL,
    heed: bool = True,
    watermarks: Sequence[str] = (),
    key: SketchKey | None = None,
    progress: Progress | None = None,
) -> Trace:
    """Say of every row of a training set who made it, as far as anybody can tell.

    Args:
        path: a file, or a folder with a card.
        out: folder for `rows.parquet` and `rejected.jsonl`; nothing is written without.
        registers: files that `stillwatch provenance register` made.
        fields: where text and source stand, if not in the usual fields.
        heed: whether declarations of the card and of rows count.
        watermarks: tests to put to each row, ``NAME=KEYFILE``.
        key: that the registers were made with; the deployment's unless given.
        progress: shows the steps.

    Raises:
        UsageError: there is no such watermark test.
        InputError: a file cannot be used, or most of the records cannot.
        MissingExtraError: the dataset has a card, and what reads it is not installed.
    """
    progress = progress or Silent()
    dataset = open_dataset(path)
    key = key or (SketchKey.load() if registers else SketchKey(bytes(32)))
    known = [load(register, key) for register in registers]
    marks = dict(open_watermark(given) for given in watermarks)
    judge = Judge(known, key, dataset.card.declared, heed=heed, watermarks=marks)
    tallies: dict[str, SourceTally] = {}
    limit = RejectionLimit()
    with (
        _written(out) as (write, reject),
        progress.step("tracing", dataset.size) as step,
    ):
        for batch, judged in _judged(judge, batches(dataset, fields, step.advance)):
            step.note(batch.file)
            reject(batch)
            limit.add(len(batch.rows) + len(batch.rejections), batch.rejections)
            sources = [row.source or batch.file for row in batch.rows]
            for row, source, one in zip(batch.rows, sources, judged, strict=True):
                _tally(tallies, source).add(one, row.terms, row.maker)
            write(batch, sources, judged)
    limit.finish()
    total = SourceTally("all")
    for tally in tallies.values():
        total.join(tally)
    if not total.rows:
        raise InputError("the dataset holds no row with text", file=str(path))
    ordered = sorted(tallies.values(), key=lambda tally: (-tally.rows, tally.name))
    sizes = tuple((r.name, r.origin, len(r)) for r in known)
    return Trace(dataset, tuple(ordered), total, limit.rejected, sizes, heed)


def _judged(judge: Judge, read: Iterable[Batch]) -> Iterator[tuple[Batch, Sequence[Judged]]]:
    """Judge each batch while the next is read: most of judging runs without Python's lock."""
    with ThreadPoolExecutor(1, "judging") as worker:
        before: tuple[Batch, Future[list[Judged]]] | None = None
        for batch in read:
            begun = batch, worker.submit(judge.judge, batch.rows)
            if before is not None:
                yield before[0], before[1].result()
            before = begun
        if before is not None:
            yield before[0], before[1].result()


def _tally(tallies: dict[str, SourceTally], source: str) -> SourceTally:
    if source not in tallies and len(tallies) >= MOST_SOURCES:
        source = OTHERS
    if source not in tallies:  # a tally is dear to make for every row
        tallies[source] = SourceTally(source)
    return tallies[source]


def register(
    path: str | Path,
    *,
    name: str,
    origin: Origin = Origin.GENERATED,
    fields: Fields = USUAL,
    key: SketchKey | None = None,
    progress: Progress | None = None,
) -> Register:
    """Sketch the texts of a corpus whose origin is known, to find their near-duplicates.

    Args:
        path: a file or folder, as for `trace`.
        name: of the corpus, such as the model's.
        origin: generated, or original.
        fields: where the text stands, if not in the usual fields.
        key: of the sketches; the deployment's unless given.
        progress: shows the steps.

    Raises:
        InputError: a file cannot be used, or most of the records cannot.
    """
    progress = progress or Silent()
    dataset = open_dataset(path)
    key = key or SketchKey.load()
    limit = RejectionLimit()
    parts = []
    with progress.step("sketching", dataset.size) as step:
        for batch in batches(dataset, fields, step.advance):
            limit.add(len(batch.rows) + len(batch.rejections), batch.rejections)
            texts = pa.array([row.text for row in batch.rows], pa.string())
            parts.append(sketch(texts, key))
    limit.finish()
    made = Register.of(name, origin, parts)
    if not len(made):
        raise InputError("no text here is long enough to be recognised again", file=str(path))
    return made


@contextmanager
def _written(out: Path | None) -> Iterator[tuple[Write, Reject]]:
    """Functions that write the verdicts, and the rejections, of a batch into a folder."""
    if out is None:
        yield lambda *_: None, lambda _: None
        return
    with (
        pq.ParquetWriter(out / "rows.parquet", VERDICTS, compression="zstd") as rows,
        RejectionFile(out / "rejected.jsonl") as rejected,
    ):

        def write(batch: Batch, sources: Sequence[str], judged: Sequence[Judged]) -> None:
            rows.write_table(_table(batch, sources, judged))

        yield write, lambda batch: rejected.write(batch.rejections)


def _table(batch: Batch, sources: Sequence[str], judged: Sequence[Judged]) -> pa.Table:
    columns = {
        "file": [batch.file] * len(judged),
        "line": list(batch.lines),
        "source": list(sources),
        "verdict": [one.verdict.value for one in judged],
        "basis": [one.basis for one in judged],
        "confidence": [one.confidence for one in judged],
        "contradicted": [one.contradicted for one in judged],
        "evidence": [list(one.evidence) for one in judged],
    }
    return pa.table(columns, schema=VERDICTS)
