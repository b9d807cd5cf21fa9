"""
Does a backup survive what may happen to the array its original lies on?

"Same" may be concluded from any evidence, "different" only from measured identity: the LUN's target ports, told by
the device itself, belong to an array that told the same ports and its serial over its own command line. That two LUNs
have different names proves nothing, and what could not be found out is `unknown` (backup-evidence: IS-01, IS-02).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from gate.evidence import ArrayReading, Trace
from gate.inventory import Inventory


class Relation(StrEnum):
    """How the arrays under two paths relate."""

    SAME = "same"
    DIFFERENT = "different"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Place:
    """The array a path lies on; `array` is None when that could not be measured, and `because` says why."""

    array: str | None
    serial: str | None
    because: str


@dataclass(frozen=True)
class Isolation:
    """The relation of a dataset's array and its repository's array, with the shared element where there is one."""

    relation: Relation
    because: str
    source: Place
    backup: Place
    shared_ports: tuple[str, ...] = ()


def locate(trace: Trace | None, readings: Mapping[str, ArrayReading], inventory: Inventory) -> Place:
    """Find the one array that tells the trace's target ports as its own and answers with the serial on record."""
    if trace is None:
        return Place(None, None, "nobody asked where it lies")
    if trace.problem:
        return Place(None, None, f"{trace.path} on {trace.host}: {trace.problem}")
    ports = set(trace.target_ports)
    if not ports:
        return Place(None, None, f"{trace.path} on {trace.host}: the disk names no target port")
    owners = {name for name, reading in readings.items() if ports & set(reading.target_ports)}
    if not owners:
        return Place(None, None, f"no array of the inventory tells the target port {min(ports)} as its own")
    if len(owners) > 1:
        return Place(None, None, f"the target ports are told by several arrays: {', '.join(sorted(owners))}")
    name = owners.pop()
    stray = ports - set(readings[name].target_ports)
    if stray:
        return Place(None, None, f"{name} does not tell the target port {min(stray)}")
    serial, expected = readings[name].serial, {array.id: array.serial for array in inventory.arrays}.get(name)
    if serial is None or serial != expected:
        told = f"{name} answers with serial {serial or 'unknown'}, the inventory says {expected or 'nothing of it'}"
        return Place(None, None, told)
    return Place(name, serial, f"{name} (serial {serial}) tells its target ports")


def relate(
    source: Trace | None, backup: Trace | None, readings: Mapping[str, ArrayReading], inventory: Inventory
) -> Isolation:
    """Compare where a dataset and its repository lie; every doubt is `unknown`."""
    here, there = locate(source, readings, inventory), locate(backup, readings, inventory)
    shared = tuple(sorted(set(source.target_ports) & set(backup.target_ports))) if source and backup else ()
    if shared:
        named = " and ".join(shared)
        return Isolation(Relation.SAME, f"both are reached through the target ports {named}", here, there, shared)
    if source and backup and source.lun is not None and source.lun == backup.lun:
        return Isolation(Relation.SAME, f"both lie on the LUN {source.lun}", here, there)
    if here.array is not None and there.array is not None:
        if here.array == there.array:
            return Isolation(Relation.SAME, f"both lie on {here.array} (serial {here.serial})", here, there)
        because = f"measured on {here.array} (serial {here.serial}) and {there.array} (serial {there.serial})"
        return Isolation(Relation.DIFFERENT, because, here, there)
    missing = "; ".join(place.because for place in (here, there) if place.array is None)
    return Isolation(Relation.UNKNOWN, missing, here, there)
