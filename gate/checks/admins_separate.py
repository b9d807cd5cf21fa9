"""Could one account, or one directory, take both the data and the backup?"""

from gate.checks.answer import Asked
from gate.checks.case import Case
from gate.checks.copies import Copy
from gate.checks.each import over_datasets
from gate.checks.together import judged
from gate.finding import Check, Finding, Weight, When
from gate.policy import Seat

CHECK = Check(
    name="admins-separate",
    question="Are administrators, identity provider and management network of data and backup different ones?",
    meaning="Whoever holds one account, or the directory that both trust, holds data and backup together.",
    way_out="Give the backup system accounts, a directory and a network of its own, and say so under `plane`.",
    threshold="none: one in common is named; what the inventory does not say is unknown",
    weight=Weight.SIGN,
    when=When.APPROVE,
    source="IS-06",
    seat=Seat.BACKUP_OWNER,
)


DIMENSIONS = ("admin", "identity-provider", "management-network")


def check(case: Case) -> Finding:
    """Compare each dataset at risk with the copy relied on in these dimensions."""
    return over_datasets(case, CHECK, ask)


def ask(case: Case, copy: Copy) -> Asked:
    """Judge one pair."""
    return judged(case, copy, DIMENSIONS)
