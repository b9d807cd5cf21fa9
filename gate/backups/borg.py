"""
The tool `borg`, 1.2 and 1.4, over a repository in a directory of the backup host. 1.2 was run; 1.4 was only read about.

Asked with `--bypass-lock`: the read-only user cannot write a lock, and ours would stop the nightly backup. Whoever
writes to a repository of borg 1 holds it alone, so a lock of somebody else's is asked for first and makes the answer
unknown: what is half written reads as damage. A repository that borg has never seen, or that was moved, is refused
rather than believed; a person answers that question once, as for a host key. Where the user may write,
each check writes `config` anew and reserves numbers in `nonce`; where he may not, it does well without.

borg tells times without a zone, in the host's own; it is told to speak UTC. Archives can be renamed and names used
again, so a backup is known by the archive's id and its name is looked up each time.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from gate.backups.answers import Asking, Unread, ask, output, shown, text
from gate.backups.borg_report import Report, read_report, refusal
from gate.backups.told import (
    CLOCK,
    clock,
    member,
    members,
    moment,
    not_future,
    not_missing,
    number,
    one_machine,
    parsed,
    word,
)
from gate.backups.tool import Tool, reading
from gate.evidence import BackupReading, BackupRun, Reply, Verification
from gate.inventory import Dataset, Protection

KNOWN = ("1.2", "1.4")
NEWEST = 8
"""Archives that are listed: the newest and seven to compare its size with (BK-11)."""

VERSION = re.compile(r"borg ([0-9]+\.[0-9]+)\.[0-9]+[ -~]{0,40}\n")
ID = re.compile(r"[0-9a-f]{64}")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+:@=-]{0,199}")
"""Archive names that may stand in a command."""

CHECKPOINT = re.compile(r".*\.checkpoint(\.[0-9]+)?")
"""What an interrupted backup leaves behind; never a backup."""

LOCK = re.compile(
    r"(?P<at>[0-9]{9,11})\.[0-9]{1,12} \S+/lock\.exclusive/(?P<host>[^/\s]{1,255})\.(?P<pid>[0-9]{1,10})-\S+"
)


def catalogue(protection: Protection) -> Asking[BackupReading]:
    """
    Ask what the repository holds; with `name`, only the archives whose name begins so.

    One question tells the newest archives with their sizes. borg keeps a cache in the user's home for it, and brings
    that up to date first, which may take longer than a question may: run `borg info` there once.
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
        told_version = _version((yield from ask("borg --version", log)))
        chosen = f" --glob-archives '{protection.name}*'" if protection.name else ""
        reply = yield from ask(f"{_borg(protection)} info --json --last {NEWEST}{chosen} {protection.repository}", log)
        told = _answer(protection, reply, "the list of archives")
        stored = _stored(told)
        # Its times are whole seconds; of two archives in one second the later in its list is the newer.
        listed = members(told.get("archives"), "the list of archives")
        listed.sort(key=_ended)
        one_machine(listed, "a prefix")
        for one in reversed(listed):
            try:
                runs.append(_run(one, host_now, reply))
            except Unread as unread:
                problems.append(str(unread))
    except Unread as unread:
        problems.append(str(unread))
    return reading(protection, log, runs, skew, "; ".join(problems), told_version, stored)


def verify(
    protection: Protection, dataset: Dataset, run: BackupRun, place: str, _earlier: Sequence[Verification] = ()
) -> Asking[Verification]:
    """
    Have every chunk of the repository read, decrypted and compared with its id, and every archive gone through.

    `V4` all of that; `V2` only structure and CRCs; `V1` damage, or a report that does not say enough; `V0` nothing was
    learned. There are no parts: what borg offers in parts looks at CRCs only. Dated by the start of the reading.
    ValueError for an id that is none of borg's.
    """
    if not ID.fullmatch(run.id):
        raise ValueError(f"{run.id!r} is no id of a borg archive")
    log: list[Reply] = []
    ids: Mapping[str, str] = {}
    complete = True
    try:
        yield from _not_locked(protection, log)
        ids = yield from _names(protection, log)
        name = _name_of(run, ids)
        reply = yield from ask(f"{_borg(protection)} check -v --verify-data {protection.repository} 2>&1", log)
        refusal(reply, "the check", protection.password_file)
        report = read_report(reply)
        if report.passed and name not in report.analysed:
            report = replace(report, level="V1", passed=False, because=f"the check did not go through {name}")
        if not report.passed:
            yield from _not_locked(protection, log)
    except Unread as unread:
        report, complete = Report("V1" if run.id in ids.values() else "V0", False, f"it was not read: {unread}"), False
    return Verification(
        protection=protection.id,
        backup=run.id,
        place=place,
        at=log[0].started_at,
        level=report.level,
        passed=report.passed,
        because=f"backup {run.id[:8]} of {dataset.id}: {report.because}",
        counts=report.counts,
        seen=tuple(sorted(ids[name] for name in report.analysed if name in ids)),
        complete=complete,
        raw=tuple(reply.digest for reply in log),
    )


