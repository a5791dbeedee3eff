from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pymisp
import pytest
import stix2
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema
from stix2validator import ValidationOptions, validate_string
from tests.documents import JSON, change_somewhere

from stillwatch.errors import InputError
from stillwatch.evidence.canonical import canonical
from stillwatch.evidence.dsse import seal
from stillwatch.evidence.signing import SHARING, SigningKey
from stillwatch.exchange.importing import MAX_BYTES, PAYLOAD_TYPE, parse_shared
from stillwatch.exchange.misp import to_misp
from stillwatch.exchange.ocsf import OCSF_VERSION, cloud_event, detection_finding
from stillwatch.exchange.package import Package
from stillwatch.exchange.sigma import to_sigma
from stillwatch.exchange.stix import EXTENSION, TLP, to_stix

from .packages import indicator, package, plain, values

NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,20}", fullmatch=True)


@st.composite
def packages(draw: st.DrawFn) -> Package:
    tokens = draw(st.lists(st.integers(0, 2**64 - 1), max_size=5, unique=True))
    made = values(
        source=draw(NAMES),
        tlp=draw(st.sampled_from(sorted(TLP))),
        revoked=draw(st.booleans()),
        disputes=draw(st.integers(0, 9)),
        reason=draw(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=50)),
        indicators=[
            indicator(0, token=f"{token:016x}", revoked=draw(st.booleans())) for token in tokens
        ],
    )
    made["campaign"] |= {"name": draw(NAMES), "accounts": draw(st.integers(5, 10**6))}
    return package(**made)


def effective(made: Package) -> Any:
    """A package as it is meant: a revoked one has revoked indicators."""
    value = plain(made)
    for part in value["indicators"]:
        part["revoked"] = part["revoked"] or made.revoked
    return value


@settings(max_examples=40, deadline=None)
@given(packages())
def test_every_format_brings_back_what_was_shared(made: Package) -> None:
    for data in (to_stix([made]), to_misp(made), canonical(plain(made))):
        (back,) = parse_shared(data)
        assert effective(back) == effective(made)


def test_stix_is_accepted_by_its_own_library_and_validator() -> None:
    data = to_stix([package(), package(source="other.example")])
    bundle = stix2.parse(data.decode(), allow_custom=False)
    kinds = {thing["type"] for thing in bundle.objects}
    assert kinds == {
        "identity", "marking-definition", "extension-definition", "campaign", "infrastructure",
        "observed-data", "user-account", "indicator", "relationship", "sighting", "grouping",
    }  # fmt: skip
    found = validate_string(data.decode(), ValidationOptions(version="2.1"))
    assert found.is_valid, found.errors


def test_stix_says_how_sure_and_until_when() -> None:
    objects = json.loads(to_stix([package()]))["objects"]
    campaign = next(o for o in objects if o["type"] == "campaign")
    said = campaign["extensions"][EXTENSION]
    assert said["sample_size"] == 25000
    assert "independent accounts" in said["null_hypothesis"]
    assert said["package"]["campaign"]["e_value"] == 1e7
    one = next(o for o in objects if o["type"] == "indicator")
    assert one["valid_until"] == "2026-07-06T00:00:00Z"
    assert one["object_marking_refs"] == [TLP["TLP:AMBER"]]


def test_later_stix_updates_the_same_objects() -> None:
    before = json.loads(to_stix([package()]))["objects"]
    after = json.loads(to_stix([package(revoked=True, modified="2026-06-08T00:00:00Z")]))["objects"]
    assert {o["id"] for o in before} == {o["id"] for o in after}
    assert all(o["revoked"] for o in after if o["type"] in {"campaign", "indicator"})


def misp_schema(name: str) -> jsonschema.Draft4Validator:
    """A schema of MISP's exchange format, as the MISP project ships it with PyMISP."""
    return jsonschema.Draft4Validator(
        json.loads((Path(pymisp.__file__).parent / "data" / name).read_bytes())
    )


