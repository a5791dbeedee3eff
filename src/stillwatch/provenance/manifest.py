"""The manifest: every source with its origin, terms and evidence, as Croissant JSON-LD.

Croissant 1.0 of MLCommons on schema.org; what neither has a word for stands under `sw:`. A key
that Croissant asks for and that the dataset does not declare is left out and named in
`sw:undeclared`: a manifest does not make up a licence.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from stillwatch._version import __version__
from stillwatch.provenance.rows import Origin

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from stillwatch.provenance.tracing import SourceTally, Trace
    from stillwatch.readers.sources import Source

NAMESPACE = "urn:stillwatch:provenance#"

_MADE = "https://schema.org/TrainedAlgorithmicMediaDigitalSource"
_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
    "sw": NAMESPACE,
}
_FORMATS = {"parquet": "application/x-parquet", "jsonl": "application/jsonlines"}


def manifest(trace: Trace) -> dict[str, Any]:
    """The manifest of a training set; the same trace gives the same manifest."""
    card = trace.dataset.card
    declared = {
        "license": card.terms,
        "url": card.url,
        "creator": [{"@type": "sc:Person", "name": name} for name in card.creators],
    }
    found: dict[str, Any] = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": name_of(trace),
        "description": "Where the rows of this training set come from, as far as could be told.",
        **{key: value for key, value in declared.items() if value},
        "sw:undeclared": sorted(key for key, value in declared.items() if not value),
        "sw:tool": f"stillwatch {__version__}",
        "sw:declarationsCounted": trace.heeded,
        "sw:declared": list(card.evidence),
        "sw:comparedWith": [
            {"name": name, "sw:origin": str(origin), "sw:texts": size}
            for name, origin, size in trace.registers
        ],
        "sw:rejectedRecords": trace.rejected,
        **_origin(trace.total),
        "distribution": [_file(trace.dataset.short(file), file) for file in trace.dataset.files],
        "hasPart": [_part(number, source) for number, source in enumerate(trace.sources, 1)],
    }
    return found


def name_of(trace: Trace) -> str:
    """The dataset's name, else its path's."""
    return trace.dataset.card.name or trace.dataset.path.rstrip("/").rpartition("/")[2]


def _part(number: int, source: SourceTally) -> dict[str, Any]:
    found: dict[str, Any] = {
        "@type": "sc:CreativeWork",  # a file of Croissant has one dataset
        "@id": f"source-{number}",
        "name": source.name,
        **_origin(source),
    }
    if source.terms:
        found["license"] = sorted(source.terms)
    if source.makers:
        found["sw:models"] = _counts(source.makers)
    if source.verdicts[Origin.GENERATED] == source.rows:
        found["digitalSourceType"] = _MADE
    return found


def _origin(source: SourceTally) -> dict[str, Any]:
    """Counts by verdict, what they rest on, and how sure the measured ones are."""
    return {
        "sw:rows": source.rows,
        "sw:origin": _counts({str(origin): source.verdicts[origin] for origin in Origin}),
        "sw:basis": _counts(source.bases),
        "sw:evidence": _counts(source.evidence),
        "sw:contradicted": source.contradicted,
        "sw:confidence": source.confidence,
    }


def _counts(counted: Mapping[str, int]) -> list[dict[str, Any]]:
    """Rows by name: names come from outside, so they are values and never keys of JSON-LD."""
    return [
        {"@type": "sc:PropertyValue", "name": name, "value": number}
        for name, number in sorted(counted.items())
    ]


def _file(name: str, file: Source) -> dict[str, Any]:
    kind = name.removesuffix(".gz").removesuffix(".zst").rpartition(".")[2]
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "contentUrl": name,
        "contentSize": f"{file.size} B",
        "encodingFormat": _FORMATS.get(kind, "application/json"),
        "sha256": digest(file),
    }


def digest(file: Source) -> str:
    """SHA-256 of a file, in hex."""
    with open(file.name, "rb") as opened:  # noqa: PTH123 - a name as the source has it
        return hashlib.file_digest(opened, "sha256").hexdigest()


def write_manifest(found: dict[str, Any], path: Path) -> None:
    """Write it as JSON."""
    path.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
