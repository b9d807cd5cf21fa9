"""Was the restore rehearsed where the change does not reach?"""

from functools import partial

from gate.checks.answer import Answer, Asked
from gate.checks.case import Case, stale_place
from gate.checks.copies import Copy
from gate.checks.each import over_datasets
from gate.evidence import Trace
from gate.finding import FAILED, PASSED, UNKNOWN, Check, Finding, Weight, When
from gate.landscape import Place

CHECK = Check(
    name="rehearsed-elsewhere",
    question="Does the place where the restore was rehearsed lie on none of the targets?",
    meaning="A restore that worked onto the array that is changed says nothing of the day when that array is gone.",
    way_out="Put rehearsal_scratch on storage outside this change, and rehearse there.",
    threshold="none: on a target refuses, and so does a place that could not be traced",
    weight=Weight.BLOCK,
    when=When.APPROVE,
    source="IS-08",
    waivable=True,
)


def check(case: Case) -> Finding:
    """Trace the scratch of each protection relied on."""
    return over_datasets(case, CHECK, ask)


def ask(case: Case, copy: Copy) -> Asked:
    """Judge one scratch; the rehearsal must have been made on the host whose scratch it is."""
    record = copy.rehearsal
    if isinstance(record, Answer):
        return record
    if record.host != copy.protection.rehearsal_host:
        because = f"the last rehearsal ran on {record.host}, the inventory says {copy.protection.rehearsal_host}"
        return Answer(FAILED, because, evidence=record.raw)
    scratch, trace = copy.protection.rehearsal_scratch, case.evidence.scratches.get(copy.id)
    place = case.map.locate(trace)
    if trace is None or not place.known:
        return Answer(UNKNOWN, f"{scratch}: {place.because}")
    if not place.arrays.isdisjoint(case.targets):
        touched = sorted(place.arrays & case.targets)
        because = f"{scratch} lies on {' and '.join(touched)}, which this change itself touches"
        return Answer(FAILED, because, evidence=trace.raw)
    if old := stale_place(case, trace, place):
        return Answer(UNKNOWN, f"{scratch}: {old}", evidence=trace.raw)
    return partial(_passed, case, copy, trace, place)


def _passed(case: Case, copy: Copy, trace: Trace, place: Place) -> Answer:
    relied = {"protection": copy.id, "scratch": place.identities}
    told = ("{} of {} lies on {}", copy.protection.rehearsal_scratch, copy.protection.rehearsal_host, place.words)
    return Answer(PASSED, told, relied, trace.raw, trace.at + case.policy.evidence_max_age)
