"""
The full read of a restic repository, or of the part that is due.

Everything is asked with `--no-lock`: the read-only user cannot write a lock into the repository, and need not. A lock
of ours would stop the nightly backup, and a connection that breaks would leave it behind. Without one, a `prune` that
runs meanwhile can make a whole repository look damaged, never a damaged one look whole; so an exclusive lock of
somebody else's is asked for first, and after a read that failed, and makes the answer unknown.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import PurePosixPath

from gate import rotation
from gate.backups.answers import Asking, Unread, ask, shown, text
from gate.backups.restic_report import WAY_OUT, Report, read_report, refusal
from gate.backups.restic_words import command, snapshots
from gate.backups.told import member, moment, number, parsed
from gate.evidence import BackupRun, Counts, Coverage, Reply, Verification
from gate.inventory import Dataset, Protection
from gate.sentence import by_number, several

HASHED = re.compile(r"(?P<sha256>[0-9a-f]{64})  /[^\r\n]*/(?P<name>[^/\r\n]+)")
MARGIN = timedelta(hours=1)
"""How far before the last read a pack may be dated and still count as newly come; too early costs only time."""

LOCKS = 8
"""Locks that are looked at; each running backup holds one."""


@dataclass(frozen=True)
class Found:
    """What a read found; `complete` is False where none was made or it was cut short."""

    report: Report
    seen: tuple[str, ...] = ()
    coverage: Coverage | None = None
    complete: bool = True


def present(protection: Protection, dataset: Dataset, run: BackupRun, log: list[Reply]) -> Asking[tuple[str, ...]]:
    """Return the ids of all snapshots; Unread when the repository is locked or the run is not there for the dataset."""
    restic = command(protection)
    yield from _not_locked(protection, log)
    told = snapshots(protection, (yield from ask(f"{restic} snapshots --json", log)))
    ours = [one for one in told if one["id"] == run.id]
    if not ours:
        raise Unread("the repository does not hold it any more")
    paths = ours[0].get("paths")
    held = [PurePosixPath(path) for path in paths if isinstance(path, str)] if isinstance(paths, list) else []
    if not any(PurePosixPath(dataset.path).is_relative_to(path) for path in held):
        raise Unread(f"it holds {shown(' '.join(map(str, held)))} and not {dataset.path}")
    return tuple(sorted({one["id"] for one in told}))


def _not_locked(protection: Protection, log: list[Reply]) -> Asking[None]:
    """Raise Unread while somebody holds the repository for himself; a backup that only adds does not matter."""
    restic, what = command(protection), "the locks"
    listed = yield from ask(f"{restic} list locks", log)
    refusal(listed, what, str(protection.password_file))
    for lock in sorted(rotation.ids(text(listed, what).encode()) or ())[:LOCKS]:
        shown_lock = yield from ask(f"{restic} cat lock {lock}", log)
        if shown_lock.exit_status not in (0, None):
            again = text((yield from ask(f"{restic} list locks", log)), what)
            if lock not in again.split():
                continue  # whoever held it has ended meanwhile
        told = member(parsed(text(shown_lock, what), what), what)
        if told.get("exclusive") is not False:
            who = f"PID {number(told, 'pid', what)} on {shown(str(told.get('hostname')))}"
            since = moment(told.get("time"), what).isoformat(timespec="seconds")
            raise Unread(f"the repository is locked by {who} since {since}; {WAY_OUT}")


def read(
    protection: Protection, earlier: Sequence[Verification], seen: tuple[str, ...], log: list[Reply]
) -> Asking[Found]:
    """Read all packs, or the part that is due; Unread when the reading was cut short or the repository was locked."""
    restic, buckets = command(protection), protection.read_parts
    listed = yield from ask(f"{restic} list packs", log)
    refusal(listed, "the list of packs", str(protection.password_file))
    packs = rotation.ids(text(listed, "the list of packs").encode())
    if packs is None:
        raise Unread("the list of packs is no list of ids")
    part = (rotation.due(earlier, buckets), buckets) if buckets > 1 else None
    wanted = rotation.part_of(packs, *part) if part else packs
    words = f"--read-data-subset={part[0]}/{part[1]}" if part else "--read-data"
    reply = yield from ask(f"{restic} check {words} 2>&1", log)
    refusal(reply, "the check", str(protection.password_file))
    report = read_report(reply, len(wanted), part)
    if report.passed and report.snapshots < len(seen):
        few = f"{several(report.snapshots, 'snapshot')} {by_number(report.snapshots, 'was', 'were')} checked"
        report = Report("V1", False, f"{few}, {len(seen)} {by_number(len(seen), 'is', 'are')} there")
    if not report.passed:
        yield from _not_locked(protection, log)
    if part is None or (report.passed and report.part is None):
        return Found(report, seen)
    coverage = Coverage(*part, listed.digest)
    if report.passed:
        report, besides = yield from _newly_come(protection, earlier, report, log)
        coverage = replace(coverage, besides=besides)
    return Found(report, seen, coverage)


def _newly_come(
    protection: Protection, earlier: Sequence[Verification], report: Report, log: list[Reply]
) -> Asking[tuple[Report, str]]:
    """
    Hash the packs that came since the last part was read: without them the parts would never be a whole.

    A pack is named by the SHA-256 of its bytes, so the backup host's `sha256sum` says as much as restic. The files'
    times only choose what is read; what was read is what the answer lists.
    """
    last = max((one.at for one in earlier if one.coverage and one.passed and one.complete), default=None)
    if last is None:
        return report, ""
    since, data = int((last - MARGIN).timestamp()), f"{protection.repository}/data"
    question = f"find {data} -type f ! -name '*-tmp-*' -newermt @{since} -exec sha256sum {{}} +"
    reply = yield from ask(question, log)
    said = text(reply, "the packs that newly came")
    hashed = [HASHED.fullmatch(line) for line in said.splitlines()]
    if not all(hashed):
        raise Unread(f"the packs that newly came: {reply.target} answered otherwise than sha256sum does")
    differ = sorted(one["name"] for one in hashed if one and one["name"] != one["sha256"])
    if differ:
        counts = Counts("packs", len(hashed), len(hashed) - len(differ), damaged=len(differ))
        return Report("V1", False, f"pack {differ[0][:16]} reads otherwise than it is named", counts), reply.digest
    if not hashed:
        return report, ""
    return replace(report, because=f"{report.because}, and {len(hashed)} that newly came"), reply.digest
