"""STIX 2.1: packages as bundles of campaign, infrastructure, indicators and sightings, and back.

What STIX has no word for (the null, n, e-value, level, limits, expiry of the evidence) is an
extension (section 7.3 of the standard) that everybody else may ignore. Ids are made from source and
name, so the same thing keeps its id and a later bundle updates it.
"""

from __future__ import annotations

import hashlib
import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from stillwatch.errors import InputError, MissingExtraError
from stillwatch.exchange.importing import as_package
from stillwatch.exchange.package import moment_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stillwatch.exchange.package import Indicator, Package

NAMESPACE = uuid.UUID("7f1f6d0e-5a61-5c0e-9d1c-0f6a3e5b8a21")
EXTENSION = "extension-definition--d2a6b7c4-1c2a-4d0b-8f0e-5b7a9c3e1f42"

TLP = {
    "TLP:CLEAR": "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487",
    "TLP:GREEN": "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
    "TLP:AMBER": "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421",
    "TLP:AMBER+STRICT": "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003",
    "TLP:RED": "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1",
}
"""The fixed marking definitions of TLP 2.0 (OASIS)."""

MAX_OBJECTS = 5000

_TLP_EXTENSION = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"
_KINDS = {
    "system_key": "system prompt",
    "head8_key": "first eight words of the prompt",
    "tail8_key": "last eight words of the prompt",
    "skeleton_key": "structure of the prompt",
}


def stix_id(kind: str, *parts: str) -> str:
    """The id of a thing: always the same for the same parts."""
    digest = hashlib.sha256("\x00".join(("stillwatch", kind, *parts)).encode()).digest()
    return f"{kind}--{uuid.UUID(bytes=digest[:16], version=4)}"


def to_stix(packages: Iterable[Package]) -> bytes:
    """Packages as one STIX 2.1 bundle, checked by `stix2`.

    Raises:
        MissingExtraError: the part that knows STIX is not installed.
    """
    try:
        import stix2  # noqa: PLC0415 - an extra
    except ImportError:
        raise MissingExtraError("share", "sharing as STIX") from None
    objects: dict[str, dict[str, Any]] = {}
    for package in packages:
        for part in _objects(package):
            objects[part["id"]] = part
    whole = {
        "type": "bundle",
        "id": stix_id("bundle", *sorted(objects)),
        "objects": list(objects.values()),
    }
    checked = stix2.parse(whole, allow_custom=True, version="2.1")
    text: str = checked.serialize(sort_keys=True, indent=2)
    return text.encode() + b"\n"


def _objects(package: Package) -> list[dict[str, Any]]:
    source = _identity(package)
    common = {
        "spec_version": "2.1",
        "created": package.created,
        "modified": package.modified,
        "created_by_ref": source["id"],
        "object_marking_refs": [TLP[package.tlp]],
    } | ({"revoked": True} if package.revoked else {})
    campaign = common | _campaign(package)
    infrastructure = common | _infrastructure(package)
    observed = common | _observed(package)
    objects = [source, _tlp(package.tlp), _definition(), _account(package)]
    objects += [campaign, infrastructure, observed]
    objects.append(common | _relationship(package, campaign["id"], "uses", infrastructure["id"]))
    for indicator in package.indicators:
        made = common | _indicator(package, indicator)
        objects += [
            made,
            common | _relationship(package, made["id"], "indicates", campaign["id"]),
            common | _sighting(package, indicator, made["id"], source["id"], observed["id"]),
        ]
    return [*objects, common | _grouping(package, objects)]


def _identity(package: Package) -> dict[str, Any]:
    return {
        "type": "identity",
        "spec_version": "2.1",
        "id": stix_id("identity", package.source),
        "created": "2026-01-01T00:00:00Z",
        "modified": "2026-01-01T00:00:00Z",
        "name": package.source,
        "identity_class": "organization",
    }


def _tlp(name: str) -> dict[str, Any]:
    return {
        "type": "marking-definition",
        "spec_version": "2.1",
        "id": TLP[name],
        "created": "2022-10-01T00:00:00.000Z",
        "name": name,
        "extensions": {
            _TLP_EXTENSION: {
                "extension_type": "property-extension",
                "tlp_2_0": name.removeprefix("TLP:").lower(),
            }
        },
    }


def _definition() -> dict[str, Any]:
    return {
        "type": "extension-definition",
        "spec_version": "2.1",
        "id": EXTENSION,
        "created": "2026-01-01T00:00:00Z",
        "modified": "2026-01-01T00:00:00Z",
        "created_by_ref": stix_id("identity", "stillwatch"),
        "name": "Audited evidence about a campaign",
        "description": "Null hypothesis, n, p-values, e-value, false discovery rate, limits and "
        "expiry of the evidence, and keyed tokens of prompt families (docs/exchange.md).",
        "schema": "stillwatch/share/1",
        "version": "1.0.0",
        "extension_types": ["property-extension"],
    }


def _campaign(package: Package) -> dict[str, Any]:
    shared = package.campaign
    package_values = msgspec.to_builtins(package)
    del package_values["indicators"]
    return {
        "type": "campaign",
        "id": stix_id("campaign", package.name),
        "name": _title(package),
        "description": (
            f"About {shared.accounts:,} accounts under one control obtained about "
            f"{shared.requests:,} answers of a language model, as one does for training data "
            "(MITRE ATLAS AML.T0024.002, extract ML model)."
        ),
        "objective": "Training data from the answers of a language model",
        "first_seen": shared.first_seen,
        "last_seen": shared.last_seen,
        "external_references": [
            {"source_name": "mitre-atlas", "external_id": "AML.T0024.002"},
        ],
        "extensions": {
            EXTENSION: {
                "extension_type": "property-extension",
                "sample_size": shared.accounts,
                "null_hypothesis": shared.null,
                "package": package_values,
            }
        },
    }