LAX, STRICT = misp_schema("schema-lax.json"), misp_schema("schema.json")


@settings(max_examples=20, deadline=None)
@given(packages())
def test_misp_is_taken_and_given_back_by_its_own_library(made: Package) -> None:
    """Loaded by PyMISP, which checks types and categories, and written again as MISP writes it."""
    event = pymisp.MISPEvent()
    event.load(to_misp(made))
    assert event.info.startswith(f"Model distillation campaign {made.campaign.name}")
    assert [tag.name for tag in event.tags] == [made.tlp.lower()]
    assert len(event.attributes) == len(made.indicators) + 1
    (back,) = parse_shared(f'{{"Event": {event.to_json()}}}'.encode())
    assert effective(back) == effective(made)


MISP_IMPORT = """
import json, sys
import stix2
from misp_stix_converter import ExternalSTIX2toMISPParser
made = []
for bundle in json.load(sys.stdin):
    parser = ExternalSTIX2toMISPParser()
    parser.load_stix_bundle(stix2.parse(bundle, allow_custom=True))
    parser.parse_stix_bundle()
    errors = [one for found in parser.errors.values() for one in found]
    made.append([json.loads(parser.misp_event.to_json()), errors])
json.dump(made, sys.stdout)
"""


def imported(*packages: Package) -> list[tuple[dict[str, Any], list[str]]]:
    """The event that MISP's own import makes of each package's STIX, and its complaints.

    In a process of its own: libraries for STIX 1 come with it, which change how Python imports.
    """
    bundles = json.dumps([json.loads(to_stix([made])) for made in packages])
    command = [sys.executable, "-W", "ignore", "-c", MISP_IMPORT]
    run = subprocess.run(command, input=bundles, capture_output=True, text=True, check=True)
    return [(event, errors) for event, errors in json.loads(run.stdout)]


def test_misp_imports_our_stix() -> None:
    """With everything but the infrastructure, which MISP's import has nothing for."""
    made = [
        package(tlp=tlp, revoked=revoked, indicators=[indicator(n) for n in range(many)])
        for tlp, revoked, many in zip(sorted(TLP), [False, True] * 3, range(1, 6), strict=False)
    ]
    found = imported(*made)
    assert len(found) == len(made) == 5
    for one, (event, errors) in zip(made, found, strict=True):
        assert {text.rpartition(": ")[2] for text in errors} == {"infrastructure"}
        assert event["info"] == f"Model distillation campaign {one.campaign.name}"
        assert one.tlp.lower() in [tag["name"] for tag in event["Tag"]]
        patterns = [
            attribute
            for part in event["Object"]
            for attribute in part["Attribute"]
            if attribute["object_relation"] == "stix2-pattern"
        ]
        assert {attribute["value"] for attribute in patterns} == {
            f"[x-stillwatch-request:{part.kind} = '{part.token}']" for part in one.indicators
        }
        for attribute in patterns:
            (galaxy,) = attribute["Galaxy"]
            assert [cluster["value"] for cluster in galaxy["GalaxyCluster"]] == [event["info"]]
        LAX.validate({"Event": event})


def test_misp_updates_the_event_that_it_made() -> None:
    (first, _), (later, _) = imported(package(), package(modified="2026-06-09T00:00:00Z"))
    assert first["uuid"] == later["uuid"]
    assert {part["uuid"] for part in first["Object"]} == {part["uuid"] for part in later["Object"]}


@settings(max_examples=20, deadline=None)
@given(packages())
def test_misp_is_valid_by_its_own_schema(made: Package) -> None:
    """The strict schema is older than the attributes' `first_seen` and `last_seen`."""
    document = json.loads(to_misp(made))
    LAX.validate(document)
    for attribute in document["Event"]["Attribute"]:
        for newer in ("first_seen", "last_seen"):
            attribute.pop(newer, None)
    STRICT.validate(document)


