"""What the checks answer about the records that real tools left: the acceptance scenarios end here."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import ModuleType

from gate.evidence import BackupReading, BackupRun, Immutability, Rehearsal, Verification
from gate.finding import Finding
from gate.inventory import Dataset, Protection
from tests import cases

PLACE = "naa.1"
"""Where the tests of the tools say that the repository lies."""


def judged(
    check: ModuleType,
    dataset: Dataset,
    protection: Protection,
    runs: Iterable[BackupRun] = (),
    reads: Iterable[Verification] = (),
    rehearsals: Iterable[Rehearsal] = (),
    problem: str = "",
    later: timedelta = timedelta(0),
    held_by: Immutability | None = None,
) -> Finding:
    """Ask one check about one protection, now or later; everything but what is given is well."""
    now = datetime.now(UTC)
    given = {"owner": "messaging", "rto": timedelta(hours=4), "rpo": timedelta(hours=24)}
    data = dataset.model_copy(update=given)
    kept = protection.model_copy(update={"rehearsal_mount": "/scratch"})
    told = cases.evidence(
        at=now,
        datasets={data.id: cases.trace("east-1", cases.DATA_LUN, at=now)},
        repositories={kept.id: cases.trace("vault-1", PLACE, at=now)},
        scratches={kept.id: cases.trace("vault-1", cases.SCRATCH_LUN, at=now)},
        backups={kept.id: BackupReading(kept.id, now + later, tuple(runs), clock_skew_s=0, problem=problem)},
        verifications=tuple(reads),
        rehearsals=tuple(rehearsals),
        immutability={kept.id: held_by} if held_by else {},
    )
    fresh = {name: replace(one, at=now + later) for name, one in told.arrays.items()}
    places = {name: replace(one, at=now + later) for name, one in told.repositories.items()}
    told = replace(told, arrays=fresh, repositories=places)
    inventory = cases.fleet(datasets=(data,), protections=(kept,))
    found: Finding = check.check(cases.case(told, inventory=inventory, now=now + later))
    return found
