"""Every exception that Stillwatch raises on purpose.

    StillwatchError
    ├── UsageError        what was asked for makes no sense (exit code 2)
    ├── InputError        a file that cannot be used, with file, line and field
    └── MissingExtraError an optional part is not installed; names the command that installs it

The command line prints the message and nothing else; a traceback is a bug of ours.
"""

from __future__ import annotations


class StillwatchError(Exception):
    """Root of all errors meant for people: the message says what, where and what to do."""

    exit_code = 1


class UsageError(StillwatchError):
    """The call or the command line is wrong; nothing was done."""

    exit_code = 2


class InputError(StillwatchError):
    """A file from outside cannot be used.

    Args:
        message: what was wrong and what to do.
        file: the file's name as the user gave it.
        line: the 1-based line or row, where there is one.
        field: the field at fault, where there is one.
    """

    def __init__(
        self, message: str, *, file: str = "", line: int | None = None, field: str = ""
    ) -> None:
        self.file, self.line, self.field = file, line, field
        where = ":".join(str(part) for part in (file, line) if part)
        at_field = f" (field {field!r})" if field else ""
        super().__init__(f"{where}: {message}{at_field}" if where else f"{message}{at_field}")


class MissingExtraError(StillwatchError):
    """An optional dependency is missing.

    Args:
        extra: the extra's name in our package, for example ``"otlp"``.
        purpose: what needs it, for the message.
    """

    def __init__(self, extra: str, purpose: str) -> None:
        self.extra = extra
        super().__init__(f"{purpose} needs an optional part: pip install 'stillwatch[{extra}]'")


def told_by(error: BaseException) -> str:
    """What the system or an engine says went wrong, in one line."""
    told: str = getattr(error, "strerror", None) or str(error).partition("\n")[0]
    return told
