"""Two providers and one operator, by the command line: from one's scan to the other's guard."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx2
import pyarrow.parquet as pq
import pytest
from tests.serving.servers import call, stillwatch, wait_for
from tests.worlds import HYDRA
from typer.testing import CliRunner

from stillwatch._version import __version__
from stillwatch.calibration import HABITS, load_calibration
from stillwatch.cli.app import app
from stillwatch.lab import Scenario, simulate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from stillwatch.lab.simulate import Simulation

PASSWORD = "a long and simple sentence"
POLICY = """
version = "test"
mode = "enforce"
[verify]
url = "https://second.example/verify"
[limits.campaign.distillation]
requests = "1000000/1h"
"""
"""The budget of the second's own campaign is large, so that only what partners ask for is seen."""


@dataclass(frozen=True)
class Provider:
    """A provider's name, folder, log, and keys that nobody else has."""

    name: str
    folder: Path
    log: Simulation
    sketch_key: str
    signing_key: str

    @property
    def environment(self) -> dict[str, str]:
        return {
            "STILLWATCH_KEY": self.sketch_key,
            "STILLWATCH_SIGNING_KEY": self.signing_key,
            "STILLWATCH_NAME": self.name,
            "STILLWATCH_LEDGER": str(self.folder / "data" / "ledger"),
            "XDG_CONFIG_HOME": str(self.folder / "config"),
        }

    def run(self, *arguments: object, fails: bool = False) -> str:
        """Run a command; what it printed."""
        done = CliRunner(env=self.environment).invoke(app, [str(part) for part in arguments])
        assert (done.exit_code != 0) == fails, done.stderr
        return done.stderr if fails else done.stdout

    def keys(self) -> Path:
        """The keys that it publishes."""
        path = self.folder / "keys.txt"
        path.write_text(self.run("ledger", "keys"))
        return path

    @property
    def operator(self) -> set[str]:
        """Accounts of the operator, which only the simulator knows."""
        rows = pq.read_table(self.log.truth).to_pylist()
        return {row["account_id"] for row in rows if row["campaign"]}


@dataclass(frozen=True)
class Partners:
    """The first provider has shared a campaign with the second, which has looked for it."""

    first: Provider
    second: Provider
    key: Path
    name: str

    def deliver(self, form: str = "signed") -> Path:
        """What the first has approved, as a file."""
        path = self.first.folder / form
        self.first.run("share", "export", "--to", form, "--out", path)
        return path

    def match(self, folder: str) -> Path:
        """What the second finds of it in its log."""
        out = self.second.folder / folder
        log, second = self.second.log.log, self.second
        second.run("share", "match", log, "--partner-key", self.key, "--out", out)
        return out


def provider(folder: Path, name: str, operators: int, sketch_key: str, signing: str) -> Provider:
    # with one seed, both logs have the same operator, who brings so many accounts
    groups = HYDRA | {"hydra": HYDRA["hydra"] | {"accounts": operators}}
    log = simulate(Scenario(days=6, groups=groups), folder / "logs", seed=0)
    return Provider(name, folder, log, sketch_key, signing)


@pytest.fixture(scope="module")
def partners(tmp_path_factory: pytest.TempPathFactory) -> Partners:
    """The first scans, opens a case, reviews what would leave, approves it; the second imports."""
    folder = tmp_path_factory.mktemp("partners")
    first = provider(folder / "first", "first.example", 20, "6d" * 32, "11" * 32)
    second = provider(folder / "second", "second.example", 12, "5c" * 32, "22" * 32)
    scan, key = first.folder / "scan", folder / "partner-key"
    first.run(
        "scan", first.log.log, "--accounts", first.log.accounts, "--out", scan, "--quiet"
    )  # fmt: skip
    database = first.folder / "cases.db"
    opened = first.run("cases", "import", scan, "--database", database, "--quiet", "--json")
    assert json.loads(opened)["opened"] == ["C-1"]
    assert first.run("ledger", "take", "--database", database).startswith("2 entries taken")

    first.run("share", "key", key)
    review = ("share", "review", scan, "c-", "--log", first.log.log, "--partner-key", key)
    shown = first.run(*review)
    assert "nothing has left" in shown
    assert not [member for member in first.operator if member in shown]
    assert "nothing was approved" in first.run("share", "export", "--out", key, fails=True)
    first.run(*review, "--approve")
    ((name),) = [row["name"] for row in json.loads(first.run("share", "list", "--json"))]
    made = Partners(first, second, key, name)

    trusted = first.keys()
    unsigned = second.run("share", "import", made.deliver("stix"), "--keys", trusted, fails=True)
    assert "is not signed" in unsigned
    assert "new, " in second.run("share", "import", made.deliver(), "--keys", trusted)
    made.match("matches")
    return made


