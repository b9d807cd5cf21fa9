"""Did the last read of the backup come to its own end?"""

from gate.checks.case import Case, Reliance
from gate.checks.each import Answer, over_datasets
from gate.checks.proof import Trouble, expiry, run_and_read
from gate.finding import Check, Finding, Outcome, Weight, When
from gate.inventory import Protection

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


def ask(case: Case, _: Reliance, protection: Protection) -> Answer:
    """Judge one read."""
    found = run_and_read(case, protection)
    if isinstance(found, Trouble):
        return found.answer
    run, record = found
    if not record.complete:
        because = f"the read of {run.id} did not finish: {record.because}"
        return Answer(Outcome.UNKNOWN, because, evidence=record.raw)
    because = f"the read of {run.id} came to its end"
    return Answer(Outcome.PASSED, because, {"protection": protection.id}, record.raw, expiry(case, protection))
