"""Could one fire, one feed or one fabric take both?"""

from gate.checks.case import Case, Reliance
from gate.checks.each import Answer, over_datasets
from gate.finding import Check, Finding, Outcome, Weight, When
from gate.inventory import Medium, Protection
from gate.policy import Seat

CHECK = Check(
    name="sites-separate",
    question="Do data and backup differ in site, power feed and fabric?",
    meaning="What is lost as one is lost together, whatever the arrays are called.",
    way_out="Keep a copy at another site, on its own feed and fabric, and say so in the inventory.",
    threshold="none: one in common is named; what the inventory does not say is unknown",
    weight=Weight.SIGN,
    when=When.APPROVE,
    source="IS-07",
    seat=Seat.STORAGE,
)


def check(case: Case) -> Finding:
    """Compare what the inventory says of the places under each dataset and of the copy relied on."""
    return over_datasets(case, CHECK, ask)


def ask(case: Case, reliance: Reliance, protection: Protection) -> Answer:
    """Judge one pair of places."""
    here = case.map.locate(case.evidence.datasets.get(reliance.dataset.id))
    there = case.map.locate(case.evidence.repositories.get(protection.id))
    if not here.known or not there.known:
        return Answer(Outcome.UNKNOWN, here.because if not here.known else there.because)
    source, copy = _said(case, here.keys), _said(case, there.keys)
    copy |= {f"the feed {protection.plane.power}"} if protection.plane.power else set()
    copy |= {f"the fabric {name}" for name in protection.plane.fabrics}
    if shared := sorted(source & copy):
        because = f"data and {protection.id} have in common: {', '.join(shared)}"
        return Answer(Outcome.FAILED, because, {"shared": [*shared]})
    for words in ("site", "feed", "fabric"):
        if not any(f"the {words}" in one for one in source) or not any(f"the {words}" in one for one in copy):
            because = f"the inventory does not say the {words} of {reliance.dataset.id} and of {protection.id}"
            return Answer(Outcome.UNKNOWN, because)
    return Answer(Outcome.PASSED, f"data and {protection.id} share no site, feed or fabric", {"copy": protection.id})


def _said(case: Case, keys: frozenset[tuple[str, str]]) -> set[str]:
    """Return in words what can take these arrays and appliances at once."""
    found: set[str] = set()
    known = [(Medium.ARRAY.value, one.id, one.site, one.plane) for one in case.inventory.arrays]
    known += [(one.medium.value, one.id, one.site, one.plane) for one in case.inventory.appliances]
    for kind, name, site, plane in known:
        if (kind, name) in keys:
            found |= {f"the site {site}", *(f"the fabric {fabric}" for fabric in plane.fabrics)}
            found |= {f"the feed {plane.power}"} if plane.power else set()
    return found
