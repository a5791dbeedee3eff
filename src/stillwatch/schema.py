"""The vocabulary: what a request, an account, a sketch, a campaign and a verdict are.

Tables are Arrow; the schemas below are the contracts between the stages. Texts and identifiers of
customers exist only in `REQUESTS`, which lives in memory while a log is read. Everything kept on
disk is in `SKETCHES` form, where they are keyed hashes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

import pyarrow as pa

TIMESTAMP = pa.timestamp("us", tz="UTC")

TURN_SEPARATOR = "\x1e"
"""Stands between the turns that `earlier_turns` and `context` join (ASCII record separator)."""

REQUESTS = pa.schema(
    [
        pa.field("request_id", pa.string(), nullable=False),
        pa.field("timestamp", TIMESTAMP, nullable=False),
        pa.field("account_id", pa.string(), nullable=False),
        pa.field("model", pa.string(), nullable=False),
        # The conversation, split by who wrote it. `prompt` is the last user turn; `earlier_turns`
        # the user turns before it; `context` all that the assistant and tools said, also after the
        # last user turn. Turns are joined by TURN_SEPARATOR; null where there are none.
        pa.field("prompt", pa.string(), nullable=False),
        pa.field("earlier_turns", pa.string()),
        pa.field("context", pa.string()),
        pa.field("turns", pa.int32(), nullable=False),  # user turns, `prompt` included: at least 1
        pa.field("system_prompt", pa.string()),
        pa.field("completion", pa.string()),
        pa.field("conversation_id", pa.string()),
        pa.field("api_key_id", pa.string()),
        pa.field("end_user_id", pa.string()),
        pa.field("client_address", pa.string()),
        pa.field("user_agent", pa.string()),
        pa.field("tls_fingerprint", pa.string()),
        pa.field("access_path", pa.string()),
        pa.field("input_tokens", pa.int64()),
        pa.field("output_tokens", pa.int64()),
        pa.field("reasoning_tokens", pa.int64()),
        pa.field("temperature", pa.float64()),
        pa.field("max_tokens", pa.int64()),
        pa.field("n", pa.int32()),
        pa.field("logprobs", pa.bool_()),
        pa.field("status", pa.int32()),
    ]
)
"""One row a request, as readers deliver it."""

ACCOUNTS = pa.schema(
    [
        pa.field("account_id", pa.string(), nullable=False),
        pa.field("organization_id", pa.string()),
        pa.field("created_at", TIMESTAMP),
        pa.field("email_domain", pa.string()),
        pa.field("payment_fingerprint", pa.string()),
        pa.field("signup_address", pa.string()),
        pa.field("country", pa.string()),
        pa.field("plan", pa.string()),
        pa.field("verification_level", pa.string()),
    ]
)
"""One row an account, as the provider's account file has it. `country` is never evidence."""

N_BANDS = 6
N_TOKENS = 24

FAMILY_KEYS = (
    "system_key",
    "head4_key",
    "head8_key",
    "tail4_key",
    "tail8_key",
    "skeleton_key",
)
"""Sketch columns that name a prompt family directly: what a template leaves behind."""

TEMPLATE_KEYS = ("system_key", "head8_key")
"""Those that hardly anything but a template makes. Short openings, closings ("explain step by
step") and the shape of a prompt are anybody's, also those that nobody happens to have used yet."""

SKETCHES = pa.schema(
    [
        pa.field("request_key", pa.int64(), nullable=False),
        pa.field("timestamp", TIMESTAMP, nullable=False),
        pa.field("account", pa.int64(), nullable=False),
        pa.field("model", pa.string(), nullable=False),
        # text: keyed 64-bit hashes, null where the text is absent or too short to say anything
        pa.field("system_key", pa.int64()),
        pa.field("head4_key", pa.int64()),
        pa.field("head8_key", pa.int64()),
        pa.field("tail4_key", pa.int64()),
        pa.field("tail8_key", pa.int64()),
        pa.field("skeleton_key", pa.int64()),
        pa.field("bands", pa.list_(pa.int64(), N_BANDS)),  # MinHash bands of word shingles
        pa.field("tokens", pa.list_(pa.int32(), N_TOKENS)),  # sampled content words; 0 is padding
        pa.field("body_key", pa.int64(), nullable=False),  # everything sent, `context` included
        pa.field("turns_key", pa.int64(), nullable=False),  # system prompt and all user turns
        pa.field("prefix_key", pa.int64()),  # the same without the last turn; null on turn one
        pa.field("turns", pa.int32(), nullable=False),
        pa.field("prompt_words", pa.int32(), nullable=False),
        pa.field("capability", pa.int8(), nullable=False),  # index into CAPABILITIES
        pa.field("elicitation", pa.float32(), nullable=False),  # 0..1: asks for reasoning
        pa.field("grading", pa.float32(), nullable=False),  # 0..1: asks for scores or preferences
        # identifiers: keyed 64-bit hashes
        pa.field("conversation_key", pa.int64()),
        pa.field("end_user_key", pa.int64()),
        pa.field("address_key", pa.int64()),
        pa.field("network_key", pa.int64()),  # /24 of IPv4, /48 of IPv6
        pa.field("tls_key", pa.int64()),
        pa.field("client_key", pa.int64()),  # product names of the user agent, versions dropped
        pa.field("access_path", pa.string()),
        pa.field("input_tokens", pa.int64()),
        pa.field("output_tokens", pa.int64()),
        pa.field("reasoning_tokens", pa.int64()),
        pa.field("temperature", pa.float64()),
        pa.field("max_tokens", pa.int64()),
        pa.field("n", pa.int32()),
        pa.field("logprobs", pa.bool_()),
        pa.field("status", pa.int32()),
    ]
)
"""One row a request, as it is kept: no text, no identifier in clear but the model's name."""

CAPABILITIES = (
    "other",
    "code",
    "mathematics",
    "reasoning",
    "grading",
    "tool use",
    "writing",
    "extraction",
    "knowledge",
)
"""What a prompt asks the model to be good at; the sketch stores the index."""


class Verdict(StrEnum):
    """What Stillwatch says of an account or a group."""

    CLEAR = "clear"
    INCONCLUSIVE = "inconclusive"
    POOLED = "pooled"
    DISTILLATION = "distillation"


ACCOUNT_VERDICTS = pa.schema(
    [
        pa.field("account_id", pa.string(), nullable=False),
        pa.field("verdict", pa.string(), nullable=False),
        pa.field("campaign_id", pa.string()),
        pa.field("requests", pa.int64(), nullable=False),
        pa.field("coordination_p", pa.float64()),  # null: could not be judged
        pa.field("extraction_p", pa.float64()),  # null: could not be judged
        pa.field("reasons", pa.list_(pa.string()), nullable=False),
    ]
)
"""`accounts.parquet`: one row for every account seen, ordered by `account_id`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One piece of evidence.

    Attributes:
        signal: the signal's name, such as ``volume_dispersion``.
        text: one sentence for an investigator, with its numbers.
        value: the statistic.
        expected: what honest customers show, in the unit of `value`; None where not comparable.
        p: p-value of the statistic under the innocent explanation it speaks against; None for a
            description that no test stands behind.
    """

    signal: str
    text: str
    value: float
    expected: float | None = None
    p: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """An innocent explanation that was considered.

    Attributes:
        name: such as ``popular_application``.
        text: one sentence: what it would look like and why it was or was not rejected.
        rejected: whether the evidence rules it out at the scan's level.
        p: p-value of the data under this explanation; None where it could not be judged.
    """

    name: str
    text: str
    rejected: bool
    p: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One account of a campaign.

    Attributes:
        account_id: as the log names it.
        requests: all its requests in the log.
        stream_requests: its requests in the campaign's stream.
        first_seen, last_seen: of its stream requests, RFC 3339 UTC.
        reasons: one to three sentences.
    """

    account_id: str
    requests: int
    stream_requests: int
    first_seen: str
    last_seen: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Two members (or a member and a shared thing) that are joined by something rare.

    Attributes:
        source, target: indices into `Campaign.members`.
        kind: what joins them, such as ``prompt family``, ``network``, ``payment``.
        weight: surprise of the join in bits.
    """

    source: int
    target: int
    kind: str
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DayCount:
    """One day of a campaign's stream: RFC 3339 day, requests and active accounts."""

    day: str
    requests: int
    accounts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Covered:
    """An entry of declared structure that covers members of a group.

    Attributes:
        kind: ``allowed``, ``reseller`` or ``organisation``.
        reason: as the entry gives it.
        expires: the last day on which it counts, RFC 3339.
        accounts: members that it covers.
    """

    kind: str
    reason: str
    expires: str
    accounts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """Who named a family of a group: a reason to look at the group, and no evidence.

    Attributes:
        source: the partner.
        campaign: what the partner calls the campaign.
        confidence: of the partner, 0 to 100, less what others dispute.
        valid_until: RFC 3339 UTC.
    """

    source: str
    campaign: str
    confidence: int
    valid_until: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """A group of accounts (or one account) judged as one operator's work.

    Attributes:
        campaign_id: stable name made from its members.
        verdict: never ``clear``.
        coordination_p, extraction_p: the largest p-value over the innocent explanations of common
            control, and of harvesting. None where it could not be judged.
        e_value: evidence against the innocent explanations as a bet (e-BH decides on it).
        requests, input_tokens, output_tokens: of the campaign's stream.
        cost_usd: list price of the stream's tokens, what the operator paid.
        capabilities: share of the stream's requests by capability, largest first.
        models: share of the stream's requests by model, largest first.
        hours: share of the stream's requests by UTC hour, 24 values.
        facts: the strongest first.
        concealment: what shows that common control was hidden; empty unless it was.
        explanations: the innocent explanations considered.
        would_change: what evidence would change the verdict, and what it would be without each
            piece, in two or three sentences.
        without_strongest: the verdict if the strongest piece of evidence were missing.
        members: most stream requests first, then by account id.
        links: the strongest joins between members, for the picture; a bounded number.
        timeline: one entry a day, no gaps.
        examples: raw prompts, only where an investigator asked for them.
        declared: entries of declared structure that cover members.
        priors: partners who named it, so that it was looked at in any case.
    """

    campaign_id: str
    verdict: Verdict
    coordination_p: float | None
    extraction_p: float | None
    e_value: float | None
    requests: int
    input_tokens: int
    output_tokens: int
    cost_usd: float
    first_seen: str
    last_seen: str
    capabilities: dict[str, float]
    models: dict[str, float]
    hours: tuple[float, ...]
    facts: tuple[Fact, ...]
    concealment: tuple[str, ...]
    explanations: tuple[Explanation, ...]
    would_change: str
    without_strongest: Verdict
    members: tuple[Member, ...]
    links: tuple[Link, ...]
    timeline: tuple[DayCount, ...]
    examples: tuple[str, ...] = ()
    declared: tuple[Covered, ...] = ()
    priors: tuple[Prior, ...] = ()

    @property
    def by_payer(self) -> bool:
        """Whether it was put together by who pays, and not by a test of what it sends."""
        return self.coordination_p is None and len(self.members) > 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """Something that could not be judged, because the log does not carry what it needs.

    Attributes:
        signal: the signal or question that needs the columns.
        columns: the columns that are absent from the log or the account file.
        text: one sentence on what this costs.
    """

    signal: str
    columns: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredEntry:
    """An entry of declared structure, and what it came to in this log.

    Attributes:
        kind: ``allowed``, ``reseller`` or ``organisation``.
        reason: as the entry gives it.
        expires: the last day on which it counts, RFC 3339.
        expired: whether it had expired at the log's last request, so that it did nothing.
        accounts, requests: that it covered.
    """

    kind: str
    reason: str
    expires: str
    expired: bool
    accounts: int
    requests: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PriorSource:
    """A partner whose indicators said where to look.

    Attributes:
        source: the partner.
        indicators: of it that were met in the log.
        used: of these, not expired at the log's last request and named by nobody more confident.
        tested: groups with one of them that were tested.
        campaigns: campaigns among these.
    """

    source: str
    indicators: int
    used: int
    tested: int
    campaigns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HabitRange:
    """How individual this log's customers are in a habit, beside the logs of a calibration.

    Attributes:
        habit: ``content``, ``rhythm`` or ``conversation``.
        here: the floor of it, by which this log's groups are measured; None where it is not used.
        low, high: least and most over those logs; None where none used it.
    """

    habit: str
    here: float | None
    low: float | None
    high: float | None

    @property
    def inside(self) -> bool:
        """Whether those logs showed the like; a habit that is not used accuses nobody."""
        if self.here is None:
            return True
        return self.low is not None and self.high is not None and self.low <= self.here <= self.high


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibrated:
    """The calibration that a scan cites, and whether it speaks of logs like this one.

    Attributes:
        name, digest, made: of the calibration: for people, SHA-256 of its file, day.
        same_code: whether the code that judged here is the one that was calibrated.
        same_level: whether this scan's level is at most the one that was calibrated.
        logs, wrong: logs with known truth, and those in which any innocent account was accused.
        innocent, accused: accounts outside of campaigns in all of them, and accused of these.
        habits: of this log beside those logs.
    """

    name: str
    digest: str
    made: str
    same_code: bool
    same_level: bool
    logs: int
    wrong: int
    innocent: int
    accused: int
    habits: tuple[HabitRange, ...]

    @property
    def cited(self) -> str:
        """Name and digest, as results cite it."""
        return f"{self.name} sha256:{self.digest[:16]}"

    @property
    def outside(self) -> tuple[str, ...]:
        """Habits in which this log's customers are unlike those of all such logs."""
        return tuple(one.habit for one in self.habits if not one.inside)

    @property
    def covers(self) -> bool:
        """Whether the calibration speaks of scans like this one."""
        return self.same_code and self.same_level and not self.outside


@dataclass(frozen=True, slots=True, kw_only=True)
class Since:
    """The scan of everything that a later one goes on from.

    Attributes:
        findings: SHA-256 of its `campaigns.json`.
        requests: that it read.
        last_seen: time of the latest one, RFC 3339 UTC.
        standing: ids of its campaigns that stand as they were found then.
    """

    findings: str
    requests: int
    last_seen: str
    standing: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The scan as a whole: what was read, at which level it was judged, what could not be.

    Attributes:
        version: of Stillwatch.
        sources: names of the inputs as given, with the format that each was read as.
        requests, accounts: after duplicates are removed.
        rejected, duplicates: input lines that were set aside, and requests that came again.
        first_seen, last_seen: RFC 3339 UTC; empty for an empty log.
        fdr: the level asked for.
        seed: of every random choice.
        calibration: name and digest of the calibration that the verdicts rest on.
        columns: which optional columns the log carried.
        missing: what could not be judged.
        verdicts: accounts by verdict.
        population: share of all requests by UTC hour (24 values), and by day like a timeline.
        parameters: everything else needed to recompute the result.
        declared: entries of declared structure, in the order of their file.
        priors: partners whose indicators said where to look.
        calibrated: whether that calibration speaks of logs like this one; None in older results.
        since: the scan that this one goes on from; None where it looked at everything.
    """

    version: str
    sources: tuple[tuple[str, str], ...]
    requests: int
    accounts: int
    rejected: int
    duplicates: int
    first_seen: str
    last_seen: str
    fdr: float
    seed: int
    calibration: str
    columns: tuple[str, ...]
    missing: tuple[Missing, ...]
    verdicts: dict[str, int]
    hours: tuple[float, ...]
    timeline: tuple[DayCount, ...]
    requests_per_account: dict[str, float]
    parameters: dict[str, float | int | str] = field(default_factory=dict)
    declared: tuple[DeclaredEntry, ...] = ()
    priors: tuple[PriorSource, ...] = ()
    calibrated: Calibrated | None = None
    since: Since | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """`campaigns.json`: the summary and every campaign, most certain verdict first."""

    format: str
    summary: Summary
    campaigns: tuple[Campaign, ...]


FINDINGS_FORMAT = "stillwatch/campaigns/1"
