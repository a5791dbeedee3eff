"""A log: its sources in a fixed order, each with the format it is in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from stillwatch.errors import InputError, UsageError
from stillwatch.progress import Silent
from stillwatch.readers.registry import READERS
from stillwatch.readers.sources import find, open_stream

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping, Sequence

    from stillwatch.progress import Progress
    from stillwatch.readers.reader import Batch, Reader
    from stillwatch.readers.sources import Source, Stream


@dataclass(slots=True)
class Log:
    """Requests from many sources; iterate it for `Batch` after `Batch`.

    Sources come in the order they were named, folders and globs sorted, and a source's batches
    come in its own order, so the same log always gives the same batches.

    Attributes:
        formats: each source with the reader that takes it.
        progress: where reading is shown.
    """

    formats: tuple[tuple[Source, Reader], ...]
    progress: Progress = field(default_factory=Silent)
    _pipes: dict[str, Stream] = field(default_factory=dict)

    @property
    def sources(self) -> tuple[Source, ...]:
        """The files that are read, in order."""
        return tuple(source for source, _ in self.formats)

    @property
    def columns(self) -> frozenset[str]:
        """The optional columns of `schema.REQUESTS` that at least one source can carry."""
        return frozenset().union(*(reader.columns for _, reader in self.formats))

    def __iter__(self) -> Iterator[Batch]:
        """Read everything."""
        return self.batches()

    def batches(self, after: Mapping[str, int | None] | None = None) -> Iterator[Batch]:
        """Read on from where an earlier reading was stopped.

        Args:
            after: for a source's name the `Batch.stop` to go on from, or None where it was read to
                its end. Sources that are not named are read from their beginning. The caller
                checks with `Source.fingerprint` that the file is still the same.

        Raises:
            InputError: a file cannot be read, or turns out to be something else.
            UsageError: standard input is read a second time.
        """
        after = after or {}
        sizes = [source.size for source, _ in self.formats]
        total = None if None in sizes else float(sum(size or 0 for size in sizes))
        with self.progress.step("reading", total) as step:
            for source, reader in self.formats:
                start = after.get(source.name, 0)
                if start is None:
                    step.advance(source.size or 0)
                    continue
                step.note(source.name)
                stream = self._open(source)
                stream.watch(step.advance)
                try:
                    yield from reader.read(stream, start)
                finally:
                    stream.close()

    def _open(self, source: Source) -> Stream:
        if source.rereadable:
            return open_stream(source)
        if source.name not in self._pipes:
            raise UsageError(f"{source.name}: a pipe can be read only once; save it to a file")
        return self._pipes.pop(source.name)


def open_log(
    sources: Sequence[str | os.PathLike[str]],
    *,
    format: str | None = None,  # noqa: A002
    progress: Progress | None = None,
) -> Log:
    """Find the files of a log and the format of each.

    Args:
        sources: files, folders, globs, or ``-`` for standard input; ``.gz`` and ``.zst`` are
            unpacked on the way.
        format: the format's name; recognised by content where it is not given.
        progress: where reading is shown.

    Raises:
        InputError: nothing is there, it cannot be read, is empty, or is in no known format.
        UsageError: there is no format of that name.
    """
    named = None if format is None else reader_named(format)
    log = Log((), progress or Silent())
    formats: list[tuple[Source, Reader]] = []
    found = find(sources)
    for source in found:
        stream = open_stream(source)
        try:
            head = stream.head()
            if not head.strip() and not (stream.broken and named):
                _no_content(stream, alone=len(found) == 1)
                continue
            formats.append((source, named or _recognise(stream)))
            if not source.rereadable:
                log._pipes[source.name] = stream
        finally:
            if source.rereadable:
                stream.close()
    if not formats:
        raise InputError(f"all {len(found)} files of this log are empty; check where it is written")
    log.formats = tuple(formats)
    return log


def reader_named(name: str) -> Reader:
    """The reader that ``--format`` calls so.

    Raises:
        UsageError: there is none.
    """
    for reader in READERS:
        if reader.name == name:
            return reader
    known = ", ".join(reader.name for reader in READERS)
    raise UsageError(f"there is no format {name!r}; the formats are {known}")


def _no_content(stream: Stream, *, alone: bool) -> None:
    if stream.broken:
        raise InputError(stream.broken, file=stream.source.name)
    if alone:
        raise InputError(
            "this file is empty; check where the log is written", file=stream.source.name
        )


def _recognise(stream: Stream) -> Reader:
    head, name = stream.head(), stream.source.name
    for reader in READERS:
        if reader.sniff(head, name):
            return reader
    if stream.broken:
        raise InputError(stream.broken, file=name)
    known = ", ".join(reader.name for reader in READERS)
    kind = "holds binary data in no format" if b"\0" in head[:4096] else "is in no format"
    raise InputError(
        f"this file {kind} that Stillwatch recognises; if it is one of {known}, say so with "
        "--format, otherwise leave it out or turn it into Stillwatch rows (docs/formats.md)",
        file=name,
    )
