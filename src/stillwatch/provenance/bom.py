"""The bill of materials: sources and the models behind them, as a CycloneDX ML-BOM (1.6, JSON)."""

from __future__ import annotations

import json
import uuid
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from stillwatch._version import __version__
from stillwatch.errors import MissingExtraError
from stillwatch.provenance.manifest import name_of
from stillwatch.provenance.rows import Origin

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from cyclonedx.model import Property
    from cyclonedx.model.component import Component
    from cyclonedx.model.license import License

    from stillwatch.provenance.tracing import SourceTally, Trace

_PREFIX = "stillwatch:provenance:"


def need_bom() -> None:
    """Insist on the extra `provenance`.

    Raises:
        MissingExtraError: it is not installed.
    """
    if find_spec("cyclonedx") is None:
        raise MissingExtraError("provenance", "the bill of materials")


def write_bom(trace: Trace, manifest: dict[str, Any], path: Path) -> None:
    """Write the bill of materials beside the manifest.

    Args:
        trace: what was found.
        manifest: of the same trace; its bytes give the serial number.
        path: of the file.

    Raises:
        MissingExtraError: the library is not installed.
    """
    need_bom()
    path.write_text(bom_json(trace, manifest), encoding="utf-8")


def bom_json(trace: Trace, manifest: dict[str, Any]) -> str:
    """The bill of materials as JSON; it bears no time, so the same trace gives the same bytes."""
    from cyclonedx.model.bom import Bom, BomMetaData  # noqa: PLC0415 - an extra
    from cyclonedx.model.component import Component, ComponentType  # noqa: PLC0415
    from cyclonedx.output import make_outputter  # noqa: PLC0415
    from cyclonedx.schema import OutputFormat, SchemaVersion  # noqa: PLC0415

    whole = Component(
        type=ComponentType.DATA,
        name=name_of(trace),
        bom_ref="dataset",
        licenses=_licences([trace.dataset.card.terms] if trace.dataset.card.terms else []),
        properties=_properties(trace.total),
    )
    tool = Component(type=ComponentType.APPLICATION, name="stillwatch", version=__version__)
    models = {
        name: Component(
            type=ComponentType.MACHINE_LEARNING_MODEL, name=name, bom_ref=f"model:{name}"
        )
        for name in sorted({maker for source in trace.sources for maker in source.makers})
    }
    serial = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(manifest, sort_keys=True))
    bom = Bom(metadata=BomMetaData(component=whole), serial_number=serial)
    bom.metadata.tools.components.add(tool)
    parts = []
    for number, source in enumerate(trace.sources, 1):
        part = _component(number, source)
        bom.components.add(part)
        bom.register_dependency(part, [models[maker] for maker in sorted(source.makers)])
        parts.append(part)
    for model in models.values():
        bom.components.add(model)
    bom.register_dependency(whole, parts)
    made = make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string()
    found = json.loads(made)
    del found["metadata"]["timestamp"]
    return json.dumps(found, indent=2, sort_keys=True) + "\n"


def _component(number: int, source: SourceTally) -> Component:
    from cyclonedx.model.component import Component, ComponentType  # noqa: PLC0415 - an extra

    return Component(
        type=ComponentType.DATA,
        name=source.name,
        bom_ref=f"source:{number}",
        licenses=_licences(sorted(source.terms)),
        properties=_properties(source),
    )


def _properties(source: SourceTally) -> Iterable[Property]:
    from cyclonedx.model import Property  # noqa: PLC0415 - an extra

    values = {"rows": source.rows, "contradicted": source.contradicted}
    values |= {str(origin): source.verdicts[origin] for origin in Origin}
    values |= {f"basis:{basis}": number for basis, number in source.bases.items()}
    found = [Property(name=f"{_PREFIX}{name}", value=str(v)) for name, v in values.items()]
    if source.confidence is not None:
        found.append(Property(name=f"{_PREFIX}confidence", value=f"{source.confidence:.4f}"))
    return found


def _licences(terms: list[str]) -> list[License]:
    """Terms as SPDX ids where they are one, else by the name that they were given."""
    from cyclonedx.model.license import DisjunctiveLicense  # noqa: PLC0415 - an extra
    from cyclonedx.spdx import fixup_id  # noqa: PLC0415

    return [
        DisjunctiveLicense(id=known) if (known := fixup_id(name)) else DisjunctiveLicense(name=name)
        for name in terms
    ]
