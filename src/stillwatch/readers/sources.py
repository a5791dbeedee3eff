"""Where logs lie: files, folders, globs and standard input, plain or compressed."""

from __future__ import annotations

import glob
import gzip
import hashlib
import os
import stat
import sys
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

import zstandard

from stillwatch.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

STANDARD_INPUT = "-"
CHUNK = 1 << 20
HEAD = 1 << 20
"""Decompressed bytes that are looked at to recognise a format."""

# zstd can blow 4 bytes up to 128 KiB, and its decompressor gives everything at once, so it is fed
# small pieces: the worst case stays near 64 MiB.
_ZSTD_PIECE = 2048
_ZSTD_WINDOW = 1 << 27
_GZIP_MAGIC = b"\x1f\x8b"
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_MARK = 1 << 20


@dataclass(frozen=True, slots=True)
class Source:
    """One file of a log.

    Attributes:
        name: as the user gave it, or as found below the folder that was given; ``-`` is standard
            input.
        size: bytes as stored; None where that is not known (a pipe).
    """

    name: str
    size: int | None = None

    @property
    def path(self) -> Path | None:
        """Where the file is; None for standard input."""
        return None if self.name == STANDARD_INPUT else Path(self.name)

    @property
    def rereadable(self) -> bool:
        """Whether it can be opened twice."""
        return self.size is not None

    def fingerprint(self) -> str | None:
        """Name the content: its size, and BLAKE2b over its first and last MiB.

        Returns:
            Such as ``1048-7d2f…``; None for a pipe.

        Raises:
            InputError: the file cannot be read.
        """
        if self.path is None or self.size is None:
            return None
        try:
            with self.path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                digest = hashlib.blake2b(file.read(_MARK), digest_size=16)
                if size > _MARK:
                    file.seek(max(_MARK, size - _MARK))
                    digest.update(file.read(_MARK))
        except OSError as error:
            raise unreadable(self.name, error) from None
        return f"{size}-{digest.hexdigest()}"


def unreadable(name: str, error: OSError) -> InputError:
    """Say that a file cannot be read and what to do."""
    reason = error.strerror or "it cannot be read"
    return InputError(f"{reason}; check the path and its permissions", file=name)


def find(sources: Iterable[str | os.PathLike[str]]) -> list[Source]:
    """Resolve what the user named into files, in a fixed order, each once.

    Args:
        sources: files, folders (searched to the bottom, hidden files and those that begin with an
            underscore left out, as Spark and Hive do), globs (``**`` too) or ``-``.

    Raises:
        InputError: nothing is there.
    """
    found: dict[object, Source] = {}
    for given in sources:
        name = os.fspath(given)
        for source in _expand(name):
            identity = source.name if source.path is None else source.path.resolve()
            found.setdefault(identity, source)
    if not found:
        raise InputError("no log was named; give a file, a folder, a glob, or - for standard input")
    return list(found.values())


def _expand(name: str) -> list[Source]:
    if name == STANDARD_INPUT:
        return [Source(name)]
    if "\0" in name:
        raise InputError("a file name cannot hold a NUL character")
    path = Path(name)
    try:
        if path.is_dir():
            return _folder(path)
        if path.exists():
            return [_file(path)]
    except OSError as error:
        raise unreadable(name, error) from None
    if not glob.has_magic(name):
        raise InputError("there is no such file or folder; check the path", file=name)
    matches = [Path(match) for match in sorted(glob.glob(name, recursive=True))]  # noqa: PTH207
    files = [source for match in matches if match.is_file() for source in [_file(match)]]
    if not files:
        raise InputError("no file matches this pattern; check it", file=name)
    return files


def _file(path: Path) -> Source:
    found = path.stat()
    return Source(str(path), found.st_size if stat.S_ISREG(found.st_mode) else None)


def _folder(folder: Path) -> list[Source]:
    def stop(error: OSError) -> None:
        raise unreadable(os.fsdecode(error.filename or folder), error)

    files: list[Path] = []
    for parent, folders, names in os.walk(folder, onerror=stop):
        folders[:] = sorted(name for name in folders if name[0] not in "._")
        files += [Path(parent, name) for name in names if name[0] not in "._"]
    sources = [_file(path) for path in sorted(files) if path.is_file()]
    if not sources:
        raise InputError(
            "this folder holds no files; name the folder with the log", file=str(folder)
        )
    return sources


