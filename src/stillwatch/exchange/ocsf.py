"""OCSF Detection Findings in CloudEvents: what a SIEM or a ticket system is told, as it happens."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Literal

from stillwatch._version import __version__
from stillwatch.evidence.canonical import canonical
from stillwatch.exchange.package import moment_of
from stillwatch.exchange.stix import NAMESPACE

if TYPE_CHECKING:
    from stillwatch.exchange.package import Package

OCSF_VERSION = "1.8.0"
Activity = Literal["create", "update", "close"]
_ACTIVITIES: dict[str, int] = {"create": 1, "update": 2, "close": 3}
_CLASS = 2004


def detection_finding(package: Package, activity: Activity = "create") -> dict[str, Any]:
    """A package as an OCSF Detection Finding (class 2004).

    The profile `ai_operation` would name the model, but OCSF 1.8 has it for activities only.
    """
    shared = package.campaign
    number = _ACTIVITIES[activity]
    closed = activity == "close" or package.revoked
    return {
        "activity_id": number,
        "category_uid": 2,
        "class_uid": _CLASS,
        "type_uid": _CLASS * 100 + number,
        "time": _milliseconds(package.modified),
        "severity_id": 4,
        "severity": "High",
        "status_id": 4 if closed else 1,
        "status": "Resolved" if closed else "New",
        "is_alert": not closed,
        "confidence_score": max((i.confidence for i in package.indicators), default=70),
        "message": (
            f"Model distillation campaign {shared.name}: about {shared.accounts:,} accounts, "
            f"{shared.requests:,} requests"
        ),
        "metadata": {
            "version": OCSF_VERSION,
            "uid": str(uuid.uuid5(NAMESPACE, f"ocsf {package.name} {package.modified} {activity}")),
            "product": {
                "name": "Stillwatch",
                "vendor_name": "Stillwatch",
                "version": __version__,
            },
        },
        "finding_info": {
            "uid": package.name,
            "title": f"Model distillation campaign {shared.name}",
            "desc": f"Null: {shared.null}. False discovery rate {shared.level:g}.",
            "types": ["Model distillation"],
            "created_time": _milliseconds(package.created),
            "modified_time": _milliseconds(package.modified),
            "first_seen_time": _milliseconds(shared.first_seen),
            "last_seen_time": _milliseconds(shared.last_seen),
            "attacks": [
                {
                    "version": "2026",
                    "technique": {"uid": "AML.T0024.002", "name": "Extract AI Model"},
                }
            ],
        },
        "count": shared.requests,
        "unmapped": {
            "source": package.source,
            "verdict": str(shared.verdict),
            "accounts": shared.accounts,
            "coordination_p": shared.coordination_p,
            "extraction_p": shared.extraction_p,
            "e_value": shared.e_value,
            "limits": list(shared.limits),
            "tlp": package.tlp,
            "revoked": package.revoked,
        },
    }


def cloud_event(package: Package, activity: Activity = "create") -> tuple[str, bytes]:
    """The finding as a CloudEvent (1.0, structured JSON): its id and its bytes.

    The id is made from what is said, so whoever gets it twice knows it.
    """
    finding = detection_finding(package, activity)
    name: str = finding["metadata"]["uid"]
    event = {
        "specversion": "1.0",
        "id": name,
        "source": f"urn:stillwatch:{package.source}",
        "type": f"stillwatch.finding.{activity}",
        "subject": package.campaign.name,
        "time": package.modified,
        "datacontenttype": "application/json",
        "data": finding,
    }
    return name, canonical(event)


def _milliseconds(text: str) -> int:
    return int(moment_of(text).timestamp() * 1000)
