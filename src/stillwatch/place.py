"""Where files lie: a folder of this machine, or a URL of a file system that Arrow knows."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import pyarrow as pa
from pyarrow.fs import FileSelector, FileSystem, FileType, LocalFileSystem

from stillwatch.errors import InputError, UsageError, told_by

if TYPE_CHECKING:
    from collections.abc import Iterator

_URL = re.compile(r"^[a-z][a-z0-9+.-]*://", re.IGNORECASE | re.ASCII)

_SECRET = re.compile(r"^[^/]*//[^/?#]*:[^/?#]*@")

_HADOOP = {"s3": "s3a", "gcs": "gs"}
"""Hadoop's names for schemes that Arrow calls otherwise."""

_REASONS = (
    ("NO_SUCH_BUCKET", "there is no such bucket; make it first, or mend its name"),
    (
        "ACCESS_DENIED|FORBIDDEN|INVALID_ACCESS_KEY|SIGNATURE|HTTP status 40[13]|Permission denied",
        "no permission; look at the credentials in the environment and at what they are allowed",
    ),
    (
        "NETWORK_CONNECTION|[Cc]ould not (connect|resolve)|[Cc]onnection refused",
        "it cannot be reached; look at the endpoint (of S3: AWS_ENDPOINT_URL) and the network",
    ),
    ("libjvm|libhdfs", "HDFS needs Java and Hadoop's native library, by JAVA_HOME and HADOOP_HOME"),
)
"""What Arrow's messages say, and what a person can do about it."""


def is_url(where: str | Path) -> bool:
    """Whether something names a URL and no path."""
    return bool(_URL.match(str(where)))


@dataclass(frozen=True)
class Item:
    """A file as a listing shows it.

    Attributes:
        size: bytes.
        changed: nanoseconds since 1970, as exact as the file system is; None where it says nothing.
    """

    size: int
    changed: int | None


