from __future__ import annotations

import json
import random
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.documents import change_somewhere
from tests.worlds import HYDRA

from stillwatch.campaigns import beyond, mine
from stillwatch.campaigns.individuals import Floors
from stillwatch.errors import InputError, UsageError
from stillwatch.evidence.bundle import contents
from stillwatch.evidence.bundle.build import build_bundle, entered
from stillwatch.evidence.bundle.checks import Result, Verification
from stillwatch.evidence.bundle.verify import verify_bundle
from stillwatch.evidence.canonical import canonical, digest
from stillwatch.evidence.commitments import commitment_of
from stillwatch.evidence.container import pack_files, read_archive, unpack_files
from stillwatch.evidence.docket import from_files
from stillwatch.evidence.dsse import seal
from stillwatch.evidence.freeze import Frozen, freeze, thaw
from stillwatch.evidence.ledger import Ledger, audit
from stillwatch.evidence.mask import Mask
from stillwatch.evidence.signing import EVIDENCE, LEDGER, SigningKey
from stillwatch.lab.scenario import Scenario
from stillwatch.lab.sketched import simulate_sketches
from stillwatch.scanning import scan
from stillwatch.schema import Verdict

from ..scanned import KEY, SIGNING, Scanned, registrar
from ..tampering import tampered

if TYPE_CHECKING:
    from pathlib import Path

TRUSTED = [SIGNING.public(EVIDENCE), SIGNING.public(LEDGER)]


def failures(done: Verification) -> str:
    return "; ".join(check.text for check in done.checks if check.result is Result.FAILED)


def results(done: Verification) -> dict[str, Result]:
    return {check.name: check.result for check in done.checks}


def resigned(files: dict[str, bytes], **changes: bytes) -> bytes:
    """A bundle with other contents, signed by its own key: what a lying provider could make."""
    files = {name: data for name, data in files.items() if name != contents.STATEMENT} | changes
    statement = contents.statement(files, "k-x", "2026-11-24T12:00:00Z")
    signed = seal(statement, contents.PAYLOAD_TYPE, SIGNING.signer(EVIDENCE))
    return pack_files(files | {contents.STATEMENT: signed})


@pytest.fixture
def files(bundle_file: Path) -> dict[str, bytes]:
    return read_archive(bundle_file)


def test_every_campaign_verifies(scan_folder: Scanned, tmp_path: Path) -> None:
    taken = registrar(tmp_path)
    kinds = set()
    for campaign in scan_folder.findings.campaigns:
        path = tmp_path / "x.zip"
        path.write_bytes(build_bundle(scan_folder.folder, campaign.campaign_id, taken))
        done = verify_bundle(path, TRUSTED)
        assert done.sound, failures(done)
        assert results(done)["statistics"] is Result.PASSED
        kinds.add((len(campaign.members) == 1, campaign.by_payer))
    # a group, a lone account and the accounts of one payer at least
    assert kinds == {(False, False), (True, False), (False, True)}
    assert audit(taken.ledger.folder, TRUSTED).sound


def test_says_what_nobody_can_check(bundle_file: Path) -> None:
    done = verify_bundle(bundle_file)
    left = {name for name, result in results(done).items() if result is Result.OPEN}
    assert left == {"signer", "fork", "log", "mining", "yardstick", "totals"}


def test_holds_no_identifier(scan_folder: Scanned, files: dict[str, bytes], tmp_path: Path) -> None:
    text = b"\n".join(
        zstandard.ZstdDecompressor().decompressobj().decompress(data)
        if name.endswith(".zst")
        else data
        for name, data in files.items()
    )
    campaign = scan_folder.campaign
    assert campaign.campaign_id.encode() not in text
    for member in campaign.members:
        assert member.account_id.encode() not in text


def test_accounts_can_be_opened_and_erased(scan_folder: Scanned, tmp_path: Path) -> None:
    taken = registrar(tmp_path)
    path = tmp_path / "x.zip"
    path.write_bytes(build_bundle(scan_folder.folder, scan_folder.campaign.campaign_id, taken))
    verdict = json.loads(read_archive(path)[contents.VERDICT])
    someone = scan_folder.campaign.members[0].account_id
    opening = taken.vault.openings([someone], f"bundle {verdict['campaign_id']}")[someone]
    assert verdict["members"][0]["account"] == commitment_of(opening, someone)
    assert taken.vault.erase([someone]) == 1
    again = taken.vault.openings([someone], f"bundle {verdict['campaign_id']}")[someone]
    assert commitment_of(again, someone) != verdict["members"][0]["account"]
    assert verify_bundle(path, TRUSTED).sound


def test_foreign_key_is_refused(bundle_file: Path) -> None:
    stranger = SigningKey("evidence.example.com", b"\x99" * 32)
    done = verify_bundle(bundle_file, [stranger.public(EVIDENCE), stranger.public(LEDGER)])
    assert "not among those you trust" in failures(done)


