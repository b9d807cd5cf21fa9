"""
A rehearsal, whatever the tool and the engine: brought back, opened, examined, read in full, compared, removed.

V5 is reached when the tool has brought the data back and the engine finds them whole; V6 when every table also equals
a reference that was recorded before the backup began; V7 when the dataset's business statements are true besides.
A reference younger than the backup could hold the same damage as it, so it is not used.
"""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from gate.backups.answers import Asking, Unread, ask, output
from gate.backups.examiner import Examiner, Opened
from gate.backups.tool import Tool
from gate.change import utc
from gate.evidence import BackupRun, Reference, Rehearsal, Reply, TableDigest
from gate.inventory import Dataset, Protection

DIRECTORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
"""What an id of a run must match to name a directory below the scratch."""


def reference_for(references: Iterable[Reference], dataset: str, run: BackupRun) -> Reference | None:
    """Return the newest reference of the dataset that is older than the backup's start; None when there is none."""
    started = run.started_at
    older = [kept for kept in references if kept.dataset == dataset and started is not None and kept.at < started]
    return max(older, key=lambda kept: kept.at, default=None)


def rehearse(
    tool: Tool,
    examiner: Examiner,
    protection: Protection,
    dataset: Dataset,
    run: BackupRun,
    place: str,
    reference: Reference | None,
) -> Asking[Rehearsal]:
    """
    Restore one run below the scratch directory as the rehearsing user, and say how far it came.

    The scratch is removed afterwards in every case, also when an exception is thrown in; a removal that failed
    is told and fails the rehearsal, since a copy of production would be left lying about. `seconds` counts from
    the first command to the last row read. The work runs on `rehearsal_host`, where the repository must be reachable.
    ValueError for a tool that cannot restore or a run whose id is no directory's name.
    """
    if tool.restore is None or not DIRECTORY.fullmatch(run.id):
        raise ValueError(f"{protection.id}: {run.id!r} cannot be rehearsed")
    scratch = f"{protection.rehearsal_scratch}/{run.id}"
    log: list[Reply] = []
    removal: list[Reply] = []
    if reference not in (None, reference_for([reference] if reference else [], dataset.id, run)):
        reference = None
    try:
        reached = yield from _restored(tool, examiner, protection, dataset, run, scratch, reference, log)
    finally:
        yield from ask(f"rm -rf {scratch}", removal)
    left = _left_behind(removal[0], scratch)
    return Rehearsal(
        protection=protection.id,
        backup=run.id,
        place=place,
        at=log[-1].finished_at,
        level=reached.level,
        passed=reached.passed and not left,
        because="; ".join(filter(None, (reached.because, left))),
        seconds=math.ceil((log[-1].finished_at - log[0].started_at).total_seconds()),
        host=protection.rehearsal_host,
        reference_at=reference.at if reference else None,
        tables=reached.opened.tables,
        restore_s=reached.restore_s,
        examined=reached.opened.examined,
        statements=reached.opened.statements,
        raw=tuple(reply.digest for reply in log + removal),
    )


@dataclass(frozen=True)
class _Reached:
    level: str
    passed: bool
    because: str
    opened: Opened
    restore_s: int | None


def _restored(
    tool: Tool,
    examiner: Examiner,
    protection: Protection,
    dataset: Dataset,
    run: BackupRun,
    scratch: str,
    reference: Reference | None,
    log: list[Reply],
) -> Asking[_Reached]:
    if tool.restore is None:
        raise ValueError("this tool restores nothing")
    restore_s: int | None = None
    opened = Opened()
    try:
        # What an interrupted rehearsal left (a journal, say) would be opened together with the copy.
        for command in (f"rm -rf {scratch}", f"mkdir -p {scratch}"):
            output((yield from ask(command, log)), "restoring")
        copy = yield from tool.restore(protection, dataset, run, scratch, log)
        restore_s = math.ceil((log[-1].finished_at - log[0].started_at).total_seconds())
        opened = yield from examiner.examine(copy, dataset, scratch, log)
        if opened.problem:
            raise Unread(opened.problem)
    except Unread as unread:
        level = "V4" if opened.tables else "V0"
        return _Reached(level, False, f"backup {run.id} was not restored: {unread}", opened, restore_s)
    if reference is None:
        because = f"backup {run.id} was restored and is consistent; no reference is older than its start"
        return _Reached("V5", True, because, opened, restore_s)
    if differing := _differing(opened.tables, reference):
        because = f"backup {run.id} differs from the reference of {utc(reference.at)}: {', '.join(differing)}"
        return _Reached("V5", False, because, opened, restore_s)
    because = f"backup {run.id} was restored and equals the reference of {utc(reference.at)}"
    if not opened.statements:
        return _Reached("V6", True, because, opened, restore_s)
    true = f"{because}; {len(opened.statements)} business statements are true"
    return _Reached("V7", True, true, opened, restore_s)


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


def _left_behind(removal: Reply, scratch: str) -> str:
    try:
        output(removal, f"removing {scratch}")
    except Unread as unread:
        return f"the scratch was not cleaned up: {unread}"
    return ""
