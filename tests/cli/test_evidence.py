"""Ledger, bundles and their verification through the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from tests.worlds import COVERED
from typer.testing import CliRunner

from stillwatch.cli.app import app
from stillwatch.lab import Scenario, simulate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


KEY = "6d" * 32
"""Under another key other requests are sampled; under this one the campaign is accused."""

WORLD = Scenario(days=8, groups=COVERED)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A scan's folder and its log."""
    folder = tmp_path_factory.mktemp("cli-evidence")
    made = simulate(WORLD, folder / "provider", seed=0)
    environment = {"STILLWATCH_KEY": KEY}
    done = CliRunner(env=environment).invoke(
        app,
        ["scan", str(made.log), "--accounts", str(made.accounts), "--out", str(folder / "scan")],
    )
    assert done.exit_code == 0, done.stderr
    return folder / "scan", made.log


@pytest.fixture(autouse=True)
def deployment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ledger, keys and book of this test alone."""
    monkeypatch.setenv("STILLWATCH_KEY", KEY)
    monkeypatch.setenv("STILLWATCH_SIGNING_KEY", "11" * 32)
    monkeypatch.setenv("STILLWATCH_NAME", "evidence.example.com")
    monkeypatch.setenv("STILLWATCH_LEDGER", str(tmp_path / "data" / "ledger"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def test_bundle_verifies_in_a_fresh_process_without_anything(
    run: Callable[..., Any], results: tuple[Path, Path], tmp_path: Path
) -> None:
    bundle, keys = tmp_path / "x.zip", tmp_path / "keys"
    done = run("report", "bundle", results[0], "c-", "--out", bundle)
    assert done.exit_code == 0, done.stderr
    keys.write_text(run("ledger", "keys").stdout)
    # no key, no home, and no network: a name server or a host that was asked would fail the test
    code = (
        "import socket\n"
        "def refuse(*_, **__): raise AssertionError('the network was asked')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
        "from stillwatch.cli import main\nmain()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "verify", bundle, "--keys", keys, "--json"],
        env={"HOME": str(tmp_path / "nobody"), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    found = json.loads(done.stdout)
    assert found["sound"]
    outcome = {check["name"]: check["result"] for check in found["checks"]}
    assert outcome["statistics"] == outcome["signature"] == outcome["ledger"] == "checked"


def test_changed_bundle_is_not_sound(
    run: Callable[..., Any], results: tuple[Path, Path], tmp_path: Path
) -> None:
    bundle = tmp_path / "x.zip"
    run("report", "bundle", results[0], "c-", "--out", bundle)
    data = bytearray(bundle.read_bytes())
    data[len(data) // 2] ^= 1
    bundle.write_bytes(data)
    done = run("verify", bundle)
    assert done.exit_code == 1
    assert "FAILED" in done.stdout
    assert done.stdout.endswith("NOT SOUND: do not rely on this bundle\n")
    (tmp_path / "text").write_text("no bundle")
    assert run("verify", tmp_path / "text").exit_code == 1


def test_ledger_is_kept_and_checked(run: Callable[..., Any], tmp_path: Path) -> None:
    ledger = tmp_path / "data" / "ledger"
    assert run("ledger", "append", "policy", '{"version": 3}').stdout == "entry 0 of 2\n"
    kept = tmp_path / "kept"
    assert run("ledger", "checkpoint", "--out", kept).exit_code == 0
    run("ledger", "append", "policy", '{"version": 4}')
    done = run("verify", "ledger", ledger, "--against", kept)
    assert (done.exit_code, done.stdout.splitlines()[-1]) == (0, "sound: 4 entries")
    entries = json.loads(run("ledger", "show", "--json").stdout)
    assert [entry["kind"] for entry in entries] == ["policy", "key", "policy", "checkpoint"]
    path = next((ledger / "tile" / "entries").rglob("4"))
    path.write_bytes(path.read_bytes().replace(b'"version":3', b'"version":5'))
    done = run("verify", "ledger", ledger, "--json")
    assert done.exit_code == 1
    assert json.loads(done.stdout)["problems"][0]["where"] == "entry 0"


@pytest.mark.parametrize("payload", ["nonsense", "[1]", '{"a": 1e999}'])
def test_wrong_entries_are_refused(run: Callable[..., Any], payload: str) -> None:
    done = run("ledger", "append", "policy", payload)
    assert done.exit_code == 2
    assert done.stderr.startswith("error: ")


def test_new_key_takes_over(
    run: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = run("ledger", "keys").stdout
    (tmp_path / "keys").write_text(old)
    run("ledger", "append", "policy", "{}")
    assert run("ledger", "rotate", tmp_path / "new-key").exit_code == 0
    monkeypatch.delenv("STILLWATCH_SIGNING_KEY")
    monkeypatch.setenv("STILLWATCH_SIGNING_KEY_FILE", str(tmp_path / "new-key"))
    run("ledger", "append", "policy", "{}")
    assert run("ledger", "keys").stdout != old
    ledger = tmp_path / "data" / "ledger"
    assert run("verify", "ledger", ledger, "--keys", tmp_path / "keys").exit_code == 0


def test_erasure_keeps_the_proofs(
    run: Callable[..., Any], results: tuple[Path, Path], tmp_path: Path
) -> None:
    bundle = tmp_path / "x.zip"
    run("report", "bundle", results[0], "c-", "--out", bundle)
    campaign = json.loads((results[0] / "campaigns.json").read_bytes())["campaigns"][0]
    someone = campaign["members"][0]["account_id"]
    done = run("ledger", "erase", someone, "never-seen")
    assert done.stdout == "1 of 2 were known and are erased\n"
    assert run("verify", bundle).exit_code == 0
    assert run("verify", "ledger", tmp_path / "data" / "ledger").exit_code == 0


def test_report_command_keeps_its_short_form(
    run: Callable[..., Any], results: tuple[Path, Path], tmp_path: Path
) -> None:
    done = run("report", results[0], "--out", tmp_path / "again.html")
    assert (done.exit_code, done.stdout) == (0, f"report: {tmp_path / 'again.html'}\n")
    assert run("report", tmp_path / "none").exit_code == 2