class _Readable(Protocol):
    def read1(self, size: int, /) -> bytes: ...


@dataclass(slots=True)
class _Counted:
    """Passes a file through and counts the bytes that left it."""

    file: BinaryIO
    head: bytes
    on_read: Callable[[float], None]

    def read(self, size: int = -1, /) -> bytes:
        cut = len(self.head) if size < 0 else size
        data, self.head = self.head[:cut], self.head[cut:]
        if not data:
            data = self.file.read(size)
        self.on_read(len(data))
        return data

    read1 = read


@dataclass(slots=True)
class _Zstd:
    file: _Counted
    inner: Any = None
    rest: bytes = b""

    def read1(self, size: int, /) -> bytes:  # noqa: ARG002
        while True:
            data = self.rest or self.file.read(_ZSTD_PIECE)
            self.rest = b""
            if not data:
                if self.inner is not None:
                    raise EOFError("the last frame is not complete")
                return b""
            if self.inner is None:
                decompressor = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
                self.inner = decompressor.decompressobj()
            output: bytes = self.inner.decompress(data)
            if self.inner.eof:
                self.rest, self.inner = self.inner.unused_data, None
            if output:
                return output


@dataclass(slots=True)
class Stream:
    """The decompressed bytes of a source, read once from front to back.

    Attributes:
        source: what is read.
        compressed: whether it is an archive.
        broken: why reading stopped before the end, once it did; None while all is well.
    """

    source: Source
    _file: BinaryIO
    _on_read: list[Callable[[float], None]] = field(default_factory=list)
    _head: bytes = b""
    compressed: bool = False
    broken: str | None = None
    _bytes: _Readable = field(init=False)

    def __post_init__(self) -> None:
        magic = self._guard(lambda: self._file.read(4))
        raw = _Counted(self._file, magic, self.advance)
        self.compressed = magic[:2] == _GZIP_MAGIC or magic == _ZSTD_MAGIC
        if magic[:2] == _GZIP_MAGIC:
            self._bytes = gzip.GzipFile(fileobj=raw, mode="rb")  # type: ignore[call-overload]
        else:
            self._bytes = _Zstd(raw) if magic == _ZSTD_MAGIC else raw

    def head(self, size: int = HEAD) -> bytes:
        """The first bytes, which `read` will still give."""
        while len(self._head) < size and (data := self._more(size)):
            self._head += data
        return self._head[:size]

    def read(self, size: int = CHUNK) -> bytes:
        """The next bytes, at least one unless the end is reached; about `size` of them."""
        if self._head:
            data, self._head = self._head, b""
            return data
        return self._more(size)

    def watch(self, on_read: Callable[[float], None]) -> None:
        """Have `on_read` told how many stored bytes were taken from the file each time."""
        self._on_read.append(on_read)

    def advance(self, size: float) -> None:
        """Tell the watchers of bytes that a library read from the file past this stream."""
        for on_read in self._on_read:
            on_read(size)

    def close(self) -> None:
        """Close the file underneath."""
        if self.source.path is not None:
            self._file.close()

    def _more(self, size: int) -> bytes:
        return b"" if self.broken else self._guard(lambda: self._bytes.read1(size))

    def _guard(self, read: Callable[[], bytes]) -> bytes:
        try:
            return read()
        except (EOFError, zlib.error, zstandard.ZstdError, OSError) as error:
            kind = "the archive is cut off or damaged" if self.compressed else "reading failed"
            self.broken = f"{kind} ({error}); what came before it was kept"
            return b""

    def __iter__(self) -> Iterator[bytes]:
        while data := self.read():
            yield data


def open_stream(source: Source) -> Stream:
    """Open a source for reading from its beginning.

    Raises:
        InputError: the file is not there any more or may not be read.
    """
    if source.path is None:
        return Stream(source, sys.stdin.buffer)
    try:
        return Stream(source, source.path.open("rb"))
    except OSError as error:
        raise unreadable(source.name, error) from None
