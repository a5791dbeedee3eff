"""A PostgreSQL server of the tests' own, on a free port of loopback, gone when they end."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from dataclasses import dataclass
from itertools import count
from pathlib import Path

_numbers = count()


def binaries() -> Path:
    """The newest PostgreSQL's programs, where Debian keeps them."""
    return max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))


@dataclass
class Postgres:
    """A running server in `folder`."""

    folder: Path
    port: int = 0

    def start(self) -> None:
        """Make the cluster at first, then run it."""
        self.folder.mkdir(exist_ok=True)
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
        data = self.folder / "data"
        if not data.exists():
            self._run("initdb", "-D", data, "-U", "stillwatch", "-A", "trust", "-N", "-E", "UTF8")
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                self.port = free.getsockname()[1]
        options = f"-p {self.port} -h 127.0.0.1 -k {self.folder} -c fsync=off -c max_connections=60"
        self._run("pg_ctl", "-D", data, "-w", "-l", self.folder / "log", "-o", options, "start")

    def stop(self) -> None:
        """Stop it, whoever is connected."""
        self._run("pg_ctl", "-D", self.folder / "data", "-m", "immediate", "-w", "stop")

    def database(self) -> str:
        """The address of a new, empty database."""
        name = f"t{next(_numbers)}"
        where = ("-h", "127.0.0.1", "-p", str(self.port), "-U", "stillwatch")
        self._run("createdb", *where, name)
        return f"postgresql+pg8000://stillwatch@127.0.0.1:{self.port}/{name}"

    def _run(self, program: str, *arguments: object) -> None:
        as_postgres = ("runuser", "-u", "postgres", "--") if os.geteuid() == 0 else ()
        subprocess.run(
            [*as_postgres, str(binaries() / program), *map(str, arguments)],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd="/",
        )
