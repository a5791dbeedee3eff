"""Some files of a log, to be read and sketched on another machine that sees the same folders."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from stillwatch._version import __version__
from stillwatch.errors import InputError, StillwatchError
from stillwatch.readers import Log, RejectionFile, RejectionLimit, Source, reader_named
from stillwatch.sketch import Sketcher, SketchKey
from stillwatch.store import plain_errors, write_part
from stillwatch.taking import parts_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from stillwatch.readers import Batch
    from stillwatch.sealed import Taken

ERRAND_BYTES = 256 << 20
"""Bytes of files that go together: enough work that starting it is nothing, and little enough that
a kill loses little."""

REJECTED = "rejected.jsonl"


@dataclass(frozen=True)
class File:
    """A file of a log.

    Attributes:
        path: where it lies, for every machine.
        name: as the user gave it.
        size: bytes as stored.
        reader: name of its format.
        start: where to go on in it, as `Log.batches` takes it.
        identity: what its content is called.
    """

    path: str
    name: str
    size: int
    reader: str
    start: int
    identity: str


@dataclass(frozen=True)
class Errand:
    """What another machine is told.

    Attributes:
        version: of Stillwatch, which must be the same there.
        folder: where to write, for every machine.
        key: of the sketches.
        files: of the log, in order.
    """

    version: str
    folder: str
    key: SketchKey
    files: tuple[File, ...]

    @property
    def size(self) -> int:
        """Bytes of its files."""
        return sum(file.size for file in self.files)


@dataclass(frozen=True)
class Brought:
    """What came of an errand.

    Attributes:
        folder: where its parts lie, as `write_part` writes them, and its rejections (`REJECTED`).
        parts: what the journal is to say of each, where lengths are those of its own `REJECTED`.
        limit: its records and rejections, counted.
        failed: what went wrong, for people; empty where all went well.
    """

    folder: Path
    parts: tuple[Taken, ...] = ()
    limit: RejectionLimit | None = None
    failed: str = ""


def errands(
    log: Log,
    after: Mapping[str, int | None],
    identities: Mapping[str, str | None],
    folder: Path,
    key: SketchKey,
) -> Iterator[Errand]:
    """The files of a log that are not read to their end, `ERRAND_BYTES` at a time, in order.

    Args:
        log: of files, which other machines can read as well.
        after: where to go on, as `Log.batches` takes it.
        identities: for a file's name, what its content is called.
        folder: where to write, which other machines see as well.
        key: of the sketches.

    Raises:
        InputError: a source is a pipe.
    """
    left: list[File] = []
    for source, reader in log.formats:
        start, identity = after.get(source.name, 0), identities[source.name]
        if source.path is None or source.size is None or identity is None:
            raise InputError(
                "only this machine can read a pipe; save it to a file that the workers see",
                file=source.name,
            )
        if start is not None:
            path = str(source.path.absolute())
            left.append(File(path, source.name, source.size, reader.name, start, identity))
    for files in _together(left):
        yield Errand(__version__, str(folder.absolute()), key, files)


def _together(files: Iterable[File]) -> Iterator[tuple[File, ...]]:
    some: list[File] = []
    size = 0
    for file in files:
        some.append(file)
        size += file.size
        if size >= ERRAND_BYTES:
            yield tuple(some)
            some, size = [], 0
    if some:
        yield tuple(some)


def run(errand: Errand) -> Brought:
    """Read, sketch and write, on the other machine; what went wrong there is told, not raised."""
    folder = Path(errand.folder, uuid4().hex)
    try:
        if errand.version != __version__:
            raise InputError(f"Stillwatch is {__version__} there, and {errand.version} here")
        if not folder.parent.is_dir():
            raise InputError(
                "it does not see this folder; workers have to reach it under the same path",
                file=errand.folder,
            )
        with plain_errors(folder):
            folder.mkdir()
            return _bring(errand, folder)
    except StillwatchError as error:
        return Brought(folder, failed=str(error))


def _bring(errand: Errand, folder: Path) -> Brought:
    names = {file.path: file.name for file in errand.files}
    log = Log(tuple((Source(f.path, f.size), reader_named(f.reader)) for f in errand.files))
    limit = RejectionLimit()
    taken = []
    with RejectionFile(folder / REJECTED) as rejected:

        def reject(batch: Batch) -> None:
            named = [replace(one, file=names[one.file]) for one in batch.rejections]
            rejected.write(named)
            limit.count(batch.records, named)

        parts = parts_of(
            log.batches({file.path: file.start for file in errand.files}),
            Sketcher(errand.key),
            {file.path: file.identity for file in errand.files},
            reject,
            workers=1,  # a worker's cores are other errands'
        )
        for number, part in enumerate(parts):
            name = f"{number:06d}"
            write_part(folder, name, part.sketches, part.names)
            taken.append(part.taken(name, (folder / REJECTED).stat().st_size))
    return Brought(folder, tuple(taken), limit)
