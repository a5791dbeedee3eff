"""MISP: packages as events with one object a campaign and an attribute an indicator, and back."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import msgspec

from stillwatch.errors import InputError, MissingExtraError
from stillwatch.exchange.importing import as_package
from stillwatch.exchange.stix import NAMESPACE

if TYPE_CHECKING:
    from stillwatch.exchange.package import Package

MAX_ATTRIBUTES = 5000
_PACKAGE, _INDICATOR = "stillwatch package", "stillwatch indicator"


def to_misp(package: Package) -> bytes:
    """A package as a MISP event, by `pymisp`.

    Raises:
        MissingExtraError: the part that knows MISP is not installed.
    """
    try:
        from pymisp import MISPEvent  # noqa: PLC0415 - an extra
    except ImportError:
        raise MissingExtraError("share", "sharing as a MISP event") from None
    event = MISPEvent()
    event.from_dict(
        uuid=str(uuid.uuid5(NAMESPACE, f"misp {package.name}")),
        info=f"Model distillation campaign {package.campaign.name}"
        + (" (revoked)" if package.revoked else ""),
        date=package.campaign.first_seen[:10],
        threat_level_id=2,
        analysis=2,
        distribution=0,
    )
    event.add_tag(package.tlp.replace("TLP:", "tlp:").lower())
    head = msgspec.to_builtins(package)
    del head["indicators"]
    event.add_attribute(
        "text",
        json.dumps(head, sort_keys=True),
        comment=_PACKAGE,
        category="Other",
        to_ids=False,
        uuid=str(uuid.uuid5(NAMESPACE, f"misp head {package.name}")),
    )
    for indicator in package.indicators:
        event.add_attribute(
            "text",
            json.dumps(msgspec.to_builtins(indicator), sort_keys=True),
            comment=_INDICATOR,
            category="Artifacts dropped",
            to_ids=not (indicator.revoked or package.revoked),
            first_seen=indicator.valid_from,
            last_seen=indicator.valid_until,
            uuid=str(uuid.uuid5(NAMESPACE, f"misp {package.name} {indicator.name}")),
        )
    value = json.loads(event.to_json())
    return json.dumps({"Event": value}, sort_keys=True, indent=2).encode() + b"\n"


def from_misp(value: Any, *, file: str = "") -> tuple[Package, ...]:
    """The packages in a decoded MISP event, or in the `response` of a server's search for events.

    Other attributes are left alone.

    Raises:
        InputError: it is no event, too large, or an event holds no package.
    """
    events = value.get("response", [value]) if isinstance(value, dict) else []
    if not isinstance(events, list) or not events:
        raise InputError("is no list of MISP events", file=file)
    return tuple(_package(event, file) for event in events)


def _package(value: Any, file: str) -> Package:
    event = value.get("Event") if isinstance(value, dict) else None
    attributes = event.get("Attribute") if isinstance(event, dict) else None
    if not isinstance(attributes, list) or len(attributes) > MAX_ATTRIBUTES:
        raise InputError("is no MISP event with a sensible number of attributes", file=file)
    heads = [_content(a, file) for a in attributes if _is(a, _PACKAGE)]
    if len(heads) != 1 or not isinstance(heads[0], dict):
        raise InputError("is a MISP event without a campaign of audited evidence", file=file)
    indicators = [_content(a, file) for a in attributes if _is(a, _INDICATOR)]
    return as_package(heads[0] | {"indicators": indicators}, file=file)


def _is(attribute: Any, comment: str) -> bool:
    return (
        isinstance(attribute, dict)
        and attribute.get("comment") == comment
        and not attribute.get("deleted")
    )


def _content(attribute: dict[str, Any], file: str) -> Any:
    text = attribute.get("value")
    try:
        return msgspec.json.decode(text if isinstance(text, str) else "")
    except (msgspec.MsgspecError, RecursionError) as error:
        raise InputError(f"has an attribute that is not JSON: {error}", file=file) from None
