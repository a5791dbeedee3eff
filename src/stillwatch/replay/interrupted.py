"""What an interrupted replay leaves for the next one: the ordered log, and what its scans found.

A replay always plays from the beginning, which costs microseconds a request: the guard's counters
are many and change with every one of them. Reading, sketching and scanning cost nearly all of the
time and depend on nothing but the input, so their results are kept until a replay ends.
"""

from __future__ import annotations

import hashlib
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec

from stillwatch._version import __version__
from stillwatch.guard.toml_file import values_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from stillwatch.guard import Policy
    from stillwatch.readers import Log


def identity(log: Log, accounts: Path | None, policy: Policy, *settings: object) -> str | None:
    """What the results of a replay depend on; None where a source cannot be read twice.

    Args:
        log: to be played.
        accounts: the account file.
        policy: the guard's.
        settings: everything else that changes a result.
    """
    files: list[object] = []
    for source in log.sources:
        if source.path is None:
            return None
        files.append((source.name, source.fingerprint(), *_version(source.path)))
    if accounts is not None:
        files.append((str(accounts), *_version(accounts)))
    said = [__version__, files, values_of(policy), [str(one) for one in settings]]
    return hashlib.sha256(msgspec.json.encode(said)).hexdigest()


def _version(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns


@contextmanager
def working_folder(folder: Path, name: str | None) -> Iterator[None]:
    """A working folder with what an interrupted replay of the same input left in it.

    It is removed when the replay ends or fails, and stays when it is interrupted or killed.

    Args:
        folder: for the ordered log and the snapshots.
        name: the input's `identity`; with None, nothing of an earlier replay is used.
    """
    mark = folder / "identity"
    if name is None or not mark.exists() or mark.read_text(encoding="ascii") != name:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        mark.write_text(name or "", encoding="ascii")
    try:
        yield
    except Exception:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    shutil.rmtree(folder, ignore_errors=True)
