"""What a copy must show to be worth having: every question about age, reading and rehearsal, asked of it alone."""

from typing import TypeAlias

from gate.checks.answer import Answer, tell
from gate.checks.backup_counted import ask as backup_counted
from gate.checks.backup_error_free import ask as backup_error_free
from gate.checks.backup_isolated import ask as backup_isolated
from gate.checks.backup_recent import ask as backup_recent
from gate.checks.backup_rehearsed import ask as backup_rehearsed
from gate.checks.backup_verified import ask as backup_verified
from gate.checks.case import Case
from gate.checks.copies import Copy
from gate.checks.each import Ask
from gate.checks.log_continuous import ask as log_continuous
from gate.checks.recovery_point_recent import ask as recovery_point_recent
from gate.finding import PASSED

PROVEN: tuple[tuple[str, Ask], ...] = (
    ("is not isolated", backup_isolated),
    ("is not recent", backup_recent),
    ("has no recent recovery point", recovery_point_recent),
    ("is not free of errors", backup_error_free),
    ("is not verified", backup_verified),
    ("is not counted", backup_counted),
    ("has no whole log", log_continuous),
    ("is not rehearsed", backup_rehearsed),
)
"""What is asked of each copy (BK-01 to BK-07, and off data and targets), and what is said of one that is not so."""

Lack: TypeAlias = tuple[str, Answer]
"""What is said of a copy, and the answer that it did not pass."""


def lack(case: Case, copy: Copy) -> Lack | None:
    """Return the first thing that a copy lacks; None for one that is proven. Found once for all checks."""
    if copy.id not in case.lacks:
        case.lacks[copy.id] = _lack(case, copy)
    found: Lack | None = case.lacks[copy.id]
    return found


def _lack(case: Case, copy: Copy) -> Lack | None:
    for lacks, question in PROVEN:
        answer = question(case, copy)
        if isinstance(answer, Answer) and answer.outcome is not PASSED:
            return lacks, answer
    return None


def proofs(case: Case, copy: Copy) -> tuple[Answer, ...]:
    """Return what one copy was answered, up to the first question that it did not pass. Told once for all checks."""
    if copy.id not in case.proofs:
        told: list[Answer] = []
        for _, question in PROVEN:
            told.append(tell(question(case, copy)))
            if told[-1].outcome is not PASSED:
                break
        case.proofs[copy.id] = tuple(told)
    found: tuple[Answer, ...] = case.proofs[copy.id]
    return found
