"""Are there two copies, each proven, that nothing takes together?"""

from dataclasses import dataclass
from datetime import datetime

from gate.canonical import Json
from gate.checks.backup_counted import ask as backup_counted
from gate.checks.backup_error_free import ask as backup_error_free
from gate.checks.backup_isolated import ask as backup_isolated
from gate.checks.backup_recent import ask as backup_recent
from gate.checks.backup_rehearsed import ask as backup_rehearsed
from gate.checks.backup_verified import ask as backup_verified
from gate.checks.case import Case, Reliance
from gate.checks.each import Answer, Ask, over_datasets
from gate.checks.log_continuous import ask as log_continuous
from gate.checks.recovery_point_recent import ask as recovery_point_recent
from gate.finding import Check, Finding, Outcome, Weight, When, first
from gate.inventory import Protection
from gate.isolation import Relation, relate
from gate.policy import Seat

PROVEN: tuple[tuple[str, Ask], ...] = (
    ("is not isolated", backup_isolated),
    ("is not recent", backup_recent),
    ("has no recent recovery point", recovery_point_recent),
    ("is not free of errors", backup_error_free),
    ("is not verified", backup_verified),
    ("is not counted", backup_counted),
    ("has no whole log", log_continuous),
    ("is not rehearsed", backup_rehearsed),
)
"""What is asked of each copy (BK-01 to BK-07, and off data and targets), and what is said of one that is not so."""

CHECK = Check(
    name="copies-independent",
    question="Do two copies that share nothing each pass the questions about age, reading and rehearsal?",
    meaning="One proven copy can be lost on the same day by another cause. Tier-1 data may not hang on one.",
    way_out="Bring a second protection elsewhere up to the same proofs: a backup, a full read, a rehearsal.",
    threshold="policy.copies_min, 2; refuses for tier 1, else the data owner may sign for less",
    weight=Weight.SIGN,
    when=When.APPROVE,
    source="EV-01",
    seat=Seat.DATA_OWNER,
)


@dataclass(frozen=True)
class _Lack:
    """What one copy lacks (empty: nothing), when the first of its proofs expires, and what was read."""

    what: str
    outcome: Outcome
    until: datetime | None
    evidence: tuple[str, ...]


def check(case: Case) -> Finding:
    """Count the proven copies of each dataset at risk that are apart from each other."""
    return over_datasets(case, CHECK, ask)


def ask(case: Case, reliance: Reliance, _: Protection) -> Answer:
    """Count one dataset's copies, in inventory order; one that is not apart from those counted does not count."""
    weight = Weight.BLOCK if reliance.dataset.tier == 1 else None
    counted: list[Protection] = []
    ends: list[datetime | None] = []
    why: list[str] = []
    outcomes: list[Outcome] = []
    raw: tuple[str, ...] = ()
    for protection in case.inventory.protections_of(reliance.dataset.id):
        lack = _proof(case, reliance, protection)
        raw += lack.evidence
        together = [one.id for one in counted if not _apart(case, one, protection)]
        if lack.what or together:
            why.append(f"{protection.id} {lack.what or 'is not measured to be apart from ' + ', '.join(together)}")
            outcomes.append(lack.outcome if lack.what else Outcome.UNKNOWN)
        else:
            counted.append(protection)
            ends.append(lack.until)
    relied: dict[str, Json] = {
        "copies": [one.id for one in counted],
        "copies_min": case.policy.copies_min,
        "tier": reliance.dataset.tier,
    }
    proven = f"{len(counted)} of {case.policy.copies_min} copies are proven"
    if len(counted) < case.policy.copies_min:
        because = proven + (f": {'; '.join(why)}" if why else "")
        return Answer(_short_of(outcomes), because, {**relied}, raw, weight=weight)
    return Answer(Outcome.PASSED, proven, {**relied}, raw, first(*ends))


def _short_of(outcomes: list[Outcome]) -> Outcome:
    """Too few copies are a fact, unless one more could have counted and it was not found out."""
    return Outcome.UNKNOWN if outcomes and Outcome.FAILED not in outcomes else Outcome.FAILED


def _proof(case: Case, reliance: Reliance, protection: Protection) -> _Lack:
    """Ask one copy everything that the copy relied on is asked."""
    copy = Reliance(reliance.dataset, protection, case.isolation_of(reliance.dataset, protection))
    ends: list[datetime | None] = []
    raw: tuple[str, ...] = ()
    for lacks, question in PROVEN:
        answer = question(case, copy, protection)
        raw += answer.evidence
        if answer.outcome is not Outcome.PASSED:
            return _Lack(lacks, answer.outcome, None, raw)
        ends.append(answer.until)
    return _Lack("", Outcome.PASSED, first(*ends), raw)


def _apart(case: Case, one: Protection, other: Protection) -> bool:
    here, there = case.evidence.repositories.get(one.id), case.evidence.repositories.get(other.id)
    return relate(here, there, case.map).relation is Relation.DIFFERENT