@dataclass(frozen=True)
class Place:
    """A folder, wherever it lies; make it with `Place.of`.

    Attributes:
        name: for messages and results: the path as given, or the URL without its query.
        files: Arrow's file system.
        root: the folder's path in `files`.
    """

    name: str
    files: FileSystem
    root: str

    @classmethod
    def of(cls, where: str | Path) -> Place:
        """The place that a path or a URL names; nothing has to be there.

        Raises:
            UsageError: the URL is none, holds a password, or names no file system that Arrow knows.
            InputError: the file system cannot be reached.
        """
        text = str(where)
        if not is_url(text):
            return cls(text, LocalFileSystem(), str(Path(text).absolute()))
        if _SECRET.match(text):
            raise UsageError(
                "a URL stands in results and logs: leave the password out of it and put "
                "credentials into the environment"
            )
        name = re.split("[?#]", text, maxsplit=1)[0].rstrip("/")
        try:
            files, root = FileSystem.from_uri(text)
        except (pa.ArrowInvalid, NotImplementedError) as error:
            raise UsageError(
                f"{name}: {told_by(error).rstrip('.')}; a URL begins with s3://, gs://, abfs://, "
                "hdfs:// or file:///, and signs that URLs do not have are written with %"
            ) from error
        except OSError as error:
            raise InputError(reason(error), file=name) from error
        return cls(name, files, root.rstrip("/"))

    @property
    def local(self) -> bool:
        """Whether the place is on a file system of this machine, mounted ones included."""
        return isinstance(self.files, LocalFileSystem)

    def path(self, name: str) -> str:
        """Path of a file of this place in `files`."""
        return f"{self.root}/{name}"

    def hadoop_path(self, name: str) -> str:
        """How Hadoop, and so Spark, names a file of this place.

        It takes neither a query nor signs written with %.
        """
        if not is_url(self.name):
            return self.path(name)
        url = urlsplit(self.name)
        scheme = _HADOOP.get(url.scheme.lower(), url.scheme.lower())
        return f"{scheme}://{url.netloc}{unquote(url.path)}/{name}"

    def items(self, folder: str, *, recursive: bool = False) -> dict[str, Item]:
        """The files in a folder of this place by their names, which begin with the folder's.

        Args:
            folder: its name; empty for the whole place.
            recursive: also what lies in folders below it.

        Returns:
            In the order of their names; nothing where there is no such folder.

        Raises:
            InputError: the file system cannot be read.
        """
        base = self.path(folder).rstrip("/")
        with self.plain():
            selector = FileSelector(base, allow_not_found=True, recursive=recursive)
            infos = self.files.get_file_info(selector)
        found = (info for info in infos if info.type == FileType.File)
        names = {info.path[len(self.root) + 1 :]: Item(info.size, info.mtime_ns) for info in found}
        return dict(sorted(names.items()))

    def some(self, *names: str) -> dict[str, Item]:
        """Those of some files that are there.

        Raises:
            InputError: as `items`.
        """
        with self.plain():
            infos = self.files.get_file_info([self.path(name) for name in names])
        return {
            name: Item(info.size, info.mtime_ns)
            for name, info in zip(names, infos, strict=True)
            if info.type == FileType.File
        }

    def read(self, name: str) -> bytes | None:
        """A small file; None where it is not there.

        Raises:
            InputError: it cannot be read.
        """
        with self.plain():
            try:
                with self.files.open_input_stream(self.path(name)) as file:
                    return bytes(file.read())
            except (FileNotFoundError, NotADirectoryError):
                return None

    def write(self, name: str, data: bytes) -> None:
        """Put or replace a small file, as a whole or not at all.

        Raises:
            InputError: it cannot be written.
        """
        with self.plain():
            path = self._writable(name)
            if self.local:
                replace(Path(path), data)
                return
            with self.files.open_output_stream(path) as file:
                file.write(data)

    def open_to_read(self, name: str) -> Any:
        """A file as a stream, to be used under `plain`."""
        return self.files.open_input_stream(self.path(name))

    def open_to_write(self, name: str) -> Any:
        """A stream that replaces a file, to be used under `plain`.

        What is written before the stream is closed may be seen on a disk and not in object storage.
        """
        return self.files.open_output_stream(self._writable(name))

    def delete(self, name: str) -> None:
        """Remove a file.

        Raises:
            InputError: it cannot be removed.
        """
        with self.plain():
            self.files.delete_file(self.path(name))

    @contextmanager
    def plain(self) -> Iterator[None]:
        """Say in plain words what the file system could not do.

        Raises:
            InputError: in place of the exceptions of Arrow and of the system.
        """
        try:
            yield
        except (OSError, pa.ArrowException) as error:
            raise InputError(reason(error), file=self.name) from error

    def need_bucket(self) -> None:
        """Tell nothing in a bucket from a bucket that is not there.

        Raises:
            InputError: the place is in no bucket that is there.
        """
        bucket = self.root.partition("/")[0]
        with self.plain():
            if bucket and self.files.get_file_info(bucket).type == FileType.NotFound:
                raise InputError(_REASONS[0][1], file=self.name)

    def _writable(self, name: str) -> str:
        path = self.path(name)
        if self.local:  # others know no folders, or make them by themselves
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        return path


def reason(error: BaseException) -> str:
    """What went wrong, in plain words as far as they are known, and in the file system's own."""
    told = told_by(error).rstrip(".") or type(error).__name__
    for sign, words in _REASONS:
        if re.search(sign, str(error)):
            return f"{words} ({told})"
    return told


def replace(path: Path, data: bytes) -> None:
    """Replace a small file of this machine as a whole or not at all."""
    partial = path.with_name(f"{path.name}.partial")
    partial.write_bytes(data)
    sync(partial)
    partial.replace(path)


def sync(path: Path) -> None:
    """Have a file on the disk, not only on its way there."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