def test_signature_of_a_stranger_is_refused(files: dict[str, bytes], tmp_path: Path) -> None:
    stranger = SigningKey("evidence.example.com", b"\x99" * 32)
    statement = contents.statement(files, "k-x", "2026-11-24T12:00:00Z")
    signed = seal(statement, contents.PAYLOAD_TYPE, stranger.signer(EVIDENCE))
    (tmp_path / "x.zip").write_bytes(pack_files(files | {contents.STATEMENT: signed}))
    assert "signed by another key" in failures(verify_bundle(tmp_path / "x.zip"))


def test_newer_format_is_named(
    files: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contents, "FORMAT", 2)
    newer = resigned(files)
    monkeypatch.undo()
    (tmp_path / "x.zip").write_bytes(newer)
    assert "install a newer version" in failures(verify_bundle(tmp_path / "x.zip"))


def lying(files: dict[str, bytes], folder: Path, **changes: bytes) -> Verification:
    """What comes of a bundle with other contents whose signer enters them into its ledger, too.

    Signatures, digests and proofs all hold then: only judging again can tell.
    """
    outside = {contents.STATEMENT, contents.LEDGER, contents.KEYS}
    inside = {name: data for name, data in files.items() if name not in outside} | changes
    document = inside[contents.VERDICT]
    proofs = entered(
        Ledger(folder / "lies", SIGNING),
        [
            ("scan", {"scan": digest(inside[contents.SCAN])}),
            (
                "verdict",
                {"document": digest(document), "verdict": json.loads(document)["verdict"]},
            ),
            ("bundle", {"content": contents.content_digest(inside)}),
        ],
    )
    path = folder / "lie.zip"
    path.write_bytes(resigned(files, **changes, **{contents.LEDGER: proofs}))
    done = verify_bundle(path, TRUSTED)
    held = results(done)
    assert {held[name] for name in ("signature", "digests", "ledger")} == {Result.PASSED}
    return done


def test_who_signs_the_truth_anew_is_believed(files: dict[str, bytes], tmp_path: Path) -> None:
    assert lying(files, tmp_path).sound


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("verdict", "pooled"),
        ("coordination_p", 1e-11),
        ("extraction_p", 1e-11),
        ("e_value", 1e9),
        ("would_change", "Nothing."),
        ("facts", []),
        ("without_strongest", "pooled"),
    ],
)
def test_lie_of_the_signer_is_found(
    files: dict[str, bytes], tmp_path: Path, field: str, value: Any
) -> None:
    verdict = json.loads(files[contents.VERDICT])
    assert verdict[field] != value
    done = lying(files, tmp_path, **{contents.VERDICT: canonical(verdict | {field: value})})
    assert results(done)["statistics"] is Result.FAILED
    assert f"verdict.{field}" in failures(done)


def test_lie_about_any_number_of_the_tests_is_found(
    files: dict[str, bytes], tmp_path: Path
) -> None:
    outcome = json.loads(files[contents.OUTCOME])
    habits = outcome["tested"][0]["habits"]
    for kind in ("content", "rhythm", "volume", "conversation", "sharing"):
        number = next(name for name, value in habits[kind].items() if isinstance(value, float))
        habits[kind][number] += 0.001
    done = lying(files, tmp_path, **{contents.OUTCOME: canonical(outcome)})
    assert failures(done).startswith("5 differ from what was computed again")


def test_member_without_evidence_of_its_own_is_found(
    files: dict[str, bytes], tmp_path: Path
) -> None:
    verdict = json.loads(files[contents.VERDICT])
    member = verdict["members"][0] | {"account": "0" * 64, "stream_requests": 0}
    verdict["members"].append(member)
    done = lying(files, tmp_path, **{contents.VERDICT: canonical(verdict)})
    assert results(done)["counts"] is Result.PASSED
    assert "members: stated" in failures(done)


def test_invented_sketches_are_found(files: dict[str, bytes], tmp_path: Path) -> None:
    name = next(n for n in files if n.endswith("sample.tokens.zst"))
    data = zstandard.ZstdDecompressor().decompressobj().decompress(files[name])
    shuffled = np.random.default_rng(0).permutation(np.frombuffer(data, dtype="<i4"))
    forged = zstandard.ZstdCompressor().compress(shuffled.tobytes())
    done = lying(files | {name: forged}, tmp_path)
    assert results(done)["statistics"] is Result.FAILED


@pytest.fixture(scope="module")
def large_group(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of a bundle about a group that is three times as large as its sample."""
    folder = tmp_path_factory.mktemp("large")
    groups = HYDRA | {"hydra": HYDRA["hydra"] | {"accounts": 60}}
    made = simulate_sketches(Scenario(days=6, groups=groups), folder / "world", seed=1, key=KEY)
    with pytest.MonkeyPatch.context() as patch:
        for module in (mine, beyond):
            patch.setattr(module, "SAMPLE_ACCOUNTS", 20)
        patch.setattr(beyond, "COMPANY", 10)
        out = folder / "scan"
        found = scan(sketches=made.sketches, accounts=made.accounts, out=out, key=KEY).findings
    assert len(found.campaigns[0].members) == 60
    data = build_bundle(out, found.campaigns[0].campaign_id, registrar(folder))
    return unpack_files(data)


def test_members_beyond_the_sample_are_judged_again(
    large_group: dict[str, bytes], tmp_path: Path
) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(pack_files(large_group))
    done = verify_bundle(path, TRUSTED)
    assert done.sound, failures(done)
    assert any("all 60 members on their own evidence" in check.text for check in done.checks)


def test_change_beyond_the_sample_is_found(large_group: dict[str, bytes], tmp_path: Path) -> None:
    name = next(n for n in large_group if n.endswith("beyond.1.sample.body.zst"))
    bodies = np.frombuffer(
        zstandard.ZstdDecompressor().decompressobj().decompress(large_group[name]), dtype="<i8"
    )
    assert len(np.unique(bodies)) > len(bodies) / 2
    # always the same item: no member's part of a harvest
    forged = large_group | {name: zstandard.ZstdCompressor().compress(bytes(bodies.nbytes))}
    assert results(lying(forged, tmp_path))["statistics"] is Result.FAILED
    (tmp_path / "x.zip").write_bytes(pack_files(forged))
    assert f"{name} is not what was signed" in failures(verify_bundle(tmp_path / "x.zip"))


def test_bomb_is_refused_by_its_size(files: dict[str, bytes], tmp_path: Path) -> None:
    name = next(n for n in files if n.endswith("sample.tokens.zst"))
    bomb = zstandard.ZstdCompressor().compress(bytes(400 * 2**20))
    assert len(bomb) < 100_000
    with pytest.raises(InputError, match="another size than it says"):
        thaw(from_files(files | {name: bomb}, ""))


def test_document_that_promises_a_bomb_is_refused(files: dict[str, bytes]) -> None:
    huge = {"array": "x", "kind": "<i8", "stored": "<i8", "shape": [2**31, 2**10]}
    with pytest.raises(InputError, match="unpacks to more than"):
        thaw(Frozen(huge, {}))


@pytest.mark.parametrize(
    "document",
    [
        {"class": "os.system", "fields": {}},
        {"class": "judge.Court", "fields": {"evil": 1}},
        {"class": "judge.Court", "fields": {}},
        {"array": "../x", "kind": "O", "stored": "<i8", "shape": [1]},
        {"array": "x", "kind": [], "stored": "<i8", "shape": [1]},
        {"float": []},
        {"set": [[1]]},
        {"dict": [1]},
        {"strange": 1},
        {},
    ],
)
def test_malformed_inputs_are_refused(document: Any) -> None:
    with pytest.raises(InputError):
        thaw(Frozen(document, {}))


FLOORS = freeze(
    {
        "floors": Floors(0.5, None, 0.1),
        "some": np.arange(9),
        "few": (1, frozenset({"a"}), {2: 0.5}),
    },
    Mask.none(),
)


@settings(deadline=None)
@given(st.data())
def test_changed_inputs_are_a_value_or_an_error(data: st.DataObject) -> None:
    """Any value anywhere in a document of inputs replaced by any other."""
    document = json.loads(json.dumps(FLOORS.document))
    change_somewhere(document, data)
    with suppress(InputError):
        thaw(Frozen(document, FLOORS.arrays))


@settings(deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_are_no_bundle(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.zip"
    path.write_bytes(data)
    assert not verify_bundle(path).sound


@pytest.mark.parametrize("seed", range(120))
def test_every_change_is_found(bundle_file: Path, tmp_path: Path, seed: int) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(tampered(random.Random(seed), bundle_file.read_bytes()))
    assert not verify_bundle(path).sound


def test_change_inside_of_a_signed_file_is_named(files: dict[str, bytes], tmp_path: Path) -> None:
    changed = files | {contents.SCAN: files[contents.SCAN].replace(b'"seed":0', b'"seed":1')}
    (tmp_path / "x.zip").write_bytes(pack_files(changed))
    assert failures(verify_bundle(tmp_path / "x.zip")) == "scan.json is not what was signed"


def test_wrong_name_lists_the_campaigns(scan_folder: Scanned, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no campaign 'c-none'; there are: c-"):
        build_bundle(scan_folder.folder, "c-none", registrar(tmp_path))


def test_scan_finds_what_the_bundle_is_about(scan_folder: Scanned) -> None:
    assert scan_folder.campaign.verdict is Verdict.DISTILLATION
