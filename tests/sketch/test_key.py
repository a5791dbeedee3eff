from __future__ import annotations

import os
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from stillwatch.errors import InputError, UsageError
from stillwatch.sketch import SketchKey
from stillwatch.sketch.key import default_key_file

if TYPE_CHECKING:
    from pathlib import Path

HEX = "0123456789abcdef" * 4


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user without a key."""
    monkeypatch.delenv("STILLWATCH_KEY")
    monkeypatch.delenv("STILLWATCH_KEY_FILE", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return tmp_path


def test_the_environment_comes_first(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STILLWATCH_KEY", f" {HEX}\n")
    monkeypatch.setenv("STILLWATCH_KEY_FILE", "/no/such/file")
    assert SketchKey.load().secret == bytes.fromhex(HEX)
    assert not list(home.iterdir())


def test_a_named_file_is_read(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = home / "mine"
    file.write_text(HEX)
    file.chmod(0o400)
    monkeypatch.setenv("STILLWATCH_KEY_FILE", str(file))
    assert SketchKey.load().secret == bytes.fromhex(HEX)


def test_a_named_file_that_is_missing_is_not_made(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = home / "typo"
    monkeypatch.setenv("STILLWATCH_KEY_FILE", str(file))
    with pytest.raises(InputError, match=r"no such key file.*make it with: .*typo"):
        SketchKey.load()
    assert not file.exists()


def test_the_first_use_makes_a_private_file(home: Path) -> None:
    first = SketchKey.load()
    assert stat.S_IMODE(default_key_file().stat().st_mode) == 0o600
    assert stat.S_IMODE(default_key_file().parent.stat().st_mode) == 0o700
    assert SketchKey.load() == first
    assert [file.name for file in default_key_file().parent.iterdir()] == ["key"]


def test_first_runs_at_the_same_time_agree(home: Path) -> None:
    code = "from stillwatch.sketch.key import SketchKey; print(SketchKey.load().fingerprint)"
    runs = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=os.environ)
        for _ in range(6)
    ]
    fingerprints = {run.communicate()[0] for run in runs}
    assert len(fingerprints) == 1
    assert [file.name for file in default_key_file().parent.iterdir()] == ["key"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o610])
def test_a_file_that_others_can_open_is_refused(home: Path, mode: int) -> None:
    SketchKey.load()
    default_key_file().chmod(mode)
    with pytest.raises(InputError, match=f"chmod 600 {default_key_file()}"):
        SketchKey.load()


@pytest.mark.parametrize("text", ["sesame", HEX[:-1], HEX + "00", "zz" * 32, "\xff\xfe"])
def test_a_malformed_key_is_not_repeated(home: Path, text: str) -> None:
    file = default_key_file()
    file.parent.mkdir()
    file.write_bytes(text.encode("latin-1"))
    file.chmod(0o600)
    with pytest.raises(UsageError, match="64 hex digits; make a key with") as raised:
        SketchKey.load()
    assert text not in str(raised.value)
    assert raised.value.__cause__ is None


def test_a_malformed_key_in_the_environment_is_not_repeated(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STILLWATCH_KEY", "sesame")
    with pytest.raises(UsageError, match="variable STILLWATCH_KEY must hold") as raised:
        SketchKey.load()
    assert "sesame" not in str(raised.value)


def test_a_file_that_cannot_be_read_is_an_input_error(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STILLWATCH_KEY_FILE", str(home))
    with pytest.raises(InputError, match="cannot be used: Is a directory"):
        SketchKey.load()


def test_a_key_never_shows_and_purposes_differ() -> None:
    key, other = SketchKey(bytes(32)), SketchKey(bytes(31) + b"\1")
    assert key.secret.hex() not in repr(key)
    assert "secret" not in repr(key)
    assert key.fingerprint != other.fingerprint
    assert key.fingerprint == SketchKey(bytes(32)).fingerprint
    subkeys = [tuple(k.subkey(p)) for k in (key, other) for p in ("account", "text", "trait x")]
    assert len(set(subkeys)) == 6
