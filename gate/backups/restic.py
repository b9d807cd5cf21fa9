"""
The tool `restic`, 0.14 to 0.18, over a repository in a directory of the backup host.

A snapshot can be restored alone; restic's `parent` only tells where unchanged files were looked for. `--no-cache`
everywhere: what is read is the repository. Why `--no-lock`: see `restic_read`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from gate.backups.answers import Asking, Unread, ask, output, text
from gate.backups.restic_read import Found, present, read
from gate.backups.restic_report import Report, refusal
from gate.backups.restic_words import ID, command, ours, snapshots, version, when
from gate.backups.told import CLOCK, clock, kilobytes, member, moment, not_future, number, one_machine, parsed
from gate.backups.tool import Tool, reading
from gate.evidence import BackupReading, BackupRun, Reply, Verification
from gate.inventory import Dataset, Protection

NEWEST = 8
"""Snapshots that are listed: the newest and seven to compare its size with (BK-11)."""


def catalogue(protection: Protection) -> Asking[BackupReading]:
    """
    Ask what the repository holds; with `name`, only the snapshots that carry it as a tag.

    restic dates a snapshot by its beginning and tells the end only since 0.17; where the end is missing the beginning
    stands for it, so the backup counts as older than it is. Sizes that are missing are asked for one by one.
    """
    log: list[Reply] = []
    runs: list[BackupRun] = []
    problems: list[str] = []
    skew: int | None = None
    host_now: datetime | None = None
    told_version, stored = "", None
    try:
        host_now, skew = clock((yield from ask(CLOCK, log)))
    except Unread as unread:
        problems.append(str(unread))
    try:
        restic = command(protection)
        told_version = version((yield from ask("restic version", log)))
        stored = kilobytes((yield from ask(f"du -sk {protection.repository}", log)), protection.repository)
        told = snapshots(protection, (yield from ask(f"{restic} snapshots --json", log)))
        listed = sorted((one for one in told if ours(one, protection)), key=when, reverse=True)[:NEWEST]
        one_machine(listed, "a tag")
        for one in listed:
            summary = one.get("summary")
            if not isinstance(summary, dict):
                question = f"{restic} stats --json --mode restore-size {one['id']}"
                summary = _statistics(protection, (yield from ask(question, log)))
            try:
                runs.append(_run(one, summary, host_now, log[-1]))
            except Unread as unread:
                problems.append(str(unread))
    except Unread as unread:
        problems.append(str(unread))
    return reading(protection, log, runs, skew, "; ".join(problems), told_version, stored)


def verify(
    protection: Protection, dataset: Dataset, run: BackupRun, place: str, earlier: Sequence[Verification] = ()
) -> Asking[Verification]:
    """
    Have every pack read and hashed, or with `read_parts` the part that is due and what came since the last one.

    `V4` all packs, `V3` a part by id (`gate.rotation` makes the parts a whole), `V2` only the structure, `V1` damage or
    a report that does not say enough, `V0` nothing was learned. Dated by the start of the reading. ValueError for an
    id that is none of restic's, or a protection without a password file: `catalogue` has refused both.
    """
    if not ID.fullmatch(run.id) or protection.password_file is None:
        raise ValueError(f"{protection.id}: {run.id!r} cannot be read by restic")
    log: list[Reply] = []
    seen: tuple[str, ...] = ()
    try:
        seen = yield from present(protection, dataset, run, log)
        found = yield from read(protection, earlier, seen, log)
    except Unread as unread:
        found = Found(Report("V1" if seen else "V0", False, f"it was not read: {unread}"), seen, complete=False)
    return Verification(
        protection=protection.id,
        backup=run.id,
        place=place,
        at=log[0].started_at,
        level=found.report.level,
        passed=found.report.passed,
        because=f"backup {run.id[:8]}: {found.report.because}",
        counts=found.report.counts,
        seen=found.seen,
        coverage=found.coverage,
        complete=found.complete,
        raw=tuple(reply.digest for reply in log),
    )


def restore(protection: Protection, dataset: Dataset, run: BackupRun, place: str, log: list[Reply]) -> Asking[str]:
    """Bring the dataset back below the scratch under its own path; the content is proven by reading it there."""
    if not ID.fullmatch(run.id):
        raise ValueError(f"{run.id!r} is no id of a restic snapshot")
    reply = yield from ask(f"{command(protection)} restore {run.id} --target {place} --include {dataset.path}", log)
    refusal(reply, "restoring", str(protection.password_file))
    output(reply, "restoring")
    copy = f"{place}{dataset.path}"
    # A path that the snapshot does not hold is restored as nothing, with exit status 0.
    output((yield from ask(f"find {copy} -maxdepth 0", log)), f"backup {run.id[:8]} holds no {dataset.path}")
    return copy


def _statistics(protection: Protection, reply: Reply) -> Mapping[str, Any]:
    what = "the size of a snapshot"
    refusal(reply, what, str(protection.password_file))
    told = member(parsed(text(reply, what), what), what)
    # Its count of files holds directories as well, so it is not the number that a summary would tell.
    return {"total_bytes_processed": number(told, "total_size", what)}


def _run(one: Mapping[str, Any], summary: Mapping[str, Any], host_now: datetime | None, reply: Reply) -> BackupRun:
    what = f"snapshot {one['id'][:8]}"
    started = when(one)
    finished = moment(summary["backup_end"], f"{what}: backup_end") if "backup_end" in summary else started
    if finished < started:
        raise Unread(f"{what} ends before it begins")
    return BackupRun(
        id=one["id"],
        finished_at=not_future(finished, host_now, reply, what),
        size=number(summary, "total_bytes_processed", what),
        started_at=started,
        kind="full",
        files=number(summary, "total_files_processed", what) if "total_files_processed" in summary else None,
    )


TOOL = Tool(catalogue, verify, restore)
