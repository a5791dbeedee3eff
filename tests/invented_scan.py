"""The results of a scan as files, invented: quick to make, with sketches where tests need them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from tests.report import invented

from stillwatch.findings import dump_findings
from stillwatch.schema import SKETCHES, Verdict
from stillwatch.sketch import Sketcher, SketchKey

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from stillwatch.schema import Campaign, Findings

KEY = SketchKey(bytes.fromhex("5c" * 32))


def campaign(
    name: str, accounts: Sequence[str], verdict: Verdict = Verdict.DISTILLATION
) -> Campaign:
    """A campaign of these accounts."""
    made = invented.campaign(len(accounts), len(accounts), verdict)
    members = tuple(
        replace(member, account_id=account)
        for member, account in zip(made.members, accounts, strict=True)
    )
    return replace(made, campaign_id=name, members=members)


def write(
    folder: Path,
    *campaigns: Campaign,
    declared: Mapping[str, Mapping[str, str]] | None = None,
    families: Mapping[str, int] | None = None,
    clear: int = 20,
) -> tuple[Path, Path]:
    """Write what a scan would leave.

    Args:
        folder: to write to.
        campaigns: what was found.
        declared: fields of the account file, by account.
        families: `head8_key` of each account's requests, for sketches; none without it.
        clear: honest accounts besides.

    Returns:
        The folder, and the account file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    found: Findings = invented.findings(*campaigns)
    (folder / "campaigns.json").write_bytes(dump_findings(found))
    pq.write_table(invented.accounts_table(found, clear), folder / "accounts.parquet")
    accounts = folder / "accounts.jsonl"
    with accounts.open("wb") as file:
        ids = [member.account_id for one in campaigns for member in one.members]
        for account_id in ids:
            row = {"account_id": account_id, **(declared or {}).get(account_id, {})}
            file.write(msgspec.json.encode(row) + b"\n")
    if families:
        _sketches(folder / "sketches", families)
    return folder, accounts


def _sketches(folder: Path, families: Mapping[str, int]) -> None:
    ids = pa.array(list(families), pa.string())
    keys = Sketcher(KEY).account_keys(ids)
    for name in ("days", "names"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    pq.write_table(
        pa.table({"account": keys, "account_id": ids}), folder / "names" / "part.parquet"
    )
    at = datetime(2026, 5, 1, tzinfo=UTC)
    rows = [
        {
            **dict.fromkeys(SKETCHES.names),
            "request_key": number,
            "timestamp": at + timedelta(seconds=number),
            "account": key,
            "model": "m",
            "head8_key": family,
            "head4_key": family + 1 if family else None,
            "tail8_key": family + 2 if family else None,
            "body_key": number,
            "turns_key": number,
            "turns": 1,
            "prompt_words": 9,
            "capability": 0,
            "elicitation": 0.0,
            "grading": 0.0,
        }
        for number, (key, family) in enumerate(
            zip(keys.to_pylist(), families.values(), strict=True)
        )
    ]
    table = pa.Table.from_pylist(rows, schema=SKETCHES)
    pq.write_table(table, folder / "days" / "2026-05-01.parquet")
