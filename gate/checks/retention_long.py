"""Does the lock hold until the change is long over?"""

from datetime import datetime
from functools import partial

from gate.checks.answer import Answer, Asked
from gate.checks.case import Case, limits_s
from gate.checks.copies import Copy
from gate.checks.each import over_datasets
from gate.checks.fastness import held_copy
from gate.evidence import Immutability
from gate.finding import FAILED, PASSED, UNKNOWN, Check, Finding, Weight, When
from gate.sentence import Sentence

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


def ask(case: Case, copy: Copy) -> Asked:
    """Judge one copy's earliest end of retention."""
    found = held_copy(case, copy.dataset)
    if isinstance(found, Answer):
        return found
    fast, record = found
    if record.retained_until is None:
        because = f"{fast.id}: it is not known until when its oldest object is locked"
        return Answer(UNKNOWN, because, evidence=record.raw)
    needed = case.request.window.closes + case.policy.retention_margin
    if record.retained_until < needed:
        return Answer(FAILED, _told(fast, record.retained_until, needed), evidence=record.raw)
    return partial(_passed, case, fast, record, record.retained_until, needed)


def _passed(case: Case, fast: Copy, record: Immutability, until: datetime, needed: datetime) -> Answer:
    relied = {"copy": fast.id, **limits_s(case, "retention_margin")}
    margin = ("{}, {} after the window", _told(fast, until, needed), case.policy.retention_margin)
    return Answer(PASSED, margin, relied, record.raw, until - case.policy.retention_margin)


def _told(fast: Copy, until: datetime, needed: datetime) -> Sentence:
    return "{} is locked until {}, needed {}", fast.id, until, needed
