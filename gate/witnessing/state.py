"""How far the ledger is witnessed, as one value for pages, API and command line."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from gate.ledger import checkpoint, cosignature, note
from gate.ledger.cosignature import Cosigned
from gate.ledger.policy import Policy
from gate.store import Ledger
from gate.trust import WitnessDemand

COSIGNED = "cosigned"
"""Kind of the anchor that holds a checkpoint with the lines of a quorum of witnesses."""


@dataclass(frozen=True)
class Asked:
    """One witness: up to where it has cosigned, when by its own clock, and why not further."""

    name: str
    url: str
    size: int
    at: datetime | None
    problem: str


@dataclass(frozen=True)
class State:
    """What is known now."""

    demand: WitnessDemand
    quorum: str
    """In words; `none` when no witness is configured."""

    size: int
    """Entries under the newest checkpoint that the quorum has cosigned; 0 when there is none."""

    at: datetime | None
    """When the last of that quorum had cosigned it."""

    entries: int
    """Entries in the ledger."""

    witnesses: tuple[Asked, ...]
    alarm: str
    """A sentence for people; empty when all is well."""

    claim: str = ""
    """What a witness says against this ledger without a proof; empty when none does."""

    @property
    def witnessed(self) -> bool:
        """Whether the quorum has cosigned the ledger as it is now, to its last entry."""
        return 0 < self.entries <= self.size


def newest(ledger: Ledger, policy: Policy) -> tuple[int, tuple[Cosigned, ...]]:
    """Return the size that the policy's quorum has cosigned last, and by whom; what is kept is verified again."""
    kept = ledger.anchor(COSIGNED)
    if kept is None or not policy.witnesses:
        return 0, ()
    try:
        signed = kept[1].decode()
        head = checkpoint.verify(signed, *policy.keys)
        seen = cosignature.cosigned(note.read(signed), [witness.key for witness in policy.witnesses])
    except ValueError:
        return 0, ()
    return (head.size, seen) if policy.met([one.key for one in seen]) else (0, ())


def read(
    ledger: Ledger,
    policy: Policy,
    demand: WitnessDemand,
    patience: timedelta,
    now: datetime,
    problems: Mapping[str, str] | None = None,
    claim: str = "",
) -> State:
    """Read the state from what is kept; `problems` says for each witness why it did not cosign last time."""
    problems = problems or {}
    size, seen = newest(ledger, policy)
    times = {one.key: datetime.fromtimestamp(min(one.at, 1 << 36), UTC) for one in seen}
    witnesses = tuple(
        Asked(one.name, one.url, size if one.key in times else 0, times.get(one.key), problems.get(one.name, ""))
        for one in policy.witnesses
    )
    entries = ledger.size()
    at = max(times.values()) if times else None
    alarm = claim or _alarm(demand, witnesses, _uncovered_since(ledger, size, entries), patience, now)
    return State(demand, policy.wanted, size, at, entries, witnesses, alarm, claim)


def _uncovered_since(ledger: Ledger, size: int, entries: int) -> datetime | None:
    """Return the claimed time of the first entry that no quorum has cosigned."""
    if size >= entries:
        return None
    return next((entry.time for entry in ledger.entries(size, size + 1)), None)


def _alarm(
    demand: WitnessDemand, witnesses: tuple[Asked, ...], since: datetime | None, patience: timedelta, now: datetime
) -> str:
    if demand is WitnessDemand.NONE:
        return ""
    if not witnesses:
        return "not witnessed: whoever holds this machine and its key could write another history"
    if since is None or now - since < patience:
        return ""
    because = "; ".join(one.problem for one in witnesses if one.problem) or "no reason is known"
    minutes = int((now - since).total_seconds()) // 60
    return f"not witnessed for {minutes} minutes: {because}"
