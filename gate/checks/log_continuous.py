"""Is the log between the backup's beginning and its recovery point whole?"""

from functools import partial

from gate.checks.answer import Answer, Asked
from gate.checks.case import Case
from gate.checks.copies import Copy
from gate.checks.each import over_datasets
from gate.evidence import BackupRun, Log
from gate.finding import FAILED, PASSED, UNKNOWN, Check, Finding, Weight, When

CHECK = Check(
    name="log-continuous",
    question="Is no piece of the log missing between the backup's beginning and its recovery point?",
    meaning="A missing piece is called well by the tools, and the restored database starts, at an earlier time.",
    way_out="Find the missing piece, or make a new backup, which needs only the log from then on.",
    threshold="none: the gate computes it from the list of pieces; one gap refuses",
    weight=Weight.BLOCK,
    when=When.APPROVE,
    source="BK-06",
    waivable=True,
)

GAP, NOT_KNOWN, COMPLETE = Log.GAP, Log.UNKNOWN, Log.COMPLETE


def check(case: Case) -> Finding:
    """Judge the log of the newest run of each protection relied on."""
    return over_datasets(case, CHECK, ask)


def ask(case: Case, copy: Copy) -> Asked:
    """Judge one run's log."""
    run = copy.run
    if isinstance(run, Answer):
        return run
    if run.log is GAP:
        return Answer(FAILED, f"the log of backup {run.id} has a gap: {run.log_because}", evidence=copy.read_from)
    if run.log is NOT_KNOWN:
        because = (
            f"it is not known whether the log of backup {run.id} is whole: {run.log_because or 'nothing was told'}"
        )
        return Answer(UNKNOWN, because, evidence=copy.read_from)
    return partial(_passed, copy, run)


def _passed(copy: Copy, run: BackupRun) -> Answer:
    needs = run.log is COMPLETE
    told = ("the log of backup {} is whole" if needs else "backup {} needs no log to be restored", run.id)
    relied = {"protection": copy.id, "log": run.log.value}
    return Answer(PASSED, told, relied, copy.read_from, copy.expiry())
