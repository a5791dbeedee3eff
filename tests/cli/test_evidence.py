"""Evidence and sharing through the command line, from a scan to a partner and back."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from stillwatch._version import __version__
from stillwatch.cli.app import app
from stillwatch.lab import Scenario, simulate
from stillwatch.summary import CALIBRATION

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from stillwatch.lab.simulate import Simulation

KEY = "6d" * 32
"""Under another key other requests are sampled; under this one the campaign is accused."""

WORLD = Scenario(
    days=8,
    groups={
        "individuals": {"accounts": 120, "per_day": 2.0},
        "popular_app": {"accounts": 40},
        "cover_traffic": {"accounts": 30, "per_day": 10.0},
    },
)


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


def test_campaign_goes_to_a_partner_and_an_answer_comes_back(
    run: Callable[..., Any],
    results: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder, log = results
    partner = tmp_path / "partner-key"
    assert run("share", "key", partner).exit_code == 0
    review = ("share", "review", folder, "c-", "--log", log, "--partner-key", partner)
    done = run(*review)
    assert "nothing has left" in done.stdout
    assert run("share", "export", "--out", tmp_path / "x").exit_code == 2
    done = run(*review, "--approve")
    assert done.exit_code == 0, done.stderr
    assert run("share", "export", "--to", "stix", "--out", tmp_path / "stix").exit_code == 0
    assert run("share", "export", "--to", "signed", "--out", tmp_path / "signed").exit_code == 0
    (tmp_path / "keys").write_text(run("ledger", "keys").stdout)
    (name,) = [row["name"] for row in json.loads(run("share", "list", "--json").stdout)]

    with monkeypatch.context() as there:
        there.setenv("STILLWATCH_KEY", "5c" * 32)
        there.setenv("STILLWATCH_SIGNING_KEY", "22" * 32)
        there.setenv("STILLWATCH_NAME", "second.example")
        there.setenv("STILLWATCH_LEDGER", str(tmp_path / "second" / "ledger"))
        done = run("share", "import", tmp_path / "signed", "--keys", tmp_path / "keys")
        assert "new" in done.stdout
        refused = run("share", "import", tmp_path / "stix", "--keys", tmp_path / "keys")
        assert (refused.exit_code, "is not signed" in refused.stderr) == (1, True)
        out = tmp_path / "second" / "matches"
        found = run("share", "match", log, "--partner-key", partner, "--out", out, "--json")
        assert json.loads(found.stdout)["verify"] >= 0
        assert (out / "priors.parquet").exists()
        answer = tmp_path / "answer"
        told = run(
            "share", "feedback", name, "false-positive", "--accounts", 2, "--out", answer
        )  # fmt: skip
        assert told.exit_code == 0, told.stderr

    assert "false positive by second.example" in run("share", "import", answer).stdout
    shared = name.partition(":")[2]
    assert run("share", "revoke", shared, "--reason", "it hit a class").exit_code == 0
    run("share", "export", "--to", "stix", "--out", tmp_path / "stix")
    objects = json.loads((tmp_path / "stix").read_bytes())["objects"]
    assert all(o["revoked"] for o in objects if o["type"] == "indicator")
    kinds = [e["kind"] for e in json.loads(run("ledger", "show", "--json").stdout)]
    assert {"share", "revocation"} <= set(kinds)


def second_provider(
    run: Callable[..., Any],
    results: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> tuple[Simulation, set[str]]:
    """A provider with keys of its own that the same operator works; what it matched is in `m`."""
    folder, log = results
    partner, signed = tmp_path / "partner-key", tmp_path / "signed"
    run("share", "key", partner)
    run(
        "share", "review", folder, "c-", "--log", log, "--partner-key", partner, "--approve"
    )  # fmt: skip
    assert run("share", "export", "--to", "signed", "--out", signed).exit_code == 0
    (tmp_path / "keys").write_text(run("ledger", "keys").stdout)
    second = Scenario(
        days=8,
        groups={
            "individuals": {"accounts": 120, "per_day": 2.0},
            "popular_app": {"accounts": 40},
            "cover_traffic": {"accounts": 20, "per_day": 10.0},
        },
    )
    made = simulate(second, tmp_path / "logs", seed=0)
    truth = pq.read_table(made.truth).to_pylist()
    operator = {row["account_id"] for row in truth if row["campaign"]}
    monkeypatch.setenv("STILLWATCH_KEY", "5c" * 32)
    monkeypatch.setenv("STILLWATCH_SIGNING_KEY", "22" * 32)
    monkeypatch.setenv("STILLWATCH_NAME", "second.example")
    monkeypatch.setenv("STILLWATCH_LEDGER", str(tmp_path / "second" / "ledger"))
    run("share", "import", signed, "--keys", tmp_path / "keys")
    done = run("share", "match", made.log, "--partner-key", partner, "--out", tmp_path / "m")
    assert done.exit_code == 0, done.stderr
    return made, operator


def test_what_one_provider_found_is_looked_at_and_verified_by_another(
    run: Callable[..., Any],
    results: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made, operator = second_provider(run, results, tmp_path, monkeypatch)
    hints, verify = tmp_path / "m" / "priors.parquet", tmp_path / "m" / "verify.json"

    scan = ("scan", made.log, "--accounts", made.accounts, "--quiet", "--priors", hints)
    done = run(*scan, "--out", tmp_path / "scan")
    assert done.exit_code == 0, done.stderr
    findings = json.loads((tmp_path / "scan" / "campaigns.json").read_bytes())
    (source,) = findings["summary"]["priors"]
    assert source["source"] == "evidence.example.com"
    assert source["tested"] >= 1
    named = [c for c in findings["campaigns"] if c["priors"]]
    assert named
    members = {m["account_id"] for c in named for m in c["members"]}
    assert members <= operator
    page = (tmp_path / "scan" / "report.html").read_text(encoding="utf-8")
    assert "Looked at because others named it" in page
    assert "evidence.example.com named" in page

    intake = tmp_path / "intake"
    intake.mkdir()
    (intake / "log.jsonl").write_bytes(made.log.read_bytes())
    watch = ("watch", intake, "--out", tmp_path / "watch", "--once", "--priors", hints)
    done = run(*watch, "--step-up", verify, "--quiet")
    assert done.exit_code == 0, done.stderr
    standings = json.loads((tmp_path / "watch" / "snapshot.json").read_bytes())["standings"]
    asked = {s["account_id"]: s for s in standings if s.get("author", "").startswith("import:")}
    assert asked
    assert set(asked) <= operator
    assert {s["action"] for s in asked.values()} == {"verify"}
    assert all(s["reason"] and s["expires_at"] for s in asked.values())

    ledger = tmp_path / "second" / "ledger"
    entered = json.loads(run("verify", "ledger", ledger, "--json").stdout)
    assert entered["sound"]
    files = (tmp_path / "scan" / "campaigns.json", tmp_path / "watch" / "snapshot.json")
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in files]
    assert [e.get("findings", e.get("snapshot")) for e in entered["scans"]] == digests
    for scanned in entered["scans"]:
        assert all(len(scanned[name]) == 64 for name in ("code", "thresholds"))
        assert (scanned["version"], scanned["calibration"]) == (__version__, CALIBRATION)
    shown = run("verify", "ledger", ledger).stdout
    assert all(digest in shown for digest in digests)

    database = tmp_path / "cases.db"
    run("cases", "import", tmp_path / "scan", "--database", database, "--quiet")
    done = run("cases", "step-up", verify, "--database", database)
    assert done.exit_code == 0, done.stderr
    steps = json.loads(verify.read_bytes())
    assert done.stdout.startswith(f"{len(steps):,} accounts in 1 decisions to approve")


def test_report_command_keeps_its_short_form(
    run: Callable[..., Any], results: tuple[Path, Path], tmp_path: Path
) -> None:
    done = run("report", results[0], "--out", tmp_path / "again.html")
    assert (done.exit_code, done.stdout) == (0, f"report: {tmp_path / 'again.html'}\n")
    assert run("report", tmp_path / "none").exit_code == 2
