"""
pgBackRest: what `info` says of the repository, the segments of its archive, and a restore.

Versions 2.45 and 2.55.1 were run. `info` lists a backup also when its directory is gone, and `verify` (see
pgbackrest_verify) says nothing of a segment that is missing, so the gate counts the segments itself. It asks
`repo-ls`, which reads any repository that the tool can, encrypted ones and object stores too.

A protection names its stanza in `name` and, if it is not the usual one, the tool's configuration in `config_file`.
Only the first repository of that configuration is looked at.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from gate.backups.answers import Asking, Unread, ask, output, shown, text
from gate.backups.pgbackrest_verify import LABEL, command, verify
from gate.backups.told import CLOCK, clock, member, members, not_future, not_missing, number, parsed, word
from gate.backups.tool import Tool, reading
from gate.backups.wal import HISTORY, LSN, SEGMENT_NAME, Continuity, Segment, branches, continuity, size_of
from gate.evidence import BackupReading, BackupRun, Log, Reply
from gate.inventory import Dataset, Protection

NEWEST = 10
"""Runs that are told of; older ones are not relied on."""

MOST_LISTS = 512
"""Directories of the archive that are listed, each of 4 GiB of log: 2 TiB since the backup began (our choice)."""

VERSION = re.compile(r"pgBackRest (2\.[0-9]{1,3}(\.[0-9]{1,3})?)\n")
ARCHIVE = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3})?-[0-9]{1,6}")
FOLDER = re.compile(r"[0-9A-F]{16}")
STORED = re.compile(rf"({SEGMENT_NAME.pattern})-[0-9a-f]{{40}}(\.(gz|lz4|zst|bz2))?")
"""A whole segment in the archive; a `.partial` one is none."""

TYPES = {"full": re.compile(r".*F"), "diff": re.compile(r".*D"), "incr": re.compile(r".*I")}
NO_BACKUP = 2
"""Status of `info` for a stanza without a backup: a fact, and no trouble (pgBackRest user guide, info)."""


def catalogue(protection: Protection) -> Asking[BackupReading]:
    """
    Ask what backups there are, newest first, and how far the log reaches from the newest one's start.

    Of older runs the log is not looked at: they are not relied on. What cannot be read is a problem.
    """
    log: list[Reply] = []
    runs: list[BackupRun] = []
    skew: int | None = None
    version, problem, stored = "", "", None
    try:
        host_now, skew = clock((yield from ask(CLOCK, log)))
        version = _version((yield from ask("pgbackrest version", log)))
        reply = yield from ask(f"{command(protection)} info --output=json", log)
        stanza = _stanza(protection, reply)
        told = members(stanza.get("backup"), "the list of backups")
        stored = sum(number(_inner(one, "info", "repository"), "delta", "a backup's size") for one in told)
        runs = sorted((_run(one, host_now, reply) for one in told), key=lambda run: run.finished_at, reverse=True)
        runs = runs[:NEWEST]
        if runs:
            newest = next(one for one in told if one["label"] == runs[0].id)
            runs[0] = yield from _newest(protection, stanza, newest, runs[0], log)
    except Unread as unread:
        problem = str(unread)
    return reading(protection, log, runs, skew, problem, version, stored)


def restore(protection: Protection, _dataset: Dataset, run: BackupRun, place: str, log: list[Reply]) -> Asking[str]:
    """
    Bring a cluster back with all that its configuration needs to read the log to its end.

    Tablespaces and links are put below the scratch: without that they would be written where production has them.
    """
    if not LABEL.fullmatch(run.id):
        raise ValueError(f"{run.id!r} is no label of pgBackRest")
    copy = f"{place}/cluster"
    output((yield from ask(f"mkdir -m 700 {copy} {place}/tablespaces {place}/lock", log)), "restoring")
    words = (
        f"--set={run.id} --pg1-path={copy} --tablespace-map-all={place}/tablespaces --no-link-all --archive-mode=off"
    )
    reply = yield from ask(f"{command(protection)} --lock-path={place}/lock {words} --no-delta restore", log)
    output(reply, "restoring")
    return copy


def _version(reply: Reply) -> str:
    not_missing(reply, "pgbackrest", "the version")
    said = text(reply, "the version")
    found = VERSION.fullmatch(said)
    if found is None:
        raise Unread(f"the version: {shown(said)} is not known here; 2.x is")
    return found[1]


def _stanza(protection: Protection, reply: Reply) -> Mapping[str, Any]:
    what = "info"
    told = members(parsed(text(reply, what), what), what)
    if len(told) != 1 or told[0].get("name") != protection.name:
        raise Unread(f"{what} does not tell of the stanza {protection.name} alone")
    status = member(told[0].get("status"), f"{what}: status")
    code = number(status, "code", f"{what}: status")
    if code not in (0, NO_BACKUP) or (code == NO_BACKUP and told[0].get("backup") != []):
        raise Unread(f"{what}: the stanza {protection.name} is in trouble: {shown(str(status.get('message')))}")
    return told[0]


def _inner(told: Mapping[str, Any], *keys: str) -> Mapping[str, Any]:
    for key in keys:
        told = member(told.get(key), f"a backup's {key}")
    return told


def _run(told: Mapping[str, Any], host_now: datetime, reply: Reply) -> BackupRun:
    label = word(told, "label", LABEL, "a backup of info")
    what = f"backup {label}"
    times = _inner(told, "timestamp")
    started, finished = (datetime.fromtimestamp(number(times, key, what), UTC) for key in ("start", "stop"))
    if finished < started:
        raise Unread(f"{what} ends before it begins")
    kind = told.get("type")
    if not isinstance(kind, str) or kind not in TYPES or not TYPES[kind].fullmatch(label):
        raise Unread(f"{what} is told to be of the type {shown(str(kind))}")
    parents = told.get("reference") or []
    if not isinstance(parents, list) or not all(isinstance(one, str) and LABEL.fullmatch(one) for one in parents):
        raise Unread(f"{what} names parents that are no labels")
    prior = told.get("prior")
    if (kind == "full") != (prior is None) or (prior is not None and not parents):
        raise Unread(f"{what} is told to be of the type {kind}, and to build on {shown(str(prior))}")
    return BackupRun(
        id=label,
        finished_at=not_future(finished, host_now, reply, what),
        size=number(_inner(told, "info"), "size", what),
        started_at=started,
        kind=kind,
        parents=tuple(parents),
        log_start=word(_inner(told, "archive"), "start", SEGMENT_NAME, f"{what}: the archive"),
        log_stop=word(_inner(told, "archive"), "stop", SEGMENT_NAME, f"{what}: the archive"),
        log=Log.UNKNOWN,
        log_because="the log of an older backup is not looked at",
        error={False: "", True: "pages with a wrong checksum were found while it was made"}.get(told.get("error")),  # type: ignore[arg-type]
    )


def _newest(
    protection: Protection, stanza: Mapping[str, Any], told: Mapping[str, Any], run: BackupRun, log: list[Reply]
) -> Asking[BackupRun]:
    """Add what is asked of the newest run alone: the files with errors, and the log."""
    error = run.error
    if error:
        reply = yield from ask(f"{command(protection)} --set={run.id} info --output=json", log)
        detail = members(_stanza(protection, reply).get("backup"), f"backup {run.id}")
        files = detail[0].get("error-list") if detail else None
        error += ": " + ", ".join(shown(str(one)) for one in files[:5]) if isinstance(files, list) else ""
    try:
        found = yield from _log(protection, stanza, told, run, log)
    except Unread as unread:
        found = Continuity(Log.UNKNOWN, str(unread))
    return replace(
        run,
        error=error,
        log=found.log,
        log_because=found.because,
        log_stop=found.stop or run.log_stop,
        recovery_point_at=found.at,
    )


def _log(
    protection: Protection, stanza: Mapping[str, Any], told: Mapping[str, Any], run: BackupRun, log: list[Reply]
) -> Asking[Continuity]:
    what, lsn = f"the log of backup {run.id}", _inner(told, "lsn")
    places = {name: word(lsn, key, LSN, what) for key, name in (("start", run.log_start), ("stop", run.log_stop))}
    size = size_of(places, what)
    archive = _archive(stanza, told, what)
    top = yield from _listing(protection, archive, log)
    way = yield from _way(protection, archive, top, run, size, log)
    present: dict[str, datetime | None] = {}
    for folder in _folders(top, run.log_start, way):
        present |= _segments((yield from _listing(protection, f"{archive}/{folder}", log)), what)
    return continuity(present, run.log_start, run.log_stop, way, size)


def _archive(stanza: Mapping[str, Any], told: Mapping[str, Any], what: str) -> str:
    """Return the path of the archive that belongs to the same database as the backup."""
    of = _inner(told, "database").get("id")
    found = [
        word(one, "id", ARCHIVE, what)
        for one in members(stanza.get("archive"), "the list of archives")
        if member(one.get("database"), what).get("id") == of
    ]
    if len(found) != 1:
        raise Unread(f"{what}: {len(found)} archives belong to its database")
    return f"archive/{stanza['name']}/{found[0]}"


def _way(
    protection: Protection, archive: str, top: Mapping[str, Any], run: BackupRun, size: int, log: list[Reply]
) -> Asking[tuple[Segment, ...]]:
    """Return the way of the log to the newest timeline, as the history file in the archive tells it."""
    own = int(run.log_start[:8], 16)
    newest = max([own, *(int(found[1], 16) for name in top if (found := HISTORY.fullmatch(name)))])
    if newest == own:
        return (Segment(0, own),)
    reply = yield from ask(f"{command(protection)} repo-get {archive}/{newest:08X}.history", log)
    what = f"the history of timeline {newest}"
    return branches(newest, text(reply, what), size, what)


def _folders(top: Mapping[str, Any], start: str, way: tuple[Segment, ...]) -> Iterator[str]:
    timelines = {one.timeline for one in way}
    found = [
        name
        for name in sorted(top)
        if FOLDER.fullmatch(name) and int(name[:8], 16) in timelines and name[8:] >= start[8:16]
    ]
    if len(found) > MOST_LISTS:
        raise Unread(
            f"the archive holds {len(found)} directories since the backup began; at most {MOST_LISTS} are listed"
        )
    yield from found


def _listing(protection: Protection, path: str, log: list[Reply]) -> Asking[Mapping[str, Any]]:
    what = f"the list of {path}"
    reply = yield from ask(f"{command(protection)} repo-ls {path} --output=json", log)
    return member(parsed(text(reply, what), what), what)


def _segments(listing: Mapping[str, Any], what: str) -> dict[str, datetime | None]:
    found: dict[str, datetime | None] = {}
    for file, about in listing.items():
        name = STORED.fullmatch(file)
        if name is None:
            continue
        if name[1] in found:
            raise Unread(f"{what}: segment {name[1]} is there twice, with different content")
        found[name[1]] = datetime.fromtimestamp(number(member(about, what), "time", what), UTC)
    return found


TOOL = Tool(catalogue, verify, restore)
