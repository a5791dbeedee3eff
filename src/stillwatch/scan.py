"""The main job: from a request log to campaigns, with everything written down."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch._version import __version__
from stillwatch.campaigns import Detection, Traits, detect
from stillwatch.campaigns.describe import hour_shares, rfc3339, timeline
from stillwatch.engine import session
from stillwatch.errors import InputError, UsageError
from stillwatch.findings import dump_findings
from stillwatch.examples import with_examples
from stillwatch.ingest import OPTIONAL, ingest
from stillwatch.missing import missing_signals
from stillwatch.progress import Silent
from stillwatch.readers import Log, open_log, read_accounts
from stillwatch.report import write_report
from stillwatch.schema import ACCOUNTS, FINDINGS_FORMAT, Findings, Summary
from stillwatch.signals.population import population_by_day, population_by_hour, population_totals
from stillwatch.sketch import Sketcher, SketchKey
from stillwatch.store import SketchStore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stillwatch.progress import Progress

CALIBRATION = "individuality-1"
"""Version of the nulls and floors that verdicts rest on; see docs/method.md."""


@dataclass(frozen=True)
class Scan:
    """The outcome of a scan.

    Attributes:
        findings: summary and campaigns, as in `campaigns.json`.
        accounts: a row an account, as in `accounts.parquet` (`schema.ACCOUNT_VERDICTS`).
        out: the folder where everything was written.
        detection: what was looked at and tested on the way.
    """

    findings: Findings
    accounts: pa.Table
    out: Path
    detection: Detection


def scan(
    logs: Sequence[str | Path],
    *,
    out: str | Path,
    accounts: str | Path | None = None,
    format: str | None = None,  # noqa: A002 - the contract's name
    fdr: float = 0.01,
    seed: int = 0,
    key: SketchKey | None = None,
    keep_examples: int = 0,
    memory: str = "4GB",
    append: bool = False,
    progress: Progress | None = None,
) -> Scan:
    """Find the campaigns in a request log.

    Args:
        logs: files, folders, globs, or ``-`` for standard input.
        out: folder for `campaigns.json`, `accounts.parquet`, `rejected.jsonl`, `report.html` and
            the sketches, from which an interrupted or extended scan goes on.
        accounts: the account file, if there is one.
        format: name of the log format; recognised by content where not given.
        fdr: false discovery rate of accused campaigns.
        seed: of the split of the evidence into halves.
        key: of the sketches; from the environment or its file where not given.
        keep_examples: raw prompts to keep for each campaign; none by default.
        memory: most memory the engine may take.
        append: add to the sketches in `out` instead of replacing those of other logs.
        progress: shows the steps.

    Raises:
        UsageError: an argument makes no sense.
        InputError: a file cannot be used, or most of the log was rejected.
    """
    if not 0 < fdr < 1:
        raise UsageError(f"--fdr is a rate between 0 and 1, not {fdr}")
    progress = progress or Silent()
    folder = _folder(Path(out))
    key = key or SketchKey.load()
    sketcher = Sketcher(key)
    log = open_log([str(source) for source in logs], format=format, progress=progress)
    declared = read_accounts(Path(accounts)).table if accounts else None
    store = SketchStore.open(folder / "sketches", key.fingerprint)
    rejected = folder / "rejected.jsonl"
    ingest(log, store, sketcher, rejected, append=append)
    store.seal(memory=memory)
    names = store.names()
    if not len(names):
        raise InputError("the log holds no usable request; see rejected.jsonl for the reasons")
    with session(memory=memory, spill=store.path / "spill") as backend:
        requests: Any = store.requests(backend)
        traits = account_traits(names, declared, sketcher)
        detection = detect(
            requests,
            names,
            traits,
            level=fdr,
            seed=seed,
            examples=keep_examples,
            progress=progress,
        )
        summary = _summary(log, store, requests, detection, declared, fdr=fdr, seed=seed)
    campaigns = detection.campaigns
    if keep_examples:
        again = open_log([str(source) for source in logs], format=format, progress=progress)
        campaigns = with_examples(campaigns, detection.examples, again, sketcher)
    findings = Findings(format=FINDINGS_FORMAT, summary=summary, campaigns=campaigns)
    with progress.step("writing the report", 1) as step:
        (folder / "campaigns.json").write_bytes(dump_findings(findings))
        pq.write_table(detection.accounts, folder / "accounts.parquet", compression="zstd")
        write_report(findings, detection.accounts, rejected, folder / "report.html")
        step.advance()
    return Scan(findings, detection.accounts, folder, detection)


def account_traits(names: pa.Table, declared: pa.Table | None, sketcher: Sketcher) -> Traits:
    """What accounts declare, for every account of the log, as codes.

    Args:
        names: `account`, `account_id` of every account.
        declared: rows in `schema.ACCOUNTS`; accounts that it lacks have no known trait.
        sketcher: makes the keys of accounts and networks.
    """
    account = np.sort(names.column("account").to_numpy())
    table = declared if declared is not None else ACCOUNTS.empty_table()
    table = table.combine_chunks()
    ids = table.column("account_id").combine_chunks()
    keys = sketcher.account_keys(ids).to_numpy() if len(ids) else account[:0]
    place = np.searchsorted(account, keys)
    known = (place < len(account)) & (account[np.minimum(place, len(account) - 1)] == keys)

    def codes(column: pa.Array) -> np.ndarray[Any, np.dtype[np.int64]]:
        encoded = column.dictionary_encode().indices.fill_null(-1).to_numpy(zero_copy_only=False)
        full = np.full(len(account), -1, dtype=np.int64)
        full[place[known]] = encoded[known]
        return full

    def column(name: str) -> pa.Array:
        return table.column(name).combine_chunks()

    created = np.full(len(account), np.nan)
    seconds = column("created_at").cast(pa.int64()).fill_null(0).to_numpy() / 1e6
    created[place[known]] = np.where(seconds > 0, seconds, np.nan)[known]
    return Traits(
        account=account,
        organization=codes(column("organization_id")),
        domain=codes(column("email_domain")),
        payment=codes(column("payment_fingerprint")),
        signup_network=codes(sketcher.network_keys(column("signup_address"))),
        created=created,
        available=frozenset(
            name
            for name in ACCOUNTS.names
            if len(table) and table.column(name).null_count < len(table)
        ),
    )


def _folder(out: Path) -> Path:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"this folder cannot be made: {error.strerror}", file=str(out)) from error
    return out


def _summary(
    log: Log,
    store: SketchStore,
    requests: Any,
    detection: Detection,
    declared: pa.Table | None,
    *,
    fdr: float,
    seed: int,
) -> Summary:
    taken = store.taken()
    columns = sorted({name for entry in taken for name in entry.columns})
    total = population_totals(requests).to_pyarrow().to_pylist()[0]
    hours = np.zeros(24)
    for row in population_by_hour(requests).to_pyarrow().to_pylist():
        hours[row["value"]] = row["requests"]
    volumes = detection.accounts.column("requests").to_numpy()
    quantiles = {"p10": 0.1, "p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}
    verdicts = detection.accounts.column("verdict").to_pylist()
    return Summary(
        version=__version__,
        sources=tuple((source.name, reader.name) for source, reader in log.formats),
        requests=total["requests"],
        accounts=len(detection.accounts),
        rejected=sum(entry.rejected for entry in taken),
        duplicates=store.duplicates(),
        first_seen=rfc3339(total["first_seen"]),
        last_seen=rfc3339(total["last_seen"]),
        fdr=fdr,
        seed=seed,
        calibration=CALIBRATION,
        columns=tuple(name for name in OPTIONAL if name in columns),
        missing=missing_signals(set(columns), declared, detection),
        verdicts={name: verdicts.count(name) for name in sorted(set(verdicts))},
        hours=hour_shares(hours),
        timeline=timeline(population_by_day(requests).to_pyarrow().to_pylist()),
        requests_per_account={
            name: float(np.quantile(volumes, q)) for name, q in quantiles.items()
        },
        parameters={
            "groups_looked_at": detection.looked_at,
            "groups_tested": len(detection.judged),
            "reference_customers": detection.customers,
            "floor_content": _shown(detection.floors.content),
            "floor_rhythm": _shown(detection.floors.rhythm),
            "floor_conversation": _shown(detection.floors.conversation),
            "floor_volume": detection.floors.volume,
        },
    )


def _shown(floor: float | None) -> float | str:
    return "not used" if floor is None else round(floor, 6)