def restore(protection: Protection, dataset: Dataset, run: BackupRun, place: str, log: list[Reply]) -> Asking[str]:
    """Bring the dataset back below the scratch under its own path; borg checks each chunk's id as it comes."""
    name = _name_of(run, (yield from _names(protection, log)))
    inside = dataset.path.removeprefix("/")
    words = f"{_borg(protection, place)} extract {protection.repository}::{name} {inside}"
    reply = yield from ask(words, log)
    refusal(reply, "restoring", protection.password_file)
    output(reply, "restoring")
    return f"{place}{dataset.path}"


def _borg(protection: Protection, place: str | None = None) -> str:
    """Return the words that every question begins with. Only the passphrase's file is named, never what it holds."""
    secret = f"cat {protection.password_file}" if protection.password_file else "false"
    where = f"-C {place} " if place else ""
    no = "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK=no BORG_RELOCATED_REPO_ACCESS_IS_OK=no"
    return f"env {where}TZ=UTC {no} 'BORG_PASSCOMMAND={secret}' borg --bypass-lock --log-json"


def _version(reply: Reply) -> str:
    not_missing(reply, "borg", "the version")
    said = text(reply, "the version")
    found = VERSION.fullmatch(said)
    if found is None or found[1] not in KNOWN:
        raise Unread(f"the version: {shown(said)} is not known here; {' and '.join(KNOWN)} are")
    return said.split()[1]


def _answer(protection: Protection, reply: Reply, what: str) -> Mapping[str, Any]:
    refusal(reply, what, protection.password_file)
    return member(parsed(text(reply, what), what), what)


def _stored(told: Mapping[str, Any]) -> int:
    what = "the size of the repository"
    return number(member(member(told.get("cache"), what).get("stats"), what), "unique_csize", what)


def _ended(one: Mapping[str, Any]) -> datetime:
    return moment(one.get("end"), f"archive {shown(str(one.get('name')))}: end", bare=True)


def _run(one: Mapping[str, Any], host_now: datetime | None, reply: Reply) -> BackupRun:
    what = f"archive {shown(str(one.get('name')))}"
    name = word(one, "name", NAME, what)
    if CHECKPOINT.fullmatch(name):
        raise Unread(f"{what} is what an interrupted backup has left")
    started, finished = moment(one.get("start"), f"{what}: start", bare=True), _ended(one)
    if finished < started:
        raise Unread(f"{what} ends before it begins")
    stats = member(one.get("stats"), f"{what}: stats")
    return BackupRun(
        id=word(one, "id", ID, what),
        finished_at=not_future(finished, host_now, reply, what),
        size=number(stats, "original_size", what),
        started_at=started,
        kind="full",
        files=number(stats, "nfiles", what),
    )


def _not_locked(protection: Protection, log: list[Reply]) -> Asking[None]:
    """Raise Unread while somebody writes to the repository."""
    lock, what = f"{protection.repository}/lock.exclusive", "the lock"
    question = f"find {protection.repository} -mindepth 1 -maxdepth 2 -path '{lock}*' -printf '%T@ %p\\n'"
    said = text((yield from ask(question, log)), what)
    if not said:
        return
    held = next((match for line in said.splitlines() if (match := LOCK.fullmatch(line))), None)
    who = "somebody"
    if held:
        since = datetime.fromtimestamp(int(held["at"]), UTC)
        who = f"PID {held['pid']} on {shown(held['host'])} since {since.isoformat(timespec='seconds')}"
    raise Unread(
        f"the repository is locked by {who}; let it end; if nothing runs there, the backup's owner uses borg break-lock"
    )


def _names(protection: Protection, log: list[Reply]) -> Asking[Mapping[str, str]]:
    """Return name → id of every archive there is now."""
    what = "the list of archives"
    told = _answer(protection, (yield from ask(f"{_borg(protection)} list --json {protection.repository}", log)), what)
    return {str(one.get("name")): word(one, "id", ID, what) for one in members(told.get("archives"), what)}


def _name_of(run: BackupRun, ids: Mapping[str, str]) -> str:
    if not ID.fullmatch(run.id):
        raise ValueError(f"{run.id!r} is no id of a borg archive")
    name = next((name for name, known in ids.items() if known == run.id), None)
    if name is None:
        raise Unread("the repository does not hold it any more")
    if not NAME.fullmatch(name):
        raise Unread(f"its name {shown(name)} cannot stand in a command")
    return name


TOOL = Tool(catalogue, verify, restore)
