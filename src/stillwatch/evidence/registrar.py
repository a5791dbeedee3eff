"""Where evidence is entered and by whom it is signed: ledger, key and vault of a deployment."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stillwatch.evidence.commitments import Vault
from stillwatch.evidence.ledger.log import Ledger, utc_now
from stillwatch.evidence.signing import LEDGER, SigningKey

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

LEDGER_VARIABLE, NAME_VARIABLE = "STILLWATCH_LEDGER", "STILLWATCH_NAME"
VAULT = "vault.db"


@dataclass(frozen=True)
class Registrar:
    """Takes evidence into the ledger, signs it, and names people by commitments.

    Attributes:
        ledger: takes the entries.
        key: signs.
        vault: makes commitments of identifiers.
        clock: dates what is issued.
    """

    ledger: Ledger
    key: SigningKey
    vault: Vault
    clock: Callable[[], datetime] = utc_now

    def public_name(self, campaign_id: str) -> str:
        """What a campaign is called outside: its own name is made from account ids."""
        committed = self.vault.commitments([f"campaign {campaign_id}"], "name")
        return "k-" + next(iter(committed.values())).removeprefix("hmac:")[:12]

    @classmethod
    def open(cls, folder: Path | None = None) -> Registrar:
        """Open the deployment's ledger, key and vault; each is made if it is new.

        The key signs under the name that the ledger has, else the one in `STILLWATCH_NAME`, else
        one that is made from the key.

        Args:
            folder: of the ledger; the vault lies beside it. The default one unless given.

        Raises:
            UsageError: the key or the name is malformed.
            InputError: something cannot be used.
        """
        folder = folder or default_ledger()
        last = Ledger(folder).last()
        name = last.checkpoint.origin.removesuffix(f"/{LEDGER}") if last else ""
        key = SigningKey.load(name or os.environ.get(NAME_VARIABLE, ""))
        return cls(Ledger(folder, key), key, Vault(folder.parent / VAULT))


def default_ledger() -> Path:
    """Folder of the ledger where none is named (XDG base directories)."""
    if named := os.environ.get(LEDGER_VARIABLE):
        return Path(named)
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "stillwatch" / "ledger"
