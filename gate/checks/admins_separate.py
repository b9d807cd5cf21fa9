"""Could one account, or one directory, take both the data and the backup?"""

from gate.checks.case import Case, Reliance
from gate.checks.each import Answer, over_datasets
from gate.finding import Check, Finding, Outcome, Weight, When
from gate.inventory import Plane, Protection
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


def check(case: Case) -> Finding:
    """Compare the declared planes of the arrays under each dataset and of the copy relied on."""
    return over_datasets(case, CHECK, ask)


def ask(case: Case, reliance: Reliance, protection: Protection) -> Answer:
    """Judge one pair of planes."""
    place = case.map.locate(case.evidence.datasets.get(reliance.dataset.id))
    if not place.arrays:
        return Answer(Outcome.UNKNOWN, f"it is not known on which array {reliance.dataset.id} lies")
    planes = [one.plane for one in case.inventory.arrays if one.id in place.arrays]
    mine = protection.plane
    shared = sorted({name for plane in planes for name in _common(plane, mine)})
    if shared:
        because = f"data and {protection.id} have in common: {', '.join(shared)}"
        return Answer(Outcome.FAILED, because, {"shared": [*shared]})
    if any(not _said(plane) for plane in (*planes, mine)):
        because = f"the inventory does not say who administers {' or '.join(sorted(place.arrays))} and {protection.id}"
        return Answer(Outcome.UNKNOWN, because)
    return Answer(Outcome.PASSED, f"data and {protection.id} have no administrator in common", {"copy": protection.id})


def _common(one: Plane, other: Plane) -> list[str]:
    found = [f"the account {name}" for name in set(one.admins) & set(other.admins)]
    for words, here, there in (
        ("the identity provider", one.identity_provider, other.identity_provider),
        ("the management network", one.management_network, other.management_network),
    ):
        if here is not None and here == there:
            found.append(f"{words} {here}")
    return found


def _said(plane: Plane) -> bool:
    return bool(plane.admins) and plane.identity_provider is not None and plane.management_network is not None
