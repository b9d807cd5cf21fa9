"""
Barman: what it lists, what `pg_verifybackup` says of a base backup, the segments that lie in its archive, a restore.

Version 3.4.0 was run. `barman check`, `check-backup` and the status DONE say nothing about content and are not asked:
each stays well while a file is damaged or a segment is missing. `verify-backup` has every file of the base backup
hashed against its manifest, and needs pg_verifybackup on the backup host. Barman keeps no hash of log segments: that
they are there is counted here, and that they can be read is shown by a rehearsal.

A protection names the server in `name`; `repository` is that server's directory (`backup_directory`).
Barman runs only as the user that its configuration names, so `config_file` is one that names the gate's user.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from gate.backups.answers import Asking, Unread, ask, output, shown, text
from gate.backups.told import CLOCK, clock, member, members, not_future, not_missing, number, parsed, word
from gate.backups.tool import Tool, reading
from gate.backups.wal import HISTORY, LSN, SEGMENT_NAME, Continuity, Segment, branches, continuity, size_of
from gate.evidence import BackupReading, BackupRun, Counts, Log, Reply, ReplyState, Verification
from gate.inventory import Dataset, Protection
from gate.sentence import by_number, every

NEWEST = 10
MOST_LISTS = 512
"""Directories of the archive that are listed, each of 4 GiB of log (our choice)."""

ID = re.compile(r"[0-9]{8}T[0-9]{6}")
SERVER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
VERSION = re.compile(r"(3\.[0-9]{1,3}\.[0-9]{1,3}) Barman by EnterpriseDB .*\n")
DIGITS = re.compile(r"[0-9]{9,11}")
FOLDER = re.compile(r"[0-9A-F]{16}")
LISTED = re.compile(r"([ -~]{1,200}) ([0-9]{1,11})")
COMPLETE, RUNNING = ("DONE", "WAITING_FOR_WALS"), ("STARTED", "EMPTY")
"""WAITING_FOR_WALS: the files are complete, the log that they need is not yet; the gate sees for itself."""

DAMAGE = re.compile(r"pg_verifybackup: error: ([ -~]{1,300})")
VERIFIED = ["Calling pg_verifybackup", "backup successfully verified"]


def command(protection: Protection) -> str:
    """Return the words that every question begins with; Unread without the server's name."""
    if protection.name is None or not SERVER.fullmatch(protection.name):
        raise Unread(f"{protection.id}: its name must be the server's in Barman")
    return "barman" + (f" -c {protection.config_file}" if protection.config_file else "")


def catalogue(protection: Protection) -> Asking[BackupReading]:
    """
    Ask what backups there are, newest first, and how far the log reaches from the newest one's start.

    A run that failed after the newest complete one is told as that one's error.
    """
    log: list[Reply] = []
    runs: list[BackupRun] = []
    skew: int | None = None
    version, problem, stored = "", "", None
    try:
        host_now, skew = clock((yield from ask(CLOCK, log)))
        version = _version((yield from ask(f"{command(protection)} --version", log)))
        yield from _right_place(protection, log)
        ids, failed = _ids(protection, (yield from _json(protection, f"list-backup {protection.name}", log)))
        shown_runs = []
        for run in ids[:NEWEST]:
            told = yield from _json(protection, f"show-backup {protection.name} {run}", log)
            shown_runs.append((run, member(told.get(str(protection.name)), f"backup {run}")))
        runs = [_run(run, told, host_now, log[-1]) for run, told in shown_runs]
        stored = sum(run.size for run in runs)
        if runs:
            runs[0] = yield from _newest(protection, runs[0], shown_runs[0][1], max(failed, default=""), log)
    except Unread as unread:
        problem = str(unread)
    return reading(protection, log, runs, skew, problem, version, stored)


