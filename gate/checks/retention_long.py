"""Does the lock hold until the change is long over?"""

from gate.change import utc
from gate.checks.case import Case, Reliance, limits_s, span
from gate.checks.each import Answer, over_datasets
from gate.checks.fastness import held_copy
from gate.checks.proof import Trouble
from gate.finding import Check, Finding, Outcome, Weight, When
from gate.inventory import Protection

CHECK = Check(
    name="retention-long",
    question="Is the oldest object that a restore needs locked until long after the change?",
    meaning="Deduplicated backups rest on old objects: the first lock that ends undoes all of them.",
    way_out="Extend the retention of the objects that the newest backup needs, then check the change again.",
    threshold="policy.retention_margin, 14 d, after the window closes",
    weight=Weight.BLOCK,
    when=When.APPROVE,
    source="IM-01",
    waivable=True,
)


def check(case: Case) -> Finding:
    """Judge the lock of the copy of each dataset that is held fast."""
    return over_datasets(case, CHECK, ask)


def ask(case: Case, reliance: Reliance, _: Protection) -> Answer:
    """Judge one copy's earliest end of retention."""
    found = held_copy(case, reliance)
    if isinstance(found, Trouble):
        return found.answer
    protection, record = found
    if record.retained_until is None:
        because = f"{protection.id}: it is not known until when its oldest object is locked"
        return Answer(Outcome.UNKNOWN, because, evidence=record.raw)
    needed = case.request.window.closes + case.policy.retention_margin
    because = f"{protection.id} is locked until {utc(record.retained_until)[:16]}Z, needed {utc(needed)[:16]}Z"
    if record.retained_until < needed:
        return Answer(Outcome.FAILED, because, evidence=record.raw)
    relied = {"copy": protection.id, **limits_s(case, "retention_margin")}
    margin = f"{because}, {span(case.policy.retention_margin)} after the window"
    return Answer(Outcome.PASSED, margin, {**relied}, record.raw, record.retained_until - case.policy.retention_margin)
