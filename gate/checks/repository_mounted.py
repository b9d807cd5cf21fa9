"""Is the repository where it should be, and followed to its end?"""

from functools import partial

from gate.checks.answer import Answer, Asked
from gate.checks.case import Case
from gate.checks.copies import Copy
from gate.checks.each import over_datasets
from gate.evidence import Trace
from gate.finding import FAILED, PASSED, UNKNOWN, Check, Finding, Weight, When

CHECK = Check(
    name="repository-mounted",
    question="Is the repository mounted where the inventory says, and does its trace reach all that it lies on?",
    meaning="An unmounted repository is an empty directory of the root disk, and every backup into it is there.",
    way_out="Mount the repository, or correct `mount` in the inventory; see that the trace's last step answers.",
    threshold="none: another mount point, or a trace that ends before a device, refuses",
    weight=Weight.BLOCK,
    when=When.APPROVE,
    source="IS-04",
    waivable=True,
)


SILENT = "no answer"
"""How a trace's problem begins when its host did not answer: that is not known, and no mount point was wrong."""


def check(case: Case) -> Finding:
    """Judge the trace of each repository relied on."""
    return over_datasets(case, CHECK, ask)


def ask(case: Case, copy: Copy) -> Asked:
    """Judge one trace."""
    told = copy.repository
    if told is not None and told.problem:
        outcome = UNKNOWN if told.problem.startswith(SILENT) else FAILED
        return Answer(outcome, f"{copy.id}: {told.problem}", evidence=told.raw)
    trace = copy.trace
    if isinstance(trace, Answer):
        return trace
    return partial(_passed, case, copy, trace)


def _passed(case: Case, copy: Copy, trace: Trace) -> Answer:
    lies = ("{} lies on {}", copy.id, trace.place)
    relied = {"protection": copy.id, "place": trace.place}
    return Answer(PASSED, lies, relied, trace.raw, trace.at + case.policy.evidence_max_age)
