"""Could one fire, one feed or one fabric take both?"""

from gate.checks.answer import Asked
from gate.checks.case import Case
from gate.checks.copies import Copy
from gate.checks.each import over_datasets
from gate.checks.together import judged
from gate.finding import Check, Finding, Weight, When
from gate.policy import Seat

CHECK = Check(
    name="sites-separate",
    question="Do data and backup differ in site, power feed, fabric and host?",
    meaning="What is lost as one is lost together, whatever the arrays are called.",
    way_out="Keep a copy at another site, on its own feed and fabric, and say so in the inventory.",
    threshold="none: one in common is named; what the inventory does not say is unknown",
    weight=Weight.SIGN,
    when=When.APPROVE,
    source="IS-07",
    seat=Seat.STORAGE,
)


DIMENSIONS = ("site", "power", "fabric", "host")


def check(case: Case) -> Finding:
    """Compare each dataset at risk with the copy relied on in these dimensions."""
    return over_datasets(case, CHECK, ask)


def ask(case: Case, copy: Copy) -> Asked:
    """Judge one pair."""
    return judged(case, copy, DIMENSIONS)
