"""One cell: simulate, scan, let the baselines accuse, compare with the truth."""

from __future__ import annotations

import hashlib
import resource
import tempfile
import time
from collections import Counter, defaultdict
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.calibration import habits_of
from stillwatch.judging import code_digest
from stillwatch.lab.baselines import BASELINES
from stillwatch.lab.evaluate.ablations import ABLATIONS, replace_texts
from stillwatch.lab.evaluate.audit import audit
from stillwatch.lab.evaluate.outcome import (
    OURS,
    FoundCampaign,
    GroupRow,
    Outcome,
    Terms,
    TrueCampaign,
    Windows,
)
from stillwatch.lab.evaluate.plan import WINDOW_RUNS, WINDOWS
from stillwatch.lab.score import ACCOUNTS_FILE, score
from stillwatch.lab.simulate import Simulation, simulate
from stillwatch.lab.windows import SIZE, window_calls
from stillwatch.readers import open_log, read_accounts
from stillwatch.scanning import scan
from stillwatch.schema import REQUESTS, Verdict
from stillwatch.sketch import Sketcher, SketchKey

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stillwatch.lab.evaluate.ablations import Ablation
    from stillwatch.lab.evaluate.plan import Cell
    from stillwatch.lab.score import Score
    from stillwatch.scanning import Scan

_Record = dict[str, Any]


def run_cell(cell: Cell, digest: str, temporary: Path | None = None) -> Outcome:
    """Run one cell; its log lies in a temporary folder and is gone afterwards.

    Args:
        cell: what to run.
        digest: kept with the outcome, see `Cell.digest`.
        temporary: where the folder is made; the system's place unless given.
    """
    if cell.scenario == WINDOWS:
        return _run_windows(cell, digest)
    with tempfile.TemporaryDirectory(prefix="stillwatch-", dir=temporary) as name:
        return _run(cell, digest, Path(name))


def _run_windows(cell: Cell, digest: str) -> Outcome:
    seconds: dict[str, float] = {}
    with _timed(seconds, "extraction test"):
        calls = window_calls(Path(cell.prompts), seed=cell.seed, windows=WINDOW_RUNS)
    rows = tuple(
        Windows(share=share, windows=len(hits), called=sum(hits)) for share, hits in calls.items()
    )
    return _outcome(
        cell,
        digest,
        requests=SIZE * sum(row.windows for row in rows),
        accounts=0,
        seconds=seconds,
        groups=(),
        campaigns=(),
        found=(),
        tested=(),
        discoveries=(),
        windows=rows,
    )


def _run(cell: Cell, digest: str, folder: Path) -> Outcome:
    ablation = ABLATIONS[cell.ablation]
    seconds: dict[str, float] = {}
    with _timed(seconds, "simulate"):
        made = _simulate(cell, ablation, folder / "world")
    # A fixed secret: an evaluation is repeatable, and its logs hold nobody's data.
    secret = hashlib.blake2b(f"evaluation {cell.seed}".encode(), digest_size=32).hexdigest()
    key = SketchKey.from_hex(secret, source="the evaluation")
    with _timed(seconds, "scan"):
        done = scan(
            [made.log],
            out=folder / "scan",
            accounts=made.accounts if ablation.account_file else None,
            seed=cell.seed,
            key=key,
        )
    scored = score(folder / "world", folder / "scan")
    tested, discoveries = audit(done.detection, made.truth, Sketcher(key))
    truth = pq.read_table(made.truth).to_pylist()
    groups, campaigns = _ours(scored, _lost(truth, folder / "scan"))
    if cell.baselines:
        requests = _requests(made)
        declared = read_accounts(made.accounts).table if ablation.account_file else None
        for method in cell.baselines:
            with _timed(seconds, method):
                table = BASELINES[method](requests, declared)
            rows, true = _of_baseline(method, table, truth)
            groups, campaigns = groups + rows, campaigns + true
    return _outcome(
        cell,
        digest,
        requests=made.requests,
        accounts=len(truth),
        seconds=seconds,
        groups=tuple(groups),
        campaigns=tuple(campaigns),
        found=tuple(
            FoundCampaign(accounts=one.accounts, innocent=one.innocent, purity=one.purity)
            for one in scored.found
        ),
        tested=tested,
        discoveries=discoveries,
        terms=_terms(done),
    )


