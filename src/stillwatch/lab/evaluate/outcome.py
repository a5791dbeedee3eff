"""What one cell found out, as it lies on disk."""

from __future__ import annotations

import msgspec

OURS = "stillwatch"
"""Name of our own method in results."""


class GroupRow(msgspec.Struct, frozen=True, kw_only=True):
    """One group of the world under one method.

    Attributes:
        method: `OURS` or a baseline. group, kind: as in the truth. accounts, accused: of the group.
            clear, inconclusive, pooled: accounts with that verdict; None for baselines, which have
            none.
        expected: accounts whose verdict is a right one; None for baselines. lost: accounts that
            stand in a group whose accounts are mostly in no campaign; None likewise.
    """

    method: str
    group: str
    kind: str
    accounts: int
    accused: int
    clear: int | None = None
    inconclusive: int | None = None
    pooled: int | None = None
    expected: int | None = None
    lost: int | None = None


class TrueCampaign(msgspec.Struct, frozen=True, kw_only=True):
    """One true campaign: see `score.CampaignScore`."""

    method: str
    campaign: str
    group: str
    accounts: int
    accused: int
    pieces: int | None = None
    largest: float | None = None


class FoundCampaign(msgspec.Struct, frozen=True, kw_only=True):
    """One accused campaign: see `score.FoundScore`."""

    accounts: int
    innocent: int
    purity: float


class TestedGroup(msgspec.Struct, frozen=True, kw_only=True):
    """One group that was tested, and what it truly is.

    Attributes:
        accounts: of the group.
        origin: ``honest`` (no account of a campaign or of one operator), ``campaign`` (mostly) or
            ``other`` (openly pooled accounts, or a mixture).
        coordination_p, extraction_p: as in `Detection.judged`.
        e: the e-value.
        verdict: of the scan.
    """

    accounts: int
    origin: str
    coordination_p: float
    extraction_p: float | None
    e: float
    verdict: str


class Discoveries(msgspec.Struct, frozen=True, kw_only=True):
    """Groups accepted at one nominal level of the false discovery rate.

    Attributes:
        level: the nominal one.
        coordinated, coordinated_falsely: accepted as one operator's; of those the honest.
        accused, accused_falsely: called distillation; of those not mostly a campaign's.
    """

    level: float
    coordinated: int
    coordinated_falsely: int
    accused: int
    accused_falsely: int


class Windows(msgspec.Struct, frozen=True, kw_only=True):
    """Windows of queries with one share of a corpus, and how many are called an extraction."""

    share: float
    windows: int
    called: int


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """By what a scan judged: as far as a calibration needs it.

    Attributes:
        version, code: of Stillwatch, and digest of the code that judged; see `judging`.
        fdr: the level.
        days: that the log spans.
        habits: floors of the log's own customers; None where one was not used.
    """

    version: str
    code: str
    fdr: float
    days: int
    habits: dict[str, float | None]


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """One cell's results.

    Attributes:
        name, digest: of the cell and of everything that it depends on.
        scenario, seed, ablation, knob, value: of the cell.
        requests, accounts: in the log.
        seconds: by step; the baselines by their names.
        peak_mb: most memory that the process held, in 10⁶ bytes.
        terms: of our scan; None in a cell of windows.
        groups, campaigns, found, tested, discoveries, windows: see the classes; a cell of windows
            has no world, and a world has no windows.
    """

    name: str
    digest: str
    scenario: str
    seed: int
    ablation: str
    knob: str
    value: str
    requests: int
    accounts: int
    seconds: dict[str, float]
    peak_mb: float
    groups: tuple[GroupRow, ...]
    campaigns: tuple[TrueCampaign, ...]
    found: tuple[FoundCampaign, ...]
    tested: tuple[TestedGroup, ...]
    discoveries: tuple[Discoveries, ...]
    windows: tuple[Windows, ...] = ()
    terms: Terms | None = None

    @property
    def accused_innocents(self) -> int:
        """Accounts outside all campaigns that our method accuses."""
        rows = (row for row in self.groups if row.method == OURS and row.kind != "campaign")
        return sum(row.accused for row in rows)
