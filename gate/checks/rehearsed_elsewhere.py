"""Was the restore rehearsed where the change does not reach?"""

from gate.checks.case import Case, Reliance, stale_place
from gate.checks.each import Answer, over_datasets
from gate.checks.proof import Trouble, rehearsal_of
from gate.finding import Check, Finding, Outcome, Weight, When
from gate.inventory import Protection

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


def ask(case: Case, _: Reliance, protection: Protection) -> Answer:
    """Judge one scratch; the rehearsal must have been made on the host whose scratch it is."""
    record = rehearsal_of(case, protection)
    if isinstance(record, Trouble):
        return record.answer
    if record.host != protection.rehearsal_host:
        because = f"the last rehearsal ran on {record.host}, the inventory says {protection.rehearsal_host}"
        return Answer(Outcome.FAILED, because, evidence=record.raw)
    trace = case.evidence.scratches.get(protection.id)
    place = case.map.locate(trace)
    if trace is None or not place.known:
        return Answer(Outcome.UNKNOWN, f"{protection.rehearsal_scratch}: {place.because}")
    if touched := sorted(place.arrays & case.targets):
        because = f"{protection.rehearsal_scratch} lies on {' and '.join(touched)}, which this change itself touches"
        return Answer(Outcome.FAILED, because, evidence=trace.raw)
    if old := stale_place(case, trace, place):
        return Answer(Outcome.UNKNOWN, f"{protection.rehearsal_scratch}: {old}", evidence=trace.raw)
    relied = {"protection": protection.id, "scratch": place.identities}
    because = f"{protection.rehearsal_scratch} of {protection.rehearsal_host} lies on {place.words}"
    return Answer(Outcome.PASSED, because, {**relied}, trace.raw, trace.at + case.policy.evidence_max_age)
