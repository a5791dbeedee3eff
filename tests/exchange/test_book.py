from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.evidence.tampering import tampered

from stillwatch.errors import InputError, UsageError
from stillwatch.evidence.signing import SHARING, SigningKey
from stillwatch.exchange.book import Book, load_book, save_book
from stillwatch.exchange.feedback import is_feedback, read_feedback, write_feedback
from stillwatch.exchange.review import difference

from .packages import indicator, package

if TYPE_CHECKING:
    import random
    from pathlib import Path

NOW = datetime(2026, 6, 10, tzinfo=UTC)
AT = "2026-06-10T00:00:00Z"
PARTNER = SigningKey("second.example", b"\x02" * 32)


def test_book_survives(tmp_path: Path) -> None:
    book = Book()
    book.share(package())
    book.take(package(source="other.example"), AT)
    save_book(book, tmp_path)
    assert load_book(tmp_path) == book
    (tmp_path / "book.json").write_text("{")
    with pytest.raises(InputError, match=r"book\.json: is damaged"):
        load_book(tmp_path)


def test_revocation_reaches_who_imported() -> None:
    source, importer = Book(), Book()
    source.share(package())
    assert importer.take(package(), AT) == "new"
    assert len(importer.in_force(NOW)) == 1
    assert importer.take(source.revoke("k-0123456789ab", "an error", AT), AT) == "revoked"
    assert importer.in_force(NOW) == ()
    with pytest.raises(UsageError, match="shared: k-0123456789ab"):
        source.revoke("k-none", "", AT)


def test_revocation_cannot_be_undone_by_an_old_file() -> None:
    book = Book()
    book.take(package(revoked=True, modified="2026-06-08T00:00:00Z"), AT)
    assert book.take(package(), AT) == "older"
    later = package(modified="2026-06-09T00:00:00Z")
    assert book.take(later, AT) == "revoked before"
    assert book.in_force(NOW) == ()


def test_false_positive_reaches_the_source_and_then_everybody(tmp_path: Path) -> None:
    source, third = Book(), Book()
    source.share(package())
    path = tmp_path / "feedback.json"
    about = package().name
    path.write_bytes(write_feedback(PARTNER, about, "false positive", 3, "a class", AT))
    assert is_feedback(path)
    heard = read_feedback(path, [PARTNER.public(SHARING)])
    assert source.hear(heard) == "false positive"
    assert source.hear(heard) == "heard before"
    disputed = source.shared["k-0123456789ab"]
    assert disputed.disputes == 1
    third.take(package(), AT)
    assert third.take(disputed, AT) == "updated"
    assert third.in_force(NOW)[0].disputes == 1


def test_nobody_disputes_in_another_s_name(tmp_path: Path) -> None:
    path = tmp_path / "feedback.json"
    path.write_bytes(write_feedback(PARTNER, package().name, "false positive", 3, "", AT))
    stranger = SigningKey("stranger.example", b"\x03" * 32)
    with pytest.raises(InputError, match="signed by another key"):
        read_feedback(path, [stranger.public(SHARING)])
    assert Book().hear(read_feedback(path)) == "about nothing that was shared"
    with pytest.raises(UsageError, match="no feedback"):
        write_feedback(PARTNER, "x", "nonsense", 3, "", AT)


@settings(deadline=None)
@given(st.binary(max_size=300) | st.randoms(use_true_random=False))
def test_any_other_bytes_are_no_feedback(
    tmp_path_factory: pytest.TempPathFactory, given_: bytes | random.Random
) -> None:
    good = write_feedback(PARTNER, package().name, "confirmed", 3, "", AT)
    path = tmp_path_factory.getbasetemp() / "feedback.json"
    path.write_bytes(given_ if isinstance(given_, bytes) else tampered(given_, good))
    is_feedback(path)
    with pytest.raises(InputError):
        read_feedback(path, [PARTNER.public(SHARING)])


def test_source_that_does_harm_is_undone() -> None:
    book = Book()
    for name in ("k-1", "k-2"):
        value = package()
        campaign = {**plain_campaign(value), "name": name}
        book.take(package(campaign=campaign), AT)
    book.take(package(source="good.example"), AT)
    assert book.mute("first.example") == 2
    assert book.take(package(), AT) == "muted"
    assert [p.source for p in book.in_force(NOW)] == ["good.example"]


def plain_campaign(value: object) -> dict[str, object]:
    import msgspec

    found: dict[str, object] = msgspec.to_builtins(value)["campaign"]
    return found


def test_what_has_expired_counts_no_more() -> None:
    book = Book()
    book.take(package(), AT)
    late = datetime(2026, 7, 7, tzinfo=UTC)
    assert book.in_force(late) == ()
    assert book.expire(NOW) == 0
    assert book.expire(late) == 1
    assert not book.imported


def test_review_shows_all_that_is_new_and_nothing_else() -> None:
    first = difference(None, package())
    assert all(line.startswith("+ ") for line in first)
    assert "+ campaign.accounts = 25000" in first
    changed = package(indicators=[indicator(0), indicator(1), indicator(5)])
    lines = [line for line in difference(package(), changed) if line[0] in "+-"]
    assert {line.split("]")[0] for line in lines} == {
        "- indicators[tail8_key:0000000000000002",
        "+ indicators[tail8_key:0000000000000005",
    }