class Person:
    """Somebody at the second provider's console, without scripts in the browser."""

    def __init__(self, url: str) -> None:
        self.client = httpx2.Client(base_url=url, follow_redirects=True)

    def send(self, page: str, path: str, **form: str) -> None:
        """Send a form as it stands on a page."""
        token = re.search(r'name="_csrf_token" value="([^"]+)"', self.client.get(page).text)
        assert token is not None, page
        answer = self.client.post(path, data={"_csrf_token": token[1], **form})
        assert answer.status_code == 200, answer.text


@pytest.fixture
def serving(partners: Partners) -> Iterator[tuple[int, Person]]:
    """The second provider's guard, enforcing, and the first administrator of its console."""
    folder = partners.second.folder
    (folder / "policy.toml").write_text(POLICY)
    options = ("--database", str(folder / "cases.db"), "--policy", str(folder / "policy.toml"))
    with stillwatch(folder, *options, env=partners.second.environment) as (port, _):
        said = (folder / "serve.log").read_text(encoding="utf-8")
        (link,) = re.findall(r"first administrator: http://[^/]+(\S+)", said)
        person = Person(f"http://127.0.0.1:{port}")
        with person.client:
            person.send(link, link, password=PASSWORD, again=PASSWORD)
            yield port, person


def asked_for(port: int, accounts: set[str]) -> set[str]:
    """Accounts whose requests the guard answers with `verify`; nothing else is done to anybody."""
    found = {a: call(port, "/v1/decide", {"account_id": a}).json["action"] for a in accounts}
    assert set(found.values()) <= {"allow", "verify"}
    return {account for account, action in found.items() if action == "verify"}


def looked_at(partners: Partners) -> Path:
    """The second's next scan takes the import for a reason to look, and says who named what."""
    first, second, scan = partners.first, partners.second, partners.second.folder / "scan"
    arguments = ("scan", second.log.log, "--accounts", second.log.accounts, "--quiet")
    priors = second.folder / "matches" / "priors.parquet"
    second.run(*arguments, "--priors", priors, "--out", scan)
    findings = json.loads((scan / "campaigns.json").read_bytes())
    (source,) = findings["summary"]["priors"]
    assert (source["source"], source["tested"] >= 1) == (first.name, True)
    named = [c for c in findings["campaigns"] if c["priors"]]
    assert named
    assert {m["account_id"] for c in named for m in c["members"]} <= second.operator
    page = (scan / "report.html").read_text(encoding="utf-8")
    assert "Looked at because others named it" in page
    assert f"{first.name} named" in page
    return scan


def disputed(partners: Partners) -> None:
    """What the second found of it goes back, and from there to everybody who imported it."""
    first, second, answer = partners.first, partners.second, partners.second.folder / "answer"
    arguments = ("share", "feedback", partners.name, "false-positive", "--accounts", 2)
    second.run(*arguments, "--out", answer)
    heard = first.run("share", "import", answer, "--keys", second.keys())
    assert f"false positive by {second.name}" in heard
    taken = second.run("share", "import", partners.deliver(), "--keys", first.keys())
    assert "updated" in taken
    assert "disputed by 1" in taken


def revoked(partners: Partners) -> Path:
    """The first takes it back; what the second then finds to verify."""
    first, second, name = partners.first, partners.second, partners.name.partition(":")[2]
    first.run("share", "revoke", name, "--reason", "it hit a class")
    objects = json.loads(partners.deliver("stix").read_bytes())["objects"]
    assert all(o["revoked"] for o in objects if o["type"] in {"campaign", "indicator"})
    told = second.run("share", "import", partners.deliver(), "--keys", first.keys())
    assert "revoked" in told
    again = partners.match("again")
    assert pq.read_table(again / "priors.parquet").num_rows == 0
    return again / "verify.json"


