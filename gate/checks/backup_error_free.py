"""Does the backup tool itself say that the backup went well?"""

from gate.checks.case import Case, Reliance
from gate.checks.each import Answer, over_datasets
from gate.checks.proof import Trouble, expiry, run_of
from gate.finding import Check, Finding, Outcome, Weight, When
from gate.inventory import Protection

CHECK = Check(
    name="backup-error-free",
    question="Does the backup tool itself report no error and no warning for the backup relied on?",
    meaning="A tool may finish with status 0 and note that production's pages were rotten when it read them.",
    way_out="Read the tool's own log, mend what it complains of, make a new backup.",
    threshold="none: any complaint refuses, and so does a tool that does not say",
    weight=Weight.BLOCK,
    when=When.APPROVE,
    source="BK-03",
    waivable=True,
)


def check(case: Case) -> Finding:
    """Read the error flag of the newest run of each protection relied on."""
    return over_datasets(case, CHECK, ask)


def ask(case: Case, _: Reliance, protection: Protection) -> Answer:
    """Judge one run's own flag."""
    run = run_of(case, protection)
    if isinstance(run, Trouble):
        return run.answer
    raw = case.evidence.backups[protection.id].raw
    if run.error is None:
        return Answer(
            Outcome.UNKNOWN, f"{protection.tool} does not say whether backup {run.id} went well", evidence=raw
        )
    if run.error:
        return Answer(Outcome.FAILED, f"{protection.tool} says of backup {run.id}: {run.error}", evidence=raw)
    because = f"{protection.tool} complains of nothing in backup {run.id}"
    return Answer(Outcome.PASSED, because, {"protection": protection.id}, raw, expiry(case, protection))
