from __future__ import annotations

import contextlib
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from stillwatch import __version__, lab
from stillwatch.errors import InputError, MissingExtraError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

SCRIPT = Path(sys.executable).with_name("stillwatch")


def test_version(run: Callable[..., Any]) -> None:
    done = run("--version")
    assert (done.exit_code, done.stdout, done.stderr) == (0, f"stillwatch {__version__}\n", "")


@pytest.mark.parametrize("command", [(), ("scan",), ("demo",), ("report",), ("lab", "simulate")])
def test_every_command_has_help(run: Callable[..., Any], command: tuple[str, ...]) -> None:
    done = run(*command, "--help")
    assert done.exit_code == 0
    assert "Usage: " in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize(
    "arguments", [("scna",), ("scan",), ("scan", "x", "--out", ".", "--fdr", "much"), ("lab", "x")]
)
def test_wrong_usage_is_told_on_stderr(run: Callable[..., Any], arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "-h' for help" in done.stderr


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (UsageError("that makes no sense"), 2, "error: that makes no sense\n"),
        (InputError("is broken", file="a.jsonl", line=3), 1, "error: a.jsonl:3: is broken\n"),
        (MissingExtraError("otlp", "reading spans"), 1, "pip install 'stillwatch[otlp]'\n"),
        (PermissionError(13, "Not permitted", "/sealed"), 1, "error: /sealed: Not permitted\n"),
        (KeyboardInterrupt(), 130, "run the same command again"),
    ],
)  # fmt: skip
def test_failures_become_messages_and_exit_codes(
    run: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    error: BaseException,
    code: int,
    message: str,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(lab, "simulate", fail)
    done = run("lab", "simulate", "--preset", "small", "--out", tmp_path)
    assert (done.exit_code, done.stdout) == (code, "")
    assert message in done.stderr


def test_bug_of_ours_keeps_its_traceback(
    run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise KeyError("ours")

    monkeypatch.setattr(lab, "simulate", fail)
    done = run("lab", "simulate", "--preset", "small", "--out", tmp_path)
    assert isinstance(done.exception, KeyError)


def test_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = subprocess.run(
        [SCRIPT, "lab", "simulate", "--preset", "small", "--out", tmp_path / "file" / "below"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert re.search(r"^error: .*below: Not a directory$", done.stderr, re.MULTILINE)
    assert "Traceback" not in done.stderr


def test_interrupt_ends_without_a_traceback(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [SCRIPT, "lab", "simulate", "--preset", "demo", "--out", tmp_path],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # a shell that runs the tests in the background has its children ignore the signal
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )
    assert process.stderr is not None
    assert process.stderr.readline().startswith("texts and shapes")
    # Python loses an interrupt that comes while a destructor runs; people press again
    for _ in range(30):
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=2)
            break
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, output) == (130, "")
    assert "interrupted" in errors
    assert "Traceback" not in errors


def test_reader_of_our_output_may_leave(tmp_path: Path) -> None:
    command = f"'{SCRIPT}' lab simulate --preset small --out '{tmp_path}' --quiet | true"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.stderr == ""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_offers_the_commands(shell: str) -> None:
    done = subprocess.run(
        [SCRIPT],
        env={
            "_STILLWATCH_COMPLETE": f"complete_{shell}",
            "_TYPER_COMPLETE_ARGS": "stillwatch ",
            "COMP_WORDS": "stillwatch ",
            "COMP_CWORD": "1",
            "_TYPER_COMPLETE_FISH_ACTION": "get-args",
            "_TYPER_COMPLETE_WORD_TO_COMPLETE": "",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert {"scan", "demo", "report", "lab"} <= set(re.findall(r"[a-z]+", done.stdout))
