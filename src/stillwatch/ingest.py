"""From log to store: read, sketch, keep. Interrupted, it goes on where the journal ends."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from msgspec.structs import replace

from stillwatch.errand import REJECTED, errands
from stillwatch.errors import InputError
from stillwatch.readers import RejectionFile, RejectionLimit
from stillwatch.taking import parts_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from stillwatch.errand import Brought, Errand
    from stillwatch.readers import Batch, Log, Source
    from stillwatch.sealed import Taken
    from stillwatch.sketch import Sketcher
    from stillwatch.store import SketchStore
    from stillwatch.taking import Part

    Elsewhere = Callable[[Iterable[Errand]], Iterator[tuple[Errand, Brought]]]
    """Has errands run on other machines, and gives what came of them in order."""


def ingest(
    log: Log,
    store: SketchStore,
    sketcher: Sketcher,
    rejected: Path,
    *,
    append: bool = False,
    elsewhere: Elsewhere | None = None,
) -> None:
    """Take a log into a store, from where an earlier run of the same log was interrupted.

    A file is known by its content, whatever its name. What the store holds of files that the log
    has no longer is a reason to start anew, unless `append`; so is standard input, which cannot be
    read again. Of the files that the log shares with an earlier run only the rest is read.

    Args:
        log: what to read.
        store: where sketches go; what it holds of other logs is dropped unless `append`.
        sketcher: of the store's key.
        rejected: the JSON Lines file of rejected records.
        append: add this log to what the store already holds.
        elsewhere: has errands run on other machines, which see the log and the store under the same
            paths; this machine reads the log itself where not given.

    Raises:
        InputError: a file cannot be read or written, or more than half of the records are rejected.
    """
    identities = _identities(log.sources)
    journal = store.taken()
    if not append and not _resumable(journal, identities.values(), rejected):
        store.clear()
        journal = []
    own = [entry for entry in journal if _names_any(entry, identities.values())]
    limit = RejectionLimit()
    limit.records = sum(entry.requests + entry.rejected for entry in own)
    limit.rejected = sum(entry.rejected for entry in own)
    _cut(rejected, journal[-1].rejected_bytes if journal else 0)
    taking = _Taking(store, rejected, limit, len(journal))
    after = _positions(own, identities)
    if elsewhere is None:
        taking.read(log.batches(after), sketcher, identities)
    else:
        taking.gather(log, elsewhere(errands(log, after, identities, store.spill, sketcher.key)))
    limit.finish()


@dataclass
class _Taking:
    """A log on its way into a store; the rejections of a part are on the disk before it counts."""

    store: SketchStore
    rejected: Path
    limit: RejectionLimit
    number: int

    def read(
        self, batches: Iterator[Batch], sketcher: Sketcher, identities: Mapping[str, str | None]
    ) -> None:
        """Read and sketch here: a part is written while the next is gathered."""
        with RejectionFile(self.rejected, append=True) as rejections:

            def reject(batch: Batch) -> None:
                with _writing(self.rejected):
                    rejections.write(batch.rejections)
                self.limit.add(batch.records, batch.rejections)

            def numbered() -> Iterator[tuple[Part, Taken]]:
                for part in parts_of(batches, sketcher, identities, reject):
                    with _writing(self.rejected):
                        length = _sync(self.rejected)
                    yield part, part.taken(self._next(), length)

            with ThreadPoolExecutor(1) as writer:
                writing: Future[None] | None = None
                for part, taken in numbered():
                    # the journal says how far a file was read: no part before the one before it
                    if writing is not None:
                        writing.result()
                    writing = writer.submit(self._add, part, taken)
                if writing is not None:
                    writing.result()

    def gather(self, log: Log, done: Iterable[tuple[Errand, Brought]]) -> None:
        """Take in what other machines read and sketched, in order."""
        total = sum(source.size or 0 for source in log.sources)
        with log.progress.step("reading elsewhere", total) as step:
            for errand, brought in done:
                if brought.failed or brought.limit is None:
                    raise InputError(f"a worker could not go on: {brought.failed}")
                with _writing(self.rejected):
                    before = _append(self.rejected, brought.folder / REJECTED)
                    _sync(self.rejected)
                for part in brought.parts:
                    length = before + part.rejected_bytes
                    entry = replace(part, part=self._next(), rejected_bytes=length)
                    self.store.adopt(brought.folder, part.part, entry)
                self.limit.merge(brought.limit)
                step.advance(errand.size)

    def _add(self, part: Part, taken: Taken) -> None:
        self.store.add(part.sketches, part.names, taken)

    def _next(self) -> str:
        self.number += 1
        return f"{self.number - 1:06d}"


def _identities(sources: Sequence[Source]) -> dict[str, str | None]:
    """For the name of each source, what its content is called; None for a pipe.

    The second of two files with the same content is read as well: its requests are duplicates, and
    its lines may be rejected under its own name.
    """
    seen: Counter[str] = Counter()
    identities: dict[str, str | None] = {}
    for source in sources:
        fingerprint = source.fingerprint()
        if fingerprint is not None:
            seen[fingerprint] += 1
            if seen[fingerprint] > 1:
                fingerprint = f"{fingerprint}#{seen[fingerprint]}"
        identities[source.name] = fingerprint
    return identities


def _resumable(
    journal: Sequence[Taken], identities: Collection[str | None], rejected: Path
) -> bool:
    """Whether all that was taken in is of this log, and its rejections are still there."""
    known = {position.source for entry in journal for position in entry.positions}
    size = rejected.stat().st_size if rejected.exists() else 0
    return known <= set(identities) and not (journal and size < journal[-1].rejected_bytes)


def _names_any(entry: Taken, identities: Collection[str | None]) -> bool:
    return any(position.source in identities for position in entry.positions)


def _positions(
    journal: Sequence[Taken], identities: Mapping[str, str | None]
) -> dict[str, int | None]:
    """Where to go on in each source, as `Log.batches` takes it."""
    last = {position.source: position for entry in journal for position in entry.positions}
    return {
        name: None if last[identity].complete else last[identity].records
        for name, identity in identities.items()
        if identity in last
    }


def _append(rejected: Path, more: Path) -> int:
    """Append another rejection file; return how long the first was."""
    with rejected.open("ab") as file, more.open("rb") as added:
        length = file.tell()
        shutil.copyfileobj(added, file)
    return length


def _cut(rejected: Path, size: int) -> None:
    """Drop the rejections that the journal does not count."""
    with _writing(rejected):
        rejected.touch()
        if rejected.stat().st_size > size:
            os.truncate(rejected, size)


def _sync(path: Path) -> int:
    """Have a file on the disk; return its size."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        return os.fstat(file.fileno()).st_size


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(f"this file cannot be written: {error.strerror}", file=str(path)) from None
