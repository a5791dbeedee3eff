"""`priors.parquet`: indicators of partners in the provider's own keys, for mining to look at."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.campaigns.prior import Priors
from stillwatch.errors import InputError
from stillwatch.schema import Prior, PriorSource
from stillwatch.signals.families import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from pathlib import Path

    from stillwatch.campaigns import Detection
    from stillwatch.campaigns.candidates import Family

PRIORS = pa.schema(
    [
        pa.field("kind", pa.int8(), nullable=False),  # index into `signals.families.KINDS`
        pa.field("key", pa.int64(), nullable=False),  # under the provider's own key
        pa.field("source", pa.string(), nullable=False),
        pa.field("campaign", pa.string(), nullable=False),
        pa.field("confidence", pa.int8(), nullable=False),
        pa.field("valid_until", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("accounts", pa.int64(), nullable=False),  # that show it in the log that was read
    ]
)
"""A row an indicator that was met. Metadata name the sketch key: ``{"key": fingerprint}``."""

MAX_ROWS = 1_000_000


def load_priors(path: Path, key_fingerprint: str) -> pa.Table:
    """Read what `stillwatch share match` wrote.

    Args:
        path: the file.
        key_fingerprint: of the sketch key in use.

    Raises:
        InputError: it cannot be read, is no such file, or was made with another key.
    """
    try:
        with pq.ParquetFile(path) as file:
            if file.schema_arrow.remove_metadata() != PRIORS or file.metadata.num_rows > MAX_ROWS:
                raise InputError("this is no priors.parquet of share match", file=str(path))
            made_with = (file.schema_arrow.metadata or {}).get(b"key", b"").decode()
            table = file.read()
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        raise InputError(f"these priors cannot be read: {error}", file=str(path)) from None
    if made_with != key_fingerprint:
        raise InputError(
            "these priors were made with another sketch key: run stillwatch share match again",
            file=str(path),
        )
    kinds = table.column("kind").to_pylist()
    if not all(0 <= kind < len(KINDS) for kind in kinds):
        raise InputError("names a kind of family that does not exist", file=str(path), field="kind")
    return table


def in_force(table: pa.Table, last: datetime) -> Priors:
    """The priors that count, by the log's own last moment; of several the most confident."""
    named: dict[tuple[int, int], Prior] = {}
    rows = sorted(table.to_pylist(), key=lambda r: (-r["confidence"], r["source"], r["campaign"]))
    for row in rows:
        if row["valid_until"] > last:
            prior = Prior(
                source=row["source"],
                campaign=row["campaign"],
                confidence=row["confidence"],
                valid_until=row["valid_until"].strftime("%Y-%m-%dT%H:%M:%SZ"),
            )
            named.setdefault((row["kind"], row["key"]), prior)
    return Priors(named)


def prior_sources(table: pa.Table, priors: Priors, detection: Detection) -> tuple[PriorSource, ...]:
    """What each source named, and what came of it in a scan."""
    tested = [_sources(priors, j.mined.candidate.families) for j in detection.judged]
    found = [{p.source for p in campaign.priors} for campaign in detection.campaigns]
    met = Counter(table.column("source").to_pylist())
    used = Counter(prior.source for prior in priors.named.values())
    return tuple(
        PriorSource(
            source=source,
            indicators=count,
            used=used[source],
            tested=sum(source in sources for sources in tested),
            campaigns=sum(source in sources for sources in found),
        )
        for source, count in sorted(met.items())
    )


def _sources(priors: Priors, families: Iterable[Family]) -> set[str]:
    return {prior.source for prior in priors.of(families)}
