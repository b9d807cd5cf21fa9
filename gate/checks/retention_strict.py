"""Can somebody in the change's own team lift the lock?"""

from gate.checks.answer import Answer
from gate.checks.case import Case
from gate.checks.copies import Copy
from gate.checks.each import over_datasets
from gate.checks.fastness import held_copy
from gate.finding import FAILED, PASSED, UNKNOWN, Check, Finding, Weight, When
from gate.policy import Seat

CHECK = Check(
    name="retention-strict",
    question="Is the lock in compliance mode, or can nobody of the change's team bypass it?",
    meaning="Governance mode is a lock with a key. Whoever runs the change should not hold it.",
    way_out="Use compliance mode, or list under bypass_holders who may lift the lock, none of them of this team.",
    threshold="none: compliance passes; governance passes when every holder is listed and none takes part here",
    weight=Weight.SIGN,
    when=When.APPROVE,
    source="IM-02",
    seat=Seat.BACKUP_OWNER,
)
STRICT = "compliance"


def check(case: Case) -> Finding:
    """Judge the mode of the copy of each dataset that is held fast."""
    return over_datasets(case, CHECK, ask)


def ask(case: Case, copy: Copy) -> Answer:
    """Judge one copy's mode."""
    found = held_copy(case, copy.dataset)
    if isinstance(found, Answer):
        return found
    fast, record = found
    relied = {"copy": fast.id, "mode": record.mode}
    if record.mode == STRICT:
        return Answer(PASSED, ("{} is locked in {} mode", fast.id, STRICT), relied, record.raw)
    if record.bypass_holders is None:
        because = f"{fast.id} is locked in {record.mode or 'no known'} mode, and nobody listed who may bypass it"
        return Answer(UNKNOWN, because, {**relied}, record.raw)
    if insiders := sorted(set(record.bypass_holders) & case.team):
        because = f"the lock of {fast.id} can be bypassed by {', '.join(insiders)}, who may take part in changes"
        return Answer(FAILED, because, {**relied}, record.raw)
    holders = list(record.bypass_holders)
    because = f"the lock of {fast.id} can be bypassed by {', '.join(holders) or 'nobody'}, outside the team"
    return Answer(PASSED, because, {**relied, "holders": [*holders]}, record.raw)
