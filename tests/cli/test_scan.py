from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from stillwatch.schema import ACCOUNT_VERDICTS

if TYPE_CHECKING:
    from collections.abc import Callable

SCRIPT = Path(sys.executable).with_name("stillwatch")
FILES = {"campaigns.json", "accounts.parquet", "rejected.jsonl", "report.html"}


@pytest.fixture(scope="module")
def scanned(provider: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    """A scan of the tiny provider by the real script, and its folder."""
    out = tmp_path_factory.mktemp("scanned")
    log, accounts = provider / "requests.jsonl", provider / "accounts.jsonl"
    done = subprocess.run(
        [SCRIPT, "scan", log, "--accounts", accounts, "--out", out],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"STILLWATCH_KEY": "5c" * 32},
    )
    return done, out


def test_scan_prints_results_on_stdout_and_progress_on_stderr(scanned: tuple[Any, Path]) -> None:
    done, out = scanned
    assert done.returncode == 0, done.stderr
    assert "67 accounts" in done.stdout
    assert done.stdout.endswith(f"report: {out / 'report.html'}\n")
    assert "reading" in done.stderr
    assert "Traceback" not in done.stderr


def test_customers_unlike_those_of_the_calibration_are_noted(scanned: tuple[Any, Path]) -> None:
    done, out = scanned
    said = json.loads((out / "campaigns.json").read_bytes())["summary"]["calibrated"]
    # four days show less of when people ask than the calibration's fourteen
    (rhythm,) = (one for one in said["habits"] if one["habit"] == "rhythm")
    assert rhythm["here"] < rhythm["low"]
    assert f"note: customers unlike those of calibration {said['name']}: " in done.stdout
    assert f"rhythm {rhythm['here']:.3f}, there {rhythm['low']:.3f} to" in done.stdout


def test_scan_leaves_the_files_of_the_contract(scanned: tuple[Any, Path]) -> None:
    _, out = scanned
    assert {path.name for path in out.iterdir()} >= FILES
    accounts = pq.read_table(out / "accounts.parquet")
    assert accounts.schema.equals(ACCOUNT_VERDICTS)
    assert accounts.num_rows == 67
    assert (out / "rejected.jsonl").read_bytes() == b""


def test_same_input_gives_the_same_bytes_and_json_is_json(
    run: Callable[..., Any], provider: Path, scanned: tuple[Any, Path], tmp_path: Path
) -> None:
    log, accounts = provider / "requests.jsonl", provider / "accounts.jsonl"
    done = run("scan", log, "--accounts", accounts, "--out", tmp_path, "--json", "--quiet")
    assert (done.exit_code, done.stderr) == (0, "")
    printed = json.loads(done.stdout)
    findings = json.loads((tmp_path / "campaigns.json").read_bytes())
    assert [c["campaign_id"] for c in printed["campaigns"]] == [
        c["campaign_id"] for c in findings["campaigns"]
    ]
    assert (tmp_path / "campaigns.json").read_bytes() == (
        scanned[1] / "campaigns.json"
    ).read_bytes()


def test_log_on_standard_input(run: Callable[..., Any], provider: Path, tmp_path: Path) -> None:
    log = (provider / "requests.jsonl").read_bytes()
    done = run("scan", "-", "--out", tmp_path, "--quiet", stdin=log)
    assert done.exit_code == 0, done.stderr
    assert "67 accounts" in done.stdout


def test_rejected_lines_are_counted(
    run: Callable[..., Any], provider: Path, tmp_path: Path
) -> None:
    log = tmp_path / "log.jsonl"
    log.write_bytes((provider / "requests.jsonl").read_bytes() + b'{"request_id": "r"}\nnonsense\n')
    done = run("scan", log, "--out", tmp_path / "out", "--quiet")
    assert done.exit_code == 0, done.stderr
    assert "2 lines rejected" in done.stdout
    assert len((tmp_path / "out" / "rejected.jsonl").read_text().splitlines()) == 2


def test_report_is_written_again_from_the_files(
    run: Callable[..., Any], scanned: tuple[Any, Path], tmp_path: Path
) -> None:
    done = run("report", scanned[1], "--out", tmp_path / "again.html")
    assert (done.exit_code, done.stderr) == (0, "")
    assert (tmp_path / "again.html").read_bytes() == (scanned[1] / "report.html").read_bytes()


