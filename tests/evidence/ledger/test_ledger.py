from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.errors import InputError, StillwatchError, UsageError
from stillwatch.evidence.ledger import Ledger, audit, log, merkle
from stillwatch.evidence.ledger.checkpoint import parse_checkpoint
from stillwatch.evidence.ledger.note import parse_note
from stillwatch.evidence.ledger.pending import add_pending, begin_pending, read_pending
from stillwatch.evidence.signing import LEDGER, PublicKey, SigningKey

from ..scanned import AT
from ..tampering import tamper_folder

if TYPE_CHECKING:
    from pathlib import Path


def fill(ledger: Ledger, count: int, every: int = 0) -> None:
    for i in range(count):
        ledger.append("decision", {"number": i})
        if every and i % every == every - 1:
            ledger.checkpoint()
    ledger.checkpoint()


def where(folder: Path, key: SigningKey) -> list[str]:
    return [problem.where for problem in audit(folder, [key.public(LEDGER)]).problems]


def test_entries_come_back_in_their_order(ledger: Ledger) -> None:
    assert ledger.append("scan", {"a": 1}) == 0
    ledger.checkpoint()  # adds the entry that names the key
    assert ledger.append("verdict", {"b": [1, "ü"]}) == 2
    assert [(e.kind, e.at) for e in ledger.entries()] == [
        ("scan", "2026-11-24T12:00:00Z"),
        ("key", "2026-11-24T12:00:00Z"),
        ("verdict", "2026-11-24T12:00:00Z"),
    ]
    assert ledger.entry(2).payload == {"b": [1, "ü"]}


