"""How long work reports its progress, without knowing who is watching."""

from __future__ import annotations

from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator


class Step(Protocol):
    """One running piece of work."""

    def advance(self, amount: float = 1) -> None:
        """Say that `amount` more of the total is done."""

    def note(self, text: str) -> None:
        """Show a short text beside the bar, such as the file being read."""


class Progress(Protocol):
    """Where pieces of work announce themselves; the command line draws bars from it."""

    def step(self, name: str, total: float | None = None) -> AbstractContextManager[Step]:
        """Open a piece of work; `total` is None where its size is not known."""


class _SilentStep:
    def advance(self, amount: float = 1) -> None:
        pass

    def note(self, text: str) -> None:
        pass


class Silent:
    """A `Progress` that shows nothing: the default for library use."""

    @contextmanager
    def step(self, name: str, total: float | None = None) -> Iterator[Step]:  # noqa: ARG002
        """Open a piece of work that nobody watches."""
        yield _SilentStep()