def test_report_of_no_scan_names_what_is_missing(run: Callable[..., Any], tmp_path: Path) -> None:
    done = run("report", tmp_path)
    assert (done.exit_code, done.stdout) == (1, "")
    assert str(tmp_path / "campaigns.json") in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("missing.jsonl",), 1, "missing.jsonl"),
        (("{log}", "--format", "nonsense"), 2, "no format 'nonsense'; the formats are"),
        (("{log}", "--fdr", "7"), 2, "fdr"),
        (("{log}", "--memory", "much"), 2, "'much' is not a size"),
        (("{log}", "--accounts", "missing.csv"), 1, "missing.csv"),
        (("{log}", "--calibration", "missing.json"), 1, "missing.json: cannot be read"),
        (("{log}", "--calibration", "{accounts}"), 1, "no calibration of stillwatch lab calibrate"),
        (("{accounts}",), 1, "no format that Stillwatch recognises"),
        (("{accounts}", "--format", "stillwatch"), 1, "67 of 67 records cannot be used"),
    ],
)
def test_mistakes_are_told_without_a_traceback(
    run: Callable[..., Any],
    provider: Path,
    tmp_path: Path,
    arguments: tuple[str, ...],
    code: int,
    message: str,
) -> None:
    names = {"log": provider / "requests.jsonl", "accounts": provider / "accounts.jsonl"}
    given = [argument.format(**names) for argument in arguments]
    done = run("scan", *given, "--out", tmp_path / "out", "--quiet")
    assert (done.exit_code, done.stdout) == (code, "")
    assert done.stderr.startswith("error: ")
    assert message in done.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_folder_that_may_not_be_written_is_named(
    run: Callable[..., Any], provider: Path, tmp_path: Path
) -> None:
    tmp_path.chmod(0o500)
    done = run("scan", provider / "requests.jsonl", "--out", tmp_path / "out", "--quiet")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "Permission denied" in done.stderr


def test_folder_below_a_file_is_named(
    run: Callable[..., Any], provider: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    done = run("scan", provider / "requests.jsonl", "--out", tmp_path / "file/out", "--quiet")
    assert (done.exit_code, done.stdout) == (1, "")
    assert f"{tmp_path / 'file'}" in done.stderr


def test_interrupted_scan_says_so_and_goes_on(
    run: Callable[..., Any], provider: Path, scanned: tuple[Any, Path], tmp_path: Path
) -> None:
    log, out = provider / "requests.jsonl", tmp_path / "out"
    process = subprocess.Popen(
        [SCRIPT, "scan", "-", "--out", out, "--quiet"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )
    assert process.stdin is not None
    process.stdin.write(log.read_bytes()[:200_000])
    process.stdin.flush()
    deadline = time.monotonic() + 60
    while not out.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, output) == (130, b"")
    assert b"interrupted" in errors
    assert b"Traceback" not in errors

    accounts = provider / "accounts.jsonl"
    done = run("scan", log, "--accounts", accounts, "--out", out, "--quiet")
    assert done.exit_code == 0, done.stderr
    assert (out / "campaigns.json").read_bytes() == (scanned[1] / "campaigns.json").read_bytes()


def test_a_folder_of_sketches_gives_the_verdicts_of_its_log(
    run: Callable[..., Any], provider: Path, scanned: tuple[Any, Path], tmp_path: Path
) -> None:
    accounts = provider / "accounts.jsonl"
    done = run(
        "scan", "--sketches", scanned[1] / "sketches", "--accounts", accounts, "--out", tmp_path
    )
    assert done.exit_code == 0, done.output
    for name in ("accounts.parquet",):
        assert (tmp_path / name).read_bytes() == (scanned[1] / name).read_bytes()
    found, before = (json.loads((p / "campaigns.json").read_text()) for p in (tmp_path, scanned[1]))
    assert found["campaigns"] == before["campaigns"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--sketches"),
        (["log.jsonl", "--sketches", "."], "--sketches"),
        (["--sketches", ".", "--keep-examples", "2"], "prompts"),
    ],
)
def test_a_scan_has_logs_or_sketches(
    run: Callable[..., Any], tmp_path: Path, arguments: list[str], message: str
) -> None:
    done = run("scan", *arguments, "--out", tmp_path / "out")
    assert done.exit_code == 2
    assert message in done.stderr


def test_sketches_named_as_a_log_are_recognised(
    run: Callable[..., Any], scanned: tuple[Any, Path], tmp_path: Path
) -> None:
    done = run("scan", scanned[1] / "sketches", "--out", tmp_path / "out")
    assert done.exit_code == 2
    assert "give it with --sketches" in done.stderr


def test_a_folder_of_something_else_is_no_sketches(run: Callable[..., Any], tmp_path: Path) -> None:
    done = run("scan", "--sketches", tmp_path, "--out", tmp_path / "out")
    assert done.exit_code == 1
    assert "no folder of sketches" in done.stderr
