"""
A rehearsal of `sqlite-copy`: the copy is brought back, opened, examined, read in full, compared, removed.

V5 is reached when the restored file has the manifest's digest and SQLite finds it whole; V6 when every table
also equals a reference that was recorded before the backup began. A reference younger than that could hold the
same damage as the backup, so it is not used.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from gate.backups.answers import Asking, Unread, ask, output, shown, text
from gate.backups.sqlite_copy import read_digest, stored_file
from gate.backups.sqlite_rows import read, statement
from gate.change import utc
from gate.evidence import BackupRun, Reference, Rehearsal, Reply, TableDigest
from gate.inventory import Dataset, Protection


def reference_for(references: Iterable[Reference], dataset: str, run: BackupRun) -> Reference | None:
    """Return the newest reference of the dataset that is older than the backup's start; None when there is none."""
    started = run.started_at
    older = [kept for kept in references if kept.dataset == dataset and started is not None and kept.at < started]
    return max(older, key=lambda kept: kept.at, default=None)


def rehearse(
    protection: Protection, dataset: Dataset, run: BackupRun, repository_lun: str, reference: Reference | None
) -> Asking[Rehearsal]:
    """
    Restore one run below the scratch directory as the rehearsing user, and say how far it came.

    The scratch is removed afterwards in every case, also when an exception is thrown in; a removal that failed
    is told and fails the rehearsal, since a copy of production would be left lying about. `seconds` counts from
    the first command to the last row read. The work runs on `rehearsal_host`, where the repository must be mounted.
    """
    stored = stored_file(protection, dataset, run.id)
    place = f"{protection.rehearsal_scratch}/{run.id}"
    log: list[Reply] = []
    removal: list[Reply] = []
    if reference not in (None, reference_for([reference] if reference else [], dataset.id, run)):
        reference = None
    try:
        reached = yield from _restored(stored, place, dataset, run, reference, log)
    finally:
        yield from ask(f"rm -rf {place}", removal)
    left = _left_behind(removal[0], place)
    return Rehearsal(
        protection=protection.id,
        backup=run.id,
        repository_lun=repository_lun,
        at=log[-1].finished_at,
        level=reached.level,
        passed=reached.passed and not left,
        because="; ".join(filter(None, (reached.because, left))),
        seconds=math.ceil((log[-1].finished_at - log[0].started_at).total_seconds()),
        host=protection.rehearsal_host,
        reference_at=reference.at if reference else None,
        tables=reached.tables,
        raw=tuple(reply.digest for reply in log + removal),
    )


@dataclass(frozen=True)
class _Reached:
    level: str
    passed: bool
    because: str
    tables: tuple[TableDigest, ...] = ()


def _restored(
    stored: str, place: str, dataset: Dataset, run: BackupRun, reference: Reference | None, log: list[Reply]
) -> Asking[_Reached]:
    copy = f"{place}/{stored.rsplit('/', 1)[1]}"
    tables: tuple[TableDigest, ...] = ()
    try:
        # What an interrupted rehearsal left (a journal, say) would be opened together with the copy.
        for command in (f"rm -rf {place}", f"mkdir -p {place}", f"cp {stored} {copy}"):
            output((yield from ask(command, log)), "restoring")
        digest = read_digest((yield from ask(f"sha256sum {copy}", log)), copy)
        if digest != run.sha256:
            raise Unread(f"the restored file reads {digest}, the manifest says {run.sha256}")
        yield from _consistent(copy, log)
        tables, problem = yield from read(copy, dataset.tables, log)
        if problem:
            raise Unread(problem)
    except Unread as unread:
        return _Reached("V4" if tables else "V0", False, f"backup {run.id} was not restored: {unread}", tables)
    if reference is None:
        because = f"backup {run.id} was restored and is consistent; no reference is older than its start"
        return _Reached("V5", True, because, tables)
    differing = _differing(tables, reference)
    if differing:
        because = f"backup {run.id} differs from the reference of {utc(reference.at)}: {', '.join(differing)}"
        return _Reached("V5", False, because, tables)
    because = f"backup {run.id} was restored and equals the reference of {utc(reference.at)}"
    return _Reached("V6", True, because, tables)


def _consistent(copy: str, log: list[Reply]) -> Asking[None]:
    """Raise Unread unless SQLite says `ok` and counts no broken foreign key, in so many words."""
    said = text((yield from ask(statement(copy, "PRAGMA integrity_check"), log)), "the integrity check")
    if said != "ok\n":
        raise Unread(f"the integrity check says {shown(said)}")
    # Counted, because the pragma itself is silent when all is well, and silence is no answer.
    count = "SELECT count(*) FROM pragma_foreign_key_check"
    said = text((yield from ask(statement(copy, count), log)), "the foreign key check")
    if said != "0\n":
        raise Unread(f"the foreign key check counts {shown(said)}")


def _differing(tables: tuple[TableDigest, ...], reference: Reference) -> list[str]:
    kept = {table.table: table for table in reference.tables}
    found = []
    for table in tables:
        then = kept.get(table.table)
        if then is None:
            found.append(f"{table.table} is not in the reference")
        elif then.rows != table.rows:
            found.append(f"{table.table} has {table.rows} rows, had {then.rows}")
        elif then.digest != table.digest:
            found.append(f"{table.table} has other content")
    return found


def _left_behind(removal: Reply, place: str) -> str:
    try:
        output(removal, f"removing {place}")
    except Unread as unread:
        return f"the scratch was not cleaned up: {unread}"
    return ""
