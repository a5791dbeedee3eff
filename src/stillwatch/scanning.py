"""The main job: from a request log to campaigns, with everything written down."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.parquet as pq

from stillwatch.calibration import load_calibration
from stillwatch.campaigns import detect
from stillwatch.campaigns.before import NOTHING_BEFORE
from stillwatch.campaigns.detect import STEPS
from stillwatch.campaigns.prior import NO_PRIORS
from stillwatch.campaigns.ranged import Ranged
from stillwatch.campaigns.reading import read
from stillwatch.declared import cover, load_declared, with_declared
from stillwatch.engine import DUCKDB, check_engine, session, with_room
from stillwatch.errand import run
from stillwatch.errors import InputError, UsageError
from stillwatch.evidence.canonical import digest
from stillwatch.evidence.docket import write_docket
from stillwatch.evidence.registrar import Registrar
from stillwatch.evidence.scans import enter_scan
from stillwatch.examples import with_examples
from stillwatch.findings import dump_findings, load_findings
from stillwatch.ingest import ingest
from stillwatch.place import Place, is_url
from stillwatch.population import Population
from stillwatch.priors import in_force, load_priors, prior_sources
from stillwatch.progress import Silent
from stillwatch.readers import open_log, read_accounts
from stillwatch.report import write_report
from stillwatch.schema import FINDINGS_FORMAT, Findings
from stillwatch.sealed import SealedStore, holds_sketches, need_sketches
from stillwatch.signals.halves import with_half
from stillwatch.signals.population import population_totals
from stillwatch.since import Index, begin_index, complete_index
from stillwatch.sketch import Sketcher, SketchKey
from stillwatch.store import SketchStore
from stillwatch.summary import summarise
from stillwatch.traits import account_traits

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import ibis.expr.types as ir
    import pyarrow as pa

    from stillwatch.campaigns import Detection
    from stillwatch.campaigns.evidence import Evidence
    from stillwatch.declared import Entry
    from stillwatch.ingest import Elsewhere
    from stillwatch.progress import Progress, Step


LEVEL = 0.01
"""False discovery rate of accused campaigns unless another is asked for."""


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


def scan(  # noqa: PLR0913 - one call is the whole interface
    logs: Sequence[str | Path] = (),
    *,
    out: str | Path,
    sketches: str | Path | None = None,
    accounts: str | Path | None = None,
    declarations: str | Path | None = None,
    priors: str | Path | None = None,
    format: str | None = None,  # noqa: A002 - the contract's name
    fdr: float = LEVEL,
    seed: int = 0,
    key: SketchKey | None = None,
    keep_examples: int = 0,
    memory: str = "4GB",
    engine: str = DUCKDB,
    append: bool = False,
    calibration: str | Path | None = None,
    ledger: str | Path | None = None,
    keep_index: bool = False,
    since: str | Path | None = None,
    progress: Progress | None = None,
) -> Scan:
    """Find the campaigns in a request log.

    Args:
        logs: files, folders, globs, or ``-`` for standard input.
        sketches: a folder of sketches, in place of logs: ``OUT/sketches`` of an earlier scan, or
            what ``stillwatch lab simulate`` made; or a URL where a copy of one lies, which is only
            read. Needs the key that they were made with.
        out: folder for `campaigns.json`, `accounts.parquet`, `rejected.jsonl`, `report.html` and
            the sketches, from which an interrupted or extended scan goes on, and `evidence`, from
            which bundles are made.
        accounts: the account file, if there is one.
        declarations: the provider's list of declared structure, if there is one.
        priors: `priors.parquet` of `stillwatch share match`: where to look, and no evidence.
        format: name of the log format; recognised by content where not given.
        fdr: false discovery rate of accused campaigns.
        seed: of the split of the evidence into halves.
        key: of the sketches; from the environment or its file where not given.
        keep_examples: raw prompts to keep for each campaign; none by default.
        memory: most memory the engine may take.
        engine: where logs are sketched and detection runs: `duckdb`; `spark`, as `spark-submit`
            sets it up; or the URL of a Spark master. Its workers must see logs and sketches under
            the same path or URL.
        append: add to the sketches in `out` instead of replacing those of other logs, as `since`
            always does.
        calibration: file of `stillwatch lab calibrate` that the scan cites and is held against; the
            one that Stillwatch comes with unless given. It changes no verdict.
        ledger: folder of the ledger that the scan is entered into.
        keep_index: leave what was read in `OUT/index`, from which later scans go on; about 240
            bytes a request.
        since: folder of a scan with `keep_index`: look only at what has grown by a quarter since.
            What it found stands beside what is found now.
        progress: shows the steps.

    Raises:
        UsageError: an argument makes no sense.
        InputError: a file cannot be used, or most of the log was rejected.
    """
    if not 0 < fdr < 1:
        raise UsageError(f"--fdr is a rate between 0 and 1, not {fdr}")
    check_engine(engine)
    _check_inputs(logs, sketches, keep_examples)
    _check_index(sketches, engine, keep_index=keep_index, since=since)
    progress = progress or Silent()
    folder = folder_of(Path(out))
    key = key or SketchKey.load()
    sketcher = Sketcher(key)
    declared = read_accounts(Path(accounts)).table if accounts else None
    entries = load_declared(Path(declarations)) if declarations else ()
    hints = load_priors(Path(priors), key.fingerprint) if priors else None
    calibrated = load_calibration(Path(calibration) if calibration else None)
    index = None
    if since is not None:
        index = Index.open(Path(since), key=key.fingerprint, seed=seed, fdr=fdr)
    kept_in = begin_index(folder) if keep_index else None
    rejected = folder / "rejected.jsonl"
    if sketches is not None:
        store = _sealed(sketches, key, folder, memory)
        rejected.write_bytes(b"")
        sources = [(store.place.name, "sketches")]
    else:
        log = open_log([str(source) for source in logs], format=format, progress=progress)
        kept = SketchStore.open(folder / "sketches", key.fingerprint)
        with workers(kept, memory, engine) as elsewhere:
            # what an earlier scan has looked at is never replaced by what has come since
            more = append or index is not None
            ingest(log, kept, sketcher, rejected, append=more, elsewhere=elsewhere)
        kept.seal(memory=memory)
        store = kept
        sources = [(source.name, reader.name) for source, reader in log.formats]
    with (
        store.reading(),
        detected(
            store,
            sketcher,
            declared,
            entries=entries,
            hints=hints,
            fdr=fdr,
            seed=seed,
            examples=keep_examples,
            memory=memory,
            engine=engine,
            keep=kept_in,
            index=index,
            progress=progress,
        ) as (requests, detection),
    ):
        population = index.population(store, requests) if index else Population.of(requests)
        summary = summarise(
            population,
            detection,
            declared,
            sources=sources,
            taken=store.taken(),
            duplicates=store.duplicates(),
            fdr=fdr,
            seed=seed,
            calibration=calibrated,
            since=None if index is None else index.cited(detection),
        )
    campaigns = detection.campaigns
    if keep_examples:
        again = open_log([str(source) for source in logs], format=format, progress=progress)
        campaigns = with_examples(campaigns, detection.examples, again, sketcher)
    data = dump_findings(Findings(format=FINDINGS_FORMAT, summary=summary, campaigns=campaigns))
    with progress.step("writing the report", 1) as step:
        findings = _written(folder, data, detection, rejected, step)
        if kept_in is not None:
            complete_index(
                kept_in,
                store,
                detection,
                population,
                seed=seed,
                fdr=fdr,
                findings=digest(data),
            )
        step.advance()
    if ledger is not None:
        enter_scan(Registrar.open(Path(ledger)), data, findings.summary)
    return Scan(findings, detection.accounts, folder, detection)


def _written(
    folder: Path, data: bytes, detection: Detection, rejected: Path, step: Step
) -> Findings:
    """Write the results, and return what was found as the file has it."""
    (folder / "campaigns.json").write_bytes(data)
    if not write_docket(detection, data, folder):
        step.note("too large to keep as evidence")
    # read back, so that `stillwatch report` makes the same page from the file
    findings = load_findings(folder / "campaigns.json")
    pq.write_table(detection.accounts, folder / "accounts.parquet", compression="zstd")
    write_report(findings, detection.accounts, rejected, folder / "report.html")
    return findings


@contextmanager
def workers(store: SketchStore, memory: str, engine: str) -> Iterator[Elsewhere | None]:
    """Who reads and sketches logs for a store: the workers of an engine that has some, or None."""
    if engine == DUCKDB:
        yield None
        return
    with session(memory=memory, spill=store.spill, engine=engine) as backend:
        store.spill.mkdir(exist_ok=True)
        yield partial(backend.side_by_side, run)


def _check_inputs(
    logs: Sequence[str | Path], sketches: str | Path | None, keep_examples: int
) -> None:
    if bool(logs) == (sketches is not None):
        raise UsageError("name the logs to scan, or --sketches DIR with what was made of logs")
    for log in logs:
        if is_url(log):
            raise UsageError(
                f"{log} is a URL: logs are read from files of this machine, and only --sketches "
                "takes a URL"
            )
        if holds_sketches(Place.of(log)):
            raise UsageError(f"{log} is a folder of sketches and no log: give it with --sketches")
    if sketches is not None and keep_examples:
        raise UsageError("--keep-examples needs the logs: sketches hold no prompts")


def _check_index(
    sketches: str | Path | None, engine: str, *, keep_index: bool, since: str | Path | None
) -> None:
    if keep_index and since is not None:
        raise UsageError("--keep-index is for a scan of everything, and --since goes on from one")
    if (keep_index or since is not None) and (engine != DUCKDB or is_url(sketches or "")):
        raise UsageError(
            "an index is kept and used where the sketches lie in a folder of this machine, by "
            "--engine duckdb"
        )


def _sealed(sketches: str | Path, key: SketchKey, folder: Path, memory: str) -> SealedStore:
    """The store to scan: a folder is held and sealed, what a URL names is only read."""
    place = Place.of(sketches)
    if is_url(sketches):
        return SealedStore.read_only(place, key.fingerprint, spill=folder / "spill")
    need_sketches(place)
    store = SketchStore.open(Path(sketches), key.fingerprint)
    store.seal(memory=memory)
    return store


@contextmanager
def detected(  # noqa: PLR0913 - what a scan is told, in one call
    store: SealedStore,
    sketcher: Sketcher,
    declared: pa.Table | None,
    *,
    entries: Sequence[Entry] = (),
    hints: pa.Table | None = None,
    fdr: float = LEVEL,
    seed: int = 0,
    examples: int = 0,
    memory: str = "4GB",
    engine: str = DUCKDB,
    keep: Path | None = None,
    index: Index | None = None,
    progress: Progress | None = None,
) -> Iterator[tuple[ir.Table, Detection]]:
    """Find the campaigns in a sealed store, and keep its requests at hand for more questions.

    Args:
        store: sketches, sealed.
        sketcher: of the store's key.
        declared: the account file (`schema.ACCOUNTS`), or None.
        entries: of the provider's list of declared structure.
        hints: `priors.PRIORS`, where to look; those that the log has outlived do not count.
        fdr: false discovery rate of accused campaigns.
        seed: of the split of the evidence into halves.
        examples: requests of each campaign to name.
        memory: most memory the engine may take.
        engine: as in `scan`.
        keep: of `begin_index`, to leave the index in.
        index: of an earlier scan, to look only at what has grown since.
        progress: shows the steps.

    Raises:
        InputError: the store holds no request, or the index does not fit it.
    """
    names = store.names()
    if not len(names):
        raise InputError("the log holds no usable request; see rejected.jsonl for the reasons")
    with (
        session(memory=memory, spill=store.spill, engine=engine) as backend,
        with_room(store.spill),
    ):
        requests: ir.Table = store.requests(backend)
        with (progress or Silent()).step("detecting", STEPS) as step:
            halved, before = with_half(requests, seed), NOTHING_BEFORE
            if index is None:
                keys = np.sort(names.column("account").to_numpy())
                evidence = read(halved, keys, step, keep)
                names = _present(names, evidence)
            else:
                evidence = grown = index.evidence(halved, store, backend, step)
                names = _present(names, evidence)
                before = index.before(grown, names)
            coverage, priors = None, NO_PRIORS
            if entries or hints is not None:
                last = population_totals(requests).last_seen.to_pyarrow()[0].as_py()
                coverage = cover(entries, names, declared, last) if entries else None
                priors = in_force(hints, last) if hints is not None else NO_PRIORS
            detection = detect(
                evidence,
                names,
                account_traits(names, declared, sketcher, coverage),
                step,
                level=fdr,
                examples=examples,
                priors=priors,
                before=before,
            )
            if keep is not None and isinstance(evidence, Ranged):
                evidence.save()
        if hints is not None:
            detection = replace(detection, priors=prior_sources(hints, priors, detection))
        if coverage is not None:
            detection = with_declared(detection, coverage)
        yield requests, detection


def _present(names: pa.Table, evidence: Evidence) -> pa.Table:
    """The accounts that have requests: of one whose days were erased only the name is left."""
    present = evidence.activity.column("account").to_numpy()
    if len(present) == len(names):
        return names
    return names.filter(np.isin(names.column("account").to_numpy(), present))


def folder_of(out: Path) -> Path:
    """Make the folder of the results.

    Raises:
        InputError: it cannot be made.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"this folder cannot be made: {error.strerror}", file=str(out)) from error
    return out
