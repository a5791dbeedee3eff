"""One process at a time in a folder."""

from __future__ import annotations

import errno
import os
import sys
from typing import TYPE_CHECKING, BinaryIO

from stillwatch.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

_HELD: dict[tuple[int, int], BinaryIO] = {}
"""Open lock files by device and inode. A POSIX lock is lost when any handle of it is closed."""


def hold(path: Path) -> None:
    """Keep other processes out until this one ends, however it ends.

    Where the file system knows no locks, nothing is held.

    Args:
        path: the lock file, made if need be; the folder it lies in is what is held.

    Raises:
        InputError: another process holds it.
        OSError: the file cannot be made.
    """
    if sys.platform == "win32":  # no POSIX locks
        return
    import fcntl  # noqa: PLC0415 - not on every platform

    if path.exists() and _identity(path.stat()) in _HELD:
        return
    file = path.open("ab")
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        if error.errno in (errno.EACCES, errno.EAGAIN):
            raise InputError(
                "another Stillwatch is at work in this folder; wait for it, or name another one",
                file=str(path.parent),
            ) from None
        return
    _HELD[_identity(os.fstat(file.fileno()))] = file


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino
