"""Those outside: a time-stamp authority of its own, and a witness."""

from __future__ import annotations

import random
import shutil
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.errors import InputError, UsageError
from stillwatch.evidence.ledger import Ledger, audit
from stillwatch.evidence.ledger.checkpoint import Checkpoint
from stillwatch.evidence.ledger.stamps import check_stamp, keep_stamp, request_stamp
from stillwatch.evidence.ledger.witness import Witness, accept, offer
from stillwatch.evidence.signing import LEDGER, WITNESS, SigningKey

from ..scanned import SIGNING
from ..tampering import tampered

if TYPE_CHECKING:
    from pathlib import Path

POINT = Checkpoint("evidence.example.com/ledger", 7, b"\x01" * 32)

AUTHORITY = """
[ tsa ]
default_tsa = one
[ one ]
serial = {folder}/serial
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ess_cert_id_chain = no
ess_cert_id_alg = sha256
[ v3 ]
extendedKeyUsage = critical,timeStamping
[ req ]
distinguished_name = dn
[ dn ]
"""


class Authority:
    """A time-stamp authority made by OpenSSL, for this test."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        (folder / "conf").write_text(AUTHORITY.format(folder=folder))
        (folder / "serial").write_text("01\n")
        self._openssl(
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "root.key",
            "-out", "root.pem", "-subj", "/CN=Root", "-days", "2", "-config", "conf",
        )  # fmt: skip
        self._openssl(
            "req", "-newkey", "rsa:2048", "-nodes", "-keyout", "tsa.key", "-out", "tsa.csr",
            "-subj", "/CN=Time", "-config", "conf",
        )  # fmt: skip
        self._openssl(
            "x509", "-req", "-in", "tsa.csr", "-CA", "root.pem", "-CAkey", "root.key",
            "-out", "tsa.pem", "-days", "1", "-extfile", "conf", "-extensions", "v3",
        )  # fmt: skip

    @property
    def root(self) -> bytes:
        return (self._folder / "root.pem").read_bytes()

    def answer(self, request: bytes) -> bytes:
        (self._folder / "q").write_bytes(request)
        self._openssl(
            "ts", "-reply", "-config", "conf", "-section", "one", "-queryfile", "q",
            "-signer", "tsa.pem", "-inkey", "tsa.key", "-out", "r",
        )  # fmt: skip
        return (self._folder / "r").read_bytes()

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self._folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tsa") / "authority")


def signed_once(ledger: Ledger) -> int:
    ledger.append("decision", {"a": 1})
    return ledger.checkpoint().checkpoint.size


@pytest.mark.binary("openssl")
def test_time_stamp_is_kept_and_checked(
    ledger: Ledger, key: SigningKey, authority: Authority
) -> None:
    size = signed_once(ledger)
    last = ledger.last()
    assert last is not None
    response = authority.answer(request_stamp(last.checkpoint))
    at = keep_stamp(ledger, response, authority.root, size)
    ledger.checkpoint()
    done = audit(ledger.folder, [key.public(LEDGER)])
    assert done.sound
    assert f"the first {size} entries were there at {at}" in " ".join(done.checked)


@pytest.mark.binary("openssl")
def test_time_stamp_of_something_else_is_refused(ledger: Ledger, authority: Authority) -> None:
    size = signed_once(ledger)
    last = ledger.last()
    assert last is not None
    response = authority.answer(request_stamp(last.checkpoint))
    other = Authority(ledger.folder.with_name("other-authority"))
    with pytest.raises(InputError, match="does not hold"):
        keep_stamp(ledger, response, other.root, size)
    with pytest.raises(InputError, match="does not hold"):
        keep_stamp(ledger, response[:-3], authority.root, size)
    with pytest.raises(UsageError, match="no checkpoint of size 99"):
        keep_stamp(ledger, response, authority.root, 99)
    signed_once(ledger)
    with pytest.raises(InputError, match="does not hold"):
        keep_stamp(ledger, response, authority.root, size + 2)


@given(st.binary(max_size=300), st.binary(max_size=100))
def test_any_bytes_are_no_time_stamp(response: bytes, roots: bytes) -> None:
    with pytest.raises(InputError, match="does not hold"):
        check_stamp(response, roots, POINT)


@pytest.mark.binary("openssl")
def test_changed_answers_hold_or_are_refused(authority: Authority) -> None:
    good = authority.answer(request_stamp(POINT))
    assert check_stamp(good, authority.root, POINT).startswith("20")
    refused = 0
    for seed in range(100):
        with suppress(InputError):
            check_stamp(tampered(random.Random(seed), good), authority.root, POINT)
            continue
        refused += 1
    assert refused > 90  # some bytes of an answer, such as its free text, are signed by nobody


@pytest.mark.binary("openssl")
@pytest.mark.parametrize("name", ["tsr", "pem"])
def test_changed_time_stamp_is_found(
    ledger: Ledger, key: SigningKey, authority: Authority, name: str
) -> None:
    size = signed_once(ledger)
    last = ledger.last()
    assert last is not None
    keep_stamp(ledger, authority.answer(request_stamp(last.checkpoint)), authority.root, size)
    ledger.checkpoint()
    path = ledger.folder / "timestamps" / f"{size}.{name}"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    done = audit(ledger.folder, [key.public(LEDGER)])
    assert [p.where for p in done.problems] == [f"timestamps/{size}.tsr"]


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    (tmp_path / "memory").mkdir()
    return Witness(tmp_path / "memory", SigningKey("witness.example.org", b"\x44" * 32))


def test_witness_signs_what_continues(ledger: Ledger, key: SigningKey, witness: Witness) -> None:
    for _ in range(3):
        signed_once(ledger)
        since = witness.seen(key.public(LEDGER).name)
        back = witness.cosign(offer(ledger, since), key.public(LEDGER), at=1_795_000_000)
        accept(ledger, back, witness.key)
    ledger.checkpoint()
    done = audit(ledger.folder, [key.public(LEDGER)])
    assert done.problems == []
    assert any(len(signed.note.signatures) == 2 for signed in ledger.history())


def test_witness_refuses_a_rewritten_ledger(
    ledger: Ledger, key: SigningKey, witness: Witness, tmp_path: Path
) -> None:
    signed_once(ledger)
    witness.cosign(offer(ledger, 0), key.public(LEDGER), at=1)
    forged = Ledger(tmp_path / "forged", key)
    forged.append("decision", {"a": "another"})
    for _ in range(3):
        signed_once(forged)
    with pytest.raises(InputError, match="a fork"):
        witness.cosign(offer(forged, 2), key.public(LEDGER), at=2)


def test_witness_refuses_foreign_keys_and_gaps(
    ledger: Ledger, key: SigningKey, witness: Witness
) -> None:
    signed_once(ledger)
    stranger = SigningKey(key.name, b"\x99" * 32)
    with pytest.raises(InputError, match="not signed by"):
        witness.cosign(offer(ledger, 0), stranger.public(LEDGER), at=1)
    witness.cosign(offer(ledger, 0), key.public(LEDGER), at=1)
    signed_once(ledger)
    with pytest.raises(InputError, match="starts at 0, the last seen is 2"):
        witness.cosign(offer(ledger, 0), key.public(LEDGER), at=1)
    with pytest.raises(InputError, match="no offer"):
        witness.cosign(b"{}", key.public(LEDGER), at=1)


@pytest.fixture(scope="module")
def offers(tmp_path_factory: pytest.TempPathFactory) -> tuple[Witness, Ledger, bytes]:
    """A witness that has seen a ledger, the ledger a little later, and its offer."""
    folder = tmp_path_factory.mktemp("offers")
    (folder / "memory").mkdir()
    made = Witness(folder / "memory", SigningKey("witness.example.org", b"\x44" * 32))
    ledger = Ledger(folder / "ledger", SIGNING)
    signed_once(ledger)
    made.cosign(offer(ledger, 0), SIGNING.public(LEDGER), at=1)
    signed_once(ledger)
    return made, ledger, offer(ledger, 2)


@settings(deadline=None)
@given(st.binary(max_size=300) | st.randoms(use_true_random=False))
def test_any_other_bytes_are_no_offer_and_no_signature_of_a_witness(
    offers: tuple[Witness, Ledger, bytes], given_: bytes | random.Random
) -> None:
    witness, ledger, good = offers
    data = given_ if isinstance(given_, bytes) else tampered(given_, good)
    with pytest.raises(InputError):
        witness.cosign(data, SIGNING.public(LEDGER), at=2)
    with pytest.raises(InputError):
        accept(ledger, data, witness.key)


def test_only_a_witness_s_signature_is_taken(
    ledger: Ledger, key: SigningKey, witness: Witness
) -> None:
    signed_once(ledger)
    last = ledger.last()
    assert last is not None
    with pytest.raises(UsageError, match="not the key of a witness"):
        accept(ledger, last.note.data, key.public(LEDGER))
    with pytest.raises(InputError, match="not signed by"):
        accept(ledger, last.note.data, witness.key)
    another = SigningKey("x.example", b"\x55" * 32).public(WITNESS)
    back = witness.cosign(offer(ledger, 0), key.public(LEDGER), at=1)
    with pytest.raises(InputError, match="not signed by"):
        accept(ledger, back, another)


def test_changed_cosignature_is_found(ledger: Ledger, key: SigningKey, witness: Witness) -> None:
    size = signed_once(ledger)
    accept(ledger, witness.cosign(offer(ledger, 0), key.public(LEDGER), at=1), witness.key)
    ledger.checkpoint()
    path = ledger.folder / "history" / f"{size:012}"
    path.write_bytes(path.read_bytes().replace(b"witness.example", b"witness.another"))
    done = audit(ledger.folder, [key.public(LEDGER)])
    assert [p.where for p in done.problems] == [f"checkpoint of size {size}"]
    shutil.rmtree(ledger.folder)
