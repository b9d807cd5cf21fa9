"""Does the backup tool itself say that the backup went well?"""

from functools import partial

from gate.checks.answer import Answer, Asked
from gate.checks.case import Case
from gate.checks.copies import Copy
from gate.checks.each import over_datasets
from gate.evidence import BackupRun
from gate.finding import FAILED, PASSED, UNKNOWN, Check, Finding, Weight, When

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


def ask(case: Case, copy: Copy) -> Asked:
    """Judge one run's own flag."""
    run = copy.run
    if isinstance(run, Answer):
        return run
    if run.error is None:
        return Answer(
            UNKNOWN, f"{copy.protection.tool} does not say whether backup {run.id} went well", evidence=copy.read_from
        )
    if run.error:
        return Answer(FAILED, f"{copy.protection.tool} says of backup {run.id}: {run.error}", evidence=copy.read_from)
    return partial(_passed, copy, run)


def _passed(copy: Copy, run: BackupRun) -> Answer:
    told = ("{} complains of nothing in backup {}", copy.protection.tool, run.id)
    return Answer(PASSED, told, {"protection": copy.id}, copy.read_from, copy.expiry())