def verify(
    protection: Protection, _dataset: Dataset, run: BackupRun, place: str, _earlier: Sequence[Verification] = ()
) -> Asking[Verification]:
    """
    Have the backup host read and hash every file of one base backup against its manifest.

    Verdict and exit status must both say so, of this backup; the files are counted in the manifest that was used,
    since the tool tells no number. `V4` with a log without a gap, `V4-partial` without, `V1` when the tool says that
    something is damaged, `V0` when nothing was learned. Dated by the start of the reading.
    """
    if not ID.fullmatch(run.id):
        raise ValueError(f"{run.id!r} is no id of Barman")
    log: list[Reply] = []
    level, counts = "V0", None
    try:
        reply = yield from ask(f"{command(protection)} verify-backup {protection.name} {run.id}", log)
        not_missing(reply, "barman", "the verification")
        if reply.state is ReplyState.ANSWERED and reply.exit_status == 1:
            level = "V1"
        said = text(reply, _named(reply)).splitlines()
        expected = [f"Verifying backup '{run.id}' on server ['{protection.name}']", *VERIFIED]
        if said != expected:
            raise Unread(f"the verification: {shown(' / '.join(said))} does not say that it is whole")
        manifest = f"{protection.repository}/base/{run.id}/data/backup_manifest"
        counted = text((yield from ask(f"""grep -c -E '"(Encoded-)?Path"' {manifest}""", log)), "the manifest")
        if not re.fullmatch(r"[1-9][0-9]{0,9}\n", counted):
            raise Unread(f"the manifest: {shown(counted)} files are counted")
        counts = Counts("files", int(counted), int(counted))
        level = "V4" if run.log is Log.COMPLETE else "V4-partial"
        read = by_number(counts.total, "was read and hashes", "were read and hash")
        whole = f"{every(counts.total, 'file')} of backup {run.id} {read} as its manifest says"
        because = f"{whole}; {run.log_because or 'nothing is known of the log'}, counted but not hashed"
    except Unread as unread:
        because = f"backup {run.id} could not be read in full: {unread}"
    return Verification(
        protection=protection.id,
        backup=run.id,
        place=place,
        at=log[0].started_at if log else run.finished_at,
        level=level,
        passed=level == "V4",
        because=because,
        counts=counts,
        seen=(run.id,) if counts else (),
        complete=bool(log) and log[0].state is ReplyState.ANSWERED,
        raw=tuple(reply.digest for reply in log),
    )


def restore(protection: Protection, _dataset: Dataset, run: BackupRun, place: str, log: list[Reply]) -> Asking[str]:
    """
    Bring a cluster back with the log that the archive holds after it.

    Barman puts tablespaces where production has them unless each is told a place of its own, below the scratch.
    """
    if not ID.fullmatch(run.id):
        raise ValueError(f"{run.id!r} is no id of Barman")
    told = yield from _json(protection, f"show-backup {protection.name} {run.id}", log)
    about = member(told.get(str(protection.name)), f"backup {run.id}")
    spaces = [
        word(each, "name", re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}"), "a tablespace")
        for each in members(about.get("tablespaces"), "the list of tablespaces")
    ]
    moved = "".join(f" --tablespace {name}:{place}/tablespaces/{name}" for name in spaces)
    copy = f"{place}/cluster"
    words = f"recover --no-get-wal{moved} {protection.name} {run.id} {copy}"
    output((yield from ask(f"{command(protection)} {words}", log)), "restoring")
    return copy


def _named(reply: Reply) -> str:
    """Return what is being read, with the first damage that the tool names, since a sentence shows a few words only."""
    found = DAMAGE.search(reply.stderr.decode("utf-8", errors="replace"))
    return f"the verification ({shown(found[1])})" if found else "the verification"


def _json(protection: Protection, words: str, log: list[Reply]) -> Asking[Mapping[str, Any]]:
    reply = yield from ask(f"{command(protection)} -f json {words}", log)
    told = member(parsed(text(reply, words), words), words)
    if "_ERROR" in told:
        raise Unread(f"{words}: {shown(str(told['_ERROR']))}")
    return told


def _version(reply: Reply) -> str:
    not_missing(reply, "barman", "the version")
    said = text(reply, "the version")
    found = VERSION.match(said)
    if found is None:
        raise Unread(f"the version: {shown(said)} is not known here; 3.x is")
    return found[1]


def _right_place(protection: Protection, log: list[Reply]) -> Asking[None]:
    """The place that is traced must be the place that Barman reads."""
    told = yield from _json(protection, f"show-server {protection.name}", log)
    kept = member(told.get(str(protection.name)), "the server").get("backup_directory")
    if kept != protection.repository:
        raise Unread(
            f"Barman keeps {protection.name} in {shown(str(kept))}, the inventory says {protection.repository}"
        )


