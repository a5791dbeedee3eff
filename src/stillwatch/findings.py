"""`campaigns.json`: findings to bytes and back, the same findings always the same bytes."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import msgspec

from stillwatch.errors import InputError
from stillwatch.schema import FINDINGS_FORMAT, Findings

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from stillwatch.schema import Campaign, DayCount

_DECODER = msgspec.json.Decoder(Findings)
_HOURS = 24


def dump_findings(findings: Findings) -> bytes:
    """Write findings as indented JSON with a final newline.

    Object fields keep the order of the schema and dictionaries are sorted by key, so equal findings
    give equal bytes.

    Raises:
        ValueError: a number is infinite or undefined. JSON cannot hold it, and an absent number
            would read as "could not be judged".
    """
    compact = msgspec.json.encode(findings, order="deterministic")
    try:
        read_back = _DECODER.decode(compact)
    except msgspec.ValidationError:
        read_back = None
    if read_back != findings:
        raise ValueError("findings hold an infinite or undefined number, or a type JSON lacks")
    # 12 and 12.0 are equal findings; read back, both are what the schema says they are
    canonical = msgspec.json.encode(read_back, order="deterministic")
    return msgspec.json.format(canonical, indent=2) + b"\n"


def load_findings(path: Path) -> Findings:
    """Read `campaigns.json` as `dump_findings` wrote it.

    Raises:
        InputError: the file cannot be read, is not JSON, is of another format version, or
            contradicts itself; the field is named.
    """
    try:
        findings = _DECODER.decode(path.read_bytes())
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=str(path)) from error
    except msgspec.ValidationError as error:
        problem, _, where = str(error).partition(" - at ")
        raise InputError(
            f"is not a campaigns.json of this version: {problem}",
            file=str(path),
            field=where.strip("`").removeprefix("$."),
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"is not valid JSON: {error}", file=str(path)) from error
    if findings.format != FINDINGS_FORMAT:
        raise InputError(
            f"is of format {findings.format!r}, this version reads {FINDINGS_FORMAT!r}: "
            "scan the log again",
            file=str(path),
            field="format",
        )
    _check(findings, str(path))
    return replace(findings, campaigns=tuple(_shares_largest_first(c) for c in findings.campaigns))


def _check(findings: Findings, file: str) -> None:
    summary = findings.summary
    _check_hours(summary.hours, file, "summary.hours")
    _check_days(summary.timeline, file, "summary.timeline")
    for index, campaign in enumerate(findings.campaigns):
        at = f"campaigns[{index}]"
        _check_hours(campaign.hours, file, f"{at}.hours")
        _check_days(campaign.timeline, file, f"{at}.timeline")
        size = len(campaign.members)
        for number, link in enumerate(campaign.links):
            if not (0 <= link.source < size and 0 <= link.target < size):
                raise InputError(
                    f"joins a member that is not among the {size} listed",
                    file=file,
                    field=f"{at}.links[{number}]",
                )


def _check_hours(hours: tuple[float, ...], file: str, field: str) -> None:
    if len(hours) not in (0, _HOURS):
        raise InputError(f"has {len(hours)} values, not {_HOURS}", file=file, field=field)


def _check_days(timeline: Iterable[DayCount], file: str, field: str) -> None:
    for number, entry in enumerate(timeline):
        if not re.fullmatch(r"\d{4}-\d\d-\d\d", entry.day) or not _is_date(entry.day):
            raise InputError(
                f"{entry.day[:40]!r} is not a day such as 2026-05-03",
                file=file,
                field=f"{field}[{number}].day",
            )


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _shares_largest_first(campaign: Campaign) -> Campaign:
    return replace(
        campaign,
        capabilities=_largest_first(campaign.capabilities),
        models=_largest_first(campaign.models),
    )


def _largest_first(shares: dict[str, float]) -> dict[str, float]:
    return dict(sorted(shares.items(), key=lambda item: (-item[1], item[0])))