def _terms(done: Scan) -> Terms:
    summary = done.findings.summary
    return Terms(
        version=summary.version,
        code=code_digest(),
        fdr=summary.fdr,
        days=len(summary.timeline),
        habits=habits_of(done.detection.floors),
    )


def _outcome(cell: Cell, digest: str, **measured: Any) -> Outcome:
    return Outcome(
        name=cell.name,
        digest=digest,
        scenario=cell.scenario,
        seed=cell.seed,
        ablation=cell.ablation,
        knob=cell.knob,
        value=cell.value,
        peak_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6,
        **measured,
    )


@contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    seconds[name] = round(time.perf_counter() - started, 2)


def _simulate(cell: Cell, ablation: Ablation, folder: Path) -> Simulation:
    without = tuple(dict.fromkeys((*cell.world.without, *ablation.fields)))
    made = simulate(
        msgspec.structs.replace(cell.world, without=without),
        folder,
        seed=cell.seed,
        prompts=Path(cell.prompts) if cell.prompts else None,
        arrivals=Path(cell.arrivals) if cell.arrivals else None,
    )
    if ablation.text is not None:
        replace_texts(made.log, ablation.text)
    return made


def _requests(made: Simulation) -> pa.Table:
    batches = [batch.requests for batch in open_log([str(made.log)])]
    return pa.Table.from_batches(batches, schema=REQUESTS).combine_chunks()


def _ours(scored: Score, lost: Counter[str]) -> tuple[list[GroupRow], list[TrueCampaign]]:
    groups = [
        GroupRow(
            method=OURS,
            group=one.group,
            kind=one.kind,
            accounts=one.accounts,
            accused=one.accused,
            clear=one.verdicts.get(Verdict.CLEAR, 0),
            inconclusive=one.verdicts.get(Verdict.INCONCLUSIVE, 0),
            pooled=one.verdicts.get(Verdict.POOLED, 0),
            expected=one.expected,
            lost=lost[one.group] if one.kind == "campaign" else None,
        )
        for one in scored.groups
    ]
    campaigns = [
        TrueCampaign(
            method=OURS,
            campaign=one.campaign,
            group=one.group,
            accounts=one.accounts,
            accused=round(one.recall * one.accounts),
            pieces=one.pieces,
            largest=one.largest,
        )
        for one in scored.campaigns
    ]
    return groups, campaigns


def _lost(truth: list[_Record], result: Path) -> Counter[str]:
    """Campaign accounts, by group, that stand in a found group of mostly innocent accounts."""
    campaign = {row["account_id"]: row["campaign"] for row in truth}
    group = {row["account_id"]: row["group"] for row in truth}
    found: defaultdict[str, list[str]] = defaultdict(list)
    columns = ["account_id", "campaign_id"]
    for row in pq.read_table(result / ACCOUNTS_FILE, columns=columns).to_pylist():
        if row["campaign_id"] is not None:
            found[row["campaign_id"]].append(row["account_id"])
    lost: Counter[str] = Counter()
    for members in found.values():
        guilty = [account for account in members if campaign[account] is not None]
        if 2 * len(guilty) < len(members):
            lost.update(group[account] for account in guilty)
    return lost


def _of_baseline(
    method: str, table: pa.Table, truth: list[_Record]
) -> tuple[list[GroupRow], list[TrueCampaign]]:
    accused = dict(
        zip(*(table.column(n).to_pylist() for n in ("account_id", "accused")), strict=True)
    )
    by_group: defaultdict[tuple[str, str], list[bool]] = defaultdict(list)
    by_campaign: defaultdict[tuple[str, str], list[bool]] = defaultdict(list)
    for row in truth:
        guilty = bool(accused.get(row["account_id"], False))
        by_group[row["group"], row["kind"]].append(guilty)
        if row["campaign"] is not None:
            by_campaign[row["campaign"], row["group"]].append(guilty)
    rows = [
        GroupRow(method=method, group=group, kind=kind, accounts=len(hits), accused=sum(hits))
        for (group, kind), hits in sorted(by_group.items())
    ]
    true = [
        TrueCampaign(
            method=method, campaign=campaign, group=group, accounts=len(hits), accused=sum(hits)
        )
        for (campaign, group), hits in sorted(by_campaign.items())
    ]
    return rows, true
