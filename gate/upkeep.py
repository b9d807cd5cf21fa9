"""
Work beside a change: other changes that could run in its window, and maintenance that only the inventory tells of.

A copy is worked on when its backup program, its host or the storage under it is: in 2021 the update of a backup program
deleted what it should have kept, while nobody looked at the storage. What was read before such work ended says nothing
of what it left (backup-evidence, BK-12).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from gate.inventory import Inventory, Protection
from gate.landscape import Place


@dataclass(frozen=True)
class Work:
    """What somebody else does or may do in a time: `opens` ≤ now < `closes`."""

    words: str
    on: frozenset[str]
    """Ids of what it touches: arrays, appliances, hosts, protections, recovery tools."""

    opens: datetime
    closes: datetime

    def meets(self, opens: datetime, closes: datetime) -> bool:
        """Say whether it has a moment in common with another time."""
        return self.opens < closes and opens < self.closes


def maintenance(inventory: Inventory) -> tuple[Work, ...]:
    """Return what the inventory tells of, in its order."""
    return tuple(
        Work(f"maintenance ({one.reason})", inventory.names_of(one.on), one.opens, one.closes)
        for one in inventory.maintenance
    )


def under(protection: Protection, place: Place) -> frozenset[str]:
    """Return the ids of everything whose upkeep is upkeep of this copy, as far as its place is known."""
    return frozenset({protection.id, protection.host, *(element.name for element in place.elements)})


def over(works: Iterable[Work], now: datetime) -> dict[str, datetime]:
    """Return when the last work that is over by now was over, by the id of what it touched."""
    found: dict[str, datetime] = {}
    for work in works:
        for name in work.on if work.closes <= now else ():
            found[name] = max(work.closes, found.get(name, work.closes))
    return found


def ended(protection: Protection, place: Place, over: Mapping[str, datetime]) -> datetime | None:
    """Return when the last work on a copy was over; None when there was none. `over` is what the function found."""
    return max((over[name] for name in under(protection, place) if name in over), default=None)
