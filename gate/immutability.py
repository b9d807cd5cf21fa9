"""
What each way of holding a copy fast survives, and what a sentinel's attempts show.

A lock counts at the layer at which it is kept: flags of a file system are nothing to an array that writes zeros
beneath it, and an archive that a server only appends to is gone with the server's root. The table is the measured one
of the references (backup-evidence 2.4); what is not in it survives nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gate.evidence import Attempt, Immutability

ACTIONS = ("delete", "overwrite", "shorten", "bypass")
"""What a sentinel tries; each of them must be refused (IM-03)."""

HOLDING: Mapping[str, tuple[str, ...]] = {
    "s3-object-lock": ACTIONS,
    "append-only-server": ("delete", "overwrite", "bypass"),
}
"""Mechanism → what is tried on it: a server that only adds keeps no time that could be shortened."""


@dataclass(frozen=True)
class Survives:
    """Whom a copy outlives. A firmware fault counts only for a copy outside the changed array's failure domain."""

    host_root: bool
    backup_admin: bool
    array_firmware: bool


TABLE: Mapping[tuple[str, str], Survives] = {
    ("s3-object-lock", "compliance"): Survives(host_root=True, backup_admin=True, array_firmware=True),
    ("s3-object-lock", "governance"): Survives(host_root=True, backup_admin=False, array_firmware=True),
    ("append-only-server", "append-only"): Survives(host_root=False, backup_admin=False, array_firmware=False),
    ("borg-append-only", "append-only"): Survives(host_root=False, backup_admin=False, array_firmware=False),
    ("zfs-hold", "hold"): Survives(host_root=False, backup_admin=False, array_firmware=False),
    ("file-flag", "immutable"): Survives(host_root=False, backup_admin=False, array_firmware=False),
    ("file-flag", "append-only"): Survives(host_root=False, backup_admin=False, array_firmware=False),
}
"""(mechanism, mode) → what it survives."""

NOTHING = Survives(host_root=False, backup_admin=False, array_firmware=False)


def survives(record: Immutability) -> Survives:
    """Return what the mechanism survives by the table; a copy that is not known to be held survives nothing."""
    if record.problem:
        return NOTHING
    return TABLE.get((record.mechanism, record.mode), NOTHING)


def held(attempts: Iterable[Attempt], actions: Iterable[str] = ACTIONS) -> bool | None:
    """Say whether all of it was refused: False when one thing was not, None when one was not found out."""
    found = {attempt.action: attempt.refused for attempt in attempts}
    if any(refused is False for refused in found.values()):
        return False
    return True if all(found.get(action) is True for action in actions) else None
