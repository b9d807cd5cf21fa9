"""Are there two copies, each proven, that nothing takes together?"""

from datetime import datetime
from typing import NamedTuple

from gate.canonical import Json
from gate.checks.answer import Answer
from gate.checks.backup_counted import ask as backup_counted
from gate.checks.backup_error_free import ask as backup_error_free
from gate.checks.backup_isolated import ask as backup_isolated
from gate.checks.backup_recent import ask as backup_recent
from gate.checks.backup_rehearsed import ask as backup_rehearsed
from gate.checks.backup_verified import ask as backup_verified
from gate.checks.case import Case
from gate.checks.copies import Copy
from gate.checks.each import Ask, over_datasets
from gate.checks.log_continuous import ask as log_continuous
from gate.checks.recovery_point_recent import ask as recovery_point_recent
from gate.finding import FAILED, PASSED, UNKNOWN, Check, Finding, Outcome, Weight, When, first
from gate.isolation import relate
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


class _Lack(NamedTuple):
    """What one copy lacks (empty: nothing), when the first of its proofs expires, and what was read."""

    what: str
    outcome: Outcome
    until: datetime | None
    evidence: tuple[str, ...]


def check(case: Case) -> Finding:
    """Count the proven copies of each dataset at risk that are apart from each other."""
    return over_datasets(case, CHECK, ask)


def ask(case: Case, copy: Copy) -> Answer:
    """Count one dataset's copies, in inventory order; one that is not apart from those counted does not count."""
    weight = Weight.BLOCK if copy.dataset.tier == 1 else None
    counted: list[Copy] = []
    ends: list[datetime | None] = []
    why: list[str] = []
    outcomes: list[Outcome] = []
    raw: tuple[str, ...] = ()
    for one in case.copies_of(copy.dataset):
        lack = _proof(case, one)
        raw += lack.evidence
        together = [other.id for other in counted if not _apart(case, other, one)]
        if lack.what or together:
            why.append(f"{one.id} {lack.what or 'is not measured to be apart from ' + ', '.join(together)}")
            outcomes.append(lack.outcome if lack.what else UNKNOWN)
        else:
            counted.append(one)
            ends.append(lack.until)
    relied: dict[str, Json] = {
        "copies": [one.id for one in counted],
        "copies_min": case.policy.copies_min,
        "tier": copy.dataset.tier,
    }
    told = ("{} of {} copies are proven", len(counted), case.policy.copies_min)
    if len(counted) < case.policy.copies_min:
        because = f"{len(counted)} of {case.policy.copies_min} copies are proven" + (
            f": {'; '.join(why)}" if why else ""
        )
        return Answer(_short_of(outcomes), because, relied, raw, weight=weight)
    told = ("{} of {} copies are proven", len(counted), case.policy.copies_min)
    return Answer(PASSED, told, relied, raw, first(*ends))


def _short_of(outcomes: list[Outcome]) -> Outcome:
    """Too few copies are a fact, unless one more could have counted and it was not found out."""
    return UNKNOWN if outcomes and FAILED not in outcomes else FAILED


def _proof(case: Case, copy: Copy) -> _Lack:
    """Ask one copy everything that the copy relied on is asked."""
    ends: list[datetime | None] = []
    raw: tuple[str, ...] = ()
    for lacks, question in PROVEN:
        answer = question(case, copy)
        raw += answer.evidence
        if answer.outcome is not PASSED:
            return _Lack(lacks, answer.outcome, None, raw)
        ends.append(answer.until)
    return _Lack("", PASSED, first(*ends), raw)


def _apart(case: Case, one: Copy, other: Copy) -> bool:
    return relate(one.repository, other.repository, case.map).apart