def _infrastructure(package: Package) -> dict[str, Any]:
    return {
        "type": "infrastructure",
        "id": stix_id("infrastructure", package.name),
        "name": f"Account pool of {package.campaign.name}",
        "description": "Accounts at a provider of language models, used through one queue.",
        "infrastructure_types": ["unknown"],
        "first_seen": package.campaign.first_seen,
        "last_seen": package.campaign.last_seen,
    }


def _account(package: Package) -> dict[str, Any]:
    """What observed data must point to: the pool of accounts as a whole, none of them singly."""
    return {
        "type": "user-account",
        "spec_version": "2.1",
        "id": _pool_id(package),
        "display_name": f"pool of {package.campaign.name}",
    }


def _pool_id(package: Package) -> str:
    return stix_id("user-account", package.name)


def _observed(package: Package) -> dict[str, Any]:
    return {
        "type": "observed-data",
        "id": stix_id("observed-data", package.name),
        "first_observed": package.campaign.first_seen,
        "last_observed": package.campaign.last_seen,
        "number_observed": max(1, min(package.campaign.requests, 999_999_999)),
        "object_refs": [_pool_id(package)],
    }


def _indicator(package: Package, indicator: Indicator) -> dict[str, Any]:
    return {
        "type": "indicator",
        "id": stix_id("indicator", package.name, indicator.name),
        "name": f"Prompt family of {package.campaign.name}: {_KINDS[indicator.kind]}",
        "description": "A keyed hash: only holders of the partners' key can compare it. A reason "
        "to look and to verify, never a verdict.",
        "indicator_types": ["malicious-activity"],
        "pattern": f"[x-stillwatch-request:{indicator.kind} = '{indicator.token}']",
        "pattern_type": "stix",
        "valid_from": indicator.valid_from,
        "valid_until": indicator.valid_until,
        "confidence": indicator.confidence,
        "extensions": {
            EXTENSION: {
                "extension_type": "property-extension",
                "package": package.name,
                "indicator": msgspec.to_builtins(indicator),
            }
        },
    } | ({"revoked": True} if indicator.revoked or package.revoked else {})


def _relationship(package: Package, source: str, kind: str, target: str) -> dict[str, Any]:
    return {
        "type": "relationship",
        "id": stix_id("relationship", package.name, source, kind, target),
        "relationship_type": kind,
        "source_ref": source,
        "target_ref": target,
    }


def _sighting(
    package: Package, indicator: Indicator, of: str, source: str, observed: str
) -> dict[str, Any]:
    last = moment_of(package.campaign.last_seen) + timedelta(seconds=1)
    return {
        "type": "sighting",
        "id": stix_id("sighting", package.name, indicator.name),
        "sighting_of_ref": of,
        "where_sighted_refs": [source],
        "observed_data_refs": [observed],
        "first_seen": package.campaign.first_seen,
        "last_seen": last.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "count": indicator.accounts,
    }


def _grouping(package: Package, objects: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """What belongs together: an importer that knows events makes one of it, with this name."""
    whole = {"identity", "marking-definition", "extension-definition"}
    return {
        "type": "grouping",
        "id": stix_id("grouping", package.name),
        "name": _title(package),
        "context": "suspicious-activity",
        "object_refs": [part["id"] for part in objects if part["type"] not in whole],
    }


def _title(package: Package) -> str:
    return f"Model distillation campaign {package.campaign.name}"


def from_stix(value: Any, *, file: str = "") -> tuple[Package, ...]:
    """Packages from a decoded STIX bundle; objects of other kinds are left alone.

    Nothing is resolved or followed: campaigns and indicators carry all that a package needs, and
    references between objects, cyclic or dangling, mean nothing here.

    Raises:
        InputError: it is no bundle, too large, or an object of ours in it is malformed.
    """
    objects = value.get("objects") if isinstance(value, dict) else None
    if not isinstance(objects, list) or not all(isinstance(o, dict) for o in objects):
        raise InputError("is no STIX bundle: it has no list of objects", file=file)
    if len(objects) > MAX_OBJECTS:
        raise InputError(f"has more than {MAX_OBJECTS} objects", file=file)
    heads: dict[str, dict[str, Any]] = {}
    for part in objects:
        found = _extension(part)
        if part.get("type") == "campaign" and isinstance(found.get("package"), dict):
            head = dict(found["package"]) | {"indicators": []}
            head["revoked"] = bool(part.get("revoked")) or bool(head.get("revoked"))
            heads[_name(head)] = head
    for part in objects:
        found = _extension(part)
        home = found.get("package")
        if part.get("type") == "indicator" and isinstance(home, str) and home in heads:
            indicator = found.get("indicator")
            if isinstance(indicator, dict):
                revoked = bool(part.get("revoked")) or bool(indicator.get("revoked"))
                heads[home]["indicators"].append(indicator | {"revoked": revoked})
    if not heads:
        raise InputError("holds no campaign with audited evidence", file=file)
    return tuple(as_package(head, file=file) for head in heads.values())


def _extension(part: dict[str, Any]) -> dict[str, Any]:
    extensions = part.get("extensions")
    found = extensions.get(EXTENSION) if isinstance(extensions, dict) else None
    return found if isinstance(found, dict) else {}


def _name(head: dict[str, Any]) -> str:
    campaign = head.get("campaign")
    name = campaign.get("name") if isinstance(campaign, dict) else ""
    return f"{head.get('source')}:{name}"
