"""Is the backup about as large as those before it?"""

from functools import partial
from operator import attrgetter
from statistics import median

from gate.canonical import Json
from gate.checks.answer import Answer, Asked
from gate.checks.case import Case
from gate.checks.copies import Copy
from gate.checks.each import over_datasets
from gate.evidence import BackupRun
from gate.finding import FAILED, PASSED, UNKNOWN, Check, Finding, Outcome, Weight, When
from gate.policy import Seat

BEFORE = 7
"""Runs before it whose median it is compared with (BK-11)."""

CHECK = Check(
    name="backup-size-usual",
    question="Is the backup relied on about as large as those of the same kind before it?",
    meaning="A backup that suddenly halves or doubles is whole by every count and may yet hold the wrong thing.",
    way_out="Find out what grew or went. If it is right, the backup owner signs for it, or it is usual in a week.",
    threshold="policy.size_drop_max_percent, 20 %, policy.size_rise_max_percent, 100 %, of the median of up to seven",
    weight=Weight.SIGN,
    when=When.APPROVE,
    source="BK-11",
    seat=Seat.BACKUP_OWNER,
)

_finished = attrgetter("finished_at")


def check(case: Case) -> Finding:
    """Compare the size of the newest run of each protection relied on."""
    return over_datasets(case, CHECK, ask)


def ask(case: Case, copy: Copy) -> Asked:
    """Judge one run's size."""
    run = copy.run
    if isinstance(run, Answer):
        return run
    reading, policy = case.evidence.backups[copy.id], case.policy
    earlier = [one for one in reading.runs if one.kind == run.kind and one.finished_at < run.finished_at]
    earlier.sort(key=_finished, reverse=True)
    if not earlier:
        because = f"there is no {run.kind} backup before {run.id} to compare its size with"
        return Answer(UNKNOWN, because, evidence=reading.raw)
    usual = median([one.size for one in earlier[:BEFORE]])
    least, most = usual * (100 - policy.size_drop_max_percent), usual * (100 + policy.size_rise_max_percent)
    if least <= run.size * 100 <= most:
        return partial(_told, PASSED, case, copy, run, usual)
    return _told(FAILED, case, copy, run, usual)


def _told(outcome: Outcome, case: Case, copy: Copy, run: BackupRun, usual: float) -> Answer:
    told = ("backup {} has {} bytes, the usual is {}", run.id, run.size, int(usual))
    relied: dict[str, Json] = {
        "protection": copy.id,
        "size_drop_max_percent": case.policy.size_drop_max_percent,
        "size_rise_max_percent": case.policy.size_rise_max_percent,
    }
    return Answer(outcome, told, relied, copy.read_from, copy.expiry())
