"""Are there two copies, each proven, that nothing takes together?"""

from functools import partial

from gate.canonical import Json
from gate.checks.answer import Answer, Asked
from gate.checks.case import Case
from gate.checks.copies import Copy
from gate.checks.each import over_datasets
from gate.checks.proven import lack, proofs
from gate.finding import FAILED, PASSED, UNKNOWN, Check, Finding, Outcome, Weight, When, first
from gate.isolation import relate
from gate.policy import Seat

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
        lacking = lack(case, one)
        together = [other.id for other in counted if not _apart(case, other, one)]
        if lacking is not None:
            why.append(f"{one.id} {lacking[0]}")
            outcomes.append(lacking[1].outcome)
        elif together:
            why.append(f"{one.id} is not measured to be apart from {', '.join(together)}")
            outcomes.append(UNKNOWN)
        else:
            counted.append(one)
    if len(counted) >= case.policy.copies_min:
        return partial(_passed, case, copy, counted)
    weight = Weight.BLOCK if copy.dataset.tier == 1 else None
    because = f"{len(counted)} of {case.policy.copies_min} copies are proven"
    told = f"{because}: {'; '.join(why)}" if why else because
    return Answer(_short_of(outcomes), told, _relied(case, copy, counted), _raw(case, copy), weight=weight)


def _passed(case: Case, copy: Copy, counted: list[Copy]) -> Answer:
    told = ("{} of {} copies are proven", len(counted), case.policy.copies_min)
    ends = [proof.until for one in counted for proof in proofs(case, one)]
    return Answer(PASSED, told, _relied(case, copy, counted), _raw(case, copy), first(*ends))


def _relied(case: Case, copy: Copy, counted: list[Copy]) -> dict[str, Json]:
    return {
        "copies": [one.id for one in counted],
        "copies_min": case.policy.copies_min,
        "tier": copy.dataset.tier,
    }


def _raw(case: Case, copy: Copy) -> tuple[str, ...]:
    """Return the digests of everything that was read to answer for any of the copies."""
    every = (proof for one in case.copies_of(copy.dataset) for proof in proofs(case, one))
    return tuple(digest for proof in every for digest in proof.evidence)


def _short_of(outcomes: list[Outcome]) -> Outcome:
    """Too few copies are a fact, unless one more could have counted and it was not found out."""
    return UNKNOWN if outcomes and FAILED not in outcomes else FAILED


def _apart(case: Case, one: Copy, other: Copy) -> bool:
    return relate(one.repository, other.repository, case.map).apart
