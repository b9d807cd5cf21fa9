"""
Who may take what of the record out of the house: the one table, asked before anything is made.

Reading is for everybody who may sign in: the fleet is no secret from those who change it. A file with all that was
entered leaves the house and stays readable there for ever, so it is for those who answer for the record.
"""

from enum import StrEnum

from gate.export.selection import Selection
from gate.person import Person, Role


class Part(StrEnum):
    """What can be taken."""

    CHANGE = "one change"
    """Its pack, or a mapped export of it alone."""

    RECORD = "the record"
    """The whole of it, or any part that is not one change: a period, a kind, a person."""

    PERSONAL = "personal values"
    """What entries keep outside the log, in a pack."""


ROLES = {
    Part.RECORD: frozenset({Role.AUDITOR, Role.ADMIN}),
    Part.PERSONAL: frozenset({Role.AUDITOR, Role.ADMIN}),
}
"""Any one of these is enough, a contractor's too: an auditor from elsewhere is given the role. What is not here is
for everybody."""

SEATS = frozenset({Part.RECORD})
"""Whoever may fill a seat may take this too: who signs must be able to show what was signed."""

WHOSE = {
    Part.RECORD: "only auditors, administrators and holders of a seat take more of the record than one change",
    Part.PERSONAL: "only auditors and administrators take personal values",
}


def part_of(taken: Selection) -> Part:
    """Return what an export of this selection is."""
    return Part.CHANGE if taken.change else Part.RECORD


def why_not(who: Person, part: Part) -> str:
    """Say why somebody may not take it; empty when they may."""
    if part not in ROLES or who.roles & ROLES[part] or (who.seats and part in SEATS):
        return ""
    return WHOSE[part]
