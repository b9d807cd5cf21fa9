"""Is there one copy that a firmware fault cannot reach?"""

from gate.checks.case import Case, Reliance, limits_s
from gate.checks.each import Answer, over_datasets
from gate.checks.fastness import held_copy, tried
from gate.checks.proof import Trouble
from gate.finding import Check, Finding, Outcome, Weight, When
from gate.inventory import Protection

CHECK = Check(
    name="copy-survives",
    question="Is one copy of every dataset offline, or immutable at a layer that a firmware fault cannot undo?",
    meaning="A flag of a file system is nothing to an array that writes zeros beneath it.",
    way_out="Keep one copy off every target in an object service with Object Lock, and let the gate try it.",
    threshold="policy.sentinel_max_age, 24 h, since what holds it was tried",
    weight=Weight.BLOCK,
    when=When.APPROVE,
    source="IS-09",
    waivable=True,
)


def check(case: Case) -> Finding:
    """Look for a copy of each dataset at risk that is held fast elsewhere."""
    return over_datasets(case, CHECK, ask)


def ask(case: Case, reliance: Reliance, _: Protection) -> Answer:
    """Judge one dataset."""
    found = held_copy(case, reliance)
    if isinstance(found, Trouble):
        return found.answer
    protection, record = found
    if old := tried(case, record):
        return Answer(Outcome.UNKNOWN, f"{protection.id}: {old}", evidence=record.raw)
    relied = {"copy": protection.id, "mechanism": record.mechanism, "mode": record.mode, "place": record.place}
    because = f"{protection.id} is held by {record.mechanism} in mode {record.mode}"
    limits = limits_s(case, "sentinel_max_age")
    return Answer(Outcome.PASSED, because, {**relied, **limits}, record.raw, record.at + case.policy.sentinel_max_age)
