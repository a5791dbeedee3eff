"""How long a bundle about a very large campaign takes to make and to verify.

    python -m bench.evidence --accounts 25000

Scans a small simulated log, multiplies the accounts of the campaign that was found until there are
so many (each copy has its requests under new keys, with the words of two of them), sampled as a
scan samples so large a group, makes the bundle, and verifies it in a fresh process.
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
from stillwatch.campaigns.look import Look
from stillwatch.campaigns.sampling import FURTHER_REQUESTS, SAMPLE_ACCOUNTS, SAMPLE_REQUESTS
from stillwatch.evidence.bundle.build import build_bundle
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
from stillwatch.schema import Verdict
from stillwatch.sketch import SketchKey

if TYPE_CHECKING:
    from stillwatch.campaigns.sampling import Mined
    from stillwatch.campaigns.stream import Stream
    from stillwatch.campaigns.trial import Trial
    from stillwatch.schema import Campaign

Ints = NDArray[np.int64]

WORLD = Scenario(
    days=10,
    groups={
        "individuals": {"accounts": 240, "per_day": 2.0},
        "popular_app": {"accounts": 30},
        "cover_traffic": {"accounts": 30, "per_day": 10.0},
        "careful": {"accounts": 25},
    },
)


MOVES = np.array([number * 0x9E3779B97F4A7C15 % 2**61 for number in range(10_000)])


def copied(keys: Ints, number: Ints | int) -> Ints:
    """Other keys for a copy; small integers, such as -1 for unknown, stay."""
    return np.where(np.abs(keys) < 2**52, keys, keys ^ MOVES[number])


def multiply(trial: Trial, mined: Mined, copies: int) -> tuple[Trial, Mined]:
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
    rng = np.random.default_rng(0)

    def look(places: Ints, each: int) -> Look:
        number, source = np.divmod(places, len(old))
        sample, elsewhere = (
            mixed(rng, copied_stream(stream.first(each), old[source], number))
            for stream in (mined.sample, mined.elsewhere)
            if stream is not None
        )
        return Look(sample, elsewhere)

    whole = look(order[:SAMPLE_ACCOUNTS], SAMPLE_REQUESTS)
    rest = order[SAMPLE_ACCOUNTS:]
    chunks = np.array_split(rest, -(-len(rest) // SAMPLE_ACCOUNTS)) if len(rest) else []
    larger = replace(
        mined,
        candidate=Candidate(accounts[order], families),
        sample=whole.sample,
        elsewhere=whole.elsewhere,
        beyond=tuple(look(chunk, FURTHER_REQUESTS).lean() for chunk in chunks),
        counts=np.tile(mined.counts, (copies, 1))[order],
    )
    return replace(trial, court=replace(trial.court, **everybody(trial, mined, copies))), larger


def copied_stream(stream: Stream, sources: Ints, numbers: Ints) -> Stream:
    """The requests of some accounts, each copied under the keys of its copy's number."""
    begin = np.searchsorted(stream.account, sources)
    sizes = np.searchsorted(stream.account, sources, side="right") - begin
    number = np.repeat(numbers, sizes)
    place = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    found = stream.take(np.repeat(begin, sizes) + place)
    changed: dict[str, Any] = {
        name: copied(getattr(found, name), number) for name in ("request", "account", "body")
    }
    return replace(found, **changed)


def mixed(rng: np.random.Generator, stream: Stream) -> Stream:
    """The same requests about other things: each has the words of two, for no two are the same."""
    other = stream.tokens[rng.permutation(len(stream))]
    tokens = np.where(rng.random(other.shape) < 0.5, stream.tokens, other)
    tokens.sort(axis=1)
    tokens[:, 1:][tokens[:, 1:] == tokens[:, :-1]] = 0
    return replace(stream, tokens=tokens)


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


def enlarge(folder: Path, wanted: int) -> tuple[Campaign, int]:
    """Make the group of a scan's campaign as large as wanted, and rewrite the folder.

    Returns:
        The campaign, and the size of the group that was tested.
    """
    findings = load_findings(folder / "campaigns.json")
    docket = read_docket(folder)
    judged = docket.trial.verdicts().judged
    mined = next(j.mined for j in judged if j.verdict is Verdict.DISTILLATION)
    copies = -(-wanted // len(mined.candidate.accounts))
    trial, larger = multiply(docket.trial, mined, copies)
    trial = replace(trial, groups=(larger,), parts=(), alone=())
    found = max(trial.verdicts().grouped, key=lambda group: len(group.accounts))
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
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        print(json.dumps(measured(Path(name), given.accounts), indent=2))


def measured(folder: Path, accounts: int) -> dict[str, Any]:
    """Scan, enlarge, bundle, verify."""
    made = simulate(WORLD, folder / "provider", seed=0)
    scan([made.log], accounts=made.accounts, out=folder / "scan", key=SketchKey(b"\x5c" * 32))
    campaign, tested = enlarge(folder / "scan", accounts)
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
