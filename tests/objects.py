"""A store of objects that speaks S3, on loopback: Moto's server in a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pyarrow.fs import FileSelector, FileSystem

if TYPE_CHECKING:
    from collections.abc import Iterator

PYTHON = Path(__file__).resolve().parents[1] / ".venv-moto/bin/python"

MISSING = "Moto is not installed: make .venv-moto/stamp"

_SERVE = """
import sys, threading
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print("port", server.get_host_and_port()[1], flush=True)
sys.stdin.read()
"""


@contextmanager
def objects() -> Iterator[str]:
    """The endpoint's URL while the server runs."""
    process = subprocess.Popen(
        [PYTHON, "-c", _SERVE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={"PATH": os.environ["PATH"]},
    )
    assert process.stdout is not None
    try:
        port = next(found[1] for line in process.stdout if (found := re.match(r"port (\d+)", line)))
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.communicate()


def make_bucket(name: str) -> None:
    """Make a bucket at the endpoint that the environment names."""
    files, _ = FileSystem.from_uri("s3://any/?allow_bucket_creation=true")
    files.create_dir(name)


def contents(url: str) -> dict[str, bytes]:
    """Everything that lies under a URL."""
    files, root = FileSystem.from_uri(url)
    infos = files.get_file_info(FileSelector(root, recursive=True, allow_not_found=True))
    found = {}
    for info in infos:
        if info.is_file:
            with files.open_input_stream(info.path) as stream:
                found[info.path[len(root) + 1 :]] = stream.read()
    return found


def written(url: str) -> dict[str, int]:
    """When everything under a URL was written, in nanoseconds."""
    files, root = FileSystem.from_uri(url)
    infos = files.get_file_info(FileSelector(root, recursive=True, allow_not_found=True))
    return {info.path[len(root) + 1 :]: info.mtime_ns for info in infos if info.is_file}
