"""How long a bundle about a very large campaign takes to make and to verify.

    python -m bench.evidence --accounts 25000
    python -m bench.evidence --accounts 25000 --sampled 25000

Scans a small simulated log, multiplies the accounts of the campaign that was found until there are
so many (each copy keeps its requests under new keys), makes the bundle, and verifies it in a fresh
process.

A scan samples requests of at most `SAMPLE_ACCOUNTS` accounts of a group, and only of these can it
say that they are members; `--sampled` is how many are sampled here.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from stillwatch.campaigns.candidates import Candidate
from stillwatch.campaigns.mine import SAMPLE_ACCOUNTS
from stillwatch.evidence.bundle.build import build_bundle
from stillwatch.evidence.bundle.outcome import campaign_of
from stillwatch.evidence.canonical import digest
from stillwatch.evidence.commitments import Vault
from stillwatch.evidence.container import pack_files
from stillwatch.evidence.docket import FILE, FOLDER, as_files, read_docket
from stillwatch.evidence.freeze import freeze
from stillwatch.evidence.ledger import Ledger
from stillwatch.evidence.mask import Mask
from stillwatch.evidence.registrar import Registrar
from stillwatch.evidence.signing import SigningKey
from stillwatch.findings import dump_findings, load_findings
from stillwatch.lab import Scenario, simulate
from stillwatch.scanning import scan
from stillwatch.sketch import SketchKey

if TYPE_CHECKING:
    from stillwatch.campaigns.mine import Mined
    from stillwatch.campaigns.trial import Trial
    from stillwatch.schema import Campaign

Ints = NDArray[np.int64]

WORLD = Scenario(
    days=8,
    groups={
        "individuals": {"accounts": 120, "per_day": 2.0},
        "popular_app": {"accounts": 40},
        "cover_traffic": {"accounts": 30, "per_day": 10.0},
    },
)


def copied(keys: Ints, number: int) -> Ints:
    """Other keys for a copy; small integers, such as -1 for unknown, stay."""
    moved = keys ^ np.int64(number * 0x9E3779B97F4A7C15 % 2**61)
    return np.where(np.abs(keys) < 2**52, keys, moved)


def multiply(trial: Trial, mined: Mined, copies: int, sampled: int) -> tuple[Trial, Mined]:
    """A group with so many times its accounts, and everybody's counts and traits with them."""
    old = mined.candidate.accounts
    accounts = np.concatenate([copied(old, i) for i in range(copies)])
    order = np.argsort(accounts)
    families = tuple(
        replace(
            f,
            accounts=np.sort(np.concatenate([copied(f.accounts, i) for i in range(copies)])),
            requests=f.requests * copies,
            core_requests=f.core_requests * copies,
        )
        for f in mined.candidate.families
    )
    used = min(copies, -(-sampled // len(old)))
    rows = np.tile(np.arange(len(mined.sample)), used)
    which = np.repeat(np.arange(used), len(mined.sample))
    sample = mined.sample.take(rows)
    changed: dict[str, Any] = {
        name: np.concatenate([copied(getattr(mined.sample, name), i) for i in range(used)])
        for name in ("request", "account", "body")
    }
    sample = replace(sample, **changed).take(np.lexsort((which, changed["account"])))
    larger = replace(
        mined,
        candidate=Candidate(accounts[order], families),
        sample=sample,
        counts=np.tile(mined.counts, (copies, 1))[order],
    )
    return replace(trial, court=replace(trial.court, **everybody(trial, mined, copies))), larger


def everybody(trial: Trial, mined: Mined, copies: int) -> dict[str, Any]:
    """Background and traits with the copies among them."""
    background, traits = trial.court.background, trial.court.traits
    old = mined.candidate.accounts
    more = np.concatenate([copied(old, i) for i in range(1, copies)])

    def rows(account: Ints) -> Ints:
        place = np.searchsorted(account, old)
        return np.concatenate([np.arange(len(account)), np.tile(place, copies - 1)])

    account = np.concatenate([background.account, more])
    order = np.argsort(account)
    pick = rows(background.account)[order]
    users = {}
    for family, (who, counts) in background.users.items():
        keep = np.isin(who, old)
        users[family] = (
            np.concatenate([who, *(copied(who[keep], i) for i in range(1, copies))]),
            np.concatenate([counts, np.tile(counts[keep], copies - 1)]),
        )
    known = np.concatenate([traits.account, more])
    by_key = np.argsort(known)
    taken = rows(traits.account)[by_key]
    wide = {
        name: value[taken]
        for name in traits.__dataclass_fields__
        if isinstance(value := getattr(traits, name), np.ndarray)
        and len(value) == len(traits.account)
    }
    return {
        "background": replace(
            background,
            account=account[order],
            requests=background.requests[pick],
            tested=background.tested[pick],
            users=users,
        ),
        "traits": replace(traits, **wide | {"account": known[by_key]}),
    }


def enlarge(folder: Path, wanted: int, sampled: int) -> tuple[Campaign, int]:
    """Make the group of a scan's campaign as large as wanted, and rewrite the folder.

    Returns:
        The campaign, and the size of the group that was tested.
    """
    findings = load_findings(folder / "campaigns.json")
    docket = read_docket(folder)
    mined = docket.trial.groups[0]
    copies = -(-wanted // len(mined.candidate.accounts))
    trial, larger = multiply(docket.trial, mined, copies, sampled)
    trial = replace(trial, groups=(larger,), parts=(), alone=())
    found = max(trial.verdicts().grouped, key=lambda group: len(group.accounts))
    assert campaign_of(trial.verdicts(), set(found.accounts.tolist())) is not None  # noqa: S101
    some = findings.campaigns[0]
    typical = some.members[0]
    members = tuple(
        replace(typical, account_id=f"account-{i}", requests=30, stream_requests=20)
        for i in range(len(found.accounts))
    )
    total = 20 * len(members)
    day = replace(some.timeline[0], requests=total, accounts=len(members))
    campaign = replace(some, members=members, requests=total, timeline=(day,), links=())
    lead = found.lead
    campaign = replace(
        campaign,
        verdict=lead.verdict,
        coordination_p=lead.coordination_p,
        extraction_p=lead.extraction_p,
        e_value=lead.e,
    )
    campaign = with_words(campaign, trial, found)
    data = dump_findings(replace(findings, campaigns=(campaign,)))
    (folder / "campaigns.json").write_bytes(data)
    keys = {campaign.campaign_id: found.accounts}
    frozen = freeze({"trial": trial, "members": keys}, Mask.none(), "docket")
    head = json.dumps({"findings": digest(data)}).encode()
    (folder / FOLDER / FILE).write_bytes(pack_files(as_files(frozen) | {"head.json": head}))
    return campaign, len(larger.candidate.accounts)


def with_words(campaign: Campaign, trial: Trial, found: Any) -> Campaign:
    """The campaign with the sentences that go with its new numbers."""
    from stillwatch.campaigns import explain  # noqa: PLC0415
    from stillwatch.campaigns.without import strongest, verdict_without  # noqa: PLC0415

    lead, level = found.lead, trial.court.level
    return replace(
        campaign,
        facts=explain.facts(lead, trial.court.floors),
        concealment=lead.concealment.evidence,
        explanations=explain.explanations(lead, level),
        would_change=explain.would_change(lead, level),
        without_strongest=verdict_without(lead, strongest(lead), level),
    )


def main() -> None:
    """Measure and print as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=25_000)
    parser.add_argument("--sampled", type=int, default=SAMPLE_ACCOUNTS)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        print(json.dumps(measured(Path(name), given.accounts, given.sampled), indent=2))


def measured(folder: Path, accounts: int, sampled: int) -> dict[str, Any]:
    """Scan, enlarge, bundle, verify."""
    made = simulate(WORLD, folder / "provider", seed=0)
    scan([made.log], accounts=made.accounts, out=folder / "scan", key=SketchKey(b"\x5c" * 32))
    campaign, tested = enlarge(folder / "scan", accounts, sampled)
    signing = SigningKey("bench.example.com", b"\x11" * 32)
    registrar = Registrar(Ledger(folder / "ledger", signing), signing, Vault(folder / "vault.db"))
    begun, worked = time.perf_counter(), time.process_time()
    data = build_bundle(folder / "scan", campaign.campaign_id, registrar)
    building, worked = time.perf_counter() - begun, time.process_time() - worked
    path = folder / "campaign.evidence.zip"
    path.write_bytes(data)
    begun = time.perf_counter()
    done = subprocess.run(
        [Path(sys.executable).with_name("stillwatch"), "verify", path, "--json"],
        capture_output=True,
        check=False,
        env={"PATH": os.environ["PATH"], "HOME": str(folder)},
    )
    verifying = time.perf_counter() - begun
    child = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "verdict": str(campaign.verdict),
        "tested_accounts": tested,
        "members": len(campaign.members),
        "bundle_bytes": len(data),
        "checks": {c["name"]: c["result"] for c in json.loads(done.stdout)["checks"]},
        "bundle_seconds": round(building, 1),
        "bundle_cpu_seconds": round(worked, 1),
        "verify_seconds": round(verifying, 1),
        "verify_cpu_seconds": round(child.ru_utime + child.ru_stime, 1),
        "verify_memory_mb": child.ru_maxrss >> 10,
        "cores": os.cpu_count(),
    }


if __name__ == "__main__":
    main()