@pytest.mark.parametrize("fault", [{"date": 20260422}, {"Attribute": {}}, {"threat_level_id": 2}])
def test_the_schema_of_misp_can_say_no(fault: dict[str, Any]) -> None:
    document = json.loads(to_misp(package()))
    with pytest.raises(jsonschema.ValidationError):
        LAX.validate({"Event": document["Event"] | fault})


def test_what_a_misp_server_exports_is_read() -> None:
    """Its search answers with a list of events and adds fields of its own."""
    events = []
    for name in ("k-1", "k-2"):
        one = package(campaign=plain(package())["campaign"] | {"name": name})
        event = json.loads(to_misp(one))["Event"]
        event |= {"id": "7", "Orgc": {"name": "CSIRT"}, "attribute_count": "4", "Galaxy": []}
        for number, attribute in enumerate(event["Attribute"]):
            attribute |= {"id": str(number), "event_id": "7", "deleted": False, "Tag": []}
        events.append({"Event": event})
    found = parse_shared(json.dumps({"response": events}).encode())
    assert [one.campaign.name for one in found] == ["k-1", "k-2"]
    others: list[dict[str, Any]] = [{"response": []}, {"response": events[0]}, {"response": [{}]}]
    for other in others:
        with pytest.raises(InputError):
            parse_shared(json.dumps(other).encode())


def test_sigma_has_a_rule_and_a_correlation() -> None:
    rule, correlation = yaml.safe_load_all(to_sigma(package()))
    assert rule["detection"]["family_head8_key"] == {"head8_key": [f"{1:016x}"]}
    assert rule["detection"]["condition"] == "1 of family_*"
    assert correlation["correlation"]["rules"] == [rule["name"]]
    assert correlation["correlation"]["condition"] == {"field": "account_id", "gte": 3}
    revoked, _ = yaml.safe_load_all(to_sigma(package(revoked=True)))
    assert revoked["status"] == "deprecated"
    assert list(revoked["detection"]) == ["condition"]


def test_finding_is_of_class_2004_and_its_id_is_its_content() -> None:
    finding = detection_finding(package())
    assert (finding["class_uid"], finding["type_uid"], finding["category_uid"]) == (2004, 200401, 2)
    assert cloud_event(package()) == cloud_event(package())
    assert cloud_event(package())[0] != cloud_event(package(), "close")[0]
    name, body = cloud_event(package())
    event = json.loads(body)
    assert (event["specversion"], event["id"]) == ("1.0", name)


OCSF = OcsfJsonSchemaEmbedded(get_ocsf_schema(version=OCSF_VERSION))


