"""
A rehearsal, whatever the tool and the engine: brought back, opened, examined, read in full, compared, removed.

V5 is reached when the tool has brought the data back and the engine finds them whole; V6 when every table also equals
a reference that was recorded before the backup began; V7 when the dataset's business statements are true besides.
A reference younger than the backup could hold the same damage as it, so it is not used. Damage that is older than the
newest of them is found by an older one only, so tables that only grow are compared with a second (BK-09).
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from gate.backups.answers import Asking, Unread, in_any_case
from gate.backups.examiner import Examiner, Mark, Opened, Restored
from gate.backups.scratch import claim, clear
from gate.backups.tool import Tool
from gate.canonical import utc
from gate.evidence import BackupRun, Comparison, Reference, Rehearsal, Reply, TableDigest
from gate.inventory import Dataset, Protection
from gate.sentence import by_number, several


def references_for(
    kept: Iterable[Reference], dataset: Dataset, run: BackupRun, old: timedelta
) -> tuple[Reference, ...]:
    """
    Return with what a restored copy is to be compared, newest first; () when nothing is older than the backup's start.

    The newest reference that is older than the start; for tables that only grow also the newest that is so by `old`.
    """
    older = sorted(_older(kept, dataset, run), key=lambda reference: reference.at, reverse=True)
    if not older or not dataset.append_only or run.started_at is None:
        return tuple(older[:1])
    old_enough = [reference for reference in older if reference.at <= run.started_at - old]
    return tuple(dict.fromkeys(older[:1] + old_enough[:1]))


def _older(kept: Iterable[Reference], dataset: Dataset, run: BackupRun) -> list[Reference]:
    began = run.started_at
    return [one for one in kept if one.dataset == dataset.id and began is not None and one.at < began]


def rehearse(
    tool: Tool,
    examiner: Examiner,
    protection: Protection,
    dataset: Dataset,
    run: BackupRun,
    place: str,
    references: Sequence[Reference],
    owner: str,
) -> Asking[Rehearsal]:
    """
    Restore one run below the scratch directory as the rehearsing user, and say how far it came.

    `references` are those of `references_for`; one that is not older than the backup is left out. `owner` marks the
    scratch as this gate's. The scratch is removed afterwards in every case, also when an exception is thrown in; a
    removal that failed is told and fails the rehearsal, since a copy of production would be left lying about. Only
    whoever closes the generator leaves it there, to be removed by the next rehearsal.
    `seconds` counts from the first command to the last row read. The work runs on `rehearsal_host`, where the
    repository must be reachable. ValueError for a tool that cannot restore.
    """
    if tool.restore is None:
        raise ValueError(f"{protection.id} cannot be rehearsed: {protection.tool} restores nothing")
    log: list[Reply] = []
    removal: list[Reply] = []
    left = ""
    used = _older(references, dataset, run)

    def removed() -> Asking[None]:
        nonlocal left
        try:
            yield from clear(examiner, protection, owner, removal)
        except Unread as unread:
            left = f"the scratch was not cleaned up: {unread}"

    restored = _restored(tool, examiner, protection, dataset, run, used, owner, log)
    reached = yield from in_any_case(restored, removed)
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
        reference_at=reached.compared[0].reference_at if reached.compared else None,
        tables=reached.opened.tables,
        restore_s=reached.restore_s,
        recovery_s=reached.recovery_s,
        compared=reached.compared,
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
    restore_s: int | None = None
    recovery_s: int | None = None
    compared: tuple[Comparison, ...] = ()


def _restored(
    tool: Tool,
    examiner: Examiner,
    protection: Protection,
    dataset: Dataset,
    run: BackupRun,
    references: Sequence[Reference],
    owner: str,
    log: list[Reply],
) -> Asking[_Reached]:
    if tool.restore is None:
        raise ValueError("this tool restores nothing")
    restore_s: int | None = None
    recovery_s: int | None = None
    opened = Opened()
    try:
        # What an interrupted rehearsal left (a journal, say) would be opened together with the copy.
        yield from clear(examiner, protection, owner, log)
        spot = yield from claim(protection, owner, log)
        began = len(log)
        copy = yield from tool.restore(protection, dataset, run, spot.back, log)
        restore_s = math.ceil((log[-1].finished_at - log[began].started_at).total_seconds())
        back_at = log[-1].finished_at
        marks = _marks(dataset, references)
        opened = yield from examiner.examine(Restored(copy, dataset, run, spot.work, marks), log)
        recovery_s = math.ceil((opened.ready_at - back_at).total_seconds()) if opened.ready_at else 0
        if opened.problem:
            raise Unread(opened.problem)
    except Unread as unread:
        level = "V4" if opened.tables else "V0"
        because = f"backup {run.id} was not restored: {unread}"
        return _Reached(level, False, because, opened, restore_s, recovery_s if opened.ready_at else None)
    compared = tuple(_comparison(dataset, opened.tables, one, one is references[0]) for one in references)
    return _judged(run, opened, restore_s, recovery_s, compared)


def _judged(
    run: BackupRun, opened: Opened, restore_s: int | None, recovery_s: int | None, compared: tuple[Comparison, ...]
) -> _Reached:
    because = f"backup {run.id} was restored and is consistent; no reference is older than its start"
    found = _Reached("V5", True, because, opened, restore_s, recovery_s, compared)
    if not compared:
        return found
    differing = [(one.reference_at, one.differing) for one in compared if one.differing]
    if differing:
        what = "; ".join(f"the reference of {utc(at)}: {', '.join(tables)}" for at, tables in differing)
        return replace(found, passed=False, because=f"backup {run.id} differs from {what}")
    equals = " and of ".join(utc(one.reference_at) for one in compared)
    because = f"backup {run.id} was restored and equals the reference of {equals}"
    if not opened.statements:
        return replace(found, level="V6", because=because)
    count = len(opened.statements)
    true = f"{because}; {several(count, 'business statement')} {by_number(count, 'is', 'are')} true"
    return replace(found, level="V7", because=true)


def _marks(dataset: Dataset, references: Sequence[Reference]) -> tuple[Mark, ...]:
    """Return how far the append-only tables are to be read, once for each different end."""
    grows = {one.table for one in dataset.append_only}
    found = [
        Mark(kept.table, kept.up_to)
        for reference in references
        for kept in reference.tables
        if kept.table in grows and kept.up_to
    ]
    return tuple(dict.fromkeys(found))


def _comparison(dataset: Dataset, read: tuple[TableDigest, ...], reference: Reference, first: bool) -> Comparison:
    grows = {one.table for one in dataset.append_only}
    wanted = tuple(table for table in dict.fromkeys(each.table for each in read) if first or table in grows)
    return Comparison(reference.at, wanted, tuple(_differing(wanted, grows, read, reference)))


def _differing(
    wanted: tuple[str, ...], grows: set[str], read: tuple[TableDigest, ...], reference: Reference
) -> list[str]:
    now = {(table.table, table.up_to): table for table in read}
    kept = {table.table: table for table in reference.tables}
    found = []
    for name in wanted:
        then = kept.get(name)
        if then is None:
            found.append(f"{name} is not in the reference")
            continue
        table = now.get((name, then.up_to))
        if table is None or bool(then.up_to) != (name in grows):
            found.append(f"{name} was recorded differently: up to {then.up_to or 'its end'}")
        elif then.rows != table.rows:
            found.append(f"{name} has {several(table.rows, 'row')}, had {then.rows}")
        elif then.digest != table.digest:
            found.append(f"{name} has other content")
    return found
