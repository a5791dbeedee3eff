"""What was shared, what was imported, and what partners said of it: one file, replaced as a whole.

A later package replaces an earlier one of the same source and campaign, never an older a newer
one, so a revocation cannot be undone by an old file.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from stillwatch.errors import InputError, UsageError
from stillwatch.exchange.package import Count, Line, Moment, Name, Package, moment_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from pathlib import Path

FILE = "book.json"
MAX_IMPORTED = 10_000


class Feedback(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a partner found of a package: honest accounts that it hit, or accounts of the campaign.

    Attributes:
        format: names the kind of document.
        package: `Package.name` of what it is about.
        source: who found it.
        at: when.
        finding: what it was.
        accounts: how many.
        note: in a line.
    """

    format: Literal["stillwatch/feedback/1"]
    package: Annotated[str, msgspec.Meta(max_length=210)]
    source: Name
    at: Moment
    finding: Literal["false positive", "confirmed"]
    accounts: Count
    note: Line = ""


class Imported(msgspec.Struct, frozen=True):
    """A package of a partner and when it came."""

    package: Package
    received: Moment


class Book(msgspec.Struct):
    """The state of the exchange.

    Attributes:
        shared: packages that left, by campaign name.
        imported: packages that came, by name.
        feedback: of partners about what was shared.
        muted: sources that nothing is used of any more.
    """

    shared: dict[str, Package] = {}
    imported: dict[str, Imported] = {}
    feedback: list[Feedback] = []
    muted: list[str] = []

    def share(self, package: Package) -> None:
        """Note that a package leaves."""
        self.shared[package.campaign.name] = package

    def revoke(self, name: str, reason: str, now: str) -> Package:
        """Take a package back; whoever imported it learns so from the next export or poll.

        Raises:
            UsageError: no such package was shared.
        """
        if name not in self.shared:
            known = ", ".join(sorted(self.shared)) or "none"
            raise UsageError(f"nothing was shared under {name!r}; shared: {known}")
        old = self.shared[name]
        revoked = msgspec.structs.replace(
            old, revoked=True, reason=reason, modified=max(now, old.modified)
        )
        self.shared[name] = revoked
        return revoked

    def take(self, package: Package, now: str) -> str:
        """Take in a partner's package; what came of it is returned, in a word.

        Raises:
            InputError: there are too many.
        """
        if package.source in self.muted:
            return "muted"
        held = self.imported.get(package.name)
        if held is not None and held.package.modified > package.modified:
            return "older"
        if held is not None and held.package.revoked and not package.revoked:
            return "revoked before"
        if held is None and len(self.imported) >= MAX_IMPORTED:
            raise InputError(f"{MAX_IMPORTED} packages are imported: forget some of them first")
        self.imported[package.name] = Imported(package, now)
        if package.revoked:
            return "revoked"
        return "new" if held is None else "updated"

    def hear(self, feedback: Feedback) -> str:
        """Take in what a partner says of what was shared.

        A first report of a false positive by a partner counts as a dispute, which the next export
        tells everybody who imported the package.
        """
        name = feedback.package.partition(":")[2]
        package = self.shared.get(name)
        if package is None or package.name != feedback.package:
            return "about nothing that was shared"
        if feedback in self.feedback:
            return "heard before"
        disputed = {
            f.source
            for f in [*self.feedback, feedback]
            if f.package == feedback.package and f.finding == "false positive"
        }
        self.feedback.append(feedback)
        self.shared[name] = msgspec.structs.replace(
            package,
            disputes=len(disputed),
            modified=max(package.modified, feedback.at),
        )
        return feedback.finding

    def mute(self, source: str) -> int:
        """Use nothing of a source any more; how many packages were dropped is returned."""
        dropped = [name for name, held in self.imported.items() if held.package.source == source]
        for name in dropped:
            del self.imported[name]
        if source not in self.muted:
            self.muted.append(source)
        return len(dropped)

    def in_force(self, now: datetime) -> tuple[Package, ...]:
        """Imported packages that count at a moment."""
        return tuple(
            held.package
            for _, held in sorted(self.imported.items())
            if not held.package.revoked
            and any(indicator.counts_at(now) for indicator in held.package.indicators)
        )

    def expire(self, now: datetime) -> int:
        """Forget packages of which no indicator counts any more; how many is returned."""
        gone = [
            name
            for name, held in self.imported.items()
            if all(moment_of(i.valid_until) <= now for i in held.package.indicators)
        ]
        for name in gone:
            del self.imported[name]
        return len(gone)


def load_book(folder: Path) -> Book:
    """Read the book of a folder; a new one is empty.

    Raises:
        InputError: the file is damaged.
    """
    path = folder / FILE
    if not path.exists():
        return Book()
    try:
        return msgspec.json.decode(path.read_bytes(), type=Book)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InputError(f"is damaged: {error}", file=str(path)) from None


def save_book(book: Book, folder: Path) -> None:
    """Replace the book as a whole; a crash leaves the old one."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = folder / f"{FILE}.partial"
    with partial.open("wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(book), indent=2) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    partial.replace(folder / FILE)


def packages_of(book: Book, names: Iterable[str] = ()) -> tuple[Package, ...]:
    """Shared packages, all or those of some names."""
    wanted = set(names)
    return tuple(p for n, p in sorted(book.shared.items()) if not wanted or n in wanted)
