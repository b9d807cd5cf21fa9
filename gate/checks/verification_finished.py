"""Did the last read of the backup come to its own end?"""

from functools import partial

from gate.checks.answer import Answer, Asked
from gate.checks.case import Case
from gate.checks.copies import Copy
from gate.checks.each import over_datasets
from gate.evidence import BackupRun, Verification
from gate.finding import PASSED, UNKNOWN, Check, Finding, Weight, When

CHECK = Check(
    name="verification-finished",
    question="Did the read of the backup relied on finish: not timed out, not locked out, its output not cut short?",
    meaning="A damaged repository makes a read slow, and a cut-off report holds no error. Neither is a yes.",
    way_out="See what kept the read from finishing: a lock, a password, a slow disk. Then check the change again.",
    threshold="none: it finished or it did not",
    weight=Weight.BLOCK,
    when=When.APPROVE,
    source="BK-14",
    waivable=True,
)


def check(case: Case) -> Finding:
    """Look whether the last read of each protection's newest run was complete."""
    return over_datasets(case, CHECK, ask)


def ask(case: Case, copy: Copy) -> Asked:
    """Judge one read."""
    found = copy.run_and_read
    if isinstance(found, Answer):
        return found
    run, record = found
    if not record.complete:
        because = f"the read of {run.id} did not finish: {record.because}"
        return Answer(UNKNOWN, because, evidence=record.raw)
    return partial(_passed, copy, run, record)


def _passed(copy: Copy, run: BackupRun, record: Verification) -> Answer:
    told = ("the read of {} came to its end", run.id)
    return Answer(PASSED, told, {"protection": copy.id}, record.raw, copy.expiry())
