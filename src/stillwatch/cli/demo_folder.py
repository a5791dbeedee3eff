"""What `stillwatch demo` leaves, and where `stillwatch serve` finds it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

DEFAULT = Path("demo")


@dataclass(frozen=True, slots=True)
class DemoFolder:
    """Paths below the folder of a demo.

    Attributes:
        root: the folder.
    """

    root: Path = DEFAULT

    @property
    def provider(self) -> Path:
        """The simulated provider: its log, its account file, the truth."""
        return self.root / "provider"

    @property
    def accounts(self) -> Path:
        """The provider's account file."""
        return self.provider / "accounts.jsonl"

    @property
    def results(self) -> Path:
        """What the scan found."""
        return self.root / "scan"

    @property
    def database(self) -> Path:
        """The console's database, made by the first `stillwatch serve`."""
        return self.root / "console.db"

    @property
    def complete(self) -> bool:
        """Whether a demo ran here to its end."""
        return self.accounts.is_file() and (self.results / "campaigns.json").is_file()
