"""What the guard asks for by itself becomes a request, and its success ends the challenge."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from sqlalchemy import select
from tests import invented_scan
from tests.serving.servers import call, stillwatch, wait_for

from stillwatch.cases import Storage, verification, webhooks
from stillwatch.cases.actors import system
from stillwatch.cases.importing import import_scan
from stillwatch.cases.models import StepUp
from stillwatch.console import challenged
from stillwatch.console.challenged import Challenged

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from .conftest import Console

MEMBERS = tuple(f"acct_{number}" for number in range(9))
SECRET = "what only the vendor and we know"
POLICY = """
mode = "enforce"
[limits.campaign.distillation]
requests = "2/1h"
[limits.campaign]
over = "verify"
[verdicts.distillation]
action = "allow"
"""


def requests_of(storage: Storage) -> list[StepUp]:
    with storage.read() as session:
        return list(session.execute(select(StepUp).order_by(StepUp.id)).scalars())


def test_a_challenge_of_the_guard_opens_one_request_and_success_ends_it(tmp_path: Path) -> None:
    database = tmp_path / "cases.db"
    storage = Storage(str(database), key=invented_scan.KEY)
    storage.migrate()
    folder, accounts = invented_scan.write(
        tmp_path / "scan", invented_scan.campaign("c-1", MEMBERS)
    )
    import_scan(storage, folder, actor=system("import"), accounts=accounts)
    policy = tmp_path / "policy.toml"
    policy.write_text(POLICY)
    options = ("--database", str(database), "--policy", str(policy))
    env = {"STILLWATCH_WEBHOOK_SECRET": SECRET}
    with stillwatch(tmp_path, *options, env=env) as (port, _):

        def action(account: str = MEMBERS[0]) -> str:
            body = json.dumps({"account_id": account})
            return str(call(port, "/v1/decide", body.encode()).json["action"])

        wait_for(lambda: call(port, "/healthz").json["snapshot"]["standings"] >= len(MEMBERS))
        wait_for(lambda: action() == "verify")
        assert [action() for _ in range(5)] == ["verify"] * 5
        assert action("nobody we know") == "allow"
        wait_for(lambda: len(requests_of(storage)) > 0)
        (request,) = requests_of(storage)
        assert (request.account_id, request.wanted, request.created_by) == (
            MEMBERS[0], "payment", "system:guard",
        )  # fmt: skip
        link = verification.verify_link(storage.key, request.id)
        report = json.dumps({"request": link, "outcome": "passed"}).encode()
        stamp = int(time.time())
        headers = {
            "webhook-id": "msg_1",
            "webhook-timestamp": str(stamp),
            "webhook-signature": webhooks.sign(SECRET.encode(), "msg_1", stamp, report),
        }
        answer = call(port, "/v1/verification/webhook", report, headers=headers)
        assert answer.json["state"] == "passed"
        wait_for(lambda: action() != "verify")
        assert action(MEMBERS[1]) == "verify"
    storage.close()


def test_accounts_wait_once_and_strangers_are_left_alone(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    console.take_in(invented_scan.campaign("c-1", MEMBERS))
    waiting = Challenged()
    for account in (MEMBERS[0], "a stranger", MEMBERS[0], MEMBERS[1]):
        waiting.add(account, "seen live")
    assert waiting.ask_all(console.storage) == 2
    assert [one.account_id for one in requests_of(console.storage)] == list(MEMBERS[:2])
    waiting.add(MEMBERS[0], "seen again")
    assert waiting.ask_all(console.storage) == 0
    monkeypatch.setattr(challenged, "MOST", 2)
    for number in range(5):
        waiting.add(f"stranger {number}", "seen live")
    assert waiting.ask_all(console.storage) == 0
