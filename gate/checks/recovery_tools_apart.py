"""Would the tools of a recovery still be there?"""

from gate.checks.answer import Answer
from gate.checks.case import Case, stale_place
from gate.checks.each import joined
from gate.evidence import OWN_RECORD
from gate.finding import FAILED, PASSED, UNKNOWN, Check, Finding, Weight, When

CHECK = Check(
    name="recovery-tools-apart",
    question="Do the gate's own record, the backup catalogues and the recovery tools lie on none of the targets?",
    meaning="A copy without the catalogue that explains it, or the program that reads it, brings nothing back.",
    way_out="Move what is named here to storage outside this change; add what a recovery needs to recovery_tools, and "
    "where the gate's machine cannot tell on what its own data lie, an appliance as gate_on.",
    threshold="none: on a target refuses, and so does a place that could not be traced, or an empty list",
    weight=Weight.BLOCK,
    when=When.APPROVE,
    waivable=True,
)


def check(case: Case) -> Finding:
    """Trace the gate's own record, and everything that the inventory lists as needed for a recovery."""
    answers = {name: _ask(case, name) for name in (OWN_RECORD, *(tool.id for tool in case.inventory.recovery_tools))}
    if not case.inventory.recovery_tools:
        because = "the inventory lists nothing there: nobody said what a recovery needs"
        answers["recovery_tools"] = Answer(UNKNOWN, because)
    return joined(CHECK, answers)


def _ask(case: Case, name: str) -> Answer:
    trace = case.evidence.tools.get(name)
    place = case.map.locate(trace)
    if trace is None:
        return Answer(UNKNOWN, place.because)
    if touched := sorted(place.arrays & case.targets):
        because = f"it lies on {' and '.join(touched)}, which this change itself touches"
        return Answer(FAILED, because, evidence=trace.raw)
    if not place.known or (old := stale_place(case, trace, place)):
        return Answer(UNKNOWN, old if place.known else place.because, evidence=trace.raw)
    until = trace.at + case.policy.evidence_max_age
    return Answer(PASSED, place.because, {"place": place.identities}, trace.raw, until)
