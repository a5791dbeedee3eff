"""A scan's results become cases, and an operator keeps its case."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select
from tests import invented_scan
from tests.report import invented

from stillwatch.cases import publish
from stillwatch.cases.actors import Actor, system
from stillwatch.cases.decisions import decide_case
from stillwatch.cases.importing import Imported, import_scan
from stillwatch.cases.lookup import look_up
from stillwatch.cases.models import (
    Account,
    Case,
    CaseLink,
    CaseStatus,
    Member,
    MemberTrait,
    Sighting,
    Trait,
)
from stillwatch.errors import InputError
from stillwatch.schema import Verdict
from stillwatch.standing import Action

from .conftest import MEMBERS

if TYPE_CHECKING:
    from pathlib import Path

    from stillwatch.cases import Storage


def take_in(storage: Storage, folder: Path, *campaigns: object, **more: object) -> Imported:
    made, accounts = invented_scan.write(folder, *campaigns, **more)  # type: ignore[arg-type]
    return import_scan(storage, made, actor=system("import"), accounts=accounts)


def test_who_only_has_a_payer_in_common_is_no_case(storage: Storage, tmp_path: Path) -> None:
    agency = invented_scan.campaign("c-agency", ["acct-000", "acct-001"], Verdict.POOLED)
    taken = take_in(storage, tmp_path / "scan", replace(agency, coordination_p=None))
    assert (taken.opened, taken.seen_again) == ((), ())
    with storage.read() as session:
        assert session.get_one(Account, "acct-000").verdict == "pooled"


def test_a_campaign_becomes_a_case_with_its_members(storage: Storage, case_id: int) -> None:
    with storage.read() as session:
        case = look_up(session, Case, case_id)
        assert (case.status, case.accounts, case.campaign_id) == ("new", 12, "c-first")
        rows = session.execute(select(Member).where(Member.case_id == case_id)).scalars().all()
        assert {row.account_id for row in rows} == set(MEMBERS)
        assert session.get_one(Account, "acct-000").case_id == case_id


def test_the_same_results_twice_change_nothing(storage: Storage, tmp_path: Path) -> None:
    one = invented_scan.campaign("c-1", MEMBERS)
    first = take_in(storage, tmp_path / "a", one)
    again = take_in(storage, tmp_path / "a", one)
    assert again.already
    assert again.scan_id == first.scan_id
    with storage.read() as session:
        assert session.execute(select(func.count()).select_from(Case)).scalar_one() == 1


def test_an_operator_that_replaced_most_accounts_keeps_its_case(
    storage: Storage, case_id: int, tmp_path: Path
) -> None:
    later = invented_scan.campaign("c-other", (*MEMBERS[:4], *(f"new-{n}" for n in range(9))))
    found = take_in(storage, tmp_path / "later", later)
    assert found.seen_again == (case_id,)
    with storage.read() as session:
        case = look_up(session, Case, case_id)
        assert (case.campaign_id, case.accounts, case.joined) == ("c-other", 13, 9)
        sightings = session.execute(select(Sighting).order_by(Sighting.scan_id)).scalars().all()
        assert "4 accounts in common" in sightings[-1].matched_by
        left = session.execute(
            select(func.count())
            .select_from(Member)
            .where(Member.case_id == case_id, Member.scan_id != case.scan_id)
        ).scalar_one()
        assert left == 8


def test_cards_in_common_are_the_same_operator_and_one_is_a_link(
    storage: Storage, tmp_path: Path
) -> None:
    def paid(accounts: tuple[str, ...], *cards: str) -> dict[str, dict[str, str]]:
        return {
            account: {"payment_fingerprint": cards[number % len(cards)]}
            for number, account in enumerate(accounts)
        }

    old = tuple(f"old-{n}" for n in range(12))
    same = tuple(f"same-{n}" for n in range(12))
    one = tuple(f"one-{n}" for n in range(12))
    first = take_in(
        storage,
        tmp_path / "1",
        invented_scan.campaign("c-1", old),
        declared=paid(old, "pm_a", "pm_b"),
    )
    second = take_in(
        storage,
        tmp_path / "2",
        invented_scan.campaign("c-2", same),
        declared=paid(same, "pm_a", "pm_b", "pm_c"),
    )
    assert second.seen_again == first.opened
    third = take_in(
        storage, tmp_path / "3", invented_scan.campaign("c-3", one), declared=paid(one, "pm_c")
    )
    assert len(third.opened) == 1
    with storage.read() as session:
        link = session.execute(select(CaseLink)).scalar_one()
        assert (link.case_id, link.other_id) == (first.opened[0], third.opened[0])
        assert "1 payment" in link.why


def test_prompt_families_alone_link_but_do_not_merge(storage: Storage, tmp_path: Path) -> None:
    old = tuple(f"old-{n}" for n in range(12))
    new = tuple(f"new-{n}" for n in range(12))
    first = take_in(
        storage,
        tmp_path / "1",
        invented_scan.campaign("c-1", old),
        families=dict.fromkeys(old, 77),
    )
    second = take_in(
        storage,
        tmp_path / "2",
        invented_scan.campaign("c-2", new),
        families={**dict.fromkeys(new, 77), "stranger": 5},
    )
    assert len(first.opened) == len(second.opened) == 1
    with storage.read() as session:
        assert "prompt family" in session.execute(select(CaseLink)).scalar_one().why
        kinds = session.execute(select(Trait.kind).where(Trait.key == 77)).scalars().all()
        assert set(kinds) == {"head8_key"}
        having = select(func.count()).select_from(MemberTrait).where(MemberTrait.key == 77)
        assert session.execute(having).scalar_one() == 24


def test_a_family_that_strangers_use_too_is_no_trait(storage: Storage, tmp_path: Path) -> None:
    crowd = {f"stranger-{n}": 77 for n in range(30)}
    take_in(
        storage,
        tmp_path / "1",
        invented_scan.campaign("c-1", MEMBERS),
        families={**dict.fromkeys(MEMBERS, 77), **crowd},
    )
    with storage.read() as session:
        assert session.execute(select(func.count()).select_from(Trait)).scalar_one() == 0


def test_what_an_outsider_shares_marks_nobody_at_the_gateway(
    storage: Storage, tmp_path: Path
) -> None:
    pays = {account: {"payment_fingerprint": "pm_a"} for account in MEMBERS}
    for number, stranger in enumerate(((), ("stranger",))):
        crowd = (*MEMBERS, *stranger)
        campaign = invented_scan.campaign(f"c-{number}", MEMBERS)
        families = dict.fromkeys(crowd, 77)
        take_in(storage, tmp_path / str(number), campaign, families=families, declared=pays)
        with storage.read() as session:
            (known,) = publish.snapshot(session, storage).campaigns
        assert known.families == (() if stranger else (("head8_key", 77),))
        assert len(known.payments) == 1


def test_a_decided_case_opens_again_when_accounts_join(
    storage: Storage, people: dict[str, Actor], case_id: int, tmp_path: Path
) -> None:
    with storage.write(people["ada"]) as unit:
        decide_case(unit, case_id, action=Action.THROTTLE, reason="one queue over all")
    take_in(storage, tmp_path / "2", invented_scan.campaign("c-first", (*MEMBERS, "late-1")))
    with storage.read() as session:
        case = look_up(session, Case, case_id)
        assert (case.status, case.joined) == (CaseStatus.REVIEWING, 1)


def test_hostile_names_are_kept_and_endless_ones_left_out(storage: Storage, tmp_path: Path) -> None:
    take_in(storage, tmp_path / "1", invented.hostile())
    with storage.read() as session:
        names = set(session.execute(select(Member.account_id)).scalars())
        assert names == {name for name in invented.HOSTILE_IDS if len(name) < 1000}


def test_the_country_is_never_stored(storage: Storage, tmp_path: Path) -> None:
    take_in(
        storage,
        tmp_path / "1",
        invented_scan.campaign("c-1", MEMBERS),
        declared={account: {"country": "XQ"} for account in MEMBERS},
    )
    with storage.engine.connect() as connection:
        for row in connection.execute(select(Account.__table__)):
            assert "XQ" not in map(str, row)


def test_a_folder_without_results_is_refused_in_plain_words(
    storage: Storage, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        import_scan(storage, tmp_path, actor=system("import"))
