"""Does the lock hold until the change is long over?"""

from gate.checks.answer import Answer
from gate.checks.case import Case, limits_s
from gate.checks.copies import Copy
from gate.checks.each import over_datasets
from gate.checks.fastness import held_copy
from gate.finding import FAILED, PASSED, UNKNOWN, Check, Finding, Weight, When

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


def ask(case: Case, copy: Copy) -> Answer:
    """Judge one copy's earliest end of retention."""
    found = held_copy(case, copy.dataset)
    if isinstance(found, Answer):
        return found
    fast, record = found
    if record.retained_until is None:
        because = f"{fast.id}: it is not known until when its oldest object is locked"
        return Answer(UNKNOWN, because, evidence=record.raw)
    needed = case.request.window.closes + case.policy.retention_margin
    told = ("{} is locked until {}, needed {}", fast.id, record.retained_until, needed)
    if record.retained_until < needed:
        return Answer(FAILED, told, evidence=record.raw)
    relied = {"copy": fast.id, **limits_s(case, "retention_margin")}
    margin = ("{}, {} after the window", told, case.policy.retention_margin)
    return Answer(PASSED, margin, relied, record.raw, record.retained_until - case.policy.retention_margin)