def _ids(protection: Protection, told: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Return the ids of complete runs, newest first, and of those that failed after the newest."""
    done: list[str] = []
    failed: list[str] = []
    for one in members(told.get(str(protection.name)), "the list of backups"):
        run = word(one, "backup_id", ID, "a backup of the list")
        if one.get("status") in COMPLETE:
            done.append(run)
        elif one.get("status") not in RUNNING:
            failed.append(run)
    newest = max(done, default="")
    return sorted(done, reverse=True), [run for run in failed if run > newest]


def _base(told: Mapping[str, Any], what: str) -> Mapping[str, Any]:
    return member(told.get("base_backup_information"), what)


def _run(run: str, told: Mapping[str, Any], host_now: datetime, reply: Reply) -> BackupRun:
    what = f"backup {run}"
    if told.get("backup_id") != run:
        raise Unread(f"{what} is told to be {shown(str(told.get('backup_id')))}")
    base = _base(told, what)
    times = (int(word(base, f"{key}_time_timestamp", DIGITS, what)) for key in ("begin", "end"))
    started, finished = (datetime.fromtimestamp(seconds, UTC) for seconds in times)
    if finished < started:
        raise Unread(f"{what} ends before it begins")
    return BackupRun(
        id=run,
        finished_at=not_future(finished, host_now, reply, what),
        size=number(base, "disk_usage_bytes", what),
        started_at=started,
        log_start=word(base, "begin_wal", SEGMENT_NAME, what),
        log_stop=word(base, "end_wal", SEGMENT_NAME, what),
        log=Log.UNKNOWN,
        log_because="the log of an older backup is not looked at",
        error="" if told.get("status") in COMPLETE else f"its status is {shown(str(told.get('status')))}",
    )


def _newest(
    protection: Protection, run: BackupRun, told: Mapping[str, Any], failed: str, log: list[Reply]
) -> Asking[BackupRun]:
    what = f"the log of backup {run.id}"
    try:
        base = _base(told, what)
        places = {
            name: word(base, f"{key}_lsn", LSN, what) for key, name in (("begin", run.log_start), ("end", run.log_stop))
        }
        size = size_of(places, what)
        top = yield from _listing(f"find {protection.repository}/wals -mindepth 1 -maxdepth 1 -printf '%f %Ts\\n'", log)
        way = yield from _way(protection, top, run, size, log)
        timelines = {one.timeline for one in way}
        folders = [name for name in sorted(top) if FOLDER.fullmatch(name) and int(name[:8], 16) in timelines]
        folders = [name for name in folders if name[8:] >= run.log_start[8:16]]
        if len(folders) > MOST_LISTS:
            raise Unread(f"{what}: its archive holds {len(folders)} directories, at most {MOST_LISTS} are listed")
        present: dict[str, datetime | None] = {}
        for name in folders:
            files = (
                f"find {protection.repository}/wals/{name} -mindepth 1 -maxdepth 1 -type f -size +0 -printf '%f %Ts\\n'"
            )
            present |= yield from _listing(files, log)
        found = continuity(present, run.log_start, run.log_stop, way, size)
    except Unread as unread:
        found = Continuity(Log.UNKNOWN, str(unread))
    later = f"backup {failed}, made after it, has failed" if failed else ""
    return replace(
        run,
        error="; ".join(filter(None, (run.error, later))),
        log=found.log,
        log_because=found.because,
        log_stop=found.stop or run.log_stop,
        recovery_point_at=found.at,
    )


def _listing(words: str, log: list[Reply]) -> Asking[dict[str, datetime | None]]:
    """Read lines `NAME SECONDS`; a whole segment is named like one, other files do not matter."""
    found: dict[str, datetime | None] = {}
    for line in text((yield from ask(words, log)), "the log's archive").splitlines():
        parts = LISTED.fullmatch(line)
        if parts is None:
            raise Unread(f"the log's archive holds {shown(line)}")
        found[parts[1]] = datetime.fromtimestamp(int(parts[2]), UTC)
    return found


def _way(
    protection: Protection, top: Mapping[str, object], run: BackupRun, size: int, log: list[Reply]
) -> Asking[tuple[Segment, ...]]:
    own = int(run.log_start[:8], 16)
    newest = max([own, *(int(found[1], 16) for name in top if (found := HISTORY.fullmatch(name)))])
    if newest == own:
        return (Segment(0, own),)
    what = f"the history of timeline {newest}"
    reply = yield from ask(f"cat {protection.repository}/wals/{newest:08X}.history", log)
    return branches(newest, text(reply, what), size, what)


TOOL = Tool(catalogue, verify, restore)
