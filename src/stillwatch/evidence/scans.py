"""Scans in the ledger: what was found, and by which code, thresholds and parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from stillwatch._version import __version__
from stillwatch.evidence.bundle.contents import scan_document
from stillwatch.evidence.canonical import canonical, digest
from stillwatch.evidence.ledger.log import SCAN
from stillwatch.guard.toml_file import values_of
from stillwatch.judging import code_digest, thresholds
from stillwatch.standing import dump_snapshot

if TYPE_CHECKING:
    from stillwatch.evidence.registrar import Registrar
    from stillwatch.guard import Policy
    from stillwatch.schema import Calibrated, Summary
    from stillwatch.standing import Snapshot


def enter_scan(registrar: Registrar, findings: bytes, summary: Summary) -> int:
    """Enter a scan and sign the ledger; the entry's place is returned.

    Args:
        registrar: ledger and key.
        findings: the bytes of `campaigns.json`.
        summary: as found.
    """
    return _enter(registrar, scan_payload(summary, digest(findings)))


def scan_payload(summary: Summary, findings: str) -> dict[str, Any]:
    """What the ledger says of a scan.

    Args:
        summary: as found.
        findings: digest of its `campaigns.json`.
    """
    return {
        "scan": digest(canonical(scan_document(summary, findings))),
        "findings": findings,
        "calibration": summary.calibration,
        "outside": list(summary.calibrated.outside) if summary.calibrated else [],
        "fdr": summary.fdr,
        "seed": summary.seed,
        "parameters": msgspec.to_builtins(summary.parameters),
        **({"since": summary.since.findings} if summary.since else {}),
        **_judged_with(),
    }


def enter_snapshot(
    registrar: Registrar,
    snapshot: Snapshot,
    requests: int,
    policy: Policy,
    calibrated: Calibrated,
) -> int:
    """Enter what a continuous scan published, and sign the ledger.

    Args:
        registrar: ledger and key.
        snapshot: as published.
        requests: that were scanned.
        policy: that sentenced the verdicts.
        calibrated: how the log lies to the calibration.
    """
    payload = {
        "snapshot": digest(dump_snapshot(snapshot)),
        "sequence": snapshot.sequence,
        "as_of": snapshot.as_of.isoformat() if snapshot.as_of else None,
        "calibration": calibrated.cited,
        "outside": list(calibrated.outside),
        "requests": requests,
        "policy": {
            "version": policy.version,
            "digest": digest(canonical(values_of(policy))),
        },
        **_judged_with(),
    }
    return _enter(registrar, payload)


def _enter(registrar: Registrar, payload: dict[str, Any]) -> int:
    index = registrar.ledger.append(SCAN, payload)
    registrar.ledger.checkpoint()
    return index


def _judged_with() -> dict[str, str]:
    return {
        "version": __version__,
        "code": code_digest(),
        "thresholds": digest(canonical(thresholds())),
    }
