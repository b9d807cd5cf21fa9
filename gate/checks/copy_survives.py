"""Is there one copy that a firmware fault cannot reach?"""

from functools import partial

from gate.checks.answer import Answer, Asked
from gate.checks.case import Case, limits_s
from gate.checks.copies import Copy
from gate.checks.each import over_datasets
from gate.checks.fastness import held_copy, tried, worth_until
from gate.evidence import Immutability
from gate.finding import PASSED, UNKNOWN, Check, Finding, Weight, When, first

CHECK = Check(
    name="copy-survives",
    question="Is one proven copy of every dataset offline, or immutable where a firmware fault cannot undo it?",
    meaning="A flag of a file system is nothing to an array that writes zeros beneath it. A lock on a copy that is "
    "old, damaged or never read keeps nothing that a restore could use.",
    way_out="Keep one copy off every target in an object service with Object Lock, let the gate try the lock, and "
    "bring that copy up to the same proofs as the one relied on: a recent backup, a full read, a rehearsal.",
    threshold="policy.sentinel_max_age, 24 h, since what holds it was tried; the copy must pass BK-01 to BK-07 within "
    "their own limits, and the lock must be that of its newest backup",
    weight=Weight.BLOCK,
    when=When.APPROVE,
    source="IS-09",
    waivable=True,
)


def check(case: Case) -> Finding:
    """Look for a copy of each dataset at risk that is held fast elsewhere."""
    return over_datasets(case, CHECK, ask)


def ask(case: Case, copy: Copy) -> Asked:
    """Judge one dataset."""
    found = held_copy(case, copy.dataset)
    if isinstance(found, Answer):
        return found
    fast, record = found
    if old := tried(case, record):
        return Answer(UNKNOWN, f"{fast.id}: {old}", evidence=record.raw)
    return partial(_passed, case, fast, record)


def _passed(case: Case, fast: Copy, record: Immutability) -> Answer:
    relied = {
        "copy": fast.id,
        "mechanism": record.mechanism,
        "mode": record.mode,
        "place": record.place,
        **limits_s(case, "sentinel_max_age"),
    }
    told = ("{} is held by {} in mode {}", fast.id, record.mechanism, record.mode)
    until = first(record.at + case.policy.sentinel_max_age, worth_until(case, fast))
    return Answer(PASSED, told, relied, record.raw, until)
