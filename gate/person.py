"""Who somebody is to the gate: what the rules need to know of a person, and nothing secret."""

from dataclasses import dataclass
from enum import StrEnum

from gate.policy import Seat


class Role(StrEnum):
    """What a person may do besides filling seats."""

    REQUESTER = "requester"
    PERFORMER = "performer"
    AUDITOR = "auditor"
    ADMIN = "admin"


@dataclass(frozen=True)
class Person:
    """One person; a contractor may perform under escort but fills no seat (promise 6)."""

    id: str
    roles: frozenset[Role] = frozenset()
    seats: frozenset[Seat] = frozenset()
    contractor: bool = False
    keys: tuple[str, ...] = ()
    """Enrolled OpenSSH public keys, each `type base64`, with which this person signs."""
