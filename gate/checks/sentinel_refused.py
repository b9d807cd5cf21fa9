"""Was everything that must be refused really refused?"""

from functools import partial

from gate.checks.answer import Answer, Asked
from gate.checks.case import Case, limits_s
from gate.checks.copies import Copy
from gate.checks.each import over_datasets
from gate.checks.fastness import held_copy, tried
from gate.evidence import Immutability
from gate.finding import FAILED, PASSED, UNKNOWN, Check, Finding, Weight, When
from gate.immutability import ACTIONS, held

CHECK = Check(
    name="sentinel-refused",
    question="Were deleting, overwriting, shortening and bypassing all refused on an object of the gate's own?",
    meaning="A setting says what should happen. Only trying shows what does; an emulator let a lock be shortened.",
    way_out="See which attempt went through, and mend the store's settings or the rights of the account.",
    threshold="policy.sentinel_max_age, 24 h, since it was tried; all four must be refused",
    weight=Weight.BLOCK,
    when=When.APPROVE,
    source="IM-03",
    waivable=True,
)


def check(case: Case) -> Finding:
    """Judge the sentinel of the copy of each dataset that is held fast."""
    return over_datasets(case, CHECK, ask)


def ask(case: Case, copy: Copy) -> Asked:
    """Judge one copy's sentinel."""
    found = held_copy(case, copy.dataset)
    if isinstance(found, Answer):
        return found
    fast, record = found
    through = [f"{one.action} ({one.answer})" for one in record.attempts if one.refused is False]
    if through:
        because = f"the sentinel beside {fast.id} was not safe from {', '.join(through)}"
        return Answer(FAILED, because, evidence=record.raw)
    if held(record.attempts) is not True:
        known = {one.action for one in record.attempts if one.refused is True}
        because = f"{fast.id}: it is not known whether {', '.join(a for a in ACTIONS if a not in known)} is refused"
        return Answer(UNKNOWN, because, evidence=record.raw)
    if old := tried(case, record):
        return Answer(UNKNOWN, f"{fast.id}: {old}", evidence=record.raw)
    return partial(_passed, case, fast, record)


def _passed(case: Case, fast: Copy, record: Immutability) -> Answer:
    age, limit = case.now - record.at, case.policy.sentinel_max_age
    told = ("all {} attempts on the sentinel beside {} were refused {} ago", len(ACTIONS), fast.id, age)
    relied = {"copy": fast.id, **limits_s(case, "sentinel_max_age")}
    return Answer(PASSED, told, relied, record.raw, record.at + limit)
