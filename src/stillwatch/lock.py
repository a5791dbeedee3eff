"""One process at a time in a folder."""

from __future__ import annotations

import errno
import os
import sys
from typing import TYPE_CHECKING

from stillwatch.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

_HELD: set[tuple[int, int]] = set()
"""Lock files by device and inode. Their descriptors stay open: closing any one drops the lock."""


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
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        if error.errno in {errno.EACCES, errno.EAGAIN}:
            raise InputError(
                "another Stillwatch is at work in this folder; wait for it, or name another one",
                file=str(path.parent),
            ) from None
    else:
        _HELD.add(_identity(os.fstat(descriptor)))


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino
