"""What was fixed before: keys and plans in the ledger.

A key is committed to before anything is marked with it, and a plan (which suspects, which controls,
which prompts, which level) before anything is asked. A test whose particulars were chosen after the
answers came is no test.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import msgspec

from stillwatch.attribution.keys import Mark, MarkKey
from stillwatch.attribution.observed import Mode  # noqa: TC001 - msgspec reads it
from stillwatch.attribution.radioactivity import LEAST_DECOYS
from stillwatch.errors import InputError, UsageError
from stillwatch.evidence.canonical import canonical, digest, read_canonical

if TYPE_CHECKING:
    from pathlib import Path

    from stillwatch.attribution.canaries import Canary
    from stillwatch.evidence.ledger import Ledger

KEY, PLAN, FINDING, CANARIES = "mark-key", "attribution-plan", "attribution-finding", "canaries"
"""Kinds of entries."""

LEVEL = 0.001
"""Chance of one false accusation among all suspects and keys of a plan that a finding may have."""


class Marked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A key that a plan tests: its parameters, and the commitment to it."""

    parameters: dict[str, Any]
    commitment: str

    @property
    def mark(self) -> Mark:
        """How it marks."""
        return Mark.of(self.parameters)


class Plan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What will be tested.

    Attributes:
        mode: ``reading`` or ``samples``.
        keys: whose mark is looked for.
        suspects, controls: names; controls are models that cannot have seen marked text.
        prompts: SHA-256 over the tokens of the prompts, line for line.
        lines: how many there are.
        answers: to each prompt, from each model.
        level: for the whole plan.
        decoys: keys of the empirical null.
    """

    schema: Literal["stillwatch.attribution-plan/1"] = "stillwatch.attribution-plan/1"
    mode: Mode
    keys: tuple[Marked, ...]
    suspects: tuple[str, ...]
    controls: tuple[str, ...]
    prompts: str
    lines: int
    answers: int = 1
    level: float = LEVEL
    decoys: int = LEAST_DECOYS

    def __post_init__(self) -> None:
        names = (*self.suspects, *self.controls)
        problems = (
            (not self.keys, "a plan names at least one key"),
            (len({key.commitment for key in self.keys}) < len(self.keys), "a key is named once"),
            (not self.suspects, "a plan names at least one suspect"),
            (not self.controls, "a plan names at least one control: a model that cannot have seen "
             "marked text, to show what the test says of the innocent"),
            (len(set(names)) != len(names), "suspects and controls have different names"),
            (not all(name.isprintable() and name for name in names), "a name cannot be printed"),
            (not 0 < self.level < 1, "the level is between 0 and 1"),
            (self.decoys < LEAST_DECOYS, f"a plan has {LEAST_DECOYS} decoy keys or more"),
            (self.answers < 1, "each prompt is answered at least once"),
            (self.mode == "reading" and self.answers != 1, "weights read each text once"),
        )  # fmt: skip
        for wrong, message in problems:
            if wrong:
                raise UsageError(message)

    @property
    def data(self) -> bytes:
        """Canonical JSON, as its file holds it."""
        return canonical(msgspec.to_builtins(self)) + b"\n"

    @property
    def digest(self) -> str:
        """SHA-256 that names it in the ledger."""
        return digest(self.data)

    @classmethod
    def read(cls, path: Path) -> Plan:
        """Read its file.

        Raises:
            InputError: it is none.
        """
        data = path.read_bytes()
        value = read_canonical(data.removesuffix(b"\n"), what="the plan", file=str(path))
        try:
            return msgspec.convert(value, cls)
        except (msgspec.ValidationError, UsageError) as error:
            raise InputError(f"is no plan: {error}", file=str(path)) from None


def commit_key(ledger: Ledger, key: MarkKey) -> int:
    """Enter a key's commitment, once; the place of its entry.

    Raises:
        UsageError: the epoch has another key already.
    """
    found = committed_at(ledger, key.commitment)
    if found is not None:
        return found
    if _place(ledger, KEY, "epoch", key.mark.epoch) is not None:
        raise UsageError(
            f"{key.mark.epoch!r} has a key with other parameters, or of another secret; name "
            "another epoch"
        )
    payload = {**key.mark.parameters, "commitment": key.commitment}
    index = ledger.append(KEY, payload)
    ledger.checkpoint()
    return index


def committed_at(ledger: Ledger, commitment: str) -> int | None:
    """Where a key was committed to; None if it was not."""
    return _place(ledger, KEY, "commitment", commitment)


def committed_mark(ledger: Ledger, epoch: str) -> Mark:
    """The parameters that an epoch's key was committed to with.

    Raises:
        UsageError: it was not.
    """
    index = _place(ledger, KEY, "epoch", epoch)
    if index is None:
        raise UsageError(f"{epoch!r} has no key; commit to one first: stillwatch attribute key")
    payload = ledger.entry(index).payload
    return Mark.of({name: value for name, value in payload.items() if name != "commitment"})


def register(ledger: Ledger, plan: Plan) -> int:
    """Enter a plan and sign the ledger; the place of its entry.

    Raises:
        UsageError: a key of the plan was not committed to before.
    """
    for marked in plan.keys:
        if committed_at(ledger, marked.commitment) is None:
            raise UsageError(
                f"the key of {marked.mark.epoch!r} is not in the ledger; commit to it before it "
                "marks anything: stillwatch attribute key"
            )
    index = ledger.append(PLAN, {"digest": plan.digest, **msgspec.to_builtins(plan)})
    ledger.checkpoint()
    return index


def registered_at(ledger: Ledger, plan: Plan) -> int:
    """Where a plan was registered.

    Raises:
        InputError: it was not.
    """
    found = _place(ledger, PLAN, "digest", plan.digest)
    if found is None:
        raise InputError(
            "this plan is not in the ledger: what is chosen after the answers came proves nothing",
            file=str(ledger.folder),
        )
    return found


def findings_of(ledger: Ledger, plan: Plan) -> int:
    """How many findings were made under a plan so far."""
    return sum(e.kind == FINDING and e.payload.get("plan") == plan.digest for e in ledger.entries())


def commit_canaries(ledger: Ledger, key: MarkKey, canaries: list[Canary], lot: str) -> int:
    """Enter the digest of canaries and their lot, once; the place of its entry."""
    found = _place(ledger, CANARIES, "lot", lot)
    if found is not None:
        return found
    served = sum(canary.served for canary in canaries)
    payload = {"key": key.commitment, "lot": lot, "served": served, "all": len(canaries)}
    index = ledger.append(CANARIES, payload)
    ledger.checkpoint()
    return index


def canaries_at(ledger: Ledger, lot: str, *, file: str) -> int:
    """Where canaries were committed to.

    Raises:
        InputError: they were not.
    """
    found = _place(ledger, CANARIES, "lot", lot)
    if found is None:
        raise InputError("these canaries, or this lot, are not in the ledger", file=file)
    return found


def _place(ledger: Ledger, kind: str, field: str, value: str) -> int | None:
    for index, entry in enumerate(ledger.entries()):
        if entry.kind == kind and entry.payload.get(field) == value:
            return index
    return None
