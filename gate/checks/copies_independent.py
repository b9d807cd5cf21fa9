"""Are there two copies, each proven, that nothing takes together?"""

from functools import partial

from gate.canonical import Json
from gate.checks.answer import Answer, Asked, tell
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


def check(case: Case) -> Finding:
    """Count the proven copies of each dataset at risk that are apart from each other."""
    return over_datasets(case, CHECK, ask)


def ask(case: Case, copy: Copy) -> Asked:
    """Count one dataset's copies, in inventory order; one that is not apart from those counted does not count."""
    counted: list[Copy] = []
    why: list[str] = []
    outcomes: list[Outcome] = []
    for one in case.copies_of(copy.dataset):
        lack = _lack(case, one)
        together = [other.id for other in counted if not _apart(case, other, one)]
        if lack is not None or together:
            lacks, outcome = lack or ("is not measured to be apart from " + ", ".join(together), UNKNOWN)
            why.append(f"{one.id} {lacks}")
            outcomes.append(outcome)
        else:
            counted.append(one)
    if len(counted) >= case.policy.copies_min:
        return partial(_passed, case, copy, counted)
    weight = Weight.BLOCK if copy.dataset.tier == 1 else None
    because = f"{len(counted)} of {case.policy.copies_min} copies are proven"
    lacking = f"{because}: {'; '.join(why)}" if why else because
    return Answer(_short_of(outcomes), lacking, _relied(case, copy, counted), _raw(case, copy), weight=weight)


def _passed(case: Case, copy: Copy, counted: list[Copy]) -> Answer:
    told = ("{} of {} copies are proven", len(counted), case.policy.copies_min)
    ends = [proof.until for one in counted for proof in _proofs(case, one)]
    return Answer(PASSED, told, _relied(case, copy, counted), _raw(case, copy), first(*ends))


def _relied(case: Case, copy: Copy, counted: list[Copy]) -> dict[str, Json]:
    return {
        "copies": [one.id for one in counted],
        "copies_min": case.policy.copies_min,
        "tier": copy.dataset.tier,
    }


def _raw(case: Case, copy: Copy) -> tuple[str, ...]:
    """Return the digests of everything that was read to answer for any of the copies."""
    proofs = (proof for one in case.copies_of(copy.dataset) for proof in _proofs(case, one))
    return tuple(digest for proof in proofs for digest in proof.evidence)


def _short_of(outcomes: list[Outcome]) -> Outcome:
    """Too few copies are a fact, unless one more could have counted and it was not found out."""
    return UNKNOWN if outcomes and FAILED not in outcomes else FAILED


def _lack(case: Case, copy: Copy) -> tuple[str, Outcome] | None:
    """Ask one copy everything that the copy relied on is asked; return the first thing that it lacks."""
    for lacks, question in PROVEN:
        answer = question(case, copy)
        if isinstance(answer, Answer) and answer.outcome is not PASSED:
            return lacks, answer.outcome
    return None


def _proofs(case: Case, copy: Copy) -> list[Answer]:
    """Return what one copy was answered, up to the first question that it did not pass."""
    told: list[Answer] = []
    for _, question in PROVEN:
        told.append(tell(question(case, copy)))
        if told[-1].outcome is not PASSED:
            break
    return told


def _apart(case: Case, one: Copy, other: Copy) -> bool:
    return relate(one.repository, other.repository, case.map).apart
