"""Does nothing else carry what befalls the data to the copy?"""

from gate.checks.answer import Asked
from gate.checks.case import Case
from gate.checks.copies import Copy
from gate.checks.each import over_datasets
from gate.checks.together import judged
from gate.finding import Check, Finding, Weight, When

CHECK = Check(
    name="fate-apart",
    question="Are data and copy no pair of partners, in no stage together, and the backup software not under change?",
    meaning="A partner carries over what befalls its peer; a stage is one moment for all that is in it; and in 2021 an "
    "update of the backup program itself deleted 77 TB of a university's files.",
    way_out="Rely on a copy off the partner, or change the backup software and the arrays in different windows.",
    threshold="none: one of these in common refuses, and so does one that is not known. Under change is a copy whose "
    "program, host or storage, or a recovery tool, another change that has begun or whose verdict opens touches within "
    "this one's window, or a maintenance that the inventory tells of",
    weight=Weight.BLOCK,
    when=When.APPROVE,
    waivable=True,
)
DIMENSIONS = ("partner", "wave", "backup-software")


def check(case: Case) -> Finding:
    """Compare each dataset at risk with the copy relied on in these dimensions."""
    return over_datasets(case, CHECK, ask)


def ask(case: Case, copy: Copy) -> Asked:
    """Judge one pair."""
    return judged(case, copy, DIMENSIONS)