@pytest.mark.parametrize("count", [1, 255, 256, 257, 600])
def test_root_and_proofs_are_those_of_the_entries(ledger: Ledger, count: int) -> None:
    fill(ledger, count)
    last = ledger.last()
    assert last is not None
    size = last.checkpoint.size
    assert size == count + 1
    hashes = [merkle.leaf_hash(ledger.raw(i)) for i in range(size)]

    def node(level: int, index: int) -> bytes:
        return merkle.perfect_root(hashes[index << level : (index + 1) << level])

    assert last.checkpoint.root == merkle.root(size, node)
    for index in {0, size // 2, size - 1}:
        proof = ledger.inclusion(index)
        found = merkle.root_by_inclusion(hashes[index], index, size, proof)
        assert found == last.checkpoint.root


def test_two_hands_write_one_ledger(ledger: Ledger, key: SigningKey) -> None:
    other = Ledger(ledger.folder)
    for i in range(10):
        assert ledger.append("a", {"i": i}) == 2 * i
        assert other.append("b", {"i": i}) == 2 * i + 1
    ledger.checkpoint()
    assert other.append("b", {}) == 21
    assert audit(ledger.folder, [key.public(LEDGER)]).sound


@pytest.mark.parametrize("payload", [{"x": float("nan")}, {"x": 2**60}, {"x": "y" * 70_000}])
def test_what_cannot_be_an_entry_is_refused(ledger: Ledger, payload: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="'decision'"):
        ledger.append("decision", payload)
    assert ledger.size == 0


def test_key_of_another_ledger_is_refused(ledger: Ledger) -> None:
    fill(ledger, 2)
    with pytest.raises(UsageError, match=r"belongs to 'evidence\.example\.com/ledger'"):
        Ledger(ledger.folder, SigningKey("other.example.com", b"\x22" * 32)).checkpoint()


def test_sound_ledger_says_what_it_cannot_know(ledger: Ledger, key: SigningKey) -> None:
    fill(ledger, 20, every=7)
    alone = audit(ledger.folder)
    assert alone.sound
    assert any("--keys" in text for text in alone.unchecked)
    known = audit(ledger.folder, [key.public(LEDGER)], [ledger.folder / "checkpoint"])
    assert (known.sound, known.unchecked) == (True, [])


def test_change_is_found_at_its_place(ledger: Ledger, key: SigningKey) -> None:
    fill(ledger, 300, every=100)
    path = ledger.folder / "tile/entries/000"
    path.write_bytes(path.read_bytes().replace(b'"number":77}', b'"number":78}'))
    assert "entry 77" in where(ledger.folder, key)


def test_rewritten_tree_is_found_between_two_checkpoints(ledger: Ledger, key: SigningKey) -> None:
    fill(ledger, 90, every=30)
    forged = Ledger(ledger.folder.with_name("forged"), key, clock=lambda: AT)
    for i, entry in enumerate(ledger.entries()):
        if entry.kind == "decision":
            forged.append("decision", {"number": 1000} if i == 45 else entry.payload)
        if forged.size in {30, 61}:
            forged.checkpoint()
    forged.checkpoint()
    shutil.rmtree(ledger.folder / "tile")
    shutil.copytree(forged.folder / "tile", ledger.folder / "tile")
    assert where(ledger.folder, key)[0] == "entries 31 to 61"


def test_fork_is_found_against_a_checkpoint_kept_elsewhere(
    ledger: Ledger, key: SigningKey, tmp_path: Path
) -> None:
    fill(ledger, 5)
    kept = tmp_path / "kept"
    shutil.copy(ledger.folder / "checkpoint", kept)
    other = Ledger(tmp_path / "other", key, clock=lambda: AT)
    other.append("decision", {"number": -1})
    fill(other, 5)
    done = audit(other.folder, [key.public(LEDGER)], [kept])
    assert [(p.where, "a fork" in p.what) for p in done.problems] == [("entries 0 to 5", True)]


def test_cut_ledger_is_found_against_a_checkpoint_kept_elsewhere(
    ledger: Ledger, key: SigningKey, tmp_path: Path
) -> None:
    fill(ledger, 5)
    old = tmp_path / "old"
    shutil.copytree(ledger.folder, old)
    fill(ledger, 5)
    assert audit(old, [key.public(LEDGER)]).sound
    done = audit(old, [key.public(LEDGER)], [ledger.folder / "checkpoint"])
    assert [p.where for p in done.problems] == ["entries 6 to 11"]
    assert "was cut" in done.problems[0].what


def test_foreign_signature_is_found(ledger: Ledger, key: SigningKey, tmp_path: Path) -> None:
    fill(ledger, 5)
    stranger = SigningKey(key.name, b"\x99" * 32)
    done = audit(ledger.folder, [stranger.public(LEDGER)])
    assert "signed by none of the ledger's keys" in done.problems[0].what


def test_new_key_is_believed_from_the_old_one_on(ledger: Ledger, key: SigningKey) -> None:
    fill(ledger, 5)
    new = SigningKey(key.name, b"\x22" * 32)
    ledger.rotate(new)
    fill(ledger, 5)
    done = audit(ledger.folder, [key.public(LEDGER)])
    assert done.sound
    assert done.keys == (key.public(LEDGER), new.public(LEDGER))
    with pytest.raises(UsageError, match="same name"):
        ledger.rotate(SigningKey("other", b"\x33" * 32))


@pytest.mark.parametrize("seed", range(150))
def test_every_change_is_found(tmp_path: Path, sample: Path, key: SigningKey, seed: int) -> None:
    folder = tmp_path / "ledger"
    shutil.copytree(sample, folder)
    done = tamper_folder(random.Random(seed), folder)
    assert where(folder, key), done


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger with full and partial tiles, several checkpoints, and pending entries."""
    key = SigningKey("evidence.example.com", b"\x11" * 32)
    made = Ledger(tmp_path_factory.mktemp("sample") / "ledger", key, clock=lambda: AT)
    made.extend(("decision", {"number": i}) for i in range(270))
    made.checkpoint()
    fill(made, 20, every=5)
    made.extend(("decision", {"pending": i}) for i in range(3))
    return made.folder


APPENDING = """
import sys
from pathlib import Path
from stillwatch.evidence.ledger import Ledger
from stillwatch.evidence.signing import SigningKey
ledger = Ledger(Path(sys.argv[1]), SigningKey("evidence.example.com", b"\\x11" * 32))
number = ledger.size
while True:
    ledger.append("decision", {"number": number})
    print(number, flush=True)
    number += 1
    if number % 7 == 0:
        ledger.checkpoint()
        number = ledger.size
"""


def test_killed_while_appending_it_loses_nothing(tmp_path: Path, key: SigningKey) -> None:
    folder = tmp_path / "ledger"
    rng = random.Random(4)
    promised = 0
    for _ in range(4):
        with subprocess.Popen(
            [sys.executable, "-c", APPENDING, str(folder)], stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(0.05 + 0.25 * rng.random())
            os.kill(process.pid, signal.SIGKILL)
            lines = process.stdout.read().split()
        promised = int(lines[-1]) if lines else promised
        ledger = Ledger(folder, key)
        assert ledger.size > promised
        ledger.append("decision", {"number": "after the crash"})
        ledger.checkpoint()
        done = audit(folder, [key.public(LEDGER)])
        assert done.problems == []
    assert promised > 30


@pytest.mark.parametrize("missing", ["history", "checkpoint"])
def test_a_crash_while_signing_is_finished_by_the_next_signature(
    ledger: Ledger, key: SigningKey, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(ledger, 3)
    ledger.checkpoint()
    ledger.append("decision", {"number": 3})

    def crash(path: Path, data: bytes) -> None:
        if missing in {path.name, path.parent.name}:
            raise RuntimeError("the machine is gone")
        replace(path, data)

    replace = ledger._replace
    with monkeypatch.context() as gone:
        gone.setattr(ledger, "_replace", crash)
        with pytest.raises(RuntimeError, match="gone"):
            ledger.checkpoint()
    again = Ledger(ledger.folder, key)
    again.append("decision", {"number": 4})
    again.checkpoint()
    assert where(ledger.folder, key) == []


def test_a_crash_after_signing_leaves_entries_twice_and_nothing_wrong(
    ledger: Ledger, key: SigningKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.extend(("decision", {"number": i}) for i in range(3))

    def crash(*_: object) -> None:
        raise RuntimeError("the machine is gone")

    with monkeypatch.context() as gone:
        gone.setattr(log, "begin_pending", crash)
        with pytest.raises(RuntimeError, match="gone"):
            ledger.checkpoint()
    assert where(ledger.folder, key) == []
    pending = ledger.folder / "pending"
    held = read_pending(pending)
    assert len(held.entries) == ledger.size == 4
    other = held.entries[1].replace(b'"number":1', b'"number":7')
    changed = [held.entries[0], other, *held.entries[2:]]
    add_pending(pending, begin_pending(pending, 0), changed)
    assert where(ledger.folder, key) == ["entry 1"]
    add_pending(pending, begin_pending(pending, 0), held.entries[:3])
    assert where(ledger.folder, key) == ["pending"]


def test_the_place_of_no_pending_entries_cannot_be_moved(ledger: Ledger, key: SigningKey) -> None:
    fill(ledger, 5)
    path = ledger.folder / "pending"
    good = path.read_bytes()
    for bit in range(64):
        data = bytearray(good)
        data[8 + bit // 8] ^= 1 << bit % 8
        path.write_bytes(data)
        assert len(where(ledger.folder, key)) == 1


def test_torn_append_is_told_and_mended(ledger: Ledger, key: SigningKey) -> None:
    fill(ledger, 3)
    ledger.append("decision", {"number": 3})
    path = ledger.folder / "pending"
    path.write_bytes(path.read_bytes()[:-5])
    assert where(ledger.folder, key) == ["pending, after entry 3"]
    again = Ledger(ledger.folder, key)
    assert again.append("decision", {"number": 4}) == 4
    again.checkpoint()
    assert where(ledger.folder, key) == []


@given(st.binary(max_size=400) | st.text(max_size=200).map(lambda t: t.encode()))
def test_any_bytes_are_a_note_or_an_error(data: bytes) -> None:
    for parse in (parse_note, parse_checkpoint):
        with suppress(InputError):
            parse(data)


@given(st.text(max_size=100))
def test_any_text_is_a_key_or_an_error(text: str) -> None:
    try:
        key = PublicKey.parse(text)
    except InputError:
        return
    assert key.line == text.strip()


@settings(max_examples=30)
@given(st.dictionaries(st.sampled_from(["checkpoint", "pending", "tile/0/000.p/3"]), st.binary()))
def test_any_files_are_audited_without_a_crash(files: dict[str, bytes]) -> None:
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = Ledger(folder, SigningKey("x", b"\x01" * 32), clock=lambda: AT)
        made.append("a", {})
        made.checkpoint()
        for path, data in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(data)
        try:
            audit(folder)
        except StillwatchError as error:
            pytest.fail(f"an audit reports, it does not stop: {error}")
