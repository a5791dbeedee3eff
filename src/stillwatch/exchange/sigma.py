"""Sigma: a package as correlation rules, for whoever searches its logs with a SIEM.

One rule finds requests that show an indicator (the gateway must have written the keyed tokens into
its log), and a correlation counts distinct accounts that do so. A match is a reason to look.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from stillwatch.errors import MissingExtraError
from stillwatch.exchange.stix import NAMESPACE

if TYPE_CHECKING:
    from stillwatch.exchange.package import Package

FEWEST_ACCOUNTS = 3
"""Accounts within a day from which on the correlation speaks."""


def to_sigma(package: Package) -> bytes:
    """A package as a Sigma rule and a correlation (specification 2.1), as YAML documents.

    Raises:
        MissingExtraError: the part that writes YAML is not installed.
    """
    try:
        import yaml  # noqa: PLC0415 - an extra
    except ImportError:
        raise MissingExtraError("share", "sharing as Sigma rules") from None
    text: str = yaml.safe_dump_all(_rules(package), sort_keys=False, allow_unicode=True)
    return text.encode()


def _rules(package: Package) -> list[dict[str, Any]]:
    name = f"stillwatch_{uuid.uuid5(NAMESPACE, package.name).hex[:12]}"
    date = package.modified[:10]
    selections: dict[str, Any] = {}
    for indicator in package.indicators:
        if not (indicator.revoked or package.revoked):
            selections.setdefault(indicator.kind, []).append(indicator.token)
    rule = {
        "title": f"Request of distillation campaign {package.campaign.name}",
        "id": str(uuid.uuid5(NAMESPACE, f"sigma {package.name}")),
        "name": name,
        "status": "deprecated" if package.revoked or not selections else "experimental",
        "description": "A request to a model API shows a prompt family of a campaign that "
        f"{package.source} reported. The values are keyed with the key {package.key}.",
        "references": ["https://atlas.mitre.org/techniques/AML.T0024.002"],
        "author": package.source,
        "date": package.created[:10],
        "modified": date,
        "tags": ["attack.collection", package.tlp.lower().replace(":", ".")],
        "logsource": {"category": "application", "product": "model_api", "service": "gateway"},
        "detection": {
            **{f"family_{kind}": {kind: tokens} for kind, tokens in sorted(selections.items())},
            "condition": "1 of family_*",
        },
        "falsepositives": ["Customers of a tool that the operator uses too: verify, do not accuse"],
        "level": "medium",
    }
    correlation = {
        "title": f"Several accounts of distillation campaign {package.campaign.name}",
        "id": str(uuid.uuid5(NAMESPACE, f"sigma correlation {package.name}")),
        "status": rule["status"],
        "author": package.source,
        "date": package.created[:10],
        "modified": date,
        "tags": rule["tags"],
        "correlation": {
            "type": "value_count",
            "rules": [name],
            "timespan": "1d",
            "condition": {"field": "account_id", "gte": FEWEST_ACCOUNTS},
        },
        "level": "high",
    }
    return [rule, correlation]
