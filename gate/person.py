"""Who somebody is to the gate: what the rules need to know of a person, and nothing secret."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gate.policy import Seat

LONGEST = 200
"""Characters of a firm's or a person's name."""


class Role(StrEnum):
    """What a person may do besides filling seats."""

    REQUESTER = "requester"
    PERFORMER = "performer"
    AUDITOR = "auditor"
    ADMIN = "admin"
    ESCORT = "escort"
    """Says go to each step that a contractor performs; whoever holds a seat may as well."""


@dataclass(frozen=True)
class Contract:
    """Under which a contractor works: for whom, who they really are, who answers for them, and the time box."""

    firm: str
    name: str
    """The real person; the account may carry any name."""

    sponsor: str
    """The employee who answers for them."""

    not_before: datetime
    not_after: datetime
    """The time box: `not_before` ≤ now < `not_after`."""


@dataclass(frozen=True)
class Person:
    """One person; a contractor may perform under escort but fills no seat (promise 6)."""

    id: str
    roles: frozenset[Role] = frozenset()
    seats: frozenset[Seat] = frozenset()
    contractor: bool = False
    keys: tuple[str, ...] = ()
    """Enrolled OpenSSH public keys, each `type base64`, with which this person signs."""

    contract: Contract | None = None
    """What a contractor works under; without one every door is shut to them."""

    def shut(self, now: datetime) -> str:
        """Say why every door is shut to this person now; empty when none is. Employees have no time box."""
        if not self.contractor:
            return ""
        if self.contract is None:
            return f"{self.id} is a contractor, and no contract with firm and time box is on record"
        who = f"the time box of {self.id} ({self.contract.firm})"
        if now < self.contract.not_before:
            return f"{who} opens at {self.contract.not_before:%Y-%m-%d %H:%M:%S} UTC"
        over = now >= self.contract.not_after
        return f"{who} ended at {self.contract.not_after:%Y-%m-%d %H:%M:%S} UTC" if over else ""


def unfit(contract: Contract, roles: Iterable[Role], seats: Iterable[Seat], sponsor: Person) -> str:
    """Say why nobody can be a contractor under this contract with these duties; empty when somebody can."""
    if tuple(seats):
        return "a contractor fills no seat"
    if {Role.ADMIN, Role.ESCORT}.intersection(roles):
        return "a contractor adds nobody and escorts nobody"
    for what, text in (("the firm", contract.firm), ("the real name", contract.name)):
        if not text or text != text.strip() or not text.isprintable() or len(text) > LONGEST:
            return f"{what} is one line of 1 to {LONGEST} printable characters"
    if contract.not_after <= contract.not_before:
        return "the time box ends before it begins"
    return "a contractor answers for nobody" if sponsor.contractor else ""