@given(packages(), st.sampled_from(["create", "update", "close"]))
def test_finding_is_valid_by_the_schema_of_its_class(package: Package, activity: Any) -> None:
    schema = OCSF.get_class_schema(class_name=OCSF.lookup_class_name_from_uid(class_uid=2004))
    finding = detection_finding(package, activity)
    jsonschema.Draft202012Validator(schema).validate(finding)
    assert finding["metadata"]["version"] == OCSF_VERSION
    faults: list[dict[str, Any]] = [{"time": "noon"}, {"ai_model": {}}, {"severity_id": 77}]
    for broken in faults:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.Draft202012Validator(schema).validate(finding | broken)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"source": "<script>alert(1)</script>"}, "source"),
        ({"source": "../../etc"}, "source"),
        ({"tlp": "TLP:WHITE"}, "tlp"),
        ({"surprise": 1}, "surprise"),
        ({"indicators": [indicator(0), indicator(0)]}, "an indicator twice"),
        ({"indicators": [indicator(0, token="g" * 16)]}, "token"),
        ({"indicators": [indicator(0, accounts=4)]}, "single somebody out"),
        ({"indicators": [indicator(0, confidence=101)]}, "confidence"),
        ({"indicators": [indicator(0, valid_until="2026-02-31T00:00:00Z")]}, "does not exist"),
        ({"indicators": [indicator(0, valid_until="2025-01-01T00:00:00Z")]}, "wrong order"),
        ({"indicators": [indicator(i) for i in range(501)]}, "indicators"),
        ({"modified": "2020-01-01T00:00:00Z"}, "wrong order"),
        ({"campaign": {}}, "campaign"),
    ],
)
def test_garbage_is_refused_with_its_field(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_shared(json.dumps(values(**change)).encode(), file="garbage.json")


def hostile(kind: str) -> bytes:
    good = json.loads(to_stix([package()]))
    objects = good["objects"]
    if kind == "huge":
        return b"[" + b"1," * (MAX_BYTES // 2) + b"1]"
    if kind == "many objects":
        good["objects"] = objects[:1] * 6000
    if kind == "deep":
        return b'{"type":"bundle","objects":[' + b'{"a":' * 5000 + b"1" + b"}" * 5000 + b"]}"
    if kind == "no objects":
        good["objects"] = {"a": 1}
    if kind == "unknown types":
        good["objects"] = [{"type": "x-evil", "id": "x", "extensions": {EXTENSION: []}}, {}]
    if kind == "script":
        campaign = next(o for o in objects if o["type"] == "campaign")
        campaign["extensions"][EXTENSION]["package"]["campaign"]["name"] = "<script>x</script>"
    if kind == "null head":
        campaign = next(o for o in objects if o["type"] == "campaign")
        campaign["extensions"][EXTENSION]["package"] = {"campaign": None}
    return json.dumps(good).encode()


@pytest.mark.parametrize(
    "kind",
    ["huge", "many objects", "deep", "no objects", "unknown types", "script", "null head"],
)
def test_hostile_stix_is_refused(kind: str) -> None:
    with pytest.raises(InputError):
        parse_shared(hostile(kind))


def test_cycles_and_strangers_in_stix_are_left_alone() -> None:
    good = json.loads(to_stix([package()]))
    cycle = {
        "type": "relationship",
        "id": "relationship--1",
        "source_ref": "relationship--1",
        "target_ref": "relationship--1",
        "relationship_type": "is",
    }
    good["objects"] += [cycle, {"type": "x-new", "extensions": 7}, {"type": "indicator"}]
    assert parse_shared(json.dumps(good).encode()) == (package(),)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200) | JSON.map(lambda v: json.dumps(v).encode()))
def test_any_bytes_are_packages_or_an_error(data: bytes) -> None:
    try:
        parse_shared(data)
    except InputError:
        return
    pytest.fail("random bytes are no package")


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_changed_documents_are_packages_or_an_error(data: st.DataObject) -> None:
    """Any value anywhere in a good document replaced by any other."""
    maker = data.draw(st.sampled_from([lambda p: to_stix([p]), to_misp]))
    document = json.loads(maker(package()))
    change_somewhere(document, data)
    try:
        found = parse_shared(json.dumps(document).encode())
    except InputError:
        return
    assert all(isinstance(p, Package) for p in found)


def test_signed_package_must_be_of_its_source() -> None:
    key = SigningKey("first.example", b"\x01" * 32)
    data = seal(canonical(plain(package())), PAYLOAD_TYPE, key.signer(SHARING))
    assert parse_shared(data, [key.public(SHARING)]) == (package(),)
    thief = SigningKey("thief.example", b"\x02" * 32)
    stolen = seal(canonical(plain(package())), PAYLOAD_TYPE, thief.signer(SHARING))
    with pytest.raises(InputError, match="signed by another key"):
        parse_shared(stolen, [key.public(SHARING)])
    with pytest.raises(InputError, match=r"names 'first\.example' as its source"):
        parse_shared(stolen, [thief.public(SHARING)])
    with pytest.raises(InputError, match="is not signed"):
        parse_shared(to_stix([package()]), [key.public(SHARING)])