def entered(one: Provider) -> set[str]:
    """Kinds of entries in a provider's ledger, which is sound."""
    one.run("ledger", "take", "--database", one.folder / "cases.db")
    one.run("verify", "ledger", one.environment["STILLWATCH_LEDGER"])
    return {entry["kind"] for entry in json.loads(one.run("ledger", "show", "--json"))}


def test_what_one_provider_finds_reaches_the_other_s_guard_and_is_taken_back(
    partners: Partners, serving: tuple[int, Person]
) -> None:
    first, second, (port, person) = partners.first, partners.second, serving
    verify, database = second.folder / "matches" / "verify.json", second.folder / "cases.db"
    wanted = {standing["account_id"] for standing in json.loads(verify.read_bytes())}
    assert wanted
    assert wanted <= second.operator
    everybody = wanted | {f"honest-{n}" for n in range(5)}
    second.run("cases", "import", looked_at(partners), "--database", database, "--quiet")

    # nobody is asked before a person has agreed, and then these accounts and nobody else
    proposed = second.run("cases", "step-up", verify, "--database", database)
    assert proposed.startswith(f"{len(wanted):,} accounts in 1 decisions to approve")
    assert asked_for(port, everybody) == set()
    person.send("/decisions/1", "/decisions/1/approve")
    wait_for(lambda: asked_for(port, everybody) == wanted)
    told = call(port, "/v1/decide", {"account_id": min(wanted)}).json
    assert (told["pass"], told["status"]) == (False, 403)
    assert told["verify_url"] == "https://second.example/verify"
    assert "campaign elsewhere" in told["reason"]
    assert told["author"] == f"import:{first.name}"

    # once nothing asks for them any more, a person lets them go
    disputed(partners)
    left = second.run("cases", "step-up", revoked(partners), "--database", database)
    assert f"{len(wanted):,} accounts show no indicator in force any more: look at D-1" in left
    assert asked_for(port, everybody) == wanted
    person.send("/decisions/1", "/decisions/1/undo", why="the partner took its indicators back")
    wait_for(lambda: asked_for(port, everybody) == set())

    assert {"scan", "case.open", "share", "revocation"} <= entered(first)
    assert {"scan", "decision.propose", "decision.approve", "decision.undo"} <= entered(second)


def test_without_a_console_the_watch_asks_for_verification(partners: Partners) -> None:
    second = partners.second
    matches, out, intake = (second.folder / name for name in ("matches", "watch", "intake"))
    intake.mkdir()
    (intake / "log.jsonl").write_bytes(second.log.log.read_bytes())
    # its own scan accuses them, too: here that does nothing, so that what is left is the import
    policy = second.folder / "milder.toml"
    policy.write_text('version = "test"\n[verdicts.distillation]\naction = "allow"\n')
    watch = ("watch", intake, "--out", out, "--once", "--priors", matches / "priors.parquet")
    second.run(*watch, "--step-up", matches / "verify.json", "--policy", policy, "--quiet")
    standings = json.loads((out / "snapshot.json").read_bytes())["standings"]
    asked = {s["account_id"]: s for s in standings if s.get("author", "").startswith("import:")}
    assert asked
    assert set(asked) <= second.operator
    assert {s["action"] for s in asked.values()} == {"verify"}
    assert all(s["reason"] and s["expires_at"] for s in asked.values())

    ledger = second.environment["STILLWATCH_LEDGER"]
    scanned = json.loads(second.run("verify", "ledger", ledger, "--json"))["scans"][-1]
    digest = hashlib.sha256((out / "snapshot.json").read_bytes()).hexdigest()
    assert scanned["snapshot"] == digest
    assert all(len(scanned[name]) == 64 for name in ("code", "thresholds"))
    assert scanned["version"] == __version__
    packaged = load_calibration()
    cited = f"{packaged.calibration.name} sha256:{packaged.digest[:16]}"
    assert scanned["calibration"] == cited
    assert set(scanned["outside"]) <= set(HABITS)
    assert digest in second.run("verify", "ledger", ledger)
